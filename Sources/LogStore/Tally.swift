public import DNSWire
public import DecisionLog

/// What rows may be counted by.
public enum TallyKey: String, Sendable, CaseIterable {
    /// Quarters of an hour of UTC: every zone's hours and days are made of them.
    case quarter
    /// Days of UTC.
    case day
    /// The column of this name.
    case group, category, rule, verdict, concern, list, period, device, policy
    /// The client's address.
    case client
    /// The name asked for.
    case name
}

/// How many rows share the values of some keys.
public struct Tally: Sendable, Equatable {
    /// The values, in the order in which the keys were given; `nil` where a row has none. Quarters
    /// and days are RFC 3339 instants, at which they begin.
    public var texts: [String?]
    /// When the quarter or day begins, in microseconds since 1970 UTC; 0 where neither is a key.
    public var startMicros: Int64
    /// The client, where it is a key.
    public var client: IPAddress?
    /// How many rows.
    public var count: UInt64
}

/// What a client did.
public struct ClientUse: Sendable, Equatable {
    /// Who.
    public var client: IPAddress
    /// How many rows.
    public var count: UInt64
    /// When it was first seen within the question's bounds, in microseconds since 1970 UTC.
    public var firstMicros: Int64
    /// When it was last seen.
    public var lastMicros: Int64

    /// Takes what is known of a client.
    public init(client: IPAddress, count: UInt64, firstMicros: Int64, lastMicros: Int64) {
        self.client = client
        self.count = count
        self.firstMicros = firstMicros
        self.lastMicros = lastMicros
    }
}

/// A stretch in which one policy decided.
public struct PolicyUse: Sendable, Equatable {
    /// The policy's hash.
    public var policy: String
    /// The first row that it decided.
    public var firstSeq: UInt64
    /// The last row, before another policy decided one.
    public var lastSeq: UInt64
    /// When the first row was asked, in microseconds since 1970 UTC.
    public var firstMicros: Int64
    /// When the last was.
    public var lastMicros: Int64
}

extension StoreReader {
    /// How many rows pass a filter, gap rows among them.
    public func count(_ filter: RowFilter = RowFilter()) throws -> UInt64 {
        let gaps = UInt64(try self.gaps(filter).count)
        return try tally(by: [], filter).reduce(gaps) { $0 + $1.count }
    }

    /// Counts rows by keys, in no order; gap rows are not counted.
    ///
    /// From roll-ups wherever these tell; where they do not, a chunk's rows are read: for parts of
    /// a quarter, for a client by quarter, for a name by quarter.
    ///
    /// - Parameter isLeftOut: tells by rule and category which rows are not counted.
    public func tally(
        by keys: [TallyKey], _ filter: RowFilter = RowFilter(),
        leavingOut isLeftOut: ((String?, String?) -> Bool)? = nil
    ) throws -> [Tally] {
        try counter(keys, filter, isLeftOut).tallies
    }

    /// The values that most rows share, most first; of the same count by their texts.
    public func top(
        _ limit: Int, by key: TallyKey, _ filter: RowFilter = RowFilter()
    ) throws -> [Tally] {
        if key == .name, let names = try heavyNames(limit, bounded(filter), nil) { return names }
        return try counter([key], filter, nil).greatest(limit)
    }

    /// The names that most rows share whose rule and category are not to be left out; `nil` where
    /// the lists of what is asked for most do not tell.
    public func topNames(
        _ limit: Int, _ filter: RowFilter,
        leavingOut isLeftOut: @escaping (String?, String?) -> Bool
    ) throws -> [Tally]? {
        try heavyNames(limit, bounded(filter), isLeftOut)
    }

    private func counter(
        _ keys: [TallyKey], _ filter: RowFilter, _ isLeftOut: ((String?, String?) -> Bool)?
    ) throws -> TallyCounter {
        let filter = bounded(filter)
        var counter = TallyCounter(keys, filter, isLeftOut)
        let asked = counter
        try eachCounted(filter, { !asked.needsRows($0) }) { source in
            _ = try withChunk(source) { try counter.add($0) }
        }
        return counter
    }

