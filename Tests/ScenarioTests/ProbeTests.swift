import Foundation
import Glibc
import Testing

/// The proof that a running server does what its policy says, and the review that keeps it.
@Suite(.scenario) struct ProbeTests {
    private static let head = policyHead.replacing(
        "policy: { ", with: "policy: { approved-on: 2026-09-01, ")
    private static let policy =
        head + """
            calendar:
              terms: [2026-09-01 to 2026-12-18]
              closed: [2026-11-27]
            periods:
              college-hours: { mon-fri: 08:45-16:15 }
              break: { mon-fri: 10:30-10:45 }
            groups:
              learner: { networks: [127.0.20.0/24, 10.20.0.0/16] }
              staff: { networks: [127.0.30.0/24] }
            devices:
              - { name: library-pc-1, address: 127.0.20.9, kind: college, group: learner }
            unknown-devices: refuse
            lists: { services: { catalogue: services }, harm: { file: harm.txt } }
            categories: { social: [chatrooms] }
            rules:
              - { id: harm, block: [harm], locked: true, reason: Harmful., answer: zero }
              - id: staff-breaks-only
                for: [staff]
                block: [social]
                during: [college-hours]
                except-during: [break]
                reason: Personal use is for breaks.
              - { id: quiet, for: [learner], block: [loud.example.com], reason: Quiet., ttl: 1h }
            default: allow

            """
    private static let files = [
        "services/chatrooms.yaml": """
        category: chatrooms
        as-of: 2026-11-01
        services:
          - { service: chatter, core: [chat.example.com] }
        """,
        "services/essentials.yaml": """
        category: essentials
        as-of: 2026-11-01
        services:
          - { service: help, core: [help.example.com] }
        """,
        "harm.txt": "# a list\nbad.example.net\nworse.example.net\n",
    ]

    private func server(_ policy: String = ProbeTests.policy) throws -> TestServer {
        // No upstream: whatever is allowed must be told without one.
        try TestServer(
            policy, files: Self.files, upstreams: ["127.0.0.1:9"], at: "2026-11-24 10:00:00")
    }

    private func probe(_ server: TestServer, _ arguments: [String] = []) throws -> Run {
        try Run(
            Program.bellgate(), ["probe", "--config", "bellgate.yaml", "--json"] + arguments,
            in: server.folder.path)
    }

    private func record(_ run: Run) throws -> [String: Any] {
        try #require(run.json["cells"] as? Int) == 0 ? [:] : run.json
    }

