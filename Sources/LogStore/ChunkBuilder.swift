import DNSWire
import DecisionLog

/// One row as columns: numbers that index a builder's or a chunk's tables.
struct PackedRow {
    var seq: UInt64
    var micros: Int64
    var client: UInt32
    var name: UInt32
    /// The judged alias's number + 1; 0 = none.
    var via: UInt32
    var kind: UInt32
    var ttlSeconds: UInt32
    var took: UInt32
}

/// Gathers rows of one day, in the order of their seq, and makes a chunk of them.
struct ChunkBuilder {
    let dayStartMicros: Int64
    var names = NameTable()
    var clients: [IPAddress] = []
    var kinds: [DecisionKind] = []
    var definitions: [ResolvedDictionary] = []
    var uses: [DefinitionUse] = []
    var rows: [PackedRow] = []
    private var clientNumbers: [IPAddress: UInt32] = [:]
    private var kindNumbers: [DecisionKind: UInt32] = [:]
    private var definitionNumbers: [ObjectIdentifier: UInt16] = [:]
    private var contentNumbers: [[UInt8]: UInt16] = [:]
    private var key: [UInt8] = []
    private var lastKind: (kind: DecisionKind, number: UInt32)?

    init(dayStartMicros: Int64) { self.dayStartMicros = dayStartMicros }

    /// Takes a row of the journal; gaps are not taken.
    mutating func append(_ row: DecisionRow) {
        let definition = number(of: row.dictionary)
        let record = row.record
        var via: UInt32 = 0
        if !row.viaWire.isEmpty { via = number(ofName: row.viaWire) + 1 }
        append(
            PackedRow(
                seq: row.seq, micros: record.timeMicros, client: number(of: record.client),
                name: number(ofName: row.nameWire), via: via,
                kind: number(of: DecisionKind(record, definition: definition)),
                ttlSeconds: record.ttlSeconds, took: record.micros))
    }

    mutating func append(_ row: PackedRow) {
        rows.append(row)
        uses[Int(kinds[Int(row.kind)].rank.definition)].note(seq: row.seq, micros: row.micros)
    }

    mutating func number(ofName wire: ArraySlice<UInt8>) -> UInt32 {
        key.removeAll(keepingCapacity: true)
        NameKey.append(wire, to: &key)
        return names.number(of: key[...])
    }

    mutating func number(of client: IPAddress) -> UInt32 {
        if let known = clientNumbers[client] { return known }
        clients.append(client)
        clientNumbers[client] = UInt32(clients.count - 1)
        return UInt32(clients.count - 1)
    }

    mutating func number(of kind: DecisionKind) -> UInt32 {
        if let lastKind, lastKind.kind == kind { return lastKind.number }
        let number: UInt32
        if let known = kindNumbers[kind] {
            number = known
        } else {
            kinds.append(kind)
            number = UInt32(kinds.count - 1)
            kindNumbers[kind] = number
        }
        lastKind = (kind, number)
        return number
    }

    /// Definitions of the same content have one number, wherever they were read.
    mutating func number(of definition: ResolvedDictionary) -> UInt16 {
        if let known = definitionNumbers[ObjectIdentifier(definition)] { return known }
        let content = definition.encoded
        let number = contentNumbers[content] ?? UInt16(definitions.count)
        if Int(number) == definitions.count {
            definitions.append(definition)
            uses.append(DefinitionUse())
            contentNumbers[content] = number
        }
        // Keeps the object, so that its address stands for it alone.
        definitionNumbers[ObjectIdentifier(definition)] = number
        kept.append(definition)
        return number
    }

    private var kept: [ResolvedDictionary] = []
}
