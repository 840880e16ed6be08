/// When a rule holds: while one of its periods is on and none of its exceptions is.
struct Condition: Hashable, Sendable {
    /// Periods of which one must be on; empty for always.
    let during: Set<Int>
    /// Periods of which none may be on.
    let exceptDuring: Set<Int>

    /// The minutes at which it holds.
    func activeMinutes(of periods: [ActiveMinutes]) -> ActiveMinutes {
        var minutes = during.isEmpty ? ActiveMinutes.always : .never
        // A period that does not exist is never on.
        for period in during where periods.indices.contains(period) {
            minutes.formUnion(periods[period])
        }
        for period in exceptDuring where periods.indices.contains(period) {
            minutes.subtract(periods[period])
        }
        return minutes
    }
}

/// The distinct conditions of a policy's rules, and the periods that they name.
///
/// A period that a rule names stands here as a condition of its own: the period that a verdict
/// records may change where no rule's condition does.
struct Conditions: Sendable {
    /// One timetable a condition.
    let timetables: [Timetable]
    /// The condition of each rule.
    let ofRule: [Int]
    /// The condition that stands for each period; `nil` for a period that no rule names.
    let ofPeriod: [Int?]

    private let days: DayTable
    private let zone: ZoneRules

    init(clauses: [Clause], policy: Policy) {
        let rules = clauses.map(\.rule)
        let periods = policy.periods.map(ActiveMinutes.init)
        var places: [Condition: Int] = [:]
        var timetables: [Timetable] = []
        let place = { (condition: Condition) -> Int in
            if let known = places[condition] { return known }
            places[condition] = timetables.count
            timetables.append(Timetable(condition.activeMinutes(of: periods)))
            return timetables.count - 1
        }
        ofRule = rules.map { place($0.condition) }
        var ofPeriod = [Int?](repeating: nil, count: periods.count)
        for rule in rules {
            for period in rule.during + rule.exceptDuring
            where periods.indices.contains(period) && ofPeriod[period] == nil {
                ofPeriod[period] = place(Condition(during: [period], exceptDuring: []))
            }
        }
        self.ofPeriod = ofPeriod
        self.timetables = timetables
        days = DayTable(policy.calendar)
        zone = policy.zone
    }

    /// Whether each condition holds at an instant, and the first later instant at which that
    /// changes (`Int64.max` for never).
    func states(at seconds: Int64) -> [(isActive: Bool, nextFlip: Int64)] {
        let local = seconds + Int64(zone.offset(at: Instant(seconds: seconds)))
        return timetables.map { timetable in
            (
                timetable.isActive(atLocalSeconds: local, days: days),
                timetable.nextFlip(after: seconds, zone: zone, days: days) ?? .max
            )
        }
    }

    /// The state at an instant of a condition that holds in a stretch of time alone.
    ///
    /// - Parameter state: the condition's own at that instant.
    func state(
        _ state: (isActive: Bool, nextFlip: Int64), of condition: Int,
        within window: Range<Instant>,
        at seconds: Int64
    ) -> (isActive: Bool, nextFlip: Int64) {
        let (start, end) = (window.lowerBound.seconds, window.upperBound.seconds)
        guard seconds < end, start < end else { return (false, .max) }
        guard seconds < start else {
            if state.isActive { return (true, min(state.nextFlip, end)) }
            return (false, state.nextFlip < end ? state.nextFlip : .max)
        }
        let local = start + Int64(zone.offset(at: Instant(seconds: start)))
        let timetable = timetables[condition]
        if timetable.isActive(atLocalSeconds: local, days: days) { return (false, start) }
        let first = timetable.nextFlip(after: start, zone: zone, days: days) ?? .max
        return (false, first < end ? first : .max)
    }

    /// The periods named by rules that are on at an instant.
    func activePeriods(at seconds: Int64) -> Set<Int> {
        let local = seconds + Int64(zone.offset(at: Instant(seconds: seconds)))
        return Set(
            ofPeriod.indices.filter { period in
                guard let place = ofPeriod[period] else { return false }
                return timetables[place].isActive(atLocalSeconds: local, days: days)
            })
    }
}

extension Rule {
    /// When it holds.
    var condition: Condition {
        Condition(during: Set(during), exceptDuring: Set(exceptDuring))
    }
}
