import DNSWire
import DecisionLog

/// Which rows of a chunk are wanted.
struct RowSelection {
    /// Places of clients; `nil` = all.
    var clients: Range<Int>?
    /// Numbers of names; `nil` = all.
    var names: Range<UInt32>?
    /// By class.
    var classes: [Bool]
    var sinceMicros: Int64
    var untilMicros: Int64
    var afterSeq: UInt64
}

extension Chunk {
    /// What a filter means here; `nil` where no row can pass.
    func selection(_ filter: RowFilter, clients entries: [ClientEntry]? = nil) throws
        -> RowSelection?
    {
        var selection = RowSelection(
            classes: classes.map {
                filter.acceptsTexts($0.record, definitions[Int($0.definition)])
            },
            sinceMicros: filter.sinceMicros ?? .min, untilMicros: filter.untilMicros ?? .max,
            afterSeq: filter.afterSeq ?? 0)
        guard selection.classes.contains(true), info.lastSeq > selection.afterSeq,
            info.lastMicros >= selection.sinceMicros, info.firstMicros < selection.untilMicros
        else { return nil }
        if let name = filter.name {
            var key: [UInt8] = []
            NameKey.append(name.domain.wire[...], to: &key)
            let numbers = try numbers(of: key, isExact: name.isExact)
            guard !numbers.isEmpty else { return nil }
            selection.names = numbers
        }
        if let network = filter.client {
            let entries = try entries ?? clientEntries()
            // A network's addresses lie side by side.
            guard let low = entries.firstIndex(where: { network.contains($0.address) }) else {
                return nil
            }
            let high = entries[low...].firstIndex { !network.contains($0.address) }
            selection.clients = low..<(high ?? entries.count)
        }
        return selection
    }

    /// Whether a filter leaves out no row because of its time or seq.
    func isWhole(_ filter: RowFilter) -> Bool { info.isWhole(filter) }
}

extension ChunkInfo {
    /// Whether a row of the chunk can pass, as far as its bounds say.
    func mayHold(_ filter: RowFilter) -> Bool {
        lastMicros >= filter.sinceMicros ?? .min && firstMicros < filter.untilMicros ?? .max
            && lastSeq > filter.afterSeq ?? 0 && filter.verdict != .gap
    }

    /// Whether a filter leaves out no row because of its time or seq.
    func isWhole(_ filter: RowFilter) -> Bool {
        (filter.sinceMicros ?? .min) <= firstMicros
            && (filter.untilMicros ?? .max) > lastMicros
            && (filter.afterSeq ?? 0) < firstSeq
    }
}

/// Rows of a chunk in the order of their seq.
struct RowSet {
    let chunk: Chunk
    private let rows: [PackedRow]
    /// Places in `rows`, in the order of seq; empty where they stay as they are.
    private let order: [UInt32]
    private let clients: [ClientEntry]
    private(set) var next = 0
    /// What rows of each kind share, ready to be filled in.
    private let shared: [Shared]
    /// By number; empty where it was not asked for yet.
    private var wires: [[UInt8]] = []

    private struct Shared {
        var record: DecisionRecord
        var dictionary: ResolvedDictionary
    }

    var count: Int { rows.count }
    var remaining: Int { rows.count - next }

    /// Reads the rows that a filter selects.
    ///
    /// - Parameter isOrdered: whether they come in the order of seq; else a client's rows come one
    ///   after the other, which spares the memory much jumping.
    init(_ chunk: Chunk, _ filter: RowFilter, isOrdered: Bool = true) throws {
        self.chunk = chunk
        clients = try chunk.clientEntries()
        guard let selection = try chunk.selection(filter, clients: clients) else {
            rows = []
            order = []
            shared = []
            return
        }
        shared = chunk.kinds.map { kind in
            Shared(
                record: kind.record,
                dictionary: chunk.definitions[Int(kind.rank.definition)])
        }
        rows = try Self.read(chunk, clients, selection)
        order = isOrdered ? Self.order(rows, chunk.info.rows) : []
    }

    private static func read(
        _ chunk: Chunk, _ entries: [ClientEntry], _ selection: RowSelection
    ) throws -> [PackedRow] {
        let clients = selection.clients ?? 0..<entries.count
        guard let first = clients.first, let last = clients.last else { return [] }
        let start = Int(entries[first].rowsOffset)
        let end =
            last + 1 < entries.count
            ? Int(entries[last + 1].rowsOffset) : chunk.info.lengths[Part.rows.rawValue]
        var reader = PackReader(
            try chunk.source.bytes(.rows, of: chunk.info, start: start, count: end - start))
        var rows: [PackedRow] = []
        if selection.clients == nil, selection.names == nil {
            rows.reserveCapacity(chunk.info.rows)
        }
        let isWanted = chunk.classOfKind.map { selection.classes[Int($0)] }
        for client in clients {
            try read(
                &reader, chunk, UInt32(client), Int(entries[client].rowCount), selection, isWanted,
                into: &rows)
        }
        return rows
    }

