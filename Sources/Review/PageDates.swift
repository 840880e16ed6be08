import PolicyEngine

/// Dates and times as people read them.
enum PageDates {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]
    private static let weekdays = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]

    private static func parts(_ date: String) -> (year: Int, month: Int, day: Int)? {
        let parts = date.prefix(10).split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, months.indices.contains(parts[1] - 1) else { return nil }
        return (parts[0], parts[1], parts[2])
    }

    /// `2026-11-17T10:31:05+00:00` as `Tue 17 Nov, 10:31`.
    static func moment(_ instant: String?) -> String {
        guard let instant, instant.count >= 16 else { return "unknown" }
        return "\(day(instant)), \(instant.dropFirst(11).prefix(5))"
    }

    /// `2026-11-17` as `Tue 17 Nov`.
    static func day(_ date: String) -> String {
        guard let (_, month, day) = parts(date) else { return date }
        return "\(weekday(date).prefix(3)) \(day) \(months[month - 1].prefix(3))"
    }

    /// `2026-11-17` as `17 November 2026`.
    static func date(_ date: String) -> String {
        guard let (year, month, day) = parts(date) else { return date }
        return "\(day) \(months[month - 1]) \(year)"
    }

    /// Two dates as `Monday 16 to Sunday 22 November 2026`; month and year of the first where they
    /// are others.
    static func span(_ first: String, _ last: String) -> String {
        guard let start = parts(first), let end = parts(last) else { return "\(first) to \(last)" }
        var text = "\(weekday(first)) \(start.day)"
        if start.month != end.month { text += " \(months[start.month - 1])" }
        if start.year != end.year { text += " \(start.year)" }
        return "\(text) to \(weekday(last)) \(date(last))"
    }

    /// `2026-W47` as `16 Nov`, its Monday.
    static func week(_ week: String) -> String {
        guard let monday = try? ReviewWeek(parsing: week).monday.description else { return week }
        return String(day(monday).dropFirst(4))
    }

    /// Names of the day of a date by Sakamoto's rule.
    private static func weekday(_ date: String) -> String {
        let shifts = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
        guard let (full, month, day) = parts(date) else { return "" }
        let year = month < 3 ? full - 1 : full
        let sum = year + year / 4 - year / 100 + year / 400 + shifts[month - 1] + day
        return weekdays[(sum + 6) % 7]
    }

    /// `a, b and c`.
    static func list(_ texts: [String]) -> String {
        guard let last = texts.last, texts.count > 1 else { return texts.first ?? "" }
        return "\(texts.dropLast().joined(separator: ", ")) and \(last)"
    }
}
