import DNSWire
import DecisionLog
import LogStore

/// Which devices asked, this week and before.
struct ClientCounts {
    /// This week, addresses before devices that have names.
    private(set) var seen: [DeviceUse] = []
    /// By week before.
    private(set) var before: [ReviewWeek: [DeviceUse]] = [:]
    /// How many devices each group had; a device that changed its group counts in both.
    private(set) var countByGroup: [String: Int] = [:]

    init(_ reviewer: Reviewer) throws {
        seen = try Self.uses(reviewer.reader, reviewer.weekFilter)
        for week in reviewer.weeksBefore {
            before[week] = try Self.uses(reviewer.reader, reviewer.filter(week))
        }
        var byGroup: [String: Set<ReviewDevice>] = [:]
        for tally in try reviewer.reader.tally(
            by: [.group, .client, .device], reviewer.weekFilter)
        {
            guard let client = tally.client else { continue }
            byGroup[tally.texts[0] ?? WeekCounts.noGroup, default: []]
                .insert(ReviewDevice(client, device: tally.texts[2]))
        }
        countByGroup = byGroup.mapValues(\.count)
    }

    /// What each device did: all addresses of one that has a name together.
    private static func uses(_ reader: StoreReader, _ filter: RowFilter) throws -> [DeviceUse] {
        var devices: [IPAddress: [String?]] = [:]
        for tally in try reader.tally(by: [.client, .device], filter) {
            if let client = tally.client { devices[client, default: []].append(tally.texts[1]) }
        }
        var uses: [ReviewDevice: DeviceUse] = [:]
        func add(_ use: DeviceUse) {
            guard var known = uses[use.device] else {
                uses[use.device] = use
                return
            }
            known.count += use.count
            known.firstMicros = min(known.firstMicros, use.firstMicros)
            known.lastMicros = max(known.lastMicros, use.lastMicros)
            uses[use.device] = known
        }
        for use in try reader.clients(filter) {
            if let names = devices[use.client], names.count > 1 {
                // An address that several devices had: its rows alone tell them apart.
                try forEachUse(of: use.client, reader, filter, add)
            } else {
                let device = ReviewDevice(use.client, device: devices[use.client]?.first ?? nil)
                add(
                    DeviceUse(
                        device: device, count: use.count, firstMicros: use.firstMicros,
                        lastMicros: use.lastMicros))
            }
        }
        return uses.values.sorted { $0.device < $1.device }
    }

    private static func forEachUse(
        of client: IPAddress, _ reader: StoreReader, _ filter: RowFilter,
        _ body: (DeviceUse) -> Void
    ) throws {
        var own = filter
        own.client = IPNetwork(client.description, hostBitsAllowed: false)
        let rows = try reader.rows(own)
        while let row = try rows.next() {
            let micros = row.timeMicros
            body(
                DeviceUse(
                    device: ReviewDevice(client, device: row.device), count: 1, firstMicros: micros,
                    lastMicros: micros))
        }
    }

    /// Devices of the weeks before that are not among this week's, those seen last first.
    var silent: [DeviceUse] {
        let present = Set(seen.map(\.device))
        var lastSeen: [ReviewDevice: DeviceUse] = [:]
        for use in before.values.joined() where !present.contains(use.device) {
            if let known = lastSeen[use.device], known.lastMicros >= use.lastMicros { continue }
            lastSeen[use.device] = use
        }
        return lastSeen.values.sorted {
            $0.lastMicros != $1.lastMicros
                ? $0.lastMicros > $1.lastMicros : $0.device < $1.device
        }
    }
}
