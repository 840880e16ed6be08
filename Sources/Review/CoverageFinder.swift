import DNSWire
import DecisionLog
import LogStore
import PolicyEngine

extension Reviewer {
    /// How far the record can be relied on.
    func coverage(_ counts: WeekCounts, _ clients: ClientCounts) throws -> ReviewFigures.Coverage {
        let silent = clients.silent
        let known = policy.policy.groups.map(\.networks) + [policy.policy.deviceNetworks]
        let table = ClientTable(known)
        let unknown = clients.seen.filter { use in
            // A device that the policy names is known wherever it is.
            guard case .address(let address) = use.device else { return false }
            return table.place(of: address) == nil
        }.sorted { $0.count != $1.count ? $0.count > $1.count : $0.device < $1.device }
        let (gaps, gapsUnlisted) = try gaps()
        let empty = zip(week.days, counts.byDay).filter { $1 == 0 }.map(\.0)
        return ReviewFigures.Coverage(
            firstDecision: clients.seen.map(\.firstMicros).min().map(text),
            lastDecision: clients.seen.map(\.lastMicros).max().map(text),
            daysWithoutRecord: empty.filter { $0 < today }.map(\.description),
            noneYetOn: empty.first { $0 == today }?.description,
            devicesSeen: ReviewCount(UInt64(clients.seen.count)),
            devicesSilent: ReviewCount(UInt64(silent.count)), silent: devices(silent),
            devicesUnknown: ReviewCount(UInt64(unknown.count)), unknown: devices(unknown),
            gaps: gaps, gapsUnlisted: gapsUnlisted, policies: try policies(), lists: lists,
            problems: reader.problems.map(\.description) + reader.damage.map(\.description))
    }

    private func devices(_ uses: [DeviceUse]) -> [ReviewFigures.DeviceSeen] {
        uses.prefix(ReviewLimits.rows).map {
            ReviewFigures.DeviceSeen(
                device: device($0.device, $0.lastMicros), lastSeen: text($0.lastMicros))
        }
    }

    /// Stretches that lie in the week, wherever they were noted; of the whole college, since nobody
    /// knows whose decisions are missing.
    private func gaps() throws -> ([ReviewFigures.Gap], Int) {
        var filter = RowFilter()
        filter.sinceMicros = bounds.lowerBound.micros
        let found = try reader.gaps(filter).compactMap { row -> ReviewFigures.Gap? in
            guard let gap = row.gap else { return nil }
            let isDated = gap.firstMicros > 0 && gap.firstMicros <= gap.lastMicros
            let first = isDated ? gap.firstMicros : row.timeMicros
            let last = isDated ? gap.lastMicros : row.timeMicros
            guard first < bounds.upperBound.micros, last >= bounds.lowerBound.micros else {
                return nil
            }
            return ReviewFigures.Gap(
                decisions: gap.count, from: isDated ? text(first) : nil,
                until: isDated ? text(last) : nil, noted: text(row.timeMicros),
                reason: gap.reason.description)
        }
        return (Array(found.prefix(ReviewLimits.rows)), max(0, found.count - ReviewLimits.rows))
    }

    private func policies() throws -> [ReviewFigures.PolicyInForce] {
        var filter = weekFilter
        filter.group = nil
        let (start, end) = (bounds.lowerBound.micros, bounds.upperBound.micros)
        return try reader.policies(filter)
            .filter { $0.firstMicros < end && $0.lastMicros >= start }
            .map { use in
                ReviewFigures.PolicyInForce(
                    hash: use.policy, from: text(max(use.firstMicros, start)),
                    until: text(min(use.lastMicros, end - 1)), isCurrent: use.policy == policy.hash)
            }
    }

    private var lists: [ReviewFigures.ListAge] {
        policy.lists.map { list in
            let age = readEnd.seconds - list.modifiedSeconds
            return ReviewFigures.ListAge(
                list: list.name, names: list.names,
                changed: zone.iso8601(Instant(seconds: list.modifiedSeconds)),
                ageDays: age < 0 ? nil : Int(age / 86_400))
        }
    }
}
