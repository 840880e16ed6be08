public import DNSWire

/// A listed name that covers an asked one, and the sources through which it does.
public struct ListedName: Hashable, Sendable {
    /// The name as listed, in canonical form.
    public let name: DomainName
    /// The sources for which this is the longest name that covers; rising order, never empty.
    public let sources: [SourceID]
}

/// All lists compiled into one index that answers, for any name, which sources cover it.
///
/// A source covers a name through an exact or a subtree listing of the name or of an ancestor,
/// unless its own exceptions (`@@`) cover the name. Immutable; shared by all threads. Its bytes lie
/// in one run, in memory or mapped from a file (`IndexLayout` shows them).
public final class DomainIndex: Sendable {
    private let memory: IndexMemory
    private let header: IndexHeader
    /// The different sets of sources that names have; `sets[0]` is the empty set.
    public let sets: [CategorySet]
    /// The index for the query path; valid as long as self is kept.
    public let view: DomainIndexView

    /// Takes bytes whose header and checksum hold, read from a file.
    init(verified memory: IndexMemory, _ header: IndexHeader) throws(IndexProblem) {
        self.memory = memory
        self.header = header
        guard let sets = Self.readSets(memory, header) else { throw .damaged }
        self.sets = sets
        view = DomainIndexView(memory, header)
    }

    /// Takes bytes that were just written, with their sets.
    init(written memory: IndexMemory, _ header: IndexHeader, sets: [CategorySet]) {
        self.memory = memory
        self.header = header
        self.sets = sets
        view = DomainIndexView(memory, header)
    }

    /// How many names are listed, in all lists together, a name in two lists once.
    public var nameCount: Int { header.nameCount }

    /// How many bytes the index has, whether in memory or mapped.
    public var sizeBytes: Int { memory.count }

    /// Whether the bytes are mapped from a file, shared with the page cache.
    public var isMapped: Bool { memory.isMapped }

    /// The bytes of the index, for writing them to a file.
    var bytes: IndexMemory { memory }

    /// The sources that cover a name.
    public func match(_ name: DomainName) -> Match {
        // SAFETY: pointer and count are of one array, alive for the call; self keeps the view's
        // bytes.
        unsafe name.wire.withUnsafeBufferPointer { wire in
            guard let base = wire.baseAddress else { return Match(set: 0, labels: 0) }
            return unsafe view.match(base, count: wire.count)
        }
    }

    /// The listed names that cover a name, the longest first: one for each tier of the name's set,
    /// with the sources of that tier.
    ///
    /// Allocates; for explanations, not for queries.
    public func listedNames(covering name: DomainName) -> [ListedName] {
        // SAFETY: as in `match`.
        let found = unsafe name.wire.withUnsafeBufferPointer {
            wire -> (pair: UInt32, isExact: Bool)? in
            guard let base = wire.baseAddress else { return nil }
            return unsafe view.find(base, count: wire.count, from: view.root)
        }
        guard let (pair, isExact) = found else { return [] }
        let at = header.pairs.lowerBound + Int(pair) * IndexLayout.pairBytes
        let exact = tiers(memory.load(at, as: UInt32.self))
        let below = tiers(memory.load(at + 4, as: UInt32.self))
        let first =
            header.tierLabels.lowerBound + Int(memory.load(at + 12, as: UInt32.self))
            + (isExact ? 0 : exact.count)
        let tiers = isExact ? exact : below
        return zip(memory.read(first, tiers.count), tiers).map { labels, sources in
            ListedName(name: name.suffix(labels: Int(labels)), sources: sources)
        }
    }

    private func tiers(_ set: UInt32) -> [[SourceID]] {
        Int(set) < sets.count ? sets[Int(set)].tiers : []
    }

    private static func readSets(_ memory: IndexMemory, _ header: IndexHeader) -> [CategorySet]? {
        var at = header.sets.lowerBound
        let end = header.sets.upperBound
        guard at + 4 <= end else { return nil }
        let count = Int(memory.load(at, as: UInt32.self))
        guard count > 0, count <= header.sets.count else { return nil }
        at += 4
        func next() -> UInt16? {
            guard at + 2 <= end else { return nil }
            defer { at += 2 }
            return memory.load(at, as: UInt16.self)
        }
        var sets: [CategorySet] = []
        for _ in 0..<count {
            guard let tierCount = next() else { return nil }
            var tiers: [[SourceID]] = []
            for _ in 0..<tierCount {
                guard let sourceCount = next() else { return nil }
                var tier: [SourceID] = []
                for _ in 0..<sourceCount {
                    guard let source = next() else { return nil }
                    tier.append(SourceID(rawValue: source))
                }
                tiers.append(tier)
            }
            sets.append(CategorySet(tiers: tiers))
        }
        return sets
    }
}
