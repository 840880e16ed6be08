/// A stretch of the wall clock, half-open: the end minute is no longer in it.
public struct Window: Hashable, Sendable {
    /// The first minute of the day, 0..<1440.
    public var startMinute: Int
    /// The minute at which it ends, 1...1440; at or before `startMinute` it means the next day's.
    public var endMinute: Int

    /// Takes minutes since midnight; values outside their ranges are cut to them.
    public init(startMinute: Int, endMinute: Int) {
        self.startMinute = min(max(startMinute, 0), minutesPerDay - 1)
        self.endMinute = min(max(endMinute, 0), minutesPerDay)
    }

    /// Whether it goes on into the next day.
    public var passesMidnight: Bool { endMinute <= startMinute }

    /// The minutes on the day it starts on.
    var minutesOfStartDay: Range<Int> {
        startMinute..<(passesMidnight ? minutesPerDay : endMinute)
    }

    /// The minutes on the day after that.
    var minutesOfNextDay: Range<Int> { 0..<(passesMidnight ? endMinute : 0) }
}

/// A named part of the week, such as `break`.
public struct Period: Sendable {
    /// The name as written.
    public var name: String
    /// On which days of the calendar its windows start.
    public var when: DayKind
    /// The windows that start on each day of the week, Monday first: seven arrays.
    public var windows: [[Window]]

    /// Takes a name and the windows by weekday; missing weekdays have none.
    public init(name: String, when: DayKind = .term, windows: [[Window]]) {
        self.name = name
        self.when = when
        self.windows = (0..<7).map { $0 < windows.count ? windows[$0] : [] }
    }

    /// The windows that start on a weekday (0 is Monday).
    func windows(onWeekday weekday: Int) -> [Window] {
        windows.indices.contains(weekday) ? windows[weekday] : []
    }
}
