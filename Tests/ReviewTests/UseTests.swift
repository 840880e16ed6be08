import PolicyEngine
import Testing

@testable import Review

/// The report's section on excessive use (section 3 of the college's policy).
@Suite struct UseTests {
    private static let policy: ReviewPolicy = {
        var policy = College.review
        policy.policy.useLimits = [
            UseLimit(
                groups: [0], category: "social-media", minutesADay: 2, counted: .during(0),
                concern: .medium)
        ]
        return policy
    }()

    /// So many devices use social media for three minutes of one morning, on so many days.
    private func write(_ devices: Int, days: Int = 1, to log: TestLog) {
        for device in 0..<devices {
            for day in 0..<days {
                log.write(
                    (0..<3).map { minute in
                        Row(
                            at: College.at("2026-11-\(16 + day) 10:0\(minute)"),
                            client: "10.20.0.\(device + 1)", name: "chat.example.com",
                            category: "social-media")
                    })
            }
        }
    }

    @Test func countsDevicesOverTheLimit() throws {
        let log = try TestLog()
        write(7, days: 2, to: log)
        log.write([
            Row(
                at: College.at("2026-11-18 10:00"), client: "10.20.0.99",
                category: "social-media"),
            Row(at: College.at("2026-11-18 10:00"), group: "staff", category: "social-media"),
        ])
        try log.follow()
        let use = try log.reviewer(policy: Self.policy).figures().use
        #expect(use.map(\.group) == ["learner"])
        #expect(use.first?.devices == ReviewCount(8))
        #expect(use.first?.devicesOver == ReviewCount(7))
        #expect(use.first?.daysOver == ReviewCount(14))
        #expect(use.first?.list.count == 7)
        #expect(use.first?.list.first?.days == .hidden, "two days of one device")
        #expect(use.first?.list.first?.mostMinutes == 3)
    }

    @Test func fewDevicesAreHiddenInAReportOnAllAndShownInThatOfAGroup() throws {
        let log = try TestLog()
        write(3, to: log)
        let all = try #require(log.reviewer(policy: Self.policy).figures().use.first)
        #expect(all.devicesOver == .hidden && all.daysOver == .hidden && all.list.isEmpty)
        let own = try #require(
            log.reviewer(group: "learner", policy: Self.policy).figures().use.first)
        #expect(own.devicesOver == ReviewCount(3) && own.list.count == 3)
        #expect(own.list.first?.device.hasPrefix("pseudonym of") == true)
    }

    @Test func allFormatsHaveIt() throws {
        let log = try TestLog()
        write(6, to: log)
        let figures = try log.reviewer(policy: Self.policy).figures()
        #expect(figures.html().contains("<h2>Excessive use</h2>"))
        #expect(figures.csv().contains("use,learner,social-media,,devices-over,6\r\n"))
        #expect(try ReviewFigures(json: figures.json()) == figures)
        #expect(try !log.reviewer().figures().html().contains("Excessive use"))
    }
}
