import PolicyEngine

/// The days that stand for their kinds: a term day for each different timetable of a weekday, one of a
/// weekend, a closed day and a day of the holidays.
struct ProbeDays {
    private(set) var days: [(date: CivilDate, words: String)] = []
    /// Kinds of which the calendar has no day.
    private(set) var missing: [String] = []

    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    /// How far is looked for a day, in days: a year and a term.
    private static let horizon = 500

    /// - Parameter today: of each kind the next day from then on is taken, or else the last before.
    init(_ policy: Policy, today: CivilDate) {
        let calendar = policy.calendar
        let around =
            (0..<Self.horizon).map { today.advanced(byDays: $0) }
            + (1..<Self.horizon).map { today.advanced(byDays: -$0) }
        func isClosed(_ date: CivilDate) -> Bool {
            calendar.closed.contains { $0.contains(date) }
                && calendar.terms.contains { $0.contains(date) }
        }
        var known: [[[Window]]] = []
        for weekday in 0..<7 {
            let windows = policy.periods.map { $0.windows[weekday] }
            // A weekend in which nothing rings is asked for once, below.
            guard weekday < 5 || windows.contains(where: { !$0.isEmpty }), !known.contains(windows)
            else { continue }
            let date = around.first { $0.weekday == weekday && calendar.isTermDay($0) }
            guard let date else { continue }
            known.append(windows)
            days.append((date, "term day, \(Self.weekdays[weekday])"))
        }
        if days.isEmpty { missing.append("the calendar has no term day") }
        add("weekend", around.first { $0.weekday >= 5 && !isClosed($0) })
        add("closed day", around.first { isClosed($0) && $0.weekday < 5 })
        add(
            "holiday",
            around.first { $0.weekday < 5 && !calendar.isTermDay($0) && !isClosed($0) })
    }

    private mutating func add(_ words: String, _ date: CivilDate?) {
        if let date {
            days.append((date, words))
        } else {
            missing.append("the calendar has no \(words)")
        }
    }
}
