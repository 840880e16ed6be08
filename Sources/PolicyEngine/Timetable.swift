/// When something begins and ends by the wall clock: for each class of day, the minutes at which
/// it flips.
///
/// Evaluation goes by what the clock on the wall shows: the instant is turned to local time by the
/// offset that holds at that instant, so that a skipped hour is skipped and a repeated one counts
/// both times.
struct Timetable: Sendable {
    /// The classes of days that begin with it on.
    private let startsActive: DayClassSet
    /// The classes of days through which it stays on, and through which it stays off.
    private let steadilyActive: DayClassSet
    private let steadilyIdle: DayClassSet
    /// Where each class's flips start in `flips`; one entry more than there are classes.
    private let flipStarts: [Int]
    /// Minutes of the day, greater than zero, in order within a class.
    private let flips: [UInt16]

    init(_ minutes: ActiveMinutes) {
        var starts = DayClassSet()
        var active = DayClassSet()
        var idle = DayClassSet()
        var flipStarts = [0]
        var flips: [UInt16] = []
        for dayClass in DayClass.all {
            let atMidnight = minutes.holdsAtMidnight(on: dayClass)
            flips += minutes.flips(on: dayClass)
            if atMidnight { starts.insert(dayClass) }
            if flipStarts.last == flips.count {
                if atMidnight { active.insert(dayClass) } else { idle.insert(dayClass) }
            }
            flipStarts.append(flips.count)
        }
        startsActive = starts
        steadilyActive = active
        steadilyIdle = idle
        self.flipStarts = flipStarts
        self.flips = flips
    }

    /// Whether it is on when the wall clock shows a time, in local seconds since 1970-01-01.
    func isActive(atLocalSeconds local: Int64, days: DayTable) -> Bool {
        let (day, second) = floorDivide(local, secondsPerDay)
        let dayClass = days.dayClass(of: Int(day))
        let passed = flipRange(of: dayClass).prefix { Int64(flips[$0]) * 60 <= second }.count
        return startsActive.contains(dayClass) != (passed % 2 != 0)
    }

    /// The first instant after `seconds` at which it is not what it is then; `nil` for never.
    ///
    /// Exact. Costs a step for each day of the calendar without a flip, and a step for each clock
    /// change on the way. Beyond the calendar the weeks are all alike: what does not change within
    /// a few of them never does.
    func nextFlip(after seconds: Int64, zone: ZoneRules, days: DayTable) -> Int64? {
        var passed = zone.transitionsPassed(at: Instant(seconds: seconds))
        var cursor = seconds
        let state = isActive(
            atLocalSeconds: cursor + zone.offset(afterTransitions: passed), days: days)
        let calendarEnd = Int64(days.endDay) * secondsPerDay
        let horizon = max(seconds, calendarEnd) + Self.searchSecondsPastCalendar
        while true {
            let offset = zone.offset(afterTransitions: passed)
            let clockChange =
                passed < zone.transitionSeconds.count ? zone.transitionSeconds[passed] : .max
            let limit = min(clockChange, horizon)
            let flip = firstLocalSeconds(
                thatIsNot: state, after: cursor + offset, before: limit + offset, days: days)
            if let flip { return flip - offset }
            guard clockChange < horizon else { return nil }
            passed += 1
            cursor = clockChange
            let shown = cursor + zone.offset(afterTransitions: passed)
            if isActive(atLocalSeconds: shown, days: days) != state { return cursor }
        }
    }

    /// How far past the calendar's end a flip is looked for: a week holds every flip that there
    /// is, and the rest allows for flips that clock changes hide in several weeks on end.
    private static let searchSecondsPastCalendar = 60 * secondsPerDay

    /// The first local time in `after..<before` that is not in `state`, while no clock is changed;
    /// it is in that state at `after`.
    private func firstLocalSeconds(
        thatIsNot state: Bool, after: Int64, before: Int64, days: DayTable
    ) -> Int64? {
        let (firstDay, second) = floorDivide(after, secondsPerDay)
        let today = flipRange(of: days.dayClass(of: Int(firstDay)))
        if let flip = today.first(where: { Int64(flips[$0]) * 60 > second }) {
            return self.flip(flip, ofDay: firstDay, before: before)
        }
        let steady = state ? steadilyActive : steadilyIdle
        let isSteadyOutside = steady.isSuperset(of: .outsideCalendar)
        let lastDay = floorDivide(before, secondsPerDay).quotient
        var day = Int(firstDay) + 1
        while day <= lastDay {
            if isSteadyOutside, day < days.firstDay { day = days.firstDay }
            if isSteadyOutside, day >= days.endDay { return nil }
            let dayClass = days.dayClass(of: day)
            if steady.contains(dayClass) {
                day += 1
                continue
            }
            let midnight = Int64(day) * secondsPerDay
            if startsActive.contains(dayClass) != state {
                return midnight < before ? midnight : nil
            }
            return flip(flipRange(of: dayClass).lowerBound, ofDay: Int64(day), before: before)
        }
        return nil
    }

    private func flip(_ index: Int, ofDay day: Int64, before: Int64) -> Int64? {
        let local = day * secondsPerDay + Int64(flips[index]) * 60
        return local < before ? local : nil
    }

    private func flipRange(of dayClass: DayClass) -> Range<Int> {
        flipStarts[dayClass.number]..<flipStarts[dayClass.number + 1]
    }
}
