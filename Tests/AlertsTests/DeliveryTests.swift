import Alerts
import DecisionLog
import Foundation
import LDNSBridge
import PolicyFile
import Testing
import WebServer

/// Messages get through: once, and in spite of trouble.
@Suite struct DeliveryTests {
    private let school: School
    private let receiver: Receiver

    init() throws {
        school = try School()
        receiver = try Receiver()
        school.settings.webhook = .init(url: receiver.server.url("/alert"), secretFile: nil)
        school.start()
    }

    private var attempts: Int { receiver.server.seen.count }

    @Test func isTriedAgainWithGrowingWaits() throws {
        receiver.answers(503)
        school.ask("harm.example.net")
        try school.pass(10)
        #expect(attempts == 1)
        #expect(school.alerter.status.problem == "its server answered 503")
        try school.pass(20)
        #expect(attempts == 2)
        try school.pass(3600)
        #expect((7...10).contains(attempts), "\(attempts)")
        receiver.answers(200)
        try school.pass(3700)
        let until = attempts
        #expect(school.alerter.status.waiting == 0)
        #expect(Set(receiver.server.seen.map { $0.headers["bellgate-id"] }).count == 1)
        try school.pass(3600)
        #expect(attempts == until)
    }

    @Test func aRestartNeitherLosesNorRepeats() throws {
        receiver.answers(503)
        school.ask("harm.example.net")
        try school.pass(10)
        school.start()
        receiver.answers(200)
        try school.pass(60)
        #expect(receiver.server.seen.count { $0.headers["bellgate-id"] != nil } == 2)
        #expect(school.alerter.status.waiting == 0)
        for _ in 0..<5 {
            school.start()
            try school.pass(120)
        }
        #expect(attempts == 2)
    }

    @Test func whatIsBeingFoldedOutlivesARestart() throws {
        for _ in 0..<10 { school.ask("harm.example.net") }
        try school.work()
        school.start()
        for _ in 0..<10 { school.ask("harm.example.net") }
        try school.pass(10)
        #expect(receiver.counts == [20])
    }

    /// Rows that were written while nobody followed.
    @Test func whatCameMeanwhileIsTold() throws {
        school.ask("harm.example.net")
        try school.pass(10)
        school.ask("drugs.example.net", rule: "drugs")
        school.start()
        try school.pass(10)
        #expect(receiver.alerts.compactMap { $0["rule"] as? String } == ["harm", "drugs"])
    }

    @Test func historyIsNotTold() throws {
        let school = try School()
        school.settings.webhook = .init(url: receiver.server.url("/alert"), secretFile: nil)
        for _ in 0..<10 { school.ask("harm.example.net") }
        school.start()
        try school.pass(30)
        #expect(attempts == 0)
    }

    @Test(arguments: ["", "{", "{\"afterSeq\": -1}", "null"])
    func aDamagedBookIsToldAndBegunAnew(contents: String) throws {
        school.ask("harm.example.net")
        try school.pass(10)
        try contents.write(
            toFile: school.folder + "/log/alerts.json", atomically: true, encoding: .utf8)
        let problem = try #require(school.start())
        #expect(problem.description.contains("alerts.json"))
        school.ask("drugs.example.net", rule: "drugs")
        try school.pass(10)
        #expect(receiver.alerts.compactMap { $0["rule"] as? String } == ["harm", "drugs"])
    }

    /// What cannot be noted is not sent: it would be sent for ever.
    @Test func withoutItsBookNothingLeaves() throws {
        let book = school.folder + "/log/alerts.json.new"
        try FileManager.default.createDirectory(
            atPath: book, withIntermediateDirectories: false)
        school.ask("harm.example.net")
        for _ in 0..<20 {
            school.now += 1
            #expect(throws: AlertProblem.self) { try school.work() }
            school.reader = nil
        }
        #expect(attempts == 0)
        try FileManager.default.removeItem(atPath: book)
        try school.pass(10)
        #expect(receiver.counts == [1])
    }

    @Test func theReceiverCanTellThatItIsOurs() throws {
        let secret = school.folder + "/secret"
        try "open sesame\n".write(toFile: secret, atomically: true, encoding: .utf8)
        school.settings.webhook?.secretFile = secret
        school.start()
        school.ask("harm.example.net")
        try school.pass(10)
        let request = try #require(receiver.server.seen.first)
        let expected = try Self.hmac("open sesame", request.body, school.folder)
        #expect(request.headers["bellgate-signature"] == "sha256=\(expected)")
        #expect(request.headers["content-type"] == "application/json")
    }

    /// Another program's opinion.
    private static func hmac(_ key: String, _ text: String, _ folder: String) throws -> String {
        try text.write(toFile: folder + "/body", atomically: true, encoding: .utf8)
        ChildProcess(
            "/usr/bin/openssl", ["dgst", "-sha256", "-hmac", key, folder + "/body"],
            output: folder + "/hmac")?.wait()
        let text = try String(contentsOfFile: folder + "/hmac", encoding: .utf8)
        return text.split(separator: " ").last.map { String($0).trimmingCharacters(in: .newlines) }
            ?? ""
    }

    @Test func aServerThatHangsIsGivenUp() throws {
        receiver.server.answers { _ in
            var answer = WebServer.Answer("ok")
            (answer.brokenOffAt, answer.hangs) = (0, true)
            return answer
        }
        school.ask("harm.example.net")
        let begun = ContinuousClock.now
        try school.pass(6)
        #expect(ContinuousClock.now - begun < .seconds(20))
        #expect(school.alerter.status.waiting == 1)
    }

    @Test func aCommandGetsItOnItsInput() throws {
        let script = school.folder + "/tell"
        let target = school.folder + "/told"
        try "#!/bin/sh\ncat >> \(target)\n[ ! -e \(school.folder)/fail ]\n".write(
            toFile: script, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700], ofItemAtPath: script)
        try "".write(toFile: school.folder + "/fail", atomically: true, encoding: .utf8)
        school.settings.webhook = nil
        school.settings.command = [script]
        school.start()
        school.ask("harm.example.net")
        try school.pass(10)
        #expect(school.alerter.status.problem == "it ended with 1")
        try FileManager.default.removeItem(atPath: school.folder + "/fail")
        try school.pass(60)
        #expect(school.alerter.status.waiting == 0)
        let lines = try String(contentsOfFile: target, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        let alert =
            try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any]
        #expect(alert?["rule"] as? String == "harm")
    }

    @Test func aCommandThatHangsIsEnded() throws {
        school.settings.webhook = nil
        school.settings.command = ["/bin/sleep", "60"]
        school.start()
        school.ask("harm.example.net")
        let begun = ContinuousClock.now
        try school.pass(5)
        #expect(ContinuousClock.now - begun < .seconds(20))
        #expect(school.alerter.status.problem == "it took more than 3 seconds")
        school.settings.command = ["/nowhere/tell"]
        school.start()
        try school.pass(60)
        #expect(school.alerter.status.problem == "/nowhere/tell cannot be started")
    }
}
