import PolicyEngine
import Testing

@Suite struct CivilDateTests {
    @Test func countsTheDaysOfTwoCenturies() {
        var days = date("1896-12-31").daysSinceEpoch
        #expect(days == -26_663)
        for year in 1897...2101 {
            for month in 1...12 {
                for day in 1...31 {
                    guard let date = CivilDate(year: year, month: month, day: day) else { continue }
                    days += 1
                    guard date.daysSinceEpoch == days, date.year == year, date.month == month,
                        date.day == day, date.weekday == (days % 7 + 7 + 3) % 7
                    else {
                        Issue.record("\(year)-\(month)-\(day)")
                        return
                    }
                }
            }
        }
        #expect(days == date("2101-12-31").daysSinceEpoch)
    }

    @Test(arguments: [
        ("1970-01-01", 3), ("2026-11-23", 0), ("2024-02-29", 3), ("2000-02-29", 1),
        ("2026-09-01", 1), ("0001-01-01", 0), ("9999-12-31", 4),
    ])
    func reads(_ text: String, weekday: Int) {
        let date = CivilDate(parsing: text)
        #expect(date?.description == text)
        #expect(date?.weekday == weekday)
    }

    @Test(arguments: [
        "", "2026-9-1", "2026-09-31", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10",
        "2026-01-00", "0000-01-01", "2026/09/01", " 2026-09-01", "2026-09-01 ", "2026-09-0१",
        "+026-09-01", "12026-09-01",
    ])
    func refuses(_ text: String) { #expect(CivilDate(parsing: text) == nil) }

    @Test func staysWithinItsBounds() {
        let far = CivilDate(daysSinceEpoch: .max)
        #expect(far.advanced(byDays: .max) == far)
        #expect(far.advanced(byDays: .min) == CivilDate(daysSinceEpoch: .min))
        #expect(far.year > 9999)
    }

    @Test(arguments: [
        ("2026-11-23 10:29:59", "2026-11-23 10:29:59"), ("2026-11-23T09:30", "2026-11-23 09:30:00"),
    ])
    func readsTimes(_ text: String, _ shown: String) {
        #expect(CivilTime(parsing: text)?.description == shown)
    }

    @Test(arguments: [
        "2026-11-23", "2026-11-23 24:00", "2026-11-23 9:30", "2026-11-23 10:60",
        "2026-11-23 10:00:60",
        "2026-11-23 10:00:5", "2026-11-31 10:00", "2026-11-23_10:00", "2026-11-23 10-00",
        "2026-11-23 10:00Z",
    ])
    func refusesTimes(_ text: String) { #expect(CivilTime(parsing: text) == nil) }
}