    private static func read(
        _ reader: inout PackReader, _ chunk: Chunk, _ client: UInt32, _ count: Int,
        _ selection: RowSelection, _ isWanted: [Bool], into rows: inout [PackedRow]
    ) throws {
        let names = selection.names ?? 0..<UInt32.max
        var ordinal: UInt64 = 0
        var micros = chunk.info.firstMicros
        for _ in 0..<count {
            ordinal &+= reader.number()
            micros &+= reader.signed()
            let name = reader.small()
            let mark = reader.number()
            let via = mark & 1 == 0 ? 0 : reader.small() &+ 1
            let row = PackedRow(
                seq: ordinal, micros: micros, client: client, name: name, via: via,
                kind: UInt32(truncatingIfNeeded: mark >> 1), ttlSeconds: reader.small() &- 1,
                took: reader.small())
            guard ordinal < UInt64(chunk.info.rows), Int(row.kind) < isWanted.count,
                !reader.isBroken
            else { throw chunk.damaged("a client's rows") }
            guard isWanted[Int(row.kind)], names.contains(name),
                micros >= selection.sinceMicros, micros < selection.untilMicros
            else { continue }
            if selection.afterSeq > 0,
                chunk.seq(ofOrdinal: Int(ordinal)) <= selection.afterSeq
            {
                continue
            }
            rows.append(row)
        }
    }

    /// By counting where the rows are a good part of the chunk, else by sorting.
    private static func order(_ rows: [PackedRow], _ total: Int) -> [UInt32] {
        guard rows.count > 1 else { return [] }
        if rows.count < total / 16 {
            return (0..<UInt32(rows.count)).sorted { rows[Int($0)].seq < rows[Int($1)].seq }
        }
        var places = [UInt32](repeating: 0, count: total)
        for (place, row) in rows.enumerated() { places[Int(row.seq)] = UInt32(place) + 1 }
        var order: [UInt32] = []
        order.reserveCapacity(rows.count)
        for place in places where place > 0 { order.append(place - 1) }
        return order
    }

    /// The seq of the next row; `nil` at the end.
    var nextSeq: UInt64? {
        next < rows.count ? chunk.seq(ofOrdinal: Int(packed(next).seq)) : nil
    }

    /// A row by its place in the order of seq; its `seq` is its ordinal in the chunk.
    func packed(_ place: Int) -> PackedRow {
        rows[order.isEmpty ? place : Int(order[place])]
    }

    /// Leaves out all but the last so many.
    mutating func keepLast(_ count: Int) { next = max(next, rows.count - max(count, 0)) }

    mutating func nextPacked() -> PackedRow? {
        guard next < rows.count else { return nil }
        defer { next += 1 }
        return packed(next)
    }

    mutating func nextRow() throws -> DecisionRow? {
        guard let row = nextPacked() else { return nil }
        let shared = shared[Int(row.kind)]
        var record = shared.record
        record.timeMicros = row.micros
        record.client = clients[Int(row.client)].address
        record.ttlSeconds = row.ttlSeconds
        record.micros = row.took
        return DecisionRow(
            seq: chunk.seq(ofOrdinal: Int(row.seq)), record: record, gap: nil,
            name: try wire(row.name), via: row.via == 0 ? [] : try wire(row.via - 1),
            dictionary: shared.dictionary)
    }

    /// Reads the names of the rows that are left, so that none can be found damaged later.
    mutating func readNames() throws {
        for place in next..<rows.count {
            let row = packed(place)
            _ = try wire(row.name)
            if row.via > 0 { _ = try wire(row.via - 1) }
        }
    }

    private mutating func wire(_ number: UInt32) throws -> [UInt8] {
        if wires.isEmpty {
            wires = Array(repeating: [], count: Int(try chunk.allNumbers.upperBound))
        }
        let place = Int(number)
        if place < wires.count, !wires[place].isEmpty { return wires[place] }
        let wire = NameKey.wire(try chunk.name(number))
        if place < wires.count { wires[place] = wire }
        return wire
    }

    /// Adds all rows to a builder.
    mutating func copy(into builder: inout ChunkBuilder) throws {
        let definitions = chunk.definitions.map { builder.number(of: $0) }
        let kinds = chunk.kinds.map { kind in
            var kind = kind
            kind.rank.definition = definitions[Int(kind.rank.definition)]
            return builder.number(of: kind)
        }
        let addresses = clients.map { builder.number(of: $0.address) }
        var names: [UInt32] = []
        for page in try chunk.namePages().indices {
            for key in try chunk.names(ofPage: page) {
                names.append(builder.names.number(of: key[...]))
            }
        }
        while var row = nextPacked() {
            guard Int(row.name) < names.count, Int(row.via) <= names.count else {
                throw chunk.damaged("a number of a name")
            }
            row.seq = chunk.seq(ofOrdinal: Int(row.seq))
            row.client = addresses[Int(row.client)]
            row.name = names[Int(row.name)]
            if row.via > 0 { row.via = names[Int(row.via) - 1] + 1 }
            row.kind = kinds[Int(row.kind)]
            builder.append(row)
        }
    }
}
