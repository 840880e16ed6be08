import Alerts
import DecisionLog
import Foundation
import LogFixtures
import PolicyFile
import Testing

@testable import LimitsOfUse

/// Flags: one a day for each device and limit, whatever restarts.
@Suite struct FollowerTests {
    private let college: College

    init() throws { college = try College() }

    private func askMinutes(_ minutes: Range<Int>, day: String = "2026-11-23") {
        for minute in minutes {
            let text = minute < 10 ? "0\(minute)" : "\(minute)"
            college.ask("faces.example.com", "\(day) 10:\(text)")
        }
    }

    private func entries() throws -> [AuditEntry] {
        try AuditTrail.read(directory: college.log.path).entries.filter { $0.kind == .flag }
    }

    private func look(_ follower: UseFollower, _ time: String) throws -> [UseFlag] {
        let flags = try follower.look(nowMicros: College.at(time)).flags
        for flag in flags { try follower.note(flag) }
        return flags
    }

    @Test func oneFlagADay() throws {
        let follower = UseFollower(directory: college.log.path, policy: college.loaded)
        askMinutes(0..<3)
        #expect(try look(follower, "2026-11-23 10:03").isEmpty)
        askMinutes(3..<4)
        let flags = try look(follower, "2026-11-23 10:04")
        #expect(flags.map(\.overMicros) == [College.at("2026-11-23 10:03")])
        #expect(flags.first?.device.hasPrefix("c-") == true, "no address in a flag")
        askMinutes(4..<30)
        #expect(try look(follower, "2026-11-23 10:31").isEmpty)
        askMinutes(0..<10, day: "2026-11-24")
        #expect(try look(follower, "2026-11-24 10:31").count == 1, "another day, another flag")
        #expect(try entries().count == 2)
        #expect(try AuditTrail.read(directory: college.log.path).damage.isEmpty)
    }

    @Test func aRestartNeitherLosesNorRepeats() throws {
        askMinutes(0..<4)
        let first = UseFollower(directory: college.log.path, policy: college.loaded)
        #expect(try look(first, "2026-11-23 10:04").count == 1)
        let second = UseFollower(directory: college.log.path, policy: college.loaded)
        #expect(try look(second, "2026-11-23 10:05").isEmpty)
        // The server was down when the limit was passed, and comes back the next day.
        college.ask("faces.example.com", "2026-11-23 11:00", client: "10.20.0.2")
        college.ask("faces.example.com", "2026-11-23 11:05", client: "10.20.0.2")
        let third = UseFollower(directory: college.log.path, policy: college.loaded)
        #expect(try look(third, "2026-11-24 08:00").count == 1)
        #expect(try entries().count == 2)
    }

    @Test func aChangedPolicyMakesNoSecondFlag() throws {
        askMinutes(0..<8)
        let follower = UseFollower(directory: college.log.path, policy: college.loaded)
        #expect(try look(follower, "2026-11-23 10:09").count == 1)
        let changed = College.usual.replacing("minutes-a-day: 3", with: "minutes-a-day: 5")
        follower.replacePolicy(try College.load(changed, in: college.folder))
        #expect(try look(follower, "2026-11-23 10:09").isEmpty)
    }

    @Test(arguments: ["low", "high"]) func flagsReachThoseWhoAnswer(_ concern: String) throws {
        let limits = College.usual.replacing("count: ", with: "concern: \(concern), count: ")
        let college = try College(limits: limits)
        for minute in 0..<5 { college.ask("faces.example.com", "2026-11-23 10:0\(minute)") }
        let told = college.folder + "/told"
        var settings = AlertConfiguration()
        settings.command = ["/bin/sh", "-c", "cat >> \(told)"]
        var now = College.at("2026-11-23 10:05")
        func alerter() -> Alerter {
            var problem: AlertProblem?
            return Alerter(
                logDirectory: college.log.path, settings: settings, policy: college.loaded,
                lastSeq: college.journal.status.nextSeq - 1, problem: &problem)
        }
        let follower = UseFollower(directory: college.log.path, policy: college.loaded)
        let flag = try #require(try follower.look(nowMicros: now).flags.first)
        var reader: JournalReader?
        let first = alerter()
        _ = try first.look(&reader, nowMicros: now)
        try first.add(flag, nowMicros: now)
        // The server dies before the flag is noted; it comes again after the restart.
        let second = alerter()
        try second.add(flag, nowMicros: now)
        func deliver() throws -> [[String: Any]] {
            reader = nil
            _ = try second.look(&reader, nowMicros: now)
            while try second.deliver(by: .command, nowSeconds: { now / 1_000_000 }).hasMore {}
            let text = (try? String(contentsOfFile: told, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").compactMap {
                try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }
        let atOnce = try deliver()
        #expect(atOnce.count == (concern == "high" ? 1 : 0))
        now = College.at("2026-11-24 08:01")
        let all = try deliver()
        #expect(all.count == 1)
        let uses = all.first?["uses"] as? [[String: Any]]
        let use = try #require(concern == "high" ? all.first : uses?.first)
        #expect(use["category"] as? String == "social-media")
        #expect(use["limitMinutes"] as? Int == 3)
        #expect(use["device"] as? String == flag.device)
        #expect(use["passed"] as? String == "2026-11-23T10:03:00+00:00")
    }
}
