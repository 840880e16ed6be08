import DNSWire
import DecisionLog

/// Counts a question's rows, chunk by chunk.
struct TallyCounter {
    private let keys: [TallyKey]
    private let classKeys: [TallyKey]
    private let filter: RowFilter
    private let hasQuarter: Bool
    private let hasDay: Bool
    private let hasClient: Bool
    private let hasName: Bool
    /// Values of the keys that a class gives, each once.
    private var labels: [[String?]] = []
    private var labelNumbers: [[String?]: UInt32] = [:]
    private var counts: [Cell: UInt64] = [:]

    /// What is counted.
    private struct Cell: Hashable {
        var label: UInt32
        var startMicros: Int64
        var client: IPAddress
        var name: [UInt8]
    }

    private static let nobody = IPAddress(high: 0, low: 0)

    init(_ keys: [TallyKey], _ filter: RowFilter) {
        self.keys = keys
        self.filter = filter
        hasQuarter = keys.contains(.quarter)
        hasDay = keys.contains(.day)
        hasClient = keys.contains(.client)
        hasName = keys.contains(.name)
        classKeys = keys.filter { ![.quarter, .day, .client, .name].contains($0) }
    }

    func mayHold(_ info: ChunkInfo) -> Bool {
        info.lastMicros >= filter.sinceMicros ?? .min
            && info.firstMicros < filter.untilMicros ?? .max
            && info.lastSeq > filter.afterSeq ?? 0 && filter.verdict != .gap
    }

    /// The same question with nothing counted yet; its numbers of labels go on from these.
    var fresh: TallyCounter {
        var fresh = self
        fresh.counts = [:]
        return fresh
    }

    /// Adds what one that came from `fresh` counted.
    mutating func join(_ other: TallyCounter) {
        labels = other.labels
        labelNumbers = other.labelNumbers
        counts.merge(other.counts) { $0 + $1 }
    }

    // MARK: Ways to count

    mutating func add(_ chunk: Chunk) throws {
        let needsName = hasName || filter.name != nil
        let needsClient = hasClient || filter.client != nil
        if !needsName, !needsClient, isAligned(chunk) { return try addSlots(chunk) }
        guard chunk.isWhole(filter), !hasQuarter else { return try addRows(chunk) }
        if needsName { try addPostings(chunk) } else { try addClients(chunk) }
    }

    /// Whether the filter's bounds lie between quarters, or outside the chunk.
    private func isAligned(_ chunk: Chunk) -> Bool {
        func isFine(_ micros: Int64?) -> Bool {
            guard let micros else { return true }
            return micros <= chunk.info.firstMicros || micros > chunk.info.lastMicros
                || micros % StoreLimits.slotMicros == 0
        }
        return isFine(filter.sinceMicros) && isFine(filter.untilMicros)
            && (filter.afterSeq ?? 0) < chunk.info.firstSeq
    }

    private mutating func addSlots(_ chunk: Chunk) throws {
        guard let selection = try chunk.selection(filter) else { return }
        let labels = labels(of: chunk)
        var reader = PackReader(try chunk.whole(.slots))
        for _ in 0..<reader.amount() {
            let start =
                chunk.dayStartMicros
                &+ Int64(truncatingIfNeeded: reader.number()) &* StoreLimits.slotMicros
            let rank = Int(reader.small())
            let count = reader.number()
            guard rank < labels.count else { throw chunk.damaged("the counts by time") }
            guard selection.classes[rank], start &+ slack(chunk) >= selection.sinceMicros,
                start < selection.untilMicros
            else { continue }
            add(count, label: labels[rank], chunk, quarter: start)
        }
        if reader.isBroken { throw chunk.damaged("the counts by time") }
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
        guard let selection = try chunk.selection(filter, clients: entries) else { return }
        let labels = labels(of: chunk)
        var places = selection.clients ?? 0..<entries.count
        let start = places.first.map { Int(entries[$0].talliesOffset) } ?? 0
        let end =
            places.upperBound < entries.count
            ? Int(entries[places.upperBound].talliesOffset)
            : chunk.info.lengths[Part.clientTallies.rawValue]
        var reader = PackReader(
            try chunk.source.bytes(.clientTallies, of: chunk.info, start: start, count: end - start)
        )
        while let place = places.popFirst() {
            _ = reader.number()
            _ = reader.number()
            var sums: [UInt32: UInt64] = [:]
            for _ in 0..<reader.amount() {
                let rank = Int(reader.small())
                let count = reader.number()
                guard rank < labels.count else { throw chunk.damaged("the counts by client") }
                if selection.classes[rank] { sums[labels[rank], default: 0] += count }
            }
            for (label, count) in sums {
                add(count, label: label, chunk, client: entries[place].address)
            }
        }
        if reader.isBroken { throw chunk.damaged("the counts by client") }
    }

