import Alerts
import DecisionLog
import Foundation
import PolicyEngine
import PolicyFile
import Testing
import WebServer

/// What becomes an alert, and when.
@Suite struct FoldingTests {
    private let school: School
    private let receiver: Receiver

    init() throws {
        school = try School()
        receiver = try Receiver()
        school.settings.webhook = .init(url: receiver.server.url("/alert"), secretFile: nil)
        school.start()
    }

    /// Section 6: "50 hits in 10 min = 1 alert with count 50".
    @Test func fiftyLookUpsAreOneAlert() throws {
        for number in 0..<50 {
            school.ask(number < 30 ? "harm.example.net" : "www.harm.example.net")
        }
        try school.pass(1200)
        #expect(receiver.kinds == ["alert"])
        let alert = try #require(receiver.alerts.first)
        #expect(alert["count"] as? Int == 50)
        #expect(alert["blocked"] as? Int == 50)
        #expect(alert["rule"] as? String == "harm")
        #expect(alert["reason"] as? String == "It harms.")
        #expect(alert["severity"] as? String == "high")
        #expect(alert["group"] as? String == "learner")
        #expect(
            alert["names"] as? [String: Int] == [
                "harm.example.net": 30, "www.harm.example.net": 20,
            ])
        #expect(alert["first"] as? String == "2026-11-23T10:00:00+00:00")
    }

    @Test func itComesAtOnce() throws {
        school.ask("harm.example.net")
        try school.pass(2)
        #expect(receiver.kinds.isEmpty)
        try school.pass(2)
        #expect(receiver.kinds == ["alert"])
        // Who does not stop is told after fifteen seconds all the same.
        for _ in 0..<20 {
            school.ask("drugs.example.net", rule: "drugs")
            try school.pass(1)
        }
        #expect(receiver.kinds == ["alert", "alert"])
    }

    @Test func lookUpsWithinTenMinutesAreNotToldAgain() throws {
        for _ in 0..<19 {
            school.ask("harm.example.net")
            try school.pass(30)
        }
        #expect(receiver.kinds == ["alert"])
        try school.pass(60)
        school.ask("harm.example.net")
        try school.pass(10)
        #expect(receiver.kinds == ["alert", "alert"])
    }

    @Test func devicesAndRulesAreToldApart() throws {
        school.ask("harm.example.net", client: "10.20.0.1")
        school.ask("harm.example.net", client: "10.20.0.2")
        school.ask("drugs.example.net", rule: "drugs", client: "10.20.0.2")
        try school.pass(10)
        #expect(receiver.kinds.count == 3)
        let devices = Set(receiver.alerts.compactMap { $0["device"] as? String })
        #expect(devices.count == 2)
        #expect(devices.allSatisfy { $0.hasPrefix("c-") })
    }

    @Test func nobodysAddressLeaves() throws {
        school.ask("harm.example.net", client: "10.20.0.1")
        school.ask("harm.example.net", client: "10.20.0.3", device: true)
        try school.pass(10)
        let bodies = receiver.server.seen.map(\.body).joined()
        #expect(!bodies.contains("10.20."))
        #expect(!bodies.contains("library-pc-1"))
    }

    /// Support services never alert, nor does what other people's pages ask for.
    @Test func supportServicesAndButtonsNeverAlert() throws {
        school.ask("help.example.com")
        school.ask("www.help.example.com")
        school.ask("harm.example.net", rule: "essentials")
        school.ask("button.example.net")
        school.ask("breaks.example.net", rule: "breaks")
        try school.pass(100_000, step: 60)
        #expect(receiver.kinds.isEmpty)
    }

    @Test func whatIsLessGraveIsInTheDigestOfTheDay() throws {
        for _ in 0..<3 {
            school.ask("faces.example.net", rule: "dating")
            school.ask("faces.example.net", rule: "dating")
            try school.pass(1200, step: 10)
        }
        #expect(receiver.kinds.isEmpty)
        // 08:00 of the next day.
        try school.pass(20 * 3600, step: 60)
        #expect(receiver.kinds.isEmpty)
        try school.pass(2 * 3600, step: 60)
        #expect(receiver.kinds == ["digest"])
        let lines = try #require(receiver.alerts[0]["lines"] as? [[String: Any]])
        #expect(lines.count == 1)
        #expect(lines[0]["attempts"] as? Int == 3)
        #expect(lines[0]["count"] as? Int == 6)
        // Nothing more comes up, and nothing is said.
        try school.pass(48 * 3600, step: 600)
        #expect(receiver.kinds == ["digest"])
    }

    /// What came after an alert was sent is not lost: the digest has it.
    @Test func whatFollowedAnAlertIsInTheDigest() throws {
        school.ask("harm.example.net")
        try school.pass(60)
        for _ in 0..<4 { school.ask("harm.example.net") }
        try school.pass(24 * 3600, step: 60)
        #expect(receiver.kinds == ["alert", "digest"])
        let lines = try #require(receiver.alerts[1]["lines"] as? [[String: Any]])
        #expect(lines[0]["count"] as? Int == 4)
    }

    @Test func aFloodIsPausedAndSaid() throws {
        for number in 0..<70 { school.ask("harm.example.net", client: "10.20.1.\(number)") }
        try school.pass(60)
        #expect(receiver.kinds.count { $0 == "alert" } == 50)
        #expect(receiver.kinds.count { $0 == "paused" } == 1)
        try school.pass(24 * 3600, step: 60)
        let lines = try #require(receiver.alerts.last?["lines"] as? [[String: Any]])
        #expect(lines.count == 20)
        school.ask("harm.example.net", client: "10.20.2.1")
        try school.pass(60)
        #expect(receiver.kinds.count { $0 == "alert" } == 51)
    }

    @Test func severitiesAreChosen() throws {
        school.settings.atOnce = .low
        school.start()
        school.ask("faces.example.net", rule: "dating")
        try school.pass(10)
        #expect(receiver.kinds == ["alert"])
    }
}
