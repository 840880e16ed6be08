import DNSWire
import DecisionLog

/// Makes a chunk's parts from a builder's rows.
struct ChunkEncoder {
    private let builder: ChunkBuilder
    /// A builder's numbers → places in order.
    private let nameRanks: [UInt32]
    private let nameOrder: [UInt32]
    private let clientOrder: [UInt32]
    private var classes: [DecisionClass] = []
    private var classOfKind: [UInt32] = []
    private var parts = [PackWriter](repeating: PackWriter(), count: Part.allCases.count)
    private var info = ChunkInfo()
    /// How often a client asked for a name with a class of answer.
    private var triples: [Triple] = []

    private struct Triple {
        var name: UInt32
        var posting: Posting
    }

    init(_ builder: ChunkBuilder) {
        self.builder = builder
        nameOrder = builder.names.sorted()
        nameRanks = Self.ranks(nameOrder)
        clientOrder = (0..<UInt32(builder.clients.count)).sorted {
            builder.clients[Int($0)] < builder.clients[Int($1)]
        }
    }

    private static func ranks(_ order: [UInt32]) -> [UInt32] {
        var ranks = [UInt32](repeating: 0, count: order.count)
        for (rank, number) in order.enumerated() { ranks[Int(number)] = UInt32(rank) }
        return ranks
    }

    /// The chunk; `nil` where there is no row.
    consuming func encode() -> EncodedChunk? {
        guard let first = builder.rows.first, let last = builder.rows.last else { return nil }
        info.rows = builder.rows.count
        info.firstSeq = first.seq
        info.lastSeq = last.seq
        for row in builder.rows {
            info.firstMicros = min(info.firstMicros, row.micros)
            info.lastMicros = max(info.lastMicros, row.micros)
        }
        findClasses()
        packKinds()
        packSlots()
        packClients()
        packNames()
        let bytes = parts.map(\.bytes)
        info.lengths = bytes.map(\.count)
        return EncodedChunk(info: info, parts: bytes, definitions: builder.definitions)
    }

    // MARK: Kinds

    private mutating func findClasses() {
        var numbers: [DecisionClass: UInt32] = [:]
        for kind in builder.kinds {
            let number = numbers[kind.rank] ?? UInt32(classes.count)
            if Int(number) == classes.count {
                classes.append(kind.rank)
                numbers[kind.rank] = number
            }
            classOfKind.append(number)
        }
    }

    private mutating func packKinds() {
        var writer = PackWriter()
        writer.classes(classes, uses: builder.uses)
        writer.number(builder.kinds.count)
        for (kind, rank) in zip(builder.kinds, classOfKind) {
            kind.pack(into: &writer, number: rank)
        }
        packRuns(into: &writer)
        parts[Part.kinds.rawValue] = writer
    }

    /// Seqs are dense but for gap rows and rows of other days: runs of rows, each with how many
    /// seqs are left out before it.
    private func packRuns(into writer: inout PackWriter) {
        var runs: [(skipped: UInt64, rows: UInt64)] = []
        var next = info.firstSeq
        for row in builder.rows {
            if runs.isEmpty || row.seq != next { runs.append((row.seq &- next, 0)) }
            runs[runs.count - 1].rows += 1
            next = row.seq &+ 1
        }
        writer.number(runs.count)
        for run in runs {
            writer.number(run.skipped)
            writer.number(run.rows)
        }
    }

    // MARK: Slots

    private mutating func packSlots() {
        var counts: [UInt64: UInt32] = [:]
        var lastKey = UInt64.max
        var run: UInt32 = 0
        for row in builder.rows {
            let slot = max(0, (row.micros - builder.dayStartMicros) / StoreLimits.slotMicros)
            let key = UInt64(slot) << 32 | UInt64(classOfKind[Int(row.kind)])
            if key != lastKey {
                if run > 0 { counts[lastKey, default: 0] += run }
                lastKey = key
                run = 0
            }
            run += 1
        }
        if run > 0 { counts[lastKey, default: 0] += run }
        parts[Part.slots.rawValue].slots(counts)
    }

    // MARK: Clients and their rows

