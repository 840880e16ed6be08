import PolicyEngine

/// Zones written down from their rules, for the years 2024 to 2029.
enum Zones {
    /// Last Sundays of March and October, 01:00 UTC.
    static let london = ZoneRules(
        name: "Europe/London", initialOffsetSeconds: 0,
        transitions: years.flatMap { year in
            [
                (utc(sunday(.last, year, 3), 1, 0), 3600),
                (utc(sunday(.last, year, 10), 1, 0), 0),
            ]
        })

    /// Half an hour of summer time: first Sundays of April and October, 02:00 on the wall.
    static let lordHowe = ZoneRules(
        name: "Australia/Lord_Howe", initialOffsetSeconds: 39_600,
        transitions: years.flatMap { year in
            [
                (utc(sunday(.first, year, 4).advanced(byDays: -1), 15, 0), 37_800),
                (utc(sunday(.first, year, 10).advanced(byDays: -1), 15, 30), 39_600),
            ]
        })

    /// Clocks change at midnight: second Sunday of March, first Sunday of November.
    static let havana = ZoneRules(
        name: "America/Havana", initialOffsetSeconds: -18_000,
        transitions: years.flatMap { year in
            [
                (utc(sunday(.second, year, 3), 5, 0), -14_400),
                (utc(sunday(.first, year, 11), 5, 0), -18_000),
            ]
        })

    /// The zone of Samoa on the days around 30 December 2011, which it left out.
    static let apia = ZoneRules(
        name: "Pacific/Apia", initialOffsetSeconds: -36_000,
        transitions: [(instant("2011-12-30 10:00"), 50_400)])

    static let all = [ZoneRules.utc, london, lordHowe, havana]

    private static let years = 2024...2029

    private enum Which { case first, second, last }

    private static func sunday(_ which: Which, _ year: Int, _ month: Int) -> CivilDate {
        var days: [CivilDate] = []
        for day in 1...31 {
            guard let date = CivilDate(year: year, month: month, day: day) else { continue }
            if date.weekday == 6 { days.append(date) }
        }
        return switch which {
        case .first: days[0]
        case .second: days[1]
        case .last: days[days.count - 1]
        }
    }

    private static func utc(_ date: CivilDate, _ hour: Int, _ minute: Int) -> Instant {
        Instant(seconds: Int64(date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60))
    }
}

/// The instant at which a zone's wall clock shows a time; 1970 where the text is no time.
func instant(_ text: String, in zone: ZoneRules = .utc) -> Instant {
    CivilTime(parsing: text).map(zone.instant(of:)) ?? Instant(seconds: 0)
}

/// A date; 1970-01-01 where the text is none.
func date(_ text: String) -> CivilDate {
    CivilDate(parsing: text) ?? CivilDate(daysSinceEpoch: 0)
}

/// A window from `22:00-06:00`.
func window(_ text: String) -> Window {
    let minutes = text.split(separator: "-").map { time in
        let parts = time.split(separator: ":").compactMap { Int($0) }
        return parts.count == 2 ? parts[0] * 60 + parts[1] : 0
    }
    return Window(startMinute: minutes.first ?? 0, endMinute: minutes.last ?? 0)
}

/// A period from days (0 is Monday) and windows.
func period(
    _ name: String, _ days: ClosedRange<Int> = 0...6, _ windows: String..., when: DayKind = .always
) -> Period {
    Period(
        name: name, when: when,
        windows: (0..<7).map { days.contains($0) ? windows.map(window) : [] })
}

extension Instant {
    static func + (left: Instant, right: Int64) -> Instant {
        Instant(seconds: left.seconds + right)
    }
}
