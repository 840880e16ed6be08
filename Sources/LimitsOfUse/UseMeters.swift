public import DecisionLog
public import PolicyEngine

/// Counts the active minutes of devices on several days.
public struct UseMeters {
    private var meters: [UseMeter]

    /// Begins with nothing counted.
    public init(_ policy: UsePolicy, days: [CivilDate]) {
        meters = days.map { UseMeter(policy, day: $0) }
    }

    /// The rows that may be use on these days; nothing else has to be read.
    public static func filter(_ policy: UsePolicy, days: [CivilDate]) -> RowFilter {
        var filter = RowFilter()
        let bounds = days.map { $0.instants(in: policy.policy.zone) }
        filter.sinceMicros = bounds.first.map { $0.lowerBound.seconds * 1_000_000 }
        filter.untilMicros = bounds.last.map { $0.upperBound.seconds * 1_000_000 }
        filter.categories = policy.categories
        return filter
    }

    /// Counts a row, where it is use on one of the days.
    public mutating func add(_ row: DecisionRow) {
        for place in meters.indices where meters[place].micros.contains(row.timeMicros) {
            meters[place].add(row)
        }
    }

    /// What each device used, day by day.
    public var use: [DayOfUse] { meters.flatMap(\.use) }
}
