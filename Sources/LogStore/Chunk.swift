import DNSWire
import DecisionLog

/// Where a chunk's bytes come from.
protocol PartSource: AnyObject {
    /// The bytes of a part of a chunk, from `start` on, `count` of them.
    func bytes(_ part: Part, of info: ChunkInfo, start: Int, count: Int) throws -> [UInt8]
    /// What the chunk's definitions say, in its order.
    func definitions(of info: ChunkInfo) throws -> [ResolvedDictionary]
    /// What to call it in a message.
    var path: String { get }
}

/// A chunk that is held in memory: the rows that are not in the store yet.
final class MemoryChunk: PartSource {
    let chunk: EncodedChunk
    var path: String { "the journal" }

    init(_ chunk: EncodedChunk) { self.chunk = chunk }

    func bytes(_ part: Part, of info: ChunkInfo, start: Int, count: Int) -> [UInt8] {
        let bytes = chunk.parts[part.rawValue]
        let start = min(max(start, 0), bytes.count)
        return Array(bytes[start..<min(start + max(count, 0), bytes.count)])
    }

    func definitions(of info: ChunkInfo) -> [ResolvedDictionary] { chunk.definitions }
}

/// A chunk as it is read: parts come when they are asked for.
final class Chunk {
    let info: ChunkInfo
    let dayStartMicros: Int64
    let source: any PartSource
    let definitions: [ResolvedDictionary]
    private(set) var uses: [DefinitionUse] = []
    private(set) var classes: [DecisionClass] = []
    private(set) var kinds: [DecisionKind] = []
    private(set) var classOfKind: [UInt32] = []
    /// Ordinal of the first row of each run, and its seq.
    private var runs: [(ordinal: Int, seq: UInt64)] = []
    private var knownPages: [NamePage]?
    private var pages: [Int: [[UInt8]]] = [:]

    struct NamePage {
        var offset: Int
        var postings: Int
        var first: [UInt8]
    }

    init(_ info: ChunkInfo, dayStartMicros: Int64, source: any PartSource) throws {
        self.info = info
        self.dayStartMicros = dayStartMicros
        self.source = source
        definitions = try source.definitions(of: info)
        var reader = PackReader(
            try source.bytes(.kinds, of: info, start: 0, count: info.lengths[0]))
        try readKinds(&reader)
    }

    private func readKinds(_ reader: inout PackReader) throws {
        for _ in 0..<reader.amount() {
            uses.append(
                DefinitionUse(
                    firstSeq: reader.number(), lastSeq: reader.number(),
                    firstMicros: reader.signed(), lastMicros: reader.signed()))
        }
        for _ in 0..<reader.amount() { classes.append(DecisionClass(&reader)) }
        for _ in 0..<reader.amount() {
            var ahead = reader
            classOfKind.append(ahead.small())
            kinds.append(DecisionKind(&reader, classes: classes))
        }
        var ordinal = 0
        var seq = info.firstSeq
        for _ in 0..<reader.amount() {
            seq &+= reader.number()
            runs.append((ordinal, seq))
            let rows = reader.number()
            ordinal += Int(truncatingIfNeeded: min(rows, UInt64(info.rows)))
            seq &+= rows
        }
        guard !reader.isBroken, uses.count == definitions.count, ordinal == info.rows,
            classOfKind.allSatisfy({ $0 < UInt32(classes.count) }),
            classes.allSatisfy({ Int($0.definition) < definitions.count })
        else { throw damaged("a chunk's head") }
    }

    func damaged(_ what: String) -> StoreError {
        StoreError(.damaged, path: source.path, reason: "\(what) does not hold together")
    }

    func definition(ofClass rank: Int) -> ResolvedDictionary {
        definitions[Int(classes[rank].definition)]
    }

    func whole(_ part: Part) throws -> [UInt8] {
        try source.bytes(part, of: info, start: 0, count: info.lengths[part.rawValue])
    }

