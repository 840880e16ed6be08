import Foundation
import Glibc
import Testing

/// Suspended by a person, open again by itself.
@Suite(.scenario) struct SuspensionTests {
    private static let policy =
        collegePolicy.replacingOccurrences(of: "Europe/London", with: "Etc/UTC")
        .replacingOccurrences(
            of: "unknown-devices: refuse\n",
            with: """
                devices:
                  - { name: head-laptop, address: 127.0.20.7, kind: college, group: staff }
                lists: { services: { catalogue: services } }
                unknown-devices: refuse

                """
        )
        .replacingOccurrences(
            of: "  - id: never\n    block: [never]\n",
            with: "  - id: never\n    block: [never]\n    locked: true\n")

    private static let files = [
        "services/essentials.yaml":
            "category: essentials\nservices: [{ service: help, core: [help.example.org] }]\n",
        "services/official-channels.yaml":
            "category: official-channels\nservices: [{ service: mail, core: [mail.example.org] }]\n",
    ]

    private func server() throws -> (TestServer, FakeUpstream) {
        let fake = try FakeUpstream { .now($0.address(ttl: 300)) }
        let server = try TestServer(
            Self.policy, files: Self.files, upstreams: ["127.0.0.1:\(fake.port)"])
        return (server, fake)
    }

    /// So many seconds from now, by the policy's clock.
    private func instant(in seconds: Double) -> String {
        let writer = DateFormatter()
        writer.timeZone = TimeZone(identifier: "UTC")
        writer.locale = Locale(identifier: "en_US_POSIX")
        writer.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return writer.string(from: Date().addingTimeInterval(seconds))
    }

    private func suspend(
        _ server: TestServer, _ device: String, seconds: Double, by: String = "dsl"
    ) throws -> Run {
        try server.run([
            "suspend", "--device", device, "--until", instant(in: seconds), "--reason",
            "Concern 12 about J.", "--authorised-by", by,
        ])
    }

    /// §3¶4: "may result in removal of internet access".
    @Test func aSuspensionBlocksAllButWhatMustStayOpenAndEndsByItself() throws {
        let (server, fake) = try server()
        defer { withExtendedLifetime(fake) {} }
        #expect(try server.ask("news.example.com", from: "127.0.20.7").rcode == 0)
        let run = try suspend(server, "head-laptop", seconds: 6)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("suspension 1: head-laptop (127.0.20.7) until "))
        #expect(run.output.contains("in effect now"))

        let blocked = try server.ask("news.example.com", from: "127.0.20.7")
        #expect(blocked.rcode == 3)
        #expect(try #require(blocked.greatestTTL) <= 6)
        let text = try #require(blocked.extendedError?.text)
        #expect(text.hasPrefix("Internet access of this device is suspended. [SP-7] Ask: mailto:"))
        #expect(!text.contains("Concern"), "why concerns a person, and is not for the network")
        let help = try server.ask("www.help.example.org", from: "127.0.20.7")
        #expect(help.rcode == 0, "childline.org.uk stays open")
        let mail = try server.ask("mail.example.org", from: "127.0.20.7")
        #expect(mail.rcode == 0, "outlook.office.com stays open")
        #expect(try #require(mail.greatestTTL) <= 6)
        #expect(try server.ask("never.example.com", from: "127.0.20.7").rcode == 3)
        #expect(try server.ask("news.example.com", from: "127.0.20.8").rcode == 0)

