/// Who asked for a name, how it was decided and how often: a chunk's places of clients and classes.
struct Posting {
    var client: UInt32
    var rank: UInt32
    var count: UInt32
}

/// Packs names in the order of their keys, who asked for each, and which are heavy.
struct NamePacker {
    private var names = PackWriter()
    private var index = PackWriter()
    private var postings = PackWriter()
    private var heavy: [(hash: UInt64, number: UInt32, counts: [UInt32: UInt32])] = []
    private let heavyCount: UInt32
    private var count = 0
    private var before: [UInt8] = []
    /// How often a name that is not among the heavy ones occurs at most.
    private(set) var lightCount: UInt32 = 0

    /// - Parameter rows: of the whole chunk: of many rows a name must have more to be heavy.
    init(rows: Int) {
        heavyCount = UInt32(
            clamping: max(StoreLimits.heavyCount, rows / StoreLimits.rowsPerHeavyCount))
    }

    /// Adds the next name.
    ///
    /// - Parameters:
    ///   - amount: how many postings it has.
    ///   - posting: gives each of them, by client and class.
    mutating func append(
        _ key: ArraySlice<UInt8>, hash: UInt64, amount: Int, _ posting: (Int) -> Posting
    ) {
        appendName(key)
        var counts: [UInt32: UInt32] = [:]
        var total: UInt32 = 0
        var lastClient: UInt32 = 0
        postings.number(amount)
        for place in 0..<amount {
            let posting = posting(place)
            postings.number(posting.client &- lastClient)
            postings.number(posting.rank)
            postings.number(posting.count)
            lastClient = posting.client
            counts[posting.rank, default: 0] &+= posting.count
            total &+= posting.count
        }
        if total >= heavyCount {
            heavy.append((hash, UInt32(count), counts))
        } else {
            lightCount = max(lightCount, total)
        }
        count += 1
    }

    private mutating func appendName(_ key: ArraySlice<UInt8>) {
        if count % StoreLimits.pageNames == 0 {
            index.number(names.count)
            index.number(postings.count)
            index.text(key)
            names.text(key)
        } else {
            let shared = zip(before, key).prefix { $0 == $1 }.count
            names.number(shared)
            names.text(key.dropFirst(shared))
        }
        before.removeAll(keepingCapacity: true)
        before.append(contentsOf: key)
    }

    /// Puts all of it where it belongs among a chunk's parts.
    consuming func finish(into parts: inout [PackWriter]) {
        var list = PackWriter()
        list.number(heavy.count)
        for entry in heavy.sorted(by: { $0.hash < $1.hash }) {
            list.word(entry.hash)
            list.number(entry.number)
            list.counts(entry.counts)
        }
        parts[Part.names.rawValue] = names
        parts[Part.nameIndex.rawValue] = index
        parts[Part.postings.rawValue] = postings
        parts[Part.heavy.rawValue] = list
    }
}

extension PackWriter {
    /// Counts by class.
    mutating func counts(_ counts: [UInt32: UInt32]) {
        number(counts.count)
        for (rank, count) in counts.sorted(by: { $0.key < $1.key }) {
            number(rank)
            number(count)
        }
    }

    /// Counts by slot and class, the slot in the upper half of a key.
    mutating func slots(_ counts: [UInt64: UInt32]) {
        number(counts.count)
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
            number(key >> 32)
            number(key & 0xFFFF_FFFF)
            number(count)
        }
    }

    /// Definitions' uses and the classes that refer to them: how a chunk's kinds begin.
    mutating func classes(_ classes: [DecisionClass], uses: [DefinitionUse]) {
        number(uses.count)
        for use in uses {
            number(use.firstSeq)
            number(use.lastSeq)
            signed(use.firstMicros)
            signed(use.lastMicros)
        }
        number(classes.count)
        for rank in classes { rank.pack(into: &self) }
    }
}
