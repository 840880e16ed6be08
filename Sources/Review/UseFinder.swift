import DNSWire
import DecisionLog
import LimitsOfUse
import LogStore
import PolicyEngine

extension ReviewFigures {
    /// How much devices of a group used what a limit of the policy counts.
    public struct UseOfGroup: Codable, Hashable, Sendable {
        /// The group.
        public var group: String
        /// The category that is counted.
        public var category: String
        /// Active minutes of a day that pass without a flag.
        public var limitMinutes: Int
        /// How grave it is to pass the limit.
        public var concern: String
        /// Devices with an active minute in the week.
        public var devices: ReviewCount
        /// Devices that passed the limit on a day.
        public var devicesOver: ReviewCount
        /// On how many days of how many devices it was passed, all together.
        public var daysOver: ReviewCount
        /// Devices that passed it, most days first.
        public var list: [UseOver]
    }

    /// A device that passed a limit of use.
    public struct UseOver: Codable, Hashable, Sendable {
        /// By its pseudonym, or by its name or address.
        public var device: String
        /// On how many days.
        public var days: ReviewCount
        /// Active minutes of the day with the most.
        public var mostMinutes: Int
    }
}

/// Works out a week's use of what the policy limits.
struct UseFinder {
    let reviewer: Reviewer

    init(_ reviewer: Reviewer) { self.reviewer = reviewer }

    private struct Key: Hashable {
        var group: String
        var limit: Int
    }

    func use() throws -> [ReviewFigures.UseOfGroup] {
        let policy = reviewer.policy.policy
        guard !policy.useLimits.isEmpty else { return [] }
        let counting = UsePolicy(policy: policy, catalogue: reviewer.policy.catalogue)
        var meters = UseMeters(counting, days: reviewer.week.days)
        var filter = reviewer.weekFilter
        filter.categories = counting.categories
        try reviewer.reader.forEachRow(filter) { meters.add($0) }
        let found = Dictionary(grouping: meters.use) { Key(group: $0.group, limit: $0.limit) }
        var figures: [ReviewFigures.UseOfGroup] = []
        for (place, group) in policy.groups.enumerated()
        where reviewer.group ?? group.name == group.name {
            for limit in policy.useLimits(ofGroup: place) {
                let key = Key(group: group.name, limit: limit)
                figures.append(self.figures(key, policy.useLimits[limit], found[key] ?? []))
            }
        }
        return figures
    }

    private func figures(
        _ key: Key, _ limit: UseLimit, _ use: [DayOfUse]
    ) -> ReviewFigures.UseOfGroup {
        let over = Dictionary(grouping: use.filter { $0.overMicros != nil }, by: \.device)
            .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        return ReviewFigures.UseOfGroup(
            group: key.group, category: limit.category, limitMinutes: limit.minutesADay,
            concern: "\(limit.concern)",
            devices: ReviewCount(UInt64(Set(use.map(\.device)).count)),
            devicesOver: ReviewCount(UInt64(over.count)),
            daysOver: ReviewCount(UInt64(over.reduce(0) { $0 + $1.value.count })),
            list: over.prefix(ReviewLimits.rows).map { device, days in
                ReviewFigures.UseOver(
                    device: reviewer.device(
                        ReviewDevice(device), days.map(\.firstMicros).min() ?? 0),
                    days: ReviewCount(UInt64(days.count)),
                    mostMinutes: days.map(\.minutes).max() ?? 0)
            })
    }
}

extension ReviewDevice {
    init(_ device: UsingDevice) {
        switch device {
        case .address(let address): self = .address(address)
        case .device(let name): self = .device(name)
        }
    }
}