    /// The seq of a row by its place in the chunk.
    func seq(ofOrdinal ordinal: Int) -> UInt64 {
        var low = 0
        var high = runs.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].ordinal <= ordinal { low = middle } else { high = middle }
        }
        return runs[low].seq &+ UInt64(ordinal - runs[low].ordinal)
    }

    // MARK: Times

    /// Gives how many rows of each class there are by slot.
    ///
    /// - Parameter visit: slot since the day's beginning, class, count.
    func eachSlot(_ visit: (UInt64, Int, UInt32) -> Void) throws {
        var reader = PackReader(try whole(.slots))
        for _ in 0..<reader.amount() {
            let slot = reader.number()
            let rank = Int(reader.small())
            let count = reader.small()
            guard rank < classes.count else { throw damaged("the counts by time") }
            visit(slot, rank, count)
        }
        if reader.isBroken { throw damaged("the counts by time") }
    }

    // MARK: Clients

    func clientEntries() throws -> [ClientEntry] {
        let bytes = try whole(.clients)
        var reader = PackReader(bytes)
        return (0..<bytes.count / ClientEntry.byteCount).map { _ in ClientEntry(&reader) }
    }

    // MARK: Names

    func namePages() throws -> [NamePage] {
        if let knownPages { return knownPages }
        var reader = PackReader(try whole(.nameIndex))
        var found: [NamePage] = []
        while !reader.isAtEnd {
            found.append(
                NamePage(
                    offset: Int(truncatingIfNeeded: reader.number()),
                    postings: Int(truncatingIfNeeded: reader.number()),
                    first: Array(reader.text())))
        }
        guard !reader.isBroken else { throw damaged("a chunk's index of names") }
        knownPages = found
        return found
    }

    /// The keys of one page.
    func names(ofPage page: Int) throws -> [[UInt8]] {
        if let known = pages[page] { return known }
        let keys = try readNames(ofPage: page)
        if pages.count >= 4096 { pages.removeAll(keepingCapacity: true) }
        pages[page] = keys
        return keys
    }

    /// The same, without keeping them.
    func readNames(ofPage page: Int) throws -> [[UInt8]] {
        let index = try namePages()
        guard index.indices.contains(page) else { throw damaged("a number of a name") }
        let end =
            page + 1 < index.count ? index[page + 1].offset : info.lengths[Part.names.rawValue]
        var reader = PackReader(
            try source.bytes(
                .names, of: info, start: index[page].offset, count: end - index[page].offset))
        var keys = [Array(reader.text())]
        while !reader.isAtEnd {
            let shared = Int(truncatingIfNeeded: reader.number())
            let rest = reader.text()
            guard let last = keys.last, shared <= last.count else {
                throw damaged("a page of names")
            }
            keys.append(Array(last[..<shared]) + rest)
        }
        guard !reader.isBroken else { throw damaged("a page of names") }
        return keys
    }

    /// The key of a name by its number.
    func name(_ number: UInt32) throws -> [UInt8] {
        let keys = try names(ofPage: Int(number) / StoreLimits.pageNames)
        let place = Int(number) % StoreLimits.pageNames
        guard place < keys.count else { throw damaged("a number of a name") }
        return keys[place]
    }

    /// The numbers of a name, and unless it is to be exact, of all names under it.
    func numbers(of key: [UInt8], isExact: Bool) throws -> Range<UInt32> {
        let low = try firstNumber { !$0.lexicographicallyPrecedes(key) }
        let high = try firstNumber { name in
            if name.lexicographicallyPrecedes(key) { return false }
            return isExact ? name != key : !name.starts(with: key)
        }
        return low..<max(low, high)
    }

    /// The first number whose name meets a condition that holds for all behind it as well.
    private func firstNumber(where holds: ([UInt8]) -> Bool) throws -> UInt32 {
        let index = try namePages()
        var low = 0
        var high = index.count
        while low < high {
            let middle = (low + high) / 2
            if holds(index[middle].first) { high = middle } else { low = middle + 1 }
        }
        guard low > 0 else { return 0 }
        let keys = try names(ofPage: low - 1)
        let place = keys.firstIndex(where: holds) ?? keys.count
        return UInt32((low - 1) * StoreLimits.pageNames + place)
    }

    // MARK: Postings

    /// Gives who asked for each of some names, how it was decided and how often.
    ///
    /// - Parameter visit: name's number, client's place, class, count.
    func postings(
        of numbers: Range<UInt32>, _ visit: (UInt32, UInt32, UInt32, UInt32) -> Void
    ) throws {
        guard !numbers.isEmpty else { return }
        let first = Int(numbers.lowerBound) / StoreLimits.pageNames
        let last = Int(numbers.upperBound - 1) / StoreLimits.pageNames
        var reader = PackReader(try postings(ofPages: first...last))
        var number = UInt32(first * StoreLimits.pageNames)
        while !reader.isAtEnd, number < numbers.upperBound {
            var client: UInt32 = 0
            let isWanted = number >= numbers.lowerBound
            for _ in 0..<reader.amount() {
                client &+= reader.small()
                let rank = reader.small()
                let count = reader.small()
                guard rank < UInt32(classes.count) else { throw damaged("a posting") }
                if isWanted { visit(number, client, rank, count) }
            }
            number += 1
        }
        if reader.isBroken { throw damaged("a page of postings") }
    }

    /// The postings of pages of names, as they lie.
    func postings(ofPages pages: ClosedRange<Int>) throws -> [UInt8] {
        let index = try namePages()
        guard pages.upperBound < index.count else { throw damaged("a number of a name") }
        let end =
            pages.upperBound + 1 < index.count
            ? index[pages.upperBound + 1].postings : info.lengths[Part.postings.rawValue]
        let start = index[pages.lowerBound].postings
        return try source.bytes(.postings, of: info, start: start, count: end - start)
    }

    /// All names of the chunk.
    var allNumbers: Range<UInt32> {
        get throws {
            let index = try namePages()
            guard !index.isEmpty else { return 0..<0 }
            let last = try names(ofPage: index.count - 1).count
            return 0..<UInt32((index.count - 1) * StoreLimits.pageNames + last)
        }
    }
}
