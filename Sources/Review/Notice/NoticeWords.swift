import PolicyEngine

/// Times and lists as people say them.
enum NoticeWords {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]
    private static let weekdays = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]

    /// What the rules of the switch against ways round the filter are about, by their names.
    static let bypass = [
        BypassSwitch.ruleID: "ways round the filter (VPNs, web proxies, other name services)",
        BypassSwitch.signalsRuleID: "questions by which devices try to change their name service",
    ]

    /// `24 November 2026`.
    static func date(_ date: CivilDate) -> String {
        "\(date.day) \(months[min(max(date.month, 1), 12) - 1]) \(date.year)"
    }

    /// `a, b and c`.
    static func list(_ words: [String], _ last: String = "and") -> String {
        guard let end = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " \(last) \(end)"
    }

    /// How long records are kept: `90 days`.
    static func length(_ seconds: Int64) -> String {
        let units: [(Int64, String)] = [(86_400, "day"), (3600, "hour"), (60, "minute")]
        let (size, name) = units.first { seconds % $0.0 == 0 && seconds >= $0.0 } ?? (1, "second")
        let count = seconds / size
        return "\(count) \(name)\(count == 1 ? "" : "s")"
    }

    /// `Monday to Friday 08:45-16:15, in term`.
    static func period(_ period: Period) -> String {
        var parts: [String] = []
        var day = 0
        while day < period.windows.count {
            let windows = period.windows[day]
            var last = day
            while last + 1 < period.windows.count, period.windows[last + 1] == windows { last += 1 }
            if !windows.isEmpty {
                let days =
                    switch last - day {
                    case 0: weekdays[day]
                    case 6: "every day"
                    case 1: "\(weekdays[day]) and \(weekdays[last])"
                    default: "\(weekdays[day]) to \(weekdays[last])"
                    }
                parts.append("\(days) \(list(windows.map(window)))")
            }
            day = last + 1
        }
        let when =
            switch period.when {
            case .term: "in term"
            case .holiday: "in the holidays"
            case .always: "all year"
            }
        return (parts + [when]).joined(separator: ", ")
    }

    private static func window(_ window: Window) -> String {
        "\(clock(window.startMinute))-\(clock(window.endMinute))"
    }

    private static func clock(_ minute: Int) -> String {
        let (hours, minutes) = (minute / 60, minute % 60)
        return "\(hours < 10 ? "0" : "")\(hours):\(minutes < 10 ? "0" : "")\(minutes)"
    }
}
