import DNSWire
import DecisionLog

/// Counts a question's rows, chunk by chunk.
struct TallyCounter {
    private let keys: [TallyKey]
    private let filter: RowFilter
    private let isLeftOut: ((String?, String?) -> Bool)?
    private let hasQuarter: Bool
    private let hasDay: Bool
    private let hasClient: Bool
    private let hasName: Bool
    private var labels: TallyLabels
    private var clients: [IPAddress] = []
    private var clientNumbers: [IPAddress: UInt32] = [:]
    private var names = NameTable()
    private var counts: [Cell: UInt64] = [:]
    /// What the chunk that is being read gave: it counts once all of it could be read.
    private var found: [(cell: Cell, count: UInt64)] = []

    /// What is counted, by numbers of the tables above.
    private struct Cell: Hashable {
        var label: UInt32
        var client: UInt32
        var name: UInt32
        var startMicros: Int64
    }

    init(
        _ keys: [TallyKey], _ filter: RowFilter, _ isLeftOut: ((String?, String?) -> Bool)?
    ) {
        self.isLeftOut = isLeftOut
        self.keys = keys
        self.filter = filter
        hasQuarter = keys.contains(.quarter)
        hasDay = keys.contains(.day)
        hasClient = keys.contains(.client)
        hasName = keys.contains(.name)
        labels = TallyLabels(keys.filter { ![.quarter, .day, .client, .name].contains($0) })
    }

    // MARK: Ways to count

    /// Counts a chunk's rows; where it throws, none of them.
    mutating func add(_ chunk: Chunk) throws {
        found.removeAll(keepingCapacity: true)
        try collect(chunk)
        for (cell, count) in found { counts[cell, default: 0] += count }
    }

    private var needsName: Bool { hasName || filter.name != nil }
    private var needsClient: Bool { hasClient || filter.client != nil }

    /// Whether a chunk's rows must be read, since its counts do not tell.
    func needsRows(_ info: ChunkInfo) -> Bool {
        if !needsName, !needsClient, isAligned(info) { return false }
        return !info.isWhole(filter) || hasQuarter
    }

    private mutating func collect(_ chunk: Chunk) throws {
        if needsRows(chunk.info) { return try addRows(chunk) }
        if !needsName, !needsClient, isAligned(chunk.info) { return try addSlots(chunk) }
        if needsName { try addPostings(chunk) } else { try addClients(chunk) }
    }

    /// Whether the filter's bounds lie between quarters, or outside the chunk.
    private func isAligned(_ info: ChunkInfo) -> Bool {
        func isFine(_ micros: Int64?) -> Bool {
            guard let micros else { return true }
            return micros <= info.firstMicros || micros > info.lastMicros
                || micros % StoreLimits.slotMicros == 0
        }
        return isFine(filter.sinceMicros) && isFine(filter.untilMicros)
            && (filter.afterSeq ?? 0) < info.firstSeq
    }

    private func selection(
        _ chunk: Chunk, clients entries: [ClientEntry]? = nil
    ) throws -> RowSelection? {
        guard var selection = try chunk.selection(filter, clients: entries) else { return nil }
        let counted = chunk.without(isLeftOut, selection.classes)
        selection.classes = counted
        return selection
    }

    private mutating func addSlots(_ chunk: Chunk) throws {
        guard let selection = try selection(chunk) else { return }
        let labels = labels.numbers(of: chunk)
        let slack = slack(chunk)
        var sums = LabelSums(labels)
        var current: Int64 = 0
        func take() {
            sums.takeAll { add($2, label: $1, chunk, quarter: current) }
        }
        try chunk.eachSlot { slot, rank, count in
            let start =
                chunk.dayStartMicros &+ Int64(truncatingIfNeeded: slot) &* StoreLimits.slotMicros
            guard selection.classes[rank], start &+ slack >= selection.sinceMicros,
                start < selection.untilMicros
            else { return }
            if hasQuarter, start != current {
                take()
                current = start
            }
            sums.add(UInt64(count), place: 0, rank: rank)
        }
        take()
    }

