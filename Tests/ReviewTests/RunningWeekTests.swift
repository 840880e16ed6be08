import DecisionLog
import PolicyEngine
import Testing

@testable import Review

/// The report of a week that is not over: what is to come is neither missing nor part of a comparison.
@Suite struct RunningWeekTests {
    private static let wednesday = "2026-11-18 12:00"

    /// Five weeks, of the last of which Monday and Wednesday have decisions, Tuesday none.
    private func log(days: [Int] = [16, 18]) throws -> TestLog {
        let log = try TestLog()
        for week in 0..<4 {
            // On Wednesday, ten blocks in the morning and thirty in the afternoon.
            for (time, count) in [("09:00", 10), ("11:59", 0), ("12:00", 30)] {
                let start = College.at("2026-11-18 \(time)") - Int64(week + 1) * 604_800_000_000
                log.write((0..<count).map { Row(at: start + Int64($0), verdict: .block) })
            }
        }
        for day in days {
            let start = College.at("2026-11-\(day) 09:00")
            log.write((0..<6).map { Row(at: start + Int64($0), verdict: .block) })
        }
        return log
    }

    private func plain(_ figures: ReviewFigures) -> String {
        figures.html().replacing("\u{A0}", with: " ")
    }

    @Test func daysToComeAreNotMissing() throws {
        let log = try log()
        let figures = try log.reviewer(now: Self.wednesday).figures()
        #expect(figures.scope.readAt == "2026-11-18T12:00:00+00:00")
        #expect(figures.coverage.daysWithoutRecord == ["2026-11-17"])
        #expect(figures.coverage.noneYetOn == nil)
        #expect(figures.weeks.map(\.collegeDays) == [5, 5, 5, 5, 3])
        let page = plain(figures)
        for words in [
            "<strong>This week is still running.</strong> The figures are those of the log as it was read "
                + "on Wed 18 Nov, 12:00.",
            "<strong>The record is not complete:</strong> 1 day without any decision.",
            "<strong>No decision at all</strong> on: Tue 17 Nov.", ", this week so far",
            "The policy was the same so far.", "No safeguarding concern in this week so far.",
            "the same log read at the same instant gives the same page",
            "their age when the log was read",
        ] {
            #expect(page.contains(words), "\(words)")
        }
        #expect(figures.csv().contains("scope,,,,read-at,2026-11-18T12:00:00+00:00\r\n"))
        #expect(try figures.json().contains("\"readAt\" : \"2026-11-18T12:00:00+00:00\""))
    }

    /// Like with like: the afternoons of the weeks before do not count on a Wednesday noon.
    @Test func theTrendEndsAtTheSameTimeOfEachWeek() throws {
        let log = try log()
        for isStored in [false, true] {
            if isStored { try log.follow() }
            let figures = try log.reviewer(now: Self.wednesday).figures()
            #expect(figures.weeks.map(\.byThen?.blocked.value) == [10, 10, 10, 10, nil])
            #expect(figures.weeks.map(\.byThen?.collegeDays) == [3, 3, 3, 3, nil])
            #expect(figures.weeks.map(\.totals.blocked.value) == [40, 40, 40, 40, 12])
            #expect(
                plain(figures).contains(
                    "20 % more questions were blocked than in the mean of the 4 weeks before with "
                        + "college days up to the same time of the week."))
            #expect(figures.csv().contains("trend,,2026-W46,,blocked-by-then,10\r\n"))
            #expect(figures.csv().contains("trend,,2026-W46,,college-days-by-then,3\r\n"))
        }
        // A second later the first of the afternoon's blocks would count.
        let later = try log.reviewer(now: "2026-11-18 12:00:01").figures()
        #expect(later.weeks[3].byThen?.blocked == ReviewCount(40))
    }

    /// What a week had by a time, and what it had after, are parts that could tell on each other.
    @Test func smallPartsOfAWeekAreHidden() throws {
        let log = try log()
        let start = College.at("2026-11-10 08:00")
        log.write((0..<41).map { Row(at: start + Int64($0), verdict: .block) })
        log.write([Row(at: College.at("2026-11-03 23:00"), verdict: .block)])
        let early = try log.reviewer(now: "2026-11-17 00:00").figures()
        #expect(
            early.weeks.map(\.byThen?.blocked) == Array(repeating: ReviewCount(0), count: 4) + [nil]
        )
        let night = try log.reviewer(now: "2026-11-18 00:00").figures()
        #expect(night.weeks[2].byThen?.blocked == .hidden)
        #expect(night.weeks[3].byThen?.blocked == ReviewCount(41))
        let exact = try log.reviewer(now: "2026-11-18 00:00", group: "learner").figures()
        #expect(exact.weeks[2].byThen?.blocked == ReviewCount(1))
    }

    @Test func aDayWithoutDecisionsSoFarIsNoMissingDay() throws {
        let log = try log(days: [16, 17])
        let figures = try log.reviewer(now: Self.wednesday).figures()
        #expect(figures.coverage.daysWithoutRecord.isEmpty)
        #expect(figures.coverage.noneYetOn == "2026-11-18")
        let page = plain(figures)
        for words in [
            "The record is complete so far. On Wed 18 Nov, when the log was read, there was no "
                + "decision yet.",
            "Every day before the last has decisions. None yet on Wed 18 Nov, when the log was read.",
        ] {
            #expect(page.contains(words), "\(words)")
        }
        #expect(figures.csv().contains("coverage,,,,none-yet-on,2026-11-18\r\n"))
        // From the next midnight on it is a day without any.
        let later = try log.reviewer(now: "2026-11-19 00:00").figures().coverage
        #expect(later.daysWithoutRecord == ["2026-11-18"] && later.noneYetOn == "2026-11-19")
    }

    @Test func aReviewIsOverdueOnTheDayThatReadsIt() throws {
        let log = try log()
        let facts = { try log.reviewer(now: $0).figures().policy.reviewOverdueDays }
        #expect(try facts("2026-11-20 23:59:59") == nil && facts("2026-11-21 00:00") == 1)
        let running = plain(try log.reviewer(now: "2026-11-21 10:00").figures())
        #expect(running.contains("overdue by 1 day</strong> when the log was read:"))
    }

    @Test func theSameInstantGivesTheSameBytesAndAPastWeekAlwaysDoes() throws {
        let log = try log()
        func all(_ now: String) throws -> [String] {
            let figures = try log.reviewer(now: now).figures()
            return [figures.html(), figures.csv(), try figures.json()]
        }
        #expect(try all(Self.wednesday) == all(Self.wednesday))
        #expect(try all(Self.wednesday) != all("2026-11-18 12:00:01"))
        #expect(try all("2026-11-23 00:00") == all("2027-06-01 00:00"))
        #expect(try all("2026-11-22 23:59:59") != all("2026-11-23 00:00"))
        let past = try all("2026-11-23 00:00").joined()
        for words in [
            "so far", "still running", "readAt", "read-at", "byThen", "by-then", "noneYet",
        ] {
            #expect(!past.contains(words), "\(words)")
        }
    }

    @Test func aWeekToComeIsSaidToBe() throws {
        let log = try log()
        let figures = try log.reviewer("2026-W48", now: Self.wednesday).figures()
        #expect(figures.coverage.daysWithoutRecord.isEmpty && figures.coverage.noneYetOn == nil)
        #expect(figures.weeks.last?.collegeDays == 0)
        #expect(figures.weeks.allSatisfy { $0.byThen == nil })
        #expect(plain(figures).contains("<strong>This week has not begun.</strong>"))
    }
}
