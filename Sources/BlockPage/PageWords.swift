import PolicyEngine

/// Times as people say them.
enum PageWords {
    private static let weekdays = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]

    /// `10:30, when break begins`; with the day where it is another.
    static func until(_ end: Instant, from now: Instant, _ program: PolicyProgram) -> String {
        let zone = program.policy.zone
        let (then, today) = (zone.civilTime(at: end), zone.civilTime(at: now).date)
        let whole = zone.iso8601(end).dropFirst(11).prefix(8)
        let clock = whole.hasSuffix(":00") ? whole.dropLast(3) : whole
        let days = then.date.daysSinceEpoch - today.daysSinceEpoch
        let day =
            switch days {
            case 0: ""
            case 1: "tomorrow, "
            case 2...6: "\(weekdays[then.date.weekday]), "
            default: "\(then.date.day) \(months[then.date.month - 1]) \(then.date.year), "
            }
        let bell = bell(at: end, program).map { ", when \($0)" } ?? ""
        return "\(day)\(clock)\(bell)"
    }

    /// What rings at an instant: `break begins`, `college hours end`.
    private static func bell(at instant: Instant, _ program: PolicyProgram) -> String? {
        let before = program.activePeriods(at: Instant(seconds: instant.seconds - 1))
        let after = program.activePeriods(at: instant)
        if let begins = after.first(where: { !before.contains($0) }) {
            return "\(spoken(begins)) begins"
        }
        if let ends = before.first(where: { !after.contains($0) }) { return "\(spoken(ends)) ends" }
        return nil
    }

    /// `college hours` for `college-hours`.
    static func spoken(_ name: String) -> String {
        String(name.map { $0 == "-" || $0 == "_" ? " " : $0 })
    }
}