        Thread.sleep(forTimeInterval: 6.2)
        #expect(try server.ask("news.example.com", from: "127.0.20.7").rcode == 0)
        let rows = try server.rows(["--client", "127.0.20.7"])
        #expect(
            rows.map { $0["rule"] as? String } == [
                "default", "suspended", "essentials", "open-while-suspended", "never", "default",
            ])
        #expect(rows.allSatisfy { $0["device"] as? String == "head-laptop" })
    }

    @Test func itSurvivesBeingKilledAndIsSeenEverywhere() throws {
        let (server, fake) = try server()
        defer { withExtendedLifetime(fake) {} }
        #expect(try suspend(server, "127.0.30.9", seconds: 3600, by: "principal").status == 0)
        #expect(try suspend(server, "head-laptop", seconds: 3600).status == 0)
        try server.restart(by: SIGKILL)
        for client in ["127.0.30.9", "127.0.20.7"] {
            #expect(try server.ask("news.example.com", from: client).rcode == 3, "\(client)")
        }
        let explained = try server.run([
            "explain", "news.example.com", "--client", "127.0.30.9", "--json",
        ]).json
        #expect(explained["rule"] as? String == "suspended")
        #expect((explained["reason"] as? String)?.contains("Concern") == false)
        let before = try server.run([
            "explain", "news.example.com", "--client", "127.0.30.9", "--at", instant(in: -60),
            "--json",
        ]).json
        #expect(before["rule"] as? String == "default")
        let list = try server.run(["suspensions", "--json"]).jsonArray
        #expect(list.map { $0["id"] as? Int } == [1, 2])
        #expect(list.map { $0["device"] as? String } == [nil, "head-laptop"])
        #expect(list.map { $0["authorisedBy"] as? String } == ["principal", "dsl"])
        #expect(list.first?["reason"] as? String == "Concern 12 about J.")
        // A reload keeps it, and so does a policy that does not know the device any more.
        try server.folder.write(
            Self.policy.replacingOccurrences(
                of: "  - { name: head-laptop, address: 127.0.20.7, kind: college, group: staff }\n",
                with: "  []\n"), to: "policy.yaml")
        #expect(try server.run(["reload"]).status == 0)
        #expect(try server.ask("news.example.com", from: "127.0.20.7").rcode == 3)

        let lift = try server.run(["lift", "1"])
        #expect(lift.output.contains("lifted suspension 1: 127.0.30.9, in effect now"))
        #expect(try server.ask("news.example.com", from: "127.0.30.9").rcode == 0)
        #expect(try server.run(["lift", "--device", "127.0.20.7"]).status == 0)
        #expect(try server.ask("news.example.com", from: "127.0.20.7").rcode == 0)
        #expect(try server.run(["lift", "1"]).status == 1)
        #expect(try server.run(["suspensions"]).output == "nobody's access is suspended\n")
        let verify = try server.run(["log", "verify"])
        #expect(verify.status == 0, "\(verify.output)\(verify.errors)")
        let trail = server.folder.read("log/audit.jsonl")
        #expect(trail.contains("\"kind\":\"suspend\"") && trail.contains("authorised by principal"))
    }

    /// A replay asks what a new policy changes: who was suspended then stays so.
    @Test func replayKnowsWhoWasSuspended() throws {
        let (server, fake) = try server()
        defer { withExtendedLifetime(fake) {} }
        _ = try server.ask("news.example.com", from: "127.0.20.7")
        Thread.sleep(forTimeInterval: 1.1)
        #expect(try suspend(server, "head-laptop", seconds: 3600).status == 0)
        _ = try server.ask("news.example.com", from: "127.0.20.7")
        Thread.sleep(forTimeInterval: 1.1)
        #expect(try server.run(["lift", "1"]).status == 0)
        Thread.sleep(forTimeInterval: 1.1)
        _ = try server.ask("news.example.com", from: "127.0.20.7")
        let run = try server.run([
            "replay", "--with", "policy.yaml", "--since", instant(in: -3600) + "Z", "--until",
            instant(in: 3600) + "Z", "--json",
        ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.json["queries"] as? Int == 3)
        #expect(run.json["differ"] as? Int == 0)
        let record = run.json["record"] as? [String: Any]
        #expect(record?["differFromCurrent"] as? Int == 0)
    }

    @Test func onlyAPersonWithThatRightSuspends() throws {
        let (server, fake) = try server()
        defer { withExtendedLifetime(fake) {} }
        let complete = [
            "--device": "head-laptop", "--until": instant(in: 60), "--reason": "R",
            "--authorised-by": "dsl",
        ]
        func run(_ changes: [String: String?]) throws -> Run {
            let options = complete.merging(changes.compactMapValues { $0 }) { $1 }
                .filter { changes[$0.key] != .some(nil) }
            return try server.run(["suspend"] + options.flatMap { [$0.key, $0.value] })
        }
        for (changes, status, cure) in [
            (["--until": nil], 2, "--until"), (["--reason": nil], 2, "--reason"),
            (["--reason": " "], 2, "Say why"), (["--authorised-by": nil], 2, "who decided"),
            (
                ["--authorised-by": "it"], 2,
                "\"it\" has no right to decide about this: write --authorised-by dsl (Safeguarding Lead) or "
                    + "--authorised-by principal (Principal), whoever did decide."
            ), (["--authorised-by": "it"], 2, "stands under roles: in policy.yaml"),
            (["--until": "soon"], 2, "is no date"),
            (["--until": "2020-01-01"], 1, "is past"),
            (["--device": "head-lptop"], 1, "did you mean \"head-laptop\"?"),
        ] as [([String: String?], Int32, String)] {
            let refused = try run(changes)
            #expect(refused.status == status, "\(changes)")
            #expect(refused.errors.contains(cure), "\(changes): \(refused.errors)")
        }
        #expect(try server.run(["suspensions", "--json"]).output == "[]\n")
        #expect(try server.ask("news.example.com", from: "127.0.20.7").rcode == 0)
    }

    @Test func aDamagedFileIsToldAndTheRestHolds() throws {
        let (server, fake) = try server()
        defer { withExtendedLifetime(fake) {} }
        for client in ["127.0.30.8", "127.0.30.9"] {
            #expect(try suspend(server, client, seconds: 3600).status == 0)
        }
        let text = server.folder.read("log/suspensions.jsonl")
        try server.folder.write(
            text.replacingOccurrences(of: "127.0.30.8", with: "127.0.30.7"),
            to: "log/suspensions.jsonl")
        try server.restart()
        #expect(try server.ask("news.example.com", from: "127.0.30.9").rcode == 3)
        #expect(try server.ask("news.example.com", from: "127.0.30.7").rcode == 0)
        #expect(server.news.contains("suspensions.jsonl, line 1, is not as it was written"))
        let list = try server.run(["suspensions"])
        #expect(list.status == 1 && list.errors.contains("line 1"))
        #expect(list.output.contains("127.0.30.9"))
        let warnings = try server.status()["warnings"] as? [String] ?? []
        #expect(warnings.contains { $0.contains("line 1") })
    }
}
