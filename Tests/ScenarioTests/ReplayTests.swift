import DecisionLog
import Foundation
import Glibc
import Testing

/// `bellgate replay` on what the real server recorded.
@Suite(.scenario) struct ReplayTests {
    /// A server on a Monday in a lesson, whose upstream knows two aliases of blocked names.
    private func recordedLesson() throws -> TestServer {
        let fake = try FakeUpstream { asked in
            let targets = [
                "alias.example.com": "target.example.net",
                "tracked.example.com": "tracker.example.net",
            ]
            guard let target = targets[asked.lowercaseName] else { return .now(asked.address()) }
            return .now(
                asked.reply(answers: [
                    Wire.cname(asked.name, target), Wire.a(target, "192.0.2.7"),
                ]))
        }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-23 10:00:00")
        for (name, client) in [
            ("www.social.example.com", "127.0.30.5"), ("www.social.example.com", "127.0.30.6"),
            ("www.social.example.com", "127.0.20.5"), ("www.never.example.com", "127.0.20.5"),
            ("alias.example.com", "127.0.30.5"), ("tracked.example.com", "127.0.30.5"),
            ("www.example.com", "127.0.30.5"), ("www.example.com", "127.0.40.5"),
            ("localhost", "127.0.30.5"),
        ] {
            _ = try server.ask(name, from: client)
        }
        return server
    }

    /// Staff may chat, learners may not, and a rule has another name.
    private let newPolicy =
        collegePolicy
        .replacingOccurrences(of: "id: never", with: "id: harm")
        .replacingOccurrences(of: "id: staff-breaks-only", with: "id: no-chat")
        .replacingOccurrences(
            of: "    for: [staff]\n    block: [social]\n    during: [college-hours]\n"
                + "    except-during: [break]\n",
            with: "    for: [learner]\n    block: [social]\n")

    private func replay(_ server: TestServer, _ arguments: [String]) throws -> Run {
        try server.run(["replay", "--since", "2026-11-23T00:00:00Z"] + arguments)
    }

