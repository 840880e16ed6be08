import PolicyEngine
import Testing

@testable import Review

/// Weeks as ISO 8601 counts them, by the wall clock.
@Suite struct WeekTests {
    @Test(arguments: [
        ("2026-W47", "2026-11-16"), ("2026-W01", "2025-12-29"), ("2026-W53", "2026-12-28"),
        ("2027-W01", "2027-01-04"), ("2025-W52", "2025-12-22"), ("2020-W53", "2020-12-28"),
    ])
    func weeksAreFound(_ row: (text: String, monday: String)) throws {
        let week = try ReviewWeek(parsing: row.text)
        #expect(week.monday.description == row.monday)
        #expect(week.description == row.text)
        for day in week.days { #expect(ReviewWeek(of: day) == week) }
        #expect(week.advanced(byWeeks: -3).advanced(byWeeks: 3) == week)
    }

    @Test(arguments: [
        "2026-47", "W47", "2026-W7", "2026-w47", "2026-W47-1", "", "２026-W47", "0000-W01",
    ])
    func otherTextsAreRefused(_ text: String) {
        #expect(throws: ReviewWeekError.unreadable(text)) { try ReviewWeek(parsing: text) }
    }

    @Test func weeksThatDoNotExistAreNamed() {
        #expect(throws: ReviewWeekError.noSuchWeek("2025-W53", year: 2025, weeks: 52)) {
            try ReviewWeek(parsing: "2025-W53")
        }
        #expect(throws: ReviewWeekError.noSuchWeek("2026-W00", year: 2026, weeks: 53)) {
            try ReviewWeek(parsing: "2026-W00")
        }
        let error = ReviewWeekError.noSuchWeek("2025-W53", year: 2025, weeks: 52)
        #expect("\(error)".contains("2025-W01 to 2025-W52"))
    }

    /// Every day of 60 years lies in the week that its name says.
    @Test func everyDayHasItsWeek() throws {
        for day in stride(from: 10_957, to: 10_957 + 60 * 366, by: 1) {
            let week = ReviewWeek(of: CivilDate(daysSinceEpoch: day))
            #expect(try ReviewWeek(parsing: "\(week)") == week)
            #expect(week.days.contains(CivilDate(daysSinceEpoch: day)))
        }
    }

    @Test(arguments: [("2026-W47", 168), ("2026-W13", 167), ("2026-W43", 169)])
    func clockChangesMakeLongAndShortWeeks(_ row: (week: String, hours: Int64)) throws {
        let bounds = try ReviewWeek(parsing: row.week).instants(in: College.zone)
        #expect(bounds.upperBound.seconds - bounds.lowerBound.seconds == row.hours * 3600)
        #expect(College.zone.civilTime(at: bounds.lowerBound).secondOfDay == 0)
        #expect(College.zone.civilTime(at: bounds.upperBound).secondOfDay == 0)
    }
}