    /// The clients that asked, by address.
    public func clients(_ filter: RowFilter = RowFilter()) throws -> [ClientUse] {
        let filter = bounded(filter)
        var uses: [IPAddress: ClientUse] = [:]
        try eachCounted(filter, { $0.isWhole(filter) && !filter.choosesRows }) { source in
            for use in try withChunk(source, { try $0.clientUses(filter) }).joined() {
                guard var known = uses[use.client] else {
                    uses[use.client] = use
                    continue
                }
                known.count += use.count
                known.firstMicros = min(known.firstMicros, use.firstMicros)
                known.lastMicros = max(known.lastMicros, use.lastMicros)
                uses[use.client] = known
            }
        }
        return uses.values.sorted { $0.client < $1.client }
    }

    /// Which policies decided, and when, in the order of the log.
    ///
    /// The bounds of time choose chunks: a stretch may begin or end outside of them.
    public func policies(_ filter: RowFilter = RowFilter()) throws -> [PolicyUse] {
        let filter = bounded(filter)
        var uses: [PolicyUse] = []
        var times = RowFilter()
        times.sinceMicros = filter.sinceMicros
        times.untilMicros = filter.untilMicros
        try eachChunk(times) { source in
            uses += try withChunk(source) { chunk in
                zip(chunk.definitions, chunk.uses).filter { $1.lastSeq > 0 }.map {
                    PolicyUse(
                        policy: $0.policyHash, firstSeq: $1.firstSeq, lastSeq: $1.lastSeq,
                        firstMicros: $1.firstMicros, lastMicros: $1.lastMicros)
                }
            }.joined()
        }
        uses.sort { $0.firstSeq < $1.firstSeq }
        return uses.reduce(into: []) { joined, use in
            guard let last = joined.last, last.policy == use.policy else {
                joined.append(use)
                return
            }
            joined[joined.count - 1].lastSeq = max(last.lastSeq, use.lastSeq)
            joined[joined.count - 1].firstMicros = min(last.firstMicros, use.firstMicros)
            joined[joined.count - 1].lastMicros = max(last.lastMicros, use.lastMicros)
        }
    }
}

extension RowFilter {
    /// Whether of one client's rows some may pass and others not, whenever they came.
    fileprivate var choosesRows: Bool {
        name != nil || group != nil || device != nil || verdict != nil || rule != nil
            || category != nil || !categories.isEmpty || isConcern
    }
}

extension Chunk {
    /// What each client did of what a filter wants.
    func clientUses(_ filter: RowFilter) throws -> [ClientUse] {
        var uses: [ClientUse] = []
        let entries = try clientEntries()
        guard let selection = try selection(filter, clients: entries) else { return [] }
        guard isWhole(filter), filter.name == nil, !selection.classes.contains(false) else {
            var byClient: [IPAddress: ClientUse] = [:]
            var rows = try RowSet(self, filter)
            while let row = rows.nextPacked() {
                let client = entries[Int(row.client)].address
                var use =
                    byClient[client]
                    ?? ClientUse(
                        client: client, count: 0, firstMicros: row.micros, lastMicros: row.micros)
                use.count += 1
                use.firstMicros = min(use.firstMicros, row.micros)
                use.lastMicros = max(use.lastMicros, row.micros)
                byClient[client] = use
            }
            return Array(byClient.values)
        }
        var reader = PackReader(try whole(.clientTallies))
        for (place, entry) in entries.enumerated() {
            let first = info.firstMicros &+ Int64(truncatingIfNeeded: reader.number())
            let last = first &+ Int64(truncatingIfNeeded: reader.number())
            for _ in 0..<reader.amount() {
                _ = reader.number()
                _ = reader.number()
            }
            guard selection.clients?.contains(place) ?? true else { continue }
            uses.append(
                ClientUse(
                    client: entry.address, count: UInt64(entry.rowCount), firstMicros: first,
                    lastMicros: last))
        }
        if reader.isBroken { throw damaged("the counts by client") }
        return uses
    }
}
