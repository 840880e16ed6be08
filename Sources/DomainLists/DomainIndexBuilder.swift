public import DNSWire

/// Reads lists and makes the index of all their names.
///
/// A name costs about 60 bytes while building; reading allocates nothing a line.
public struct DomainIndexBuilder: ~Copyable {
    private var parser: ListParser
    private var collector: Collector

    /// Starts an index with nothing in it.
    public init(helpers: ListHelpers) {
        self.init(helpers: helpers, key: .random())
    }

    init(helpers: ListHelpers, key: HashKey) {
        parser = ListParser(helpers: helpers)
        collector = Collector(key: key)
    }

    /// Adds a list. It always loads: lines that cannot be used are counted and told.
    ///
    /// - Parameters:
    ///   - bytes: the list's text, UTF-8 where it is not ASCII; read only during the call.
    ///   - format: how it is written; guessed from its first 500 lines where `nil`.
    ///   - match: what its lines cover, instead of what the format says.
    ///   - source: whose names these are. Several lists may share a source.
    ///   - progress: is told now and then how many octets have been read.
    public mutating func addList(
        _ bytes: UnsafeRawBufferPointer, format: ListFormat?, match: Coverage?, source: SourceID,
        progress: ((Int) -> Void)? = nil
    ) -> ListSummary {
        // SAFETY: the caller's buffer is valid for the call, in which it is only read.
        unsafe bytes.withMemoryRebound(to: UInt8.self) { octets in
            let text = unsafe octets.span
            let used = format ?? ListFormat.guess(text)
            parser.match = match
            parser.progress = progress
            collector.start(source, bytes: text.count)
            parser.parse(text, used, into: &collector)
            return collector.summary(text, used, wasGuessed: format == nil)
        }
    }

    /// Adds one name, such as one that the policy itself writes.
    public mutating func add(_ name: DomainName, coverage: Coverage, source: SourceID) {
        collector.start(source, bytes: 0)
        parser.read(name)
        collector.list(
            parser.name, .block, coverage == .exact ? .exact : .subtree, line: 0)
    }

    /// Makes the index.
    ///
    /// - Complexity: linear in the names; some 100 ms for a million.
    public consuming func build() -> DomainIndex {
        IndexWriter.write(collector.tree, names: collector.names)
    }
}

/// Takes what the parser finds into the tree of names, and keeps count.
private struct Collector: ListingSink, ~Copyable {
    var tree: NameTree
    /// Distinct names listed by all lists.
    private(set) var names = 0

    private var source = SourceID(rawValue: 0)
    private var listNames = 0
    private var exceptions = 0
    private var duplicates = 0
    private var refusedCount = 0
    private var refused: [(line: Int, range: Range<Int>, reason: String)] = []

    init(key: HashKey) { tree = NameTree(key: key) }

    mutating func start(_ source: SourceID, bytes: Int) {
        self.source = source
        (listNames, exceptions, duplicates, refusedCount) = (0, 0, 0, 0)
        refused = []
        tree.reserve(forListOf: bytes)
    }

    var isSatisfied: Bool { false }

    @inline(__always)
    mutating func list(
        _ name: borrowing NameBuffer, _ kind: ListingKind, _ reach: Reach, line: Int
    ) {
        guard !tree.isFull else { return refuse(line: line, 0..<0, reason: "the index is full") }
        let bits = ListingBits(kind, reach)
        let node = tree.node(for: name)
        let isListed = tree.isListed(node)
        let before = tree.add(bits, source, to: node)
        if bits.isSubset(of: before) {
            duplicates += 1
        } else if bits.isDisjoint(with: .anyBlock) {
            if before.subtracting(.anyBlock).isEmpty { exceptions += 1 }
        } else {
            if before.isDisjoint(with: .anyBlock) { listNames += 1 }
            if !isListed { names += 1 }
        }
    }

    mutating func refuse(line: Int, _ range: Range<Int>, reason: @autoclosure () -> String) {
        refusedCount += 1
        guard refused.count < ListSummary.maximumUnusableKept else { return }
        refused.append((line, range, reason()))
    }

    func summary(_ text: Span<UInt8>, _ format: ListFormat, wasGuessed: Bool) -> ListSummary {
        ListSummary(
            format: format, formatWasGuessed: wasGuessed, names: listNames,
            exceptions: exceptions, duplicates: duplicates, unusableCount: refusedCount,
            unusable: refused.map { refusal in
                // A character has at most a few octets; a long line is not copied whole.
                let end = min(refusal.range.upperBound, refusal.range.lowerBound + 1000)
                return UnusableLine(
                    line: refusal.line, text: text.text(refusal.range.lowerBound, end),
                    reason: refusal.reason)
            })
    }
}
