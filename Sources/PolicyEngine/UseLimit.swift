public import DomainLists

/// How much of a day the devices of some groups may use a category before somebody is told.
///
/// A limit flags; it never blocks. So it is no part of a plane: whoever reads the record works out
/// what was used.
public struct UseLimit: Hashable, Sendable {
    /// When use counts; on the college's own devices it counts at every hour.
    public enum Counted: Hashable, Sendable {
        /// At every hour.
        case always
        /// While a period (a place in `Policy.periods`) is on.
        case during(Int)
    }

    /// The groups, as places in `Policy.groups`; those that inherit from them are meant, too. `nil`
    /// for every group.
    public var groups: [Int]?
    /// The category or list, as written.
    public var category: String
    /// The sources of its names.
    public var sources: Set<SourceID>
    /// Active minutes of a day that pass without a flag, 1...1440.
    public var minutesADay: Int
    /// When use counts.
    public var counted: Counted
    /// How grave it is to pass the limit.
    public var concern: Concern

    /// Takes the parts.
    public init(
        groups: [Int]?, category: String, sources: Set<SourceID> = [], minutesADay: Int,
        counted: Counted, concern: Concern = .low
    ) {
        self.groups = groups
        self.category = category
        self.sources = sources
        self.minutesADay = minutesADay
        self.counted = counted
        self.concern = concern
    }
}

extension Policy {
    /// The limits that hold for a group, as places in `useLimits`: of those for the same category
    /// the one that is written for the nearest group, its own first, then those that it inherits
    /// from, and last the one for every group.
    public func useLimits(ofGroup group: Int) -> [Int] {
        var nearest: [String: (place: Int, distance: Int)] = [:]
        for (place, limit) in useLimits.enumerated() {
            guard let distance = distance(from: group, to: limit.groups) else { continue }
            if let known = nearest[limit.category], known.distance <= distance { continue }
            nearest[limit.category] = (place, distance)
        }
        return nearest.values.map(\.place).sorted()
    }

    /// Steps of inheritance from a group to the nearest of some; `nil` if it leads to none of them.
    private func distance(from group: Int, to others: [Int]?) -> Int? {
        guard let others else { return groups.count }
        var current: Int? = group
        // Groups cannot inherit in a circle once they are loaded; the count ends it in any case.
        for distance in groups.indices {
            guard let place = current, groups.indices.contains(place) else { return nil }
            if others.contains(place) { return distance }
            current = groups[place].parent
        }
        return nil
    }

    /// The category paths by which the record knows a limit's names where nothing but the default
    /// decides.
    public func recordedPaths(of limit: UseLimit) -> Set<String> {
        Set(limit.sources.compactMap { info(of: $0)?.defaultCategory }.filter { !$0.isEmpty })
    }
}

/// When a limit counts, minute by minute.
public struct CountedTime: Sendable {
    private let timetable: Timetable?
    private let days: DayTable
    private let zone: ZoneRules

    /// Makes it for a policy's calendar and clock; a period that does not exist never counts.
    public init(_ counted: UseLimit.Counted, in policy: Policy) {
        switch counted {
        case .always: timetable = nil
        case .during(let period):
            timetable = Timetable(
                policy.periods.indices.contains(period)
                    ? ActiveMinutes(policy.periods[period]) : .never)
        }
        days = DayTable(policy.calendar)
        zone = policy.zone
    }

    /// Whether use counts at an instant.
    public func counts(at instant: Instant) -> Bool {
        guard let timetable else { return true }
        let local = instant.seconds + Int64(zone.offset(at: instant))
        return timetable.isActive(atLocalSeconds: local, days: days)
    }
}