    /// A bound before the chunk may lie within its first slot.
    private func slack(_ chunk: Chunk) -> Int64 {
        guard let since = filter.sinceMicros, since > chunk.info.firstMicros else {
            return StoreLimits.slotMicros
        }
        return 0
    }

    private mutating func addClients(_ chunk: Chunk) throws {
        let entries = try chunk.clientEntries()
        guard let selection = try selection(chunk, clients: entries) else { return }
        let labels = labels.numbers(of: chunk)
        var places = selection.clients ?? 0..<entries.count
        if let label = labels.first, !selection.classes.contains(false),
            labels.allSatisfy({ $0 == label })
        {
            for entry in entries[places] {
                let client = hasClient ? number(of: entry.address) : 0
                add(UInt64(entry.rowCount), label: label, chunk, client: client)
            }
            return
        }
        let start = places.first.map { Int(entries[$0].talliesOffset) } ?? 0
        let end =
            places.upperBound < entries.count
            ? Int(entries[places.upperBound].talliesOffset)
            : chunk.info.lengths[Part.clientTallies.rawValue]
        var reader = PackReader(
            try chunk.source.bytes(.clientTallies, of: chunk.info, start: start, count: end - start)
        )
        var sums = LabelSums(labels)
        while let place = places.popFirst() {
            _ = reader.number()
            _ = reader.number()
            for _ in 0..<reader.amount() {
                let rank = Int(reader.small())
                let count = reader.number()
                guard rank < labels.count else { throw chunk.damaged("the counts by client") }
                if selection.classes[rank] { sums.add(count, place: 0, rank: rank) }
            }
            let client = hasClient ? number(of: entries[place].address) : 0
            sums.takeAll { _, label, count in add(count, label: label, chunk, client: client) }
        }
        if reader.isBroken { throw chunk.damaged("the counts by client") }
    }

    private mutating func addPostings(_ chunk: Chunk) throws {
        let entries = try chunk.clientEntries()
        guard let selection = try selection(chunk, clients: entries) else { return }
        let wanted = selection.clients.map { UInt32($0.lowerBound)..<UInt32($0.upperBound) }
        let clients = hasClient ? entries.map { number(of: $0.address) } : []
        var sums = LabelSums(labels.numbers(of: chunk), places: hasClient ? entries.count : 1)
        var current: UInt32?
        // Names are known by number until all of the chunk is read.
        var named: [(name: UInt32, place: Int, label: UInt32, count: UInt64)] = []
        func take(_ name: UInt32) {
            sums.takeAll { named.append((name, $0, $1, $2)) }
        }
        var isBroken = false
        try chunk.postings(of: try selection.names ?? chunk.allNumbers) {
            name, client, rank, count in
            guard selection.classes[Int(rank)], wanted?.contains(client) ?? true else { return }
            if hasName, name != current {
                if let current { take(current) }
                current = name
            }
            guard !hasClient || Int(client) < entries.count else {
                isBroken = true
                return
            }
            sums.add(UInt64(count), place: hasClient ? Int(client) : 0, rank: Int(rank))
        }
        take(current ?? 0)
        if isBroken { throw chunk.damaged("a posting") }
        var name: (chunks: UInt32, own: UInt32)?
        for entry in named {
            if hasName, entry.name != name?.chunks {
                name = (entry.name, names.number(of: try chunk.name(entry.name)[...]))
            }
            add(
                entry.count, label: entry.label, chunk,
                client: hasClient ? clients[entry.place] : 0, name: name?.own ?? 0)
        }
    }

    private mutating func addRows(_ chunk: Chunk) throws {
        let entries = try chunk.clientEntries()
        let labels = labels.numbers(of: chunk)
        var rows = try RowSet(chunk, filter)
        let isCounted = chunk.without(isLeftOut, chunk.classes.map { _ in true })
        while let row = rows.nextPacked() {
            let rank = Int(chunk.classOfKind[Int(row.kind)])
            guard isCounted[rank] else { continue }
            add(
                1, label: labels[rank], chunk,
                quarter: row.micros - row.micros % StoreLimits.slotMicros,
                client: hasClient ? number(of: entries[Int(row.client)].address) : 0,
                name: hasName ? names.number(of: try chunk.name(row.name)[...]) : 0)
        }
    }

