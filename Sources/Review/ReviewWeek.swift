public import PolicyEngine

/// A week of the calendar from Monday to Sunday, as ISO 8601 counts them: `2026-W47`.
///
/// Its bounds are midnights of the policy's wall clock, so a week in which the clocks change is an
/// hour longer or shorter.
public struct ReviewWeek: Hashable, Sendable, CustomStringConvertible {
    /// The Monday.
    public let monday: CivilDate

    /// Reads `2026-W47`.
    ///
    /// - Throws: `ReviewWeekError`, which says what is wrong and what to write.
    public init(parsing text: String) throws(ReviewWeekError) {
        let octets = Array(text.utf8)
        guard octets.count == 8, octets[4] == UInt8(ascii: "-"), octets[5] == UInt8(ascii: "W"),
            octets[0..<4].allSatisfy({ 0x30...0x39 ~= $0 }),
            octets[6..<8].allSatisfy({ 0x30...0x39 ~= $0 }), let year = Int(text.prefix(4)),
            let number = Int(text.suffix(2)), let first = Self.firstMonday(of: year),
            let next = Self.firstMonday(of: year + 1)
        else { throw .unreadable(text) }
        let count = (next.daysSinceEpoch - first.daysSinceEpoch) / 7
        guard (1...count).contains(number) else {
            throw .noSuchWeek(text, year: year, weeks: count)
        }
        monday = first.advanced(byDays: 7 * (number - 1))
    }

    /// The week that a date lies in.
    public init(of date: CivilDate) { monday = date.advanced(byDays: -date.weekday) }

    /// Week 1 is the one with 4 January in it.
    private static func firstMonday(of year: Int) -> CivilDate? {
        CivilDate(year: year, month: 1, day: 4).map { $0.advanced(byDays: -$0.weekday) }
    }

    /// The week some weeks later, or earlier where negative.
    public func advanced(byWeeks weeks: Int) -> ReviewWeek {
        ReviewWeek(of: monday.advanced(byDays: 7 * weeks))
    }

    /// The seven dates, Monday first.
    public var days: [CivilDate] { (0..<7).map { monday.advanced(byDays: $0) } }

    /// Those of them that had begun by an instant, Monday first.
    public func days(begunBy instant: Instant, in zone: ZoneRules) -> [CivilDate] {
        days.filter { zone.instant(of: CivilTime(date: $0, secondOfDay: 0)) <= instant }
    }

    /// The first instant and the one after the last.
    public func instants(in zone: ZoneRules) -> Range<Instant> {
        let start = zone.instant(of: CivilTime(date: monday, secondOfDay: 0))
        let end = zone.instant(of: CivilTime(date: monday.advanced(byDays: 7), secondOfDay: 0))
        return start..<max(start, end)
    }

    /// The week as `2026-W47`.
    public var description: String {
        // The year is that of the Thursday.
        let year = monday.advanced(byDays: 3).year
        let first = Self.firstMonday(of: year) ?? monday
        let number = (monday.daysSinceEpoch - first.daysSinceEpoch) / 7 + 1
        return "\(padded(year, to: 4))-W\(padded(number, to: 2))"
    }
}

/// Why a text is no week.
public enum ReviewWeekError: Error, Equatable, CustomStringConvertible {
    /// It is not written as a week.
    case unreadable(String)
    /// The year has fewer weeks.
    case noSuchWeek(String, year: Int, weeks: Int)

    /// One line for a person.
    public var description: String {
        switch self {
        case .unreadable(let text):
            "\"\(text)\" is no week; write year and week of the year, such as 2026-W47"
        case .noSuchWeek(let text, let year, let weeks):
            "there is no week \(text): \(year) has the weeks \(year)-W01 to \(year)-W\(weeks)"
        }
    }
}

/// A number with leading zeros.
func padded(_ value: Int, to width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
