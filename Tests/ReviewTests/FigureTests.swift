import DecisionLog
import PolicyEngine
import Testing

@testable import Review

/// What the figures say of weeks that a person can count by hand.
@Suite struct FigureTests {
    private static let hour: Int64 = 3_600_000_000
    private static let week: Int64 = 7 * 24 * hour

    private func rows(_ count: Int, at start: String, _ change: (inout Row) -> Void = { _ in })
        -> [Row]
    {
        (0..<count).map {
            var row = Row(at: College.at(start) + Int64($0) * 1000)
            change(&row)
            return row
        }
    }

    @Test func anEmptyWeekSaysSo() throws {
        let log = try TestLog()
        log.write(rows(3, at: "2026-11-24 09:00"))
        let figures = try log.reviewer().figures()
        #expect(figures.totals == ReviewFigures.Totals())
        #expect(figures.groups.map(\.group) == ["guest", "learner", "staff"])
        #expect(figures.concerns.list.isEmpty && figures.newNames.comparedWeeks.isEmpty)
        #expect(figures.coverage.firstDecision == nil)
        #expect(figures.coverage.daysWithoutRecord.count == 7)
        #expect(figures.weeks.allSatisfy { !$0.isRecorded })
        #expect(figures.bells.count == 10)
    }

    @Test func theRepeatedHourCountsTwice() throws {
        let log = try TestLog()
        // 00:30 UTC and 01:30 UTC of 25 October both show 01:30.
        let first = College.at("2026-10-25 01:30")
        log.write(
            [0, 0, 0, Self.hour, Self.hour].map { Row(at: first + $0) }
                + [
                    Row(at: College.at("2026-10-25 23:59")),
                    Row(at: College.at("2026-10-26 00:00")),
                ])
        let figures = try log.reviewer("2026-W43", group: "learner").figures()
        #expect(figures.totals.asked == ReviewCount(6))
        #expect(figures.groups[0].week.allowed[6 * 24 + 1] == ReviewCount(5))
        #expect(figures.groups[0].day.allowed[6] == ReviewCount(5))
        #expect(figures.scope.from == "2026-10-19T00:00:00+01:00")
        #expect(figures.scope.until == "2026-10-26T00:00:00+00:00")
        #expect(
            try log.reviewer("2026-W44", group: "learner").figures().totals.asked == ReviewCount(1))
    }

    @Test func theReviewDateIsMeasuredAtTheWeeksEnd() throws {
        let log = try TestLog()
        log.write(rows(1, at: "2026-11-17 09:00"))
        let facts = try log.reviewer().figures().policy
        #expect(facts.reviewBy == "2026-11-20" && facts.reviewOverdueDays == 2)
        #expect(facts.safeguardingLead == "Designated Safeguarding Lead")
        #expect(try log.reviewer("2026-W46").figures().policy.reviewOverdueDays == nil)
        let lists = try log.reviewer().figures().coverage.lists
        #expect(lists.map(\.ageDays) == [12])
        #expect(try log.reviewer("2026-W44").figures().coverage.lists.map(\.ageDays) == [nil])
    }

    @Test func newNamesAreThoseOfNoWeekBefore() throws {
        let log = try TestLog()
        log.write(rows(2, at: "2026-10-21 09:00") { $0.name = "old.example.com" })
        log.write(rows(1, at: "2026-10-13 09:00") { $0.name = "forgotten.example.com" })
        for name in ["old", "forgotten", "fresh"] {
            log.write(rows(6, at: "2026-11-17 09:00") { $0.name = "\(name).example.com" })
        }
        let found = try log.reviewer(group: "learner").figures().newNames
        #expect(found.list.map(\.name) == ["forgotten.example.com", "fresh.example.com"])
        #expect(found.list.map(\.devices.value) == [1, 1] && found.count == ReviewCount(2))
        #expect(found.comparedWeeks == ["2026-W43"])
    }

    @Test func outsideHoursAreByGroupRuleAndPeriod() throws {
        let log = try TestLog()
        log.write(
            rows(7, at: "2026-11-17 09:00") {
                $0.verdict = .block
                $0.rule = "breaks"
                $0.period = "college-hours"
            } + rows(2, at: "2026-11-17 09:00") { $0.rule = "breaks" })
        let found = try log.reviewer(group: "learner").figures().outsideHours
        #expect(found.count == 1 && found[0].blocked == ReviewCount(7))
        #expect(found[0].period == "college-hours" && found[0].reason == "Breaks only.")
    }

    @Test func waysRoundAreFoundByNameAndCategory() throws {
        let log = try TestLog()
        let policy = try Essentials.policy()
        for name in [
            "a.vpn.example.net", "fast.vpn.example.net", "canary.example.net",
            "x.canary.example.net",
        ] {
            log.write(rows(5, at: "2026-11-17 09:00") { $0.name = name })
        }
        log.write(
            rows(3, at: "2026-11-18 09:00") {
                $0.name = "unlisted.example.org"
                $0.category = "bypass"
                $0.verdict = .block
                $0.client = "10.20.0.2"
            })
        let found = try log.reviewer(group: "learner", policy: policy).figures().bypass
        #expect(found.isKnown)
        #expect(found.list.map(\.service) == ["vpn-providers", "bypass", "firefox-canary"])
        #expect(found.list.map(\.allowed.value) == [10, 0, 5])
        #expect(found.list.map(\.blocked.value) == [0, 3, 0])
        #expect(found.list.map(\.isAutomatic) == [false, false, true])
        #expect(found.signals.devicesBlocked == ReviewCount(0))
        #expect(found.signals.devicesAllowed == ReviewCount(1))
        var ignorant = College.review
        ignorant.policy.sources = []
        #expect(try !log.reviewer(policy: ignorant).figures().bypass.isKnown)
    }

    /// What browsers ask without anybody's doing is told, and is no attempt.
    @Test func signalsAreNotAttempts() throws {
        let log = try TestLog()
        let policy = try Essentials.policy()
        for device in 1...7 {
            log.write(
                rows(5, at: "2026-11-17 09:00") {
                    $0.name = "canary.example.net"
                    $0.client = "10.20.0.\(device)"
                    $0.verdict = .block
                })
        }
        let figures = try log.reviewer(policy: policy).figures()
        #expect(figures.bypass.list.map(\.isAutomatic) == [true])
        #expect(figures.bypass.signals.devicesBlocked == ReviewCount(7))
        let page = figures.html()
        for words in [
            "Nobody asked for a VPN, a proxy or another known way round the filter. Browsers and "
                + "phones ask by themselves whether they may use a name service or relay of their own, "
                + "which is nobody&#39;s wrongdoing; devices that were told no: 7.",
            "<p>No known name that leads round the filter was asked for.</p>",
            "Asked by browsers and phones themselves</caption>",
            "This is no attempt, and nobody&#39;s wrongdoing.",
        ] {
            #expect(page.contains(words), "\(words)")
        }
        #expect(!page.contains("Names that lead round the filter</caption>"))
        #expect(figures.csv().contains("bypass,,,,devices-told-to-stay,7\r\n"))
        // A few of another group are not to be found by taking the others from all.
        log.write(
            rows(5, at: "2026-11-17 09:00") {
                ($0.name, $0.client, $0.group) = ("canary.example.net", "10.30.0.1", "staff")
                $0.verdict = .block
            })
        let discreet = try log.reviewer(policy: policy).figures().bypass.signals
        #expect(discreet.devicesBlocked == .hidden && discreet.devicesAllowed == ReviewCount(0))
    }

    @Test func gapsPoliciesAndSilentDevices() throws {
        let log = try TestLog()
        log.write(rows(1, at: "2026-11-10 09:00") { $0.client = "10.20.0.7" })
        log.write(rows(3, at: "2026-11-17 09:00"))
        log.overflow(at: College.at("2026-11-17 11:00"))
        log.write(rows(2, at: "2026-11-19 12:30") { $0.client = "10.99.0.1" }, policy: "second")
        for isStored in [false, true] {
            if isStored { try log.follow() }
            let coverage = try log.reviewer().exactFigures().coverage
            #expect(coverage.gaps.map(\.decisions) == [1])
            #expect(coverage.gaps.map(\.from) == ["2026-11-17T11:00:00+00:00"])
            #expect(coverage.policies.map(\.hash) == ["first", "second"])
            #expect(coverage.policies.map(\.isCurrent) == [false, true])
            #expect(coverage.policies.last?.from == "2026-11-19T12:30:00+00:00")
            #expect(coverage.silent.map(\.device) == ["pseudonym of 10.20.0.7"])
            #expect(coverage.silent.map(\.lastSeen) == ["2026-11-10T09:00:00+00:00"])
            #expect(coverage.unknown.map(\.device) == ["pseudonym of 10.99.0.1"])
            #expect(coverage.daysWithoutRecord.count == 5)
        }
    }

    @Test func bellsLieWhereTheCalendarSays() throws {
        var policy = College.policy
        policy.periods.append(
            Period(
                name: "night", when: .always,
                windows: Array(repeating: [Window(startMinute: 1320, endMinute: 360)], count: 7)))
        let inset = CivilDate(daysSinceEpoch: 20_775)
        #expect(inset.description == "2026-11-18")
        policy.calendar.closed = [inset...inset]
        let bells = try ReviewWeek(parsing: "2026-W47").bells(of: policy)
        #expect(bells.filter { $0.period == "break" }.map(\.weekday) == [0, 1, 3, 4])
        let nights = bells.filter { $0.period == "night" }
        #expect(nights.count == 14)
        #expect(nights.filter { $0.weekday == 0 }.map(\.fromMinute) == [0, 1320])
        #expect(nights.filter { $0.weekday == 6 }.map(\.untilMinute) == [360, 1440])
    }

    @Test func theSameLogGivesTheSameBytes() throws {
        let log = try TestLog()
        for day in 16...22 {
            let start = College.at("2026-11-\(day) 09:00")
            log.write((0..<400).map { Self.mixed($0, start) })
            if day == 19 { try log.follow() }
        }
        let first = try log.reviewer().figures()
        #expect(try first.json() == log.reviewer().figures().json())
        try log.follow()
        #expect(try first.json() == log.reviewer().figures().json())
        #expect(try ReviewFigures(json: first.json()) == first)
    }

    private static func mixed(_ number: Int, _ start: Int64) -> Row {
        let isBlocked = number % 3 == 0
        return Row(
            at: start + Int64(number) * 1_000_000, client: "10.20.0.\(number % 7)",
            name: "n\(number % 60).example.com", verdict: isBlocked ? .block : .allow,
            rule: isBlocked ? "harm" : nil, category: TestLog.categories[number % 6])
    }
}
