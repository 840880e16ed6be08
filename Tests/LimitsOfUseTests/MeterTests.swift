import DecisionLog
import PolicyEngine
import PolicyFile
import Testing

@testable import LimitsOfUse

/// Section 3 of the college's policy: "excessive use ... during college hours or whilst using college
/// devices".
@Suite struct MeterTests {
    private let college: College

    init() throws { college = try College() }

    @Test func threeServicesInOneMinuteAreOneMinute() throws {
        college.ask("faces.example.com", "2026-11-23 10:00:01")
        college.ask("photos.example.com", "2026-11-23 10:00:30")
        college.ask("i.clips.example.com", "2026-11-23 10:00:59")
        #expect(try college.minutes() == 1)
    }

    @Test(arguments: [
        "connect.faces.example.com", "img.facescdn.example.com", "www.faces.example.com",
    ]) func whatOtherPagesAskForIsNoUse(_ name: String) throws {
        college.ask(name, "2026-11-23 10:00:01")
        #expect(try college.use().isEmpty)
        // With a core name the minute counts, once.
        college.ask("faces.example.com", "2026-11-23 10:00:40")
        #expect(try college.minutes() == 1)
    }

    @Test func personalDevicesCountInCollegeHoursAndCollegeDevicesAlways() throws {
        college.ask("faces.example.com", "2026-11-23 20:00", device: "own-laptop")
        #expect(try college.use().isEmpty)
        college.ask("faces.example.com", "2026-11-23 20:00", device: "library-pc-1")
        college.ask("faces.example.com", "2026-11-22 11:00", device: "library-pc-1")
        #expect(try college.use().map(\.device) == [.device("library-pc-1")])
        #expect(try college.use("2026-11-22").map(\.minutes) == [1], "a Sunday, too")
    }

    @Test func gapsOfFiveMinutesAreBridgedAndLongerOnesAreNot() throws {
        college.ask("faces.example.com", "2026-11-23 10:00:59")
        college.ask("faces.example.com", "2026-11-23 10:05:00")
        #expect(try college.minutes() == 6)
        let other = try College()
        other.ask("faces.example.com", "2026-11-23 10:00:59")
        other.ask("faces.example.com", "2026-11-23 10:06:00")
        #expect(try other.minutes() == 2)
    }

    @Test func bridgesEndWithCollegeHoursAndAtMidnight() throws {
        college.ask("faces.example.com", "2026-11-23 16:13")
        college.ask("faces.example.com", "2026-11-23 16:16")
        #expect(try college.minutes() == 1, "16:15 is no college hour any more")
        for time in ["2026-11-22 23:58", "2026-11-23 00:01"] {
            college.ask("faces.example.com", time, device: "library-pc-1")
        }
        #expect(try college.use("2026-11-22").map(\.minutes) == [1])
        let night = try college.use().filter { $0.isCollegeDevice }
        #expect(night.map(\.minutes) == [1])
    }

    @Test func bridgesDoNotReachAcrossAPauseOfThePeriod() throws {
        let lunch = try College(
            limits: "limits-of-use: [{ category: social-media, minutes-a-day: 9, count: lunch }]")
        for time in ["2026-11-23 12:14", "2026-11-23 12:15", "2026-11-23 12:59:59"] {
            lunch.ask("faces.example.com", time)
        }
        lunch.ask("faces.example.com", "2026-11-23 13:00")
        #expect(try lunch.minutes() == 2)
    }

    @Test func blockedAttemptsCarveOutsAndOtherGroupsAreNotCounted() throws {
        college.ask("faces.example.com", "2026-11-23 10:00", rule: "chats", verdict: .block)
        college.ask("wiki.example.com", "2026-11-23 10:01", category: "reference", rule: "wikis")
        college.ask("faces.example.com", "2026-11-23 10:02", client: "10.30.0.1", group: "staff")
        college.ask("news.example.com", "2026-11-23 10:03", category: nil)
        #expect(try college.use().isEmpty)
        college.ask("faces.example.com", "2026-11-23 10:04", verdict: .rewrite)
        #expect(try college.minutes() == 1)
    }

    @Test func aDayOfTheClockIsTheDay() throws {
        // On the last Sunday of October an hour comes twice: both count.
        for micros in [1_792_888_200, 1_792_891_800] as [Int64] {
            college.ask(
                "faces.example.com", micros: micros * 1_000_000, client: "10.20.9.1",
                group: "learner", device: "library-pc-1",
                category: "social-media/social-networking", rule: nil, verdict: .allow)
        }
        college.ask("faces.example.com", "2026-10-25 23:59", device: "library-pc-1")
        #expect(try college.use("2026-10-25").map(\.minutes) == [3])
    }

    @Test func theLimitOfTheNearestGroupHolds() throws {
        let college = try College(
            limits: """
                limits-of-use:
                  - { category: social-media, minutes-a-day: 100 }
                  - { for: [learner], category: social-media, minutes-a-day: 3 }
                  - { for: [learner-phone], category: social-media, minutes-a-day: 2, concern: high }
                  - { for: [learner], category: forums, minutes-a-day: 1 }
                """)
        for minute in 0..<3 {
            for (client, group) in [
                ("10.20.0.1", "learner"), ("10.21.0.1", "learner-phone"), ("10.30.0.1", "staff"),
            ] {
                college.ask(
                    "threads.example.com", "2026-11-23 10:0\(minute)", client: client, group: group,
                    category: "social-media/forums")
            }
        }
        let limits = college.loaded.policy.useLimits
        let over = try college.use().filter { $0.overMicros != nil }.map {
            "\($0.group) \(limits[$0.limit].category) \(limits[$0.limit].minutesADay)"
        }
        #expect(
            over == ["learner forums 1", "learner-phone social-media 2", "learner-phone forums 1"])
        #expect(try college.use().contains { $0.group == "staff" && $0.minutes == 3 })
    }

    @Test func theMinuteIsToldWithWhichALimitIsPassed() throws {
        for minute in [0, 1, 2] { college.ask("faces.example.com", "2026-11-23 10:0\(minute)") }
        #expect(try college.use().first?.overMicros == nil, "three of three minutes")
        college.ask("faces.example.com", "2026-11-23 10:03:30")
        #expect(try college.use().first?.overMicros == College.at("2026-11-23 10:03"))
    }
}
