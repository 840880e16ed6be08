import DNSWire
import DecisionLog
import LogStore

/// Which devices asked, this week and before.
struct ClientCounts {
    /// This week, by address.
    private(set) var seen: [ClientUse] = []
    /// By week before.
    private(set) var before: [ReviewWeek: [ClientUse]] = [:]
    /// How many devices each group had; a device that changed its group counts in both.
    private(set) var countByGroup: [String: Int] = [:]

    init(_ reviewer: Reviewer) throws {
        seen = try reviewer.reader.clients(reviewer.weekFilter)
        for week in reviewer.weeksBefore {
            before[week] = try reviewer.reader.clients(reviewer.filter(week))
        }
        for tally in try reviewer.reader.tally(by: [.group, .client], reviewer.weekFilter) {
            countByGroup[tally.texts[0] ?? WeekCounts.noGroup, default: 0] += 1
        }
    }

    /// Devices of the weeks before that are not among this week's, those seen last first.
    var silent: [ClientUse] {
        let present = Set(seen.map(\.client))
        var lastSeen: [IPAddress: ClientUse] = [:]
        for use in before.values.joined() where !present.contains(use.client) {
            if let known = lastSeen[use.client], known.lastMicros >= use.lastMicros { continue }
            lastSeen[use.client] = use
        }
        return lastSeen.values.sorted {
            $0.lastMicros != $1.lastMicros
                ? $0.lastMicros > $1.lastMicros : $0.client < $1.client
        }
    }
}