    private mutating func add(
        _ count: UInt64, label: UInt32, _ chunk: Chunk, quarter: Int64 = 0, client: UInt32 = 0,
        name: UInt32 = 0
    ) {
        let start = hasQuarter ? quarter : hasDay ? chunk.dayStartMicros : 0
        let cell = Cell(label: label, client: client, name: name, startMicros: start)
        if let last = found.indices.last, found[last].cell == cell {
            found[last].count += count
        } else {
            found.append((cell, count))
        }
    }

    private mutating func number(of client: IPAddress) -> UInt32 {
        if let known = clientNumbers[client] { return known }
        clients.append(client)
        clientNumbers[client] = UInt32(clients.count - 1)
        return UInt32(clients.count - 1)
    }

    // MARK: The result

    /// All counts, in no order.
    var tallies: [Tally] { counts.map { tally($0, $1) } }

    /// The greatest counts, greatest first; of the same count by their texts.
    func greatest(_ limit: Int) -> [Tally] {
        guard limit > 0 else { return [] }
        let ordered = counts.values.sorted(by: >)
        // Texts are made of those alone that may be among them.
        let least = limit <= ordered.count ? ordered[limit - 1] : 0
        let all = counts.filter { $0.value >= least }.map { tally($0, $1) }
        return Array(all.sorted { $0.isBefore($1) }.prefix(limit))
    }

    private func tally(_ cell: Cell, _ count: UInt64) -> Tally {
        var own = labels.texts[Int(cell.label)][...]
        let texts = keys.map { key -> String? in
            switch key {
            case .quarter: LogTime.utc(cell.startMicros)
            case .day: LogTime.utc(StoreDay(micros: cell.startMicros).startMicros)
            case .client: clients[Int(cell.client)].description
            case .name: DomainName.presentation(of: NameKey.wire(names[Int(cell.name)]))
            default: own.popFirst() ?? nil
            }
        }
        return Tally(
            texts: texts, startMicros: cell.startMicros,
            client: hasClient ? clients[Int(cell.client)] : nil, count: count)
    }
}

extension Tally {
    /// Whether it stands above another: more rows first, then by the texts.
    func isBefore(_ other: Tally) -> Bool {
        if count != other.count { return count > other.count }
        return texts.map { $0 ?? "" }.lexicographicallyPrecedes(other.texts.map { $0 ?? "" })
    }
}

/// Sums by a place and a label, of which few are used at a time.
private struct LabelSums {
    /// A class's label among the chunk's own, and those labels' numbers.
    private var ownOfRank: [Int] = []
    private var numbers: [UInt32] = []
    private var sums: [UInt64]
    private var used: [Int] = []

    init(_ labels: [UInt32], places: Int = 1) {
        var owns: [UInt32: Int] = [:]
        for label in labels {
            let own = owns[label] ?? numbers.count
            if own == numbers.count {
                numbers.append(label)
                owns[label] = own
            }
            ownOfRank.append(own)
        }
        sums = [UInt64](repeating: 0, count: places * numbers.count)
    }

    @inline(__always) mutating func add(_ count: UInt64, place: Int, rank: Int) {
        let slot = place &* numbers.count &+ ownOfRank[rank]
        if sums[slot] == 0 { used.append(slot) }
        sums[slot] &+= count
    }

    /// Gives place, label and count of each sum, and begins anew.
    mutating func takeAll(_ body: (Int, UInt32, UInt64) -> Void) {
        for slot in used {
            if sums[slot] > 0 {
                body(slot / numbers.count, numbers[slot % numbers.count], sums[slot])
            }
            sums[slot] = 0
        }
        used.removeAll(keepingCapacity: true)
    }
}