    @Test func aServerThatDoesWhatItsPolicySaysIsProved() throws {
        let server = try server()
        let run = try probe(server)
        #expect(run.status == 0, "\(run.errors) \(run.output.suffix(2000))")
        let record = try record(run)
        #expect(record["differing"] as? Int == 0)
        let cells = try #require(record["cells"] as? Int)
        #expect(cells > 300)
        let asked = try #require((record["servers"] as? [[String: Any]])?.first)
        #expect((asked["asked"] as? Int ?? 0) > cells && (asked["byTCP"] as? Int ?? 0) > 0)
        let subjects = try #require(record["subjects"] as? [[String: Any]])
        #expect(
            subjects.compactMap { $0["group"] as? String } == [
                "learner", "learner", "staff", "learner", "unknown",
            ])
        #expect(subjects.compactMap { $0["kind"] as? String } == ["college"])
        let categories = Set(
            (record["names"] as? [[String: Any]] ?? []).compactMap { $0["category"] as? String })
        #expect(
            categories.isSuperset(of: ["social/chatrooms", "harm", "essentials", "no category"]))
        let days = Set(
            (record["moments"] as? [[String: Any]] ?? []).compactMap { $0["day"] as? String })
        #expect(days == ["term day, Mon", "weekend", "closed day", "holiday"])
        // It is dated, and stands in no record of what devices asked.
        let names = try FileManager.default.contentsOfDirectory(
            atPath: server.folder.path + "/reviews")
        #expect(names.count == 2 && names.allSatisfy { $0.hasPrefix("probe-20") })
        #expect(try server.rows().isEmpty)
        let status = try #require(server.status()["server"] as? [String: Any])
        let counts = try #require(status["counts"] as? [String: Any])
        #expect(counts["probes"] as? Int == asked["asked"] as? Int)
        #expect(counts["queries"] as? Int == 0 && counts["blocked"] as? Int == 0)
        #expect(counts["overTCP"] as? Int == 0)
    }

    @Test func aMutatedRuleIsNamedByItsCell() throws {
        let server = try server()
        // The server goes on with its own file; the probe is given another.
        let mutated = Self.policy.replacing(
            "except-during: [break]", with: "except-during: []"
        ).replacing(
            "    except-during: []\n", with: "")
        try server.folder.write(mutated, to: "other.yaml")
        let configuration = server.folder.read("bellgate.yaml")
        try server.folder.write(
            configuration.replacing("policy: policy.yaml", with: "policy: other.yaml"),
            to: "other-bellgate.yaml")
        func probe() throws -> Run {
            try Run(
                Program.bellgate(), ["probe", "--config", "other-bellgate.yaml", "--json"],
                in: server.folder.path)
        }
        let run = try probe()
        #expect(run.status == 1)
        #expect(run.errors.contains("has policy"), "the other policy is said first")
        let differences = try #require(run.json["differences"] as? [[String: Any]])
        #expect(!differences.isEmpty)
        for difference in differences {
            let cell = try #require(difference["cell"] as? [String: Any])
            #expect(cell["group"] as? String == "staff")
            #expect(cell["category"] as? String == "social/chatrooms")
            #expect(cell["name"] as? String == "chat.example.com")
            #expect((cell["period"] as? String)?.contains("college-hours") == true)
            #expect(
                (cell["at"] as? String)?.contains("T10:3") == true
                    || (cell["at"] as? String)?.contains("T10:44:59") == true)
            let expected = difference["expected"] as? [String: Any]
            let got = difference["got"] as? [String: Any]
            #expect(expected?["verdict"] as? String == "block")
            #expect(expected?["rule"] as? String == "staff-breaks-only")
            #expect(got?["verdict"] as? String == "allow" && got?["rule"] as? String == "default")
        }
        // For a person, cells that say the same are one line.
        let text = try Run(
            Program.bellgate(), ["probe", "--config", "other-bellgate.yaml", "--out", "proof"],
            in: server.folder.path)
        let lines = text.lines.filter { $0.hasPrefix("differs") }
        #expect(lines.count == 1 && lines[0].contains("staff (127.0.30.0/24)"), "\(text.output)")
        #expect(lines[0].contains("cells more"))
        let page = try FileManager.default.contentsOfDirectory(
            atPath: server.folder.path + "/proof"
        ).filter { $0.hasSuffix(".html") }
        #expect(server.folder.read("proof/" + (page.first ?? "")).contains("does not do what"))
        // A failing probe is one action, however often it fails.
        #expect(try probe().status == 1)
        let actions = try server.run(["review", "actions", "--json"]).jsonArray
        #expect(actions.count == 1 && actions.first?["source"] as? String == "probe")
        #expect(actions.first?["owner"] as? String == "it")
    }

    /// Who is known by a login or a card has no address of its own, and is asked as all the same.
    @Test func loginsAndCardsAreAskedAs() throws {
        let policy =
            Self.head + """
                periods: { break: { mon-fri: 10:30-10:45 } }
                groups:
                  learner: { networks: [127.0.20.0/24], identities: ["*@kite.example"] }
                  staff: { identities: ["*@staff.kite.example", head@kite.example] }
                devices:
                  - { name: library-pc-1, mac: "02:00:5e:10:00:01", kind: college, group: learner }
                  - { name: library-pc-2, address: 127.0.20.9, kind: college, group: learner }
                  - { name: trolley, mac: "02:00:5e:10:00:02", kind: college }
                unknown-devices: refuse
                exceptions:
                  - id: exam
                    devices: [trolley]
                    block: [news.example.com]
                    from: 2026-11-01
                    until: 2099-01-01
                    reason: Exam.
                    approved-by: dsl
                    approved-on: 2026-10-30
                rules:
                  - { id: staff, for: [staff], block: [loud.example.com], except-during: [break], reason: R }
                default: allow

                """
        let server = try server(policy)
        func rows(_ run: Run, _ key: String) throws -> [[String: Any]] {
            try #require(run.json[key] as? [[String: Any]])
        }
        let run = try probe(server)
        #expect(run.status == 0, "\(run.errors) \(run.output.suffix(2000))")
        #expect(
            try rows(run, "subjects").map { "\($0["group"] ?? ""): \($0["place"] ?? "")" } == [
                "learner: 127.0.20.0/24", "learner: logins *@kite.example",
                "staff: logins *@staff.kite.example", "staff: login head@kite.example",
                "learner: library-pc-1", "learner: trolley", "unknown: in no network",
            ])
        #expect(run.json["differing"] as? Int == 0)
        // The server has this file, whose mistakes are of these two alone.
        try server.folder.replace(
            policy.replacing("loud.example.com", with: "noisy.example.com")
                .replacing("devices: [trolley]", with: "devices: [library-pc-2]"),
            at: "policy.yaml")
        _ = try server.run(["reload"])
        try server.folder.write(policy, to: "meant.yaml")
        try server.folder.write(
            server.folder.read("bellgate.yaml").replacing(
                "policy: policy.yaml", with: "policy: meant.yaml"), to: "meant-bellgate.yaml")
        let other = try Run(
            Program.bellgate(), ["probe", "--config", "meant-bellgate.yaml", "--json"],
            in: server.folder.path)
        #expect(other.status == 1)
        let cells = try rows(other, "differences").compactMap { $0["cell"] as? [String: Any] }
        #expect(
            Set(cells.map { "\($0["place"] ?? "") \($0["name"] ?? "")" }) == [
                "logins *@staff.kite.example loud.example.com",
                "login head@kite.example loud.example.com", "trolley news.example.com",
            ])
        #expect(try server.rows().isEmpty)
    }

    @Test func twoServersThatDifferAreDrift() throws {
        let first = try server()
        let second = try server(
            Self.policy.replacing("block: [loud.example.com]", with: "block: [noisy.example.com]"))
        let addresses = [first, second].map { "127.0.0.1:\($0.port)" }
        let run = try probe(first, addresses.flatMap { ["--server", $0] })
        #expect(run.status == 1)
        let drift = try #require(run.json["drift"] as? [[String: Any]])
        #expect(
            Set(drift.compactMap { ($0["cell"] as? [String: Any])?["name"] as? String })
                == ["loud.example.com"])
        let got = try #require(drift.first?["got"] as? [[String: Any]])
        #expect(got.compactMap { $0["verdict"] as? String } == ["block", "allow"])
        let same = try probe(first, ["--server", addresses[0], "--server", addresses[0]])
        #expect(same.status == 0 && same.json["drifting"] as? Int == 0, "\(same.errors)")
    }

    @Test func nobodyWithoutTheKeyAsksAsSomebodyElse() throws {
        let server = try server()
        // A probe has its key out; a client makes up an option of its own.
        #expect(try probe(server).status == 0)
        let forged =
            [0xFE, 0xA0, 0, 50, 2] + [UInt8](repeating: 0, count: 10) + [255, 255, 127, 0, 20, 1]
            + [0, 0, 0, 0, 0x6A, 0x11, 0x22, 0x33] + [UInt8](repeating: 0, count: 9)
            + [UInt8](repeating: 7, count: 16)
        var query = Wire.query("bad.example.net", RR.a, ednsSize: nil)
        query[11] = 1
        query += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, UInt8(forged.count)] + forged
        let answer = try #require(try server.client("127.0.30.1").exchange(query))
        #expect(answer.rcode == 5, "refused, as the key is not known")
        #expect(try server.rows().isEmpty)
        // Where nobody tells of a control socket, nothing can be proved.
        let nowhere = try Run(
            Program.bellgate(), ["probe", "--config", "bellgate.yaml", "--server", "127.0.0.1:1"],
            in: server.folder.path)
        #expect(nowhere.status == 1 && nowhere.errors.contains("tells no control socket"))
    }

    @Test func theReviewKnowsWhenItIsDueAndWhatCallsForIt() throws {
        let server = try server()
        let fresh = try server.run(["review", "status"])
        #expect(fresh.output.contains("no review is on record"))
        #expect(fresh.output.contains("2027-09-01 (12 months after it was approved)"))
        let recorded = try server.run(
            ["review", "record", "--by", "principal", "--notes", "With the DSL."])
        #expect(recorded.status == 0, "\(recorded.errors)")
        #expect(try server.run(["review", "record", "--by", "me"]).status == 2)
        let quiet = try server.run(["review", "status", "--json"])
        #expect(quiet.status == 0)
        #expect((quiet.json["triggers"] as? [Any])?.isEmpty == true)
        try server.folder.replace(
            Self.policy.replacing(
                "networks: [127.0.30.0/24]", with: "networks: [127.0.30.0/24, 10.22.0.0/16]"),
            at: "policy.yaml")
        let changed = try server.run(["review", "status"])
        #expect(
            changed.output.contains(
                "review trigger: infrastructure: new network 10.22.0.0/16 in group staff"))
        #expect(changed.output.contains("review trigger: policy: updated from "))
        // More than a year on, a day added in leap years or not.
        let late = try Run(
            Program.bellgate(), ["review", "status", "--config", "bellgate.yaml"],
            environment: [
                "LD_PRELOAD": try Program.timeMachine(), "FAKETIME": "+400d", "TZ": "UTC",
            ], in: server.folder.path)
        #expect(late.status == 1 && late.output.contains("OVERDUE by 3"), "\(late.output)")
        let check = try Run(
            Program.bellgate(), ["check", "--config", "bellgate.yaml"],
            environment: [
                "LD_PRELOAD": try Program.timeMachine(), "FAKETIME": "+400d", "TZ": "UTC",
            ], in: server.folder.path)
        #expect(check.output.contains("review of filtering overdue by 3"), "\(check.output)")
        let added = try server.run(
            [
                "review", "add", "--issue", "Guests, \"all\"", "--owner", "dsl", "--due",
                "2026-12-18",
            ])
        #expect(added.status == 0)
        let table = try server.run(["review", "actions", "--format", "csv"])
        #expect(table.output.contains("1,\"Guests, \"\"all\"\"\",dsl,2026-12-18,open"))
        #expect(try server.run(["review", "close", "1", "--outcome", "Done"]).status == 0)
        #expect(try server.run(["review", "close", "1", "--outcome", "Done"]).status == 1)
        #expect(try server.run(["review", "actions", "--json"]).jsonArray.isEmpty)
        #expect(try server.run(["log", "verify"]).status == 0)
    }
}
