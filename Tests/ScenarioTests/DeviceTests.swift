import Foundation
import Testing

/// Devices by name, and what was decided for one of them up to an instant.
@Suite(.scenario) struct DeviceTests {
    private static let policy =
        collegePolicy.replacingOccurrences(
            of: "unknown-devices: refuse\n",
            with: """
                devices:
                  - { name: head-laptop, address: 127.0.20.7, kind: college, group: staff }
                unknown-devices: refuse
                exceptions:
                  - id: open-evening
                    devices: [head-laptop]
                    allow: [social]
                    from: 2026-11-23 09:00
                    until: 2026-11-23 09:30:08
                    reason: Open evening campaign.
                    approved-by: dsl

                """)

    /// §4¶1: "exceptions for official accounts, approver + expiry": the log shows its id.
    @Test func anExceptionEndsAtItsSecondWithoutAReload() throws {
        let fake = try FakeUpstream { .now($0.address(ttl: 300)) }
        let server = try TestServer(
            Self.policy, upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-23 09:30:00")
        let end = "2026-11-23 09:30:08"
        let most = server.mostSecondsLeft(until: end)
        let open = try server.ask("chat.social.example.com", from: "127.0.20.7")
        #expect(open.rcode == 0 && open.answers.count == 1)
        let ttl = try #require(open.greatestTTL)
        #expect(ttl <= most && ttl + 5 > most)
        // Another device of its network is a learner's.
        #expect(try server.ask("chat.social.example.com", from: "127.0.20.8").rcode == 0)
        #expect(try server.ask("chat.social.example.com", from: "127.0.30.7").rcode == 3)
        let explained = try server.run([
            "explain", "chat.social.example.com", "--client", "127.0.20.7", "--at",
            "2026-11-23 09:30:07", "--json",
        ]).json
        #expect(explained["rule"] as? String == "open-evening")
        #expect(explained["device"] as? String == "head-laptop")
        #expect(explained["approvedBy"] as? String == "dsl")
        #expect(explained["changesAt"] as? String == "2026-11-23T09:30:08+00:00")
        #expect(explained["ttlLimit"] as? Int == 1)

        server.wait(until: end)
        let closed = try server.ask("chat.social.example.com", from: "127.0.20.7")
        #expect(closed.rcode == 3)
        #expect(closed.extendedError?.text.hasPrefix("Personal use is for breaks.") == true)
        let rows = try server.rows(["--client", "127.0.20.7"])
        #expect(rows.map { $0["rule"] as? String } == ["open-evening", "staff-breaks-only"])
        #expect(rows.map { $0["device"] as? String } == ["head-laptop", "head-laptop"])
        #expect(rows.map { $0["group"] as? String } == ["staff", "staff"])
        let other = try server.rows(["--client", "127.0.20.8"])
        #expect(other.first?["device"] == nil && other.first?["group"] as? String == "learner")
    }

    /// §4.2¶4: "Decisions made and advice provided" are "formally recorded": once, and for good.
    @Test func exceptionsAreOnRecordAndNobodyTakesThemAway() throws {
        let fake = try FakeUpstream { .now($0.address(ttl: 300)) }
        let server = try TestServer(Self.policy, upstreams: ["127.0.0.1:\(fake.port)"])
        let second = Self.policy.replacingOccurrences(
            of: "    approved-by: dsl\n",
            with: "    approved-by: principal\n    approved-on: 2026-10-30\n"
                + "    advice: Post from the college account only.\n")
        #expect(try server.run(["reload"]).status == 0)
        try server.folder.write(second, to: "policy.yaml")
        #expect(try server.run(["reload"]).status == 0)
        let path = "log/audit.jsonl"
        let trail = server.folder.read(path)
        let lines = trail.split(whereSeparator: { $0 == "\n" || $0 == "\0" }).filter {
            $0.contains("\"kind\":\"exception\"")
        }
        #expect(lines.count == 2)
        #expect(
            lines.first?.contains(
                "exception open-evening: allow social for head-laptop, "
                    + "from 2026-11-23T09:00:00+00:00, until 2026-11-23T09:30:08+00:00, "
                    + "approved by dsl\",\"reason\":\"Open evening campaign.\"") == true)
        #expect(
            lines.last?.contains(
                "approved by principal on 2026-10-30, "
                    + "advice: Post from the college account only.") == true)
        #expect(try server.run(["log", "verify"]).status == 0)
        try server.folder.write(
            trail.replacingOccurrences(of: (lines.first ?? "") + "\n", with: ""), to: path)
        #expect(try server.run(["log", "verify"]).status == 1)
    }

    @Test func checkListsExceptionsThatNeedALook() throws {
        let folder = try Folder()
        try folder.write(Self.policy, to: "policy.yaml")
        let text = try Run(
            Program.bellgate(), ["check", "--policy", "policy.yaml"], in: folder.path)
        #expect(text.status == 0)
        #expect(text.output.contains("open-evening: ended at 2026-11-23T09:30:08+00:00"))
        #expect(text.errors.contains("warning: exception \"open-evening\" ended at"))
        let json = try Run(
            Program.bellgate(), ["check", "--policy", "policy.yaml", "--json"], in: folder.path
        ).json
        let exceptions = try #require(json["exceptions"] as? [[String: Any]])
        #expect(exceptions.map { $0["id"] as? String } == ["open-evening"])
        #expect(exceptions.first?["state"] as? String == "ended")
        #expect(exceptions.first?["approvedBy"] as? String == "dsl")
    }
}