    @Test func whatANewPolicyChangesIsCounted() throws {
        let server = try recordedLesson()
        try server.folder.write(newPolicy, to: "new.yaml")
        let run = try replay(
            server, ["--until", "2026-11-24T00:00:00Z", "--with", "new.yaml", "--json"])
        #expect(run.status == 0, "\(run.errors)")
        let json = run.json
        #expect(json["queries"] as? Int == 8)
        #expect(json["differ"] as? Int == 5)
        #expect(
            json["changes"] as? [String: Int]
                == [
                    "allowToBlock": 1, "blockToAllow": 2, "safeSearch": 0, "otherRule": 2,
                    "otherAnswer": 0,
                    "otherReason": 0,
                ])
        // The alias was blocked for a name that staff may have now; what else the answer held is
        // not known.
        #expect(json["notJudged"] as? [String: Int] == ["chain": 1, "refused": 0])
        #expect(json["judgedByNameAlone"] as? Int == 4)
        let groups = try #require(json["byGroup"] as? [[String: Any]])
        #expect(groups.map { $0["group"] as? String } == ["learner", "staff", "guest"])
        #expect(groups.map { $0["queries"] as? Int } == [2, 5, 1])
        #expect(groups.map { $0["differ"] as? Int } == [2, 3, 0])
        let rules = try #require(json["byRule"] as? [[String: Any]]).map { rule in
            let sides = ["from", "to"].map { rule[$0] as? [String: String] ?? [:] }
            return "\(rule["queries"] ?? "") "
                + sides.map { "\($0["verdict"] ?? "") \($0["rule"] ?? "")" }.joined(separator: ", ")
        }
        #expect(
            rules == [
                "2 block staff-breaks-only, allow default", "2 block never, block harm",
                "1 allow default, block no-chat",
            ])
        let categories = try #require(json["byCategory"] as? [[String: Any]])
        #expect(categories.map { $0["category"] as? String } == ["social", "never"])
        #expect(categories.map { $0["differ"] as? Int } == [3, 2])
        let record = try #require(json["record"] as? [String: Any])
        #expect(record["differFromNew"] as? Int == 5 && record["differFromCurrent"] as? Int == 0)
    }

    /// Each example's two decisions are those that `explain` gives at the same instant.
    @Test func examplesAreWhatExplainSays() throws {
        let server = try recordedLesson()
        try server.folder.write(newPolicy, to: "new.yaml")
        let examples =
            try replay(server, ["--with", "new.yaml", "--json"]).json["examples"]
            as? [[String: Any]] ?? []
        #expect(examples.count == 4, "one of the two staff asked for the same name")
        for example in examples {
            let time = try #require(example["time"] as? String)
            let group = try #require(example["group"] as? String)
            #expect((example["client"] as? String)?.hasPrefix("c-") == true)
            let name = example["alias"] as? String ?? example["name"] as? String ?? ""
            for (side, file) in [("from", "policy.yaml"), ("to", "new.yaml")] {
                let explained = try Run(
                    Program.bellgate(),
                    [
                        "explain", name, "--group", group, "--policy", file, "--json", "--at",
                        time.prefix(19).replacingOccurrences(of: "T", with: " "),
                    ], in: server.folder.path)
                let decision = example[side] as? [String: String] ?? [:]
                #expect(decision["verdict"] == explained.json["verdict"] as? String, "\(example)")
                #expect(decision["rule"] == explained.json["rule"] as? String, "\(example)")
            }
        }
    }

    /// Who an example is of is shown to those alone who say why, and that is on record first.
    @Test func addressesOfExamplesAreALook() throws {
        let server = try recordedLesson()
        try server.folder.write(newPolicy, to: "new.yaml")
        func clients(_ run: Run) -> [String] {
            (run.json["examples"] as? [[String: Any]] ?? []).compactMap { $0["client"] as? String }
        }
        func entries() throws -> [AuditEntry] {
            try AuditTrail.read(directory: "\(server.folder.path)/log").entries
                .filter { $0.kind == .look || $0.kind == .shown }
        }
        let verb = ["--with", "new.yaml", "--json"]
        let hidden = try replay(server, verb)
        #expect(clients(hidden).count == 4 && !hidden.output.contains("127.0."))
        #expect(try entries().isEmpty)
        let shown = try replay(server, verb + ["--identify", "--reason", "Review of rules"])
        #expect(Set(clients(shown)) == ["127.0.30.5", "127.0.20.5"], "\(shown.errors)")
        let noted = try entries()
        #expect(noted.map(\.kind) == [.look, .shown] && noted.last?.rows == 4)
        #expect(noted.first?.reason == "Review of rules")
        #expect(noted.first?.question.hasPrefix("replay --since 2026-11-23T00:00:00Z ") == true)
        let byAddress = try replay(server, verb + ["--client", "127.0.30.5"])
        #expect(clients(byAddress).allSatisfy { $0.hasPrefix("c-") } && byAddress.status == 0)
        #expect(try entries().map(\.reason).suffix(2) == ["none given: asked by address", nil])
        let nobody = try replay(server, verb + ["--client", "127.0.99.9"])
        #expect(nobody.status == 1)
        #expect(try entries().count == 6, "also where nothing was recorded")
        let silent = try replay(server, verb + ["--identify"])
        #expect(silent.status == 2 && silent.errors.contains("--reason"))
        // A link that leads to itself can be written by nobody.
        let trail = "\(server.folder.path)/log/audit.jsonl"
        unsafe unlink(trail)
        _ = unsafe symlink("audit.jsonl", trail)
        let refused = try replay(server, verb + ["--identify", "--reason", "why"])
        #expect(refused.status == 1 && refused.output.isEmpty)
        #expect(refused.errors.contains("nothing can be noted in the audit trail"))
    }

    @Test func textFiltersAndTheSamePolicy() throws {
        let server = try recordedLesson()
        try server.folder.write(newPolicy, to: "new.yaml")
        let text = try replay(server, ["--with", "new.yaml", "--limit", "1"]).output
        for part in [
            "8 judged again", "5 of 8 differ (62.5 %)", "1 allow -> block, 2 block -> allow",
            "block by staff-breaks-only  ->  allow by default", "1 cannot be judged again",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        let same = try replay(server, ["--with", "policy.yaml"])
        #expect(same.status == 0 && same.output.contains("result   nothing differs"))
        for (filter, queries, differing) in [
            (["--group", "learner"], 2, 2), (["--client", "127.0.30.0/24"], 5, 3),
            (["--name", "never.example.com"], 1, 1), (["--name", "=example.com"], nil, nil),
            (["--verdict", "allow"], 4, 1), (["--rule", "staff-breaks-only"], 2, 2),
        ] as [([String], Int?, Int?)] {
            let run = try replay(server, ["--with", "new.yaml", "--json"] + filter)
            #expect(run.json["queries"] as? Int == queries, "\(filter)")
            #expect(run.json["differ"] as? Int == differing, "\(filter)")
            #expect(run.status == (queries == nil ? 1 : 0))
        }
    }

    /// What an older policy decided is no doing of the new file.
    @Test func anOlderPolicyIsToldApart() throws {
        let server = try recordedLesson()
        let before = try #require(try server.rows().first?["policy"] as? String)
        try server.folder.replace(newPolicy, at: "policy.yaml")
        #expect(try server.run(["reload"]).status == 0)
        _ = try server.ask("www.social.example.com", from: "127.0.20.5")
        // A comment only: decides as the one in force, but is another file.
        try server.folder.write(newPolicy + "# tried\n", to: "new.yaml")
        let json = try replay(server, ["--with", "new.yaml", "--json"]).json
        #expect(json["queries"] as? Int == 9)
        #expect(json["differ"] as? Int == 0)
        let record = try #require(json["record"] as? [String: Any])
        #expect(record["differFromCurrent"] as? Int == 5)
        #expect(record["differFromNew"] as? Int == 5)
        let policies = try #require(record["policies"] as? [[String: Any]])
        #expect(policies.count == 2)
        #expect(policies.first?["policy"] as? String == before)
        #expect(policies.map { $0["queries"] as? Int } == [8, 1])
        #expect(policies.map { $0["differFromCurrent"] as? Int } == [5, 0])
        let text = try replay(server, ["--with", "new.yaml"]).output
        #expect(text.contains("nothing differs"))
        #expect(text.contains("8 were decided by policy \(before)"), "\(text)")
    }

    @Test func whatCannotBeDoneIsSaid() throws {
        let server = try recordedLesson()
        let folder = server.folder
        try folder.write(
            newPolicy.replacingOccurrences(of: "block: [social]", with: "block: [sozial]"),
            to: "wrong.yaml")
        let refused = try replay(server, ["--with", "wrong.yaml"])
        let checked = try Run(
            Program.bellgate(), ["check", "--policy", "wrong.yaml"], in: folder.path)
        #expect(refused.status == 1 && refused.output.isEmpty)
        #expect(refused.errors == checked.errors && refused.errors.contains("sozial"))
        let missing = try replay(server, ["--with", "nowhere.yaml"])
        #expect(missing.status == 1 && missing.errors.contains("nowhere.yaml:1:1: error: "))

        try folder.write(newPolicy, to: "new.yaml")
        let empty = try server.run(
            ["replay", "--with", "new.yaml", "--since", "2020-01-01", "--until", "2020-02-01"])
        #expect(empty.status == 1 && empty.errors.contains("nothing was recorded"))
        for arguments in [
            ["--with", "new.yaml", "--until", "2026-11-22T00:00:00Z"],
            ["--with", "new.yaml", "--until", "2026-11-23T00:00:00Z"],
            ["--with", "new.yaml", "--limit", "-1"], ["--with", "new.yaml", "--limit", "1001"],
            ["--with", "new.yaml", "--format", "csv"], ["--with", "new.yaml", "--verdict", "gap"],
            [],
        ] {
            let run = try replay(server, arguments)
            #expect(run.status == 2 && run.output.isEmpty, "\(arguments): \(run.errors)")
        }
        try folder.write(
            "policy: policy.yaml\nlisten: { dns: [\"127.0.0.1:5300\"] }\nupstreams: [demo]\n"
                + "log: { directory: no-log }\n", to: "elsewhere.yaml")
        let noLog = try Run(
            Program.bellgate(), ["replay", "--config", "elsewhere.yaml", "--with", "new.yaml"],
            in: folder.path)
        #expect(noLog.status == 1 && noLog.errors.contains("no-log"), "\(noLog.errors)")
    }
}