    private mutating func packClients() {
        var starts = [Int](repeating: 0, count: builder.clients.count + 1)
        for row in builder.rows { starts[Int(row.client) + 1] += 1 }
        for place in 1..<starts.count { starts[place] += starts[place - 1] }
        var free = starts
        // Of each client's rows the ordinals, in their order.
        var ordinals = [UInt32](repeating: 0, count: builder.rows.count)
        for (ordinal, row) in builder.rows.enumerated() {
            ordinals[free[Int(row.client)]] = UInt32(ordinal)
            free[Int(row.client)] += 1
        }
        triples.reserveCapacity(builder.rows.count / 2)
        for (rank, number) in clientOrder.enumerated() {
            let own = ordinals[starts[Int(number)]..<starts[Int(number) + 1]]
            ClientEntry(
                address: builder.clients[Int(number)],
                rowsOffset: UInt32(parts[Part.rows.rawValue].count), rowCount: UInt32(own.count),
                talliesOffset: UInt32(parts[Part.clientTallies.rawValue].count)
            ).pack(into: &parts[Part.clients.rawValue])
            packRows(own)
            tally(own, client: UInt32(rank))
        }
    }

    private mutating func packRows(_ ordinals: ArraySlice<UInt32>) {
        var lastOrdinal: UInt32 = 0
        var lastMicros = info.firstMicros
        for ordinal in ordinals {
            let row = builder.rows[Int(ordinal)]
            let hasVia = row.via != 0
            parts[Part.rows.rawValue].number(ordinal &- lastOrdinal)
            parts[Part.rows.rawValue].signed(row.micros &- lastMicros)
            parts[Part.rows.rawValue].number(nameRanks[Int(row.name)])
            parts[Part.rows.rawValue].number(UInt64(row.kind) << 1 | (hasVia ? 1 : 0))
            if hasVia { parts[Part.rows.rawValue].number(nameRanks[Int(row.via) - 1]) }
            parts[Part.rows.rawValue].number(row.ttlSeconds &+ 1)
            parts[Part.rows.rawValue].number(row.took)
            lastOrdinal = ordinal
            lastMicros = row.micros
        }
    }

    /// Counts a client's rows by name and class.
    private mutating func tally(_ ordinals: ArraySlice<UInt32>, client: UInt32) {
        var least = Int64.max
        var greatest = Int64.min
        var byClass: [UInt32: UInt32] = [:]
        var keys = ordinals.map { ordinal -> UInt64 in
            let row = builder.rows[Int(ordinal)]
            least = min(least, row.micros)
            greatest = max(greatest, row.micros)
            return UInt64(nameRanks[Int(row.name)]) << 32 | UInt64(classOfKind[Int(row.kind)])
        }
        keys.sort()
        var place = 0
        while place < keys.count {
            var end = place + 1
            while end < keys.count, keys[end] == keys[place] { end += 1 }
            let rank = UInt32(truncatingIfNeeded: keys[place])
            let count = UInt32(end - place)
            triples.append(
                Triple(
                    name: UInt32(keys[place] >> 32),
                    posting: Posting(client: client, rank: rank, count: count)))
            byClass[rank, default: 0] += count
            place = end
        }
        parts[Part.clientTallies.rawValue].number(UInt64(least - info.firstMicros))
        parts[Part.clientTallies.rawValue].number(UInt64(greatest - least))
        parts[Part.clientTallies.rawValue].counts(byClass)
    }

    // MARK: Names

    private mutating func packNames() {
        var starts = [Int](repeating: 0, count: nameOrder.count + 1)
        for triple in triples { starts[Int(triple.name) + 1] += 1 }
        for place in 1..<max(starts.count, 1) { starts[place] += starts[place - 1] }
        var free = starts
        var sorted = [UInt32](repeating: 0, count: triples.count)
        for (number, triple) in triples.enumerated() {
            sorted[free[Int(triple.name)]] = UInt32(number)
            free[Int(triple.name)] += 1
        }
        var packer = NamePacker(rows: builder.rows.count)
        for (rank, number) in nameOrder.enumerated() {
            let start = starts[rank]
            packer.append(
                builder.names[Int(number)], hash: builder.names.hash(Int(number)),
                amount: starts[rank + 1] - start
            ) { triples[Int(sorted[start + $0])].posting }
        }
        info.lightCount = packer.lightCount
        packer.finish(into: &parts)
    }
}
