import DecisionLog
import Foundation
import PolicyFile
import Testing
import WebServer

@testable import Alerts

/// What people report from the block page reaches those who answer for safeguarding.
@Suite struct ReportAlertTests {
    private let school: School
    private let receiver: Receiver

    init() throws {
        school = try School()
        receiver = try Receiver()
        school.settings.webhook = .init(url: receiver.server.url("/alert"), secretFile: nil)
        school.tellsOfReports = true
        school.start()
    }

    private func report(
        _ kind: ReceivedReport.Kind, text: String = "Between us", queue: ReceivedReport.Queue = .dsl
    ) throws {
        _ = try ReportBook(directory: school.folder + "/log").add(
            NewReport(
                kind: kind, name: "www.example.net", group: "learner", client: "10.20.0.7",
                device: nil, rule: "harm", text: text, replyTo: "Jo", queue: queue))
    }

    @Test func aWorryIsToldAtOnceAndOnce() throws {
        try report(.worry)
        try school.pass(2)
        #expect(receiver.kinds == ["report"])
        let told = try #require(receiver.alerts.first)
        #expect(told["severity"] as? String == "high" && told["report"] as? Int == 1)
        #expect(
            told["group"] as? String == "learner" && told["name"] as? String == "www.example.net")
        #expect((told["device"] as? String)?.hasPrefix("c-") == true)
        // What was written and by whom is read where it is kept.
        let body = try #require(receiver.server.seen.first?.body)
        #expect(!body.contains("Between us") && !body.contains("Jo") && !body.contains("10.20.0.7"))
        try school.pass(60)
        school.start()
        try school.pass(60)
        #expect(receiver.kinds == ["report"])
    }

    /// Killed between the report and the alert: it is told after the next start.
    @Test func aRestartLosesNone() throws {
        try report(.worry)
        school.start()
        try school.pass(2)
        #expect(receiver.kinds == ["report"])
    }

    @Test func whatIsWronglyBlockedComesInTheDigest() throws {
        try report(.wronglyBlocked)
        try report(.wronglyBlocked, queue: .principal)
        try school.pass(600, step: 10)
        #expect(receiver.kinds.isEmpty)
        try school.pass(86_400, step: 600)
        #expect(receiver.kinds == ["digest"])
        let lines = try #require(receiver.alerts.first?["reports"] as? [[String: Any]])
        #expect(lines.map { $0["report"] as? Int } == [1, 2])
        #expect(lines.first?["name"] as? String == "www.example.net")
        #expect(lines.last?["name"] == nil && lines.last?["queue"] as? String == "principal")
    }

    @Test func aStaffCaseSaysNoMoreThanThatThereIsOne() throws {
        try report(.worry, queue: .principal)
        try school.pass(2)
        let told = try #require(receiver.alerts.first)
        #expect(told["queue"] as? String == "principal")
        #expect(told["group"] == nil && told["device"] == nil && told["name"] == nil)
    }

    @Test func aFloodEndsInTheDigest() throws {
        for _ in 0..<AlertLimits.worriesPerDay + 5 { try report(.worry) }
        try school.pass(5)
        #expect(receiver.kinds.count == AlertLimits.worriesPerDay)
        try school.pass(86_400, step: 600)
        let digest = try #require(receiver.alerts.last)
        #expect((digest["reports"] as? [Any])?.count == 5)
    }
}
