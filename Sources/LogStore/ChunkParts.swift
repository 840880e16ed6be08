import DNSWire
import DecisionLog

/// The streams of bytes that a chunk consists of.
enum Part: Int, CaseIterable {
    /// Definitions, classes, kinds, runs of seq: what all the rest refers to.
    case kinds
    /// A client each `ClientEntry.byteCount` bytes, by address.
    case clients
    /// By client: when it was first and last seen, and its count of each class.
    case clientTallies
    /// By client: its rows.
    case rows
    /// By slot of a quarter of an hour: the count of each class.
    case slots
    /// Pages of names in the order of their keys, each key without what it shares with the one
    /// before.
    case names
    /// By page: where it lies and its first key.
    case nameIndex
    /// By name: clients, classes and counts.
    case postings
    /// Names that occur often: hash, number and the count of each class.
    case heavy
}

/// What is known of a chunk without reading it.
struct ChunkInfo: Equatable {
    var id: Int64 = 0
    var rows = 0
    var firstSeq: UInt64 = 0
    var lastSeq: UInt64 = 0
    /// Least and greatest time.
    var firstMicros = Int64.max
    var lastMicros = Int64.min
    /// How often a name that is not among the heavy ones occurs at most.
    var lightCount: UInt32 = 0
    /// Bytes of each part.
    var lengths = [Int](repeating: 0, count: Part.allCases.count)
    /// Numbers of the file's definitions.
    var definitionIDs: [Int64] = []

    init() {}

    /// All but the id, as it is stored.
    var head: [UInt8] {
        var writer = PackWriter()
        writer.number(rows)
        writer.number(firstSeq)
        writer.number(lastSeq)
        writer.signed(firstMicros)
        writer.signed(lastMicros)
        writer.number(lightCount)
        writer.number(lengths.count)
        for length in lengths { writer.number(length) }
        writer.number(definitionIDs.count)
        for id in definitionIDs { writer.number(Int(id)) }
        return writer.bytes
    }

    /// - Parameter limit: how many rows it may have.
    init(id: Int64, head: [UInt8], path: String, limit: Int) throws {
        var reader = PackReader(head)
        self.id = id
        rows = Int(reader.small())
        firstSeq = reader.number()
        lastSeq = reader.number()
        firstMicros = reader.signed()
        lastMicros = reader.signed()
        lightCount = reader.small()
        lengths = (0..<reader.amount()).map { _ in Int(reader.small()) }
        definitionIDs = (0..<reader.amount()).map { _ in Int64(reader.small()) }
        guard !reader.isBroken, lengths.count == Part.allCases.count,
            rows <= limit
        else {
            throw StoreError(.damaged, path: path, reason: "a chunk's head does not hold together")
        }
    }
}

/// A chunk as it is written, or held in memory.
struct EncodedChunk {
    var info: ChunkInfo
    var parts: [[UInt8]]
    /// The definitions that `kinds` refers to, in its order.
    var definitions: [ResolvedDictionary]
}

/// A client's place in a chunk.
struct ClientEntry {
    static let byteCount = 28

    var address: IPAddress
    var rowsOffset: UInt32
    var rowCount: UInt32
    var talliesOffset: UInt32

    func pack(into writer: inout PackWriter) {
        writer.word(address.high)
        writer.word(address.low)
        writer.half(rowsOffset)
        writer.half(rowCount)
        writer.half(talliesOffset)
    }

    init(address: IPAddress, rowsOffset: UInt32, rowCount: UInt32, talliesOffset: UInt32) {
        self.address = address
        self.rowsOffset = rowsOffset
        self.rowCount = rowCount
        self.talliesOffset = talliesOffset
    }

    init(_ reader: inout PackReader) {
        address = IPAddress(high: reader.word(), low: reader.word())
        rowsOffset = reader.half()
        rowCount = reader.half()
        talliesOffset = reader.half()
    }
}

/// How long a definition was in use within a chunk.
struct DefinitionUse: Equatable {
    var firstSeq = UInt64.max
    var lastSeq: UInt64 = 0
    var firstMicros = Int64.max
    var lastMicros = Int64.min

    mutating func note(seq: UInt64, micros: Int64) {
        firstSeq = min(firstSeq, seq)
        lastSeq = max(lastSeq, seq)
        firstMicros = min(firstMicros, micros)
        lastMicros = max(lastMicros, micros)
    }

    mutating func join(_ other: DefinitionUse) {
        firstSeq = min(firstSeq, other.firstSeq)
        lastSeq = max(lastSeq, other.lastSeq)
        firstMicros = min(firstMicros, other.firstMicros)
        lastMicros = max(lastMicros, other.lastMicros)
    }
}