    private mutating func addPostings(_ chunk: Chunk) throws {
        let entries = try chunk.clientEntries()
        guard let selection = try chunk.selection(filter, clients: entries) else { return }
        let labels = labels(of: chunk)
        let clients = selection.clients.map { UInt32($0.lowerBound)..<UInt32($0.upperBound) }
        var sums: [PostingKey: UInt64] = [:]
        let numbers = try selection.names ?? chunk.allNumbers
        try chunk.postings(of: numbers) { name, client, rank, count in
            guard selection.classes[Int(rank)], clients?.contains(client) ?? true else { return }
            let key = PostingKey(
                name: hasName ? name : 0, client: hasClient ? client : 0, label: labels[Int(rank)])
            sums[key, default: 0] += UInt64(count)
        }
        for (key, count) in sums {
            guard Int(key.client) < entries.count else { throw chunk.damaged("a posting") }
            add(
                count, label: key.label, chunk,
                client: hasClient ? entries[Int(key.client)].address : Self.nobody,
                name: hasName ? try chunk.name(key.name) : [])
        }
    }

    private struct PostingKey: Hashable {
        var name: UInt32
        var client: UInt32
        var label: UInt32
    }

    private mutating func addRows(_ chunk: Chunk) throws {
        let entries = try chunk.clientEntries()
        let labels = labels(of: chunk)
        var rows = try RowSet(chunk, filter)
        while let row = rows.nextPacked() {
            add(
                1, label: labels[Int(chunk.classOfKind[Int(row.kind)])], chunk,
                quarter: row.micros - row.micros % StoreLimits.slotMicros,
                client: hasClient ? entries[Int(row.client)].address : Self.nobody,
                name: hasName ? try chunk.name(row.name) : [])
        }
    }

    private mutating func add(
        _ count: UInt64, label: UInt32, _ chunk: Chunk, quarter: Int64 = 0,
        client: IPAddress = Self.nobody, name: [UInt8] = []
    ) {
        let start = hasQuarter ? quarter : hasDay ? chunk.dayStartMicros : 0
        counts[
            Cell(
                label: label, startMicros: start, client: hasClient ? client : Self.nobody,
                name: name), default: 0] += count
    }

    // MARK: Labels

    /// The number of each class's values.
    private mutating func labels(of chunk: Chunk) -> [UInt32] {
        chunk.classes.map { rank in
            let texts = Self.texts(classKeys, rank, chunk.definitions[Int(rank.definition)])
            if let known = labelNumbers[texts] { return known }
            labels.append(texts)
            labelNumbers[texts] = UInt32(labels.count - 1)
            return UInt32(labels.count - 1)
        }
    }

    private static func texts(
        _ keys: [TallyKey], _ rank: DecisionClass, _ definition: ResolvedDictionary
    ) -> [String?] {
        let row = DecisionRow(
            seq: 0, record: rank.record, gap: nil, name: [], via: [], dictionary: definition)
        return keys.map { key in
            switch key {
            case .group: row.group
            case .category: row.category
            case .rule: row.rule
            case .verdict: row.verdict.description
            case .concern: row.concern
            case .list: row.list
            case .period: row.period
            case .device: row.device
            case .policy: row.policy
            case .quarter, .day, .client, .name: nil
            }
        }
    }

    /// The result, in no order.
    var tallies: [Tally] {
        counts.map { cell, count in
            var own = labels[Int(cell.label)][...]
            let texts = keys.map { key -> String? in
                switch key {
                case .quarter: LogTime.utc(cell.startMicros)
                case .day: LogTime.utc(StoreDay(micros: cell.startMicros).startMicros)
                case .client: cell.client.description
                case .name: DomainName.presentation(of: NameKey.wire(cell.name))
                default: own.popFirst() ?? nil
                }
            }
            return Tally(
                texts: texts, startMicros: cell.startMicros,
                client: hasClient ? cell.client : nil, count: count)
        }
    }
}
