import Foundation
import Testing

/// From the page to the queue, and from new to closed: `bellgate reports`.
@Suite(.scenario) struct ReportQueueTests {
    private let server: TestServer
    private let learner: Browser

    init() throws {
        let (server, browser) = try BlockPageTests.server(at: "2026-11-23 10:00:00")
        self.server = server
        learner = Browser(address: "127.0.20.7", port: browser.port)
        let staff = Browser(address: "127.0.30.7", port: browser.port)
        for (client, kind, text) in [
            (learner, "worry", "They write to me <at> night"),
            (learner, "wrongly-blocked", "For my essay"), (staff, "worry", "A colleague"),
        ] {
            let thanks = try #require(try client.report(kind, "www.never.example.com", text: text))
            #expect(thanks.status == 200)
        }
    }

    /// Runs a verb at an instant (UTC).
    private func run(_ arguments: [String], at: String = "2026-11-23 11:00:00") throws -> Run {
        try Run(
            Program.bellgate(), arguments + ["--config", "bellgate.yaml"],
            environment: [
                "LD_PRELOAD": try Program.timeMachine(), "FAKETIME": "@" + at, "TZ": "UTC",
            ], in: server.folder.path)
    }

    /// Section 7: "request → queue entry with name, group, rule id"; staff cases to the principal.
    @Test func theQueueShowsWhatIsItsOwn() throws {
        let list = try run(["reports", "list", "--json"]).jsonArray
        #expect(list.map { $0["id"] as? Int } == [1, 2])
        let worry = try #require(list.first)
        #expect(worry["kind"] as? String == "worry" && worry["severity"] as? String == "high")
        #expect(worry["name"] as? String == "www.never.example.com")
        #expect(worry["group"] as? String == "learner" && worry["rule"] as? String == "never")
        #expect(worry["text"] as? String == "They write to me <at> night")
        #expect(worry["state"] as? String == "new" && worry["overdue"] as? Bool == false)
        let pseudonym = try #require(worry["client"] as? String)
        #expect(pseudonym.hasPrefix("c-"))
        // The pseudonym is the log's.
        _ = try server.ask("www.never.example.com", from: "127.0.20.7")
        #expect(try run(["log", "query", "--client", pseudonym]).output.contains("never"))
        let text = try run(["reports", "list"]).output
        #expect(text.contains(pseudonym) && !text.contains("127.0.20.7"))
        #expect(!text.contains("They write"), "what was written is in show")

        let all = try run(["reports", "list", "--role", "principal", "--json"]).jsonArray
        #expect(all.map { $0["id"] as? Int } == [1, 2, 3])
        #expect(all.last?["queue"] as? String == "principal")
        let refused = try run(["reports", "show", "3"])
        #expect(refused.status == 1 && refused.errors.contains("--role principal"))
        #expect(!refused.output.contains("colleague"))
        let update = try run(["reports", "update", "3", "--state", "reviewing"])
        #expect(update.status == 1)
        #expect(
            try run(["reports", "show", "3", "--role", "principal"]).output.contains("A colleague"))
        #expect(try run(["reports", "show", "9"]).status == 1)
    }

    @Test func whoItIsNeedsAReasonAndIsNoted() throws {
        #expect(try run(["reports", "show", "1", "--identify"]).status == 2)
        let shown = try run([
            "reports", "show", "1", "--identify", "--reason", "Concern 12", "--json",
        ])
        #expect(shown.json["client"] as? String == "127.0.20.7")
        let trail = server.folder.read("log/audit.jsonl")
        #expect(trail.contains("\"kind\":\"look\"") && trail.contains("Concern 12"))
        #expect(trail.contains("\"kind\":\"shown\""))
    }

    /// Section 5: "high-severity unreviewed at 24 h shows as overdue", at its second.
    @Test func aWorryIsOverdueAfterADay() throws {
        let came = try #require(
            try run(["reports", "show", "1", "--json"]).json["time"] as? String)
        let second = String(came.prefix(19)).replacingOccurrences(of: "T", with: " ")
        let nextDay = second.replacingOccurrences(of: "2026-11-23", with: "2026-11-24")
        let due = try run(["reports", "show", "1", "--json"]).json["due"] as? String
        #expect(due == nextDay.replacingOccurrences(of: " ", with: "T") + "+00:00")
        func states(_ at: String) throws -> [Bool?] {
            try run(["reports", "list", "--json"], at: at).jsonArray.map { $0["overdue"] as? Bool }
        }
        #expect(try states("2026-11-24 09:59:00") == [false, false])
        #expect(try states("2026-11-24 10:30:00") == [true, false])
        #expect(try run(["reports", "list"], at: "2026-11-24 10:30:00").output.contains("OVERDUE"))
        #expect(try states("2026-12-01 10:30:00") == [true, true])
        #expect(
            try run(["reports", "update", "1", "--state", "reviewing"], at: "2026-11-24 10:31:00")
                .status == 0)
        #expect(try states("2026-11-24 10:32:00") == [false, false])
    }

    /// Section 5: "outcome codes include support, not only sanction; close without outcome → refused".
    /// Section 7: "closing a case asks for lesson + change; roll-up counts equal closed cases".
    @Test func closingNeedsAnOutcomeAndTheYearCountsThem() throws {
        let none = try run(["reports", "close", "1"])
        #expect(
            none.status == 2 && none.errors.contains("--outcome") && none.errors.contains("support")
        )
        #expect(try run(["reports", "close", "1", "--outcome", "prize"]).status == 2)
        #expect(try run(["reports", "list", "--json"]).jsonArray.count == 2)
        #expect(
            try run([
                "reports", "update", "1", "--state", "action", "--route", "child-protection",
                "--note", "Talked to J.",
            ]).status == 0)
        let closed = try run([
            "reports", "close", "1", "--outcome", "support", "--finding", "true-positive",
            "--lesson", "Nobody knew", "--change", "Tutors say it",
        ])
        #expect(closed.status == 0 && closed.errors.isEmpty, "\(closed.errors)")
        #expect(try run(["reports", "close", "1", "--outcome", "support"]).status == 1)
        let short = try run(["reports", "close", "2", "--outcome", "list-corrected"])
        #expect(short.status == 0 && short.errors.contains("--lesson"))
        #expect(try run(["reports", "list"]).output == "no report is open\n")
        #expect(try run(["reports", "list", "--all", "--json"]).jsonArray.count == 2)
        let shown = try run(["reports", "show", "1", "--json"]).json
        let steps = try #require(shown["steps"] as? [[String: Any]])
        #expect(steps.map { $0["state"] as? String } == ["action", "closed"])
        #expect(steps.first?["note"] as? String == "Talked to J.")
        #expect(steps.allSatisfy { ($0["user"] as? String)?.isEmpty == false })
        #expect(shown["route"] as? String == "child-protection")

        let year = try run(["reports", "--roll-up", "2026", "--json"]).json
        #expect(year["closed"] as? Int == 2 && year["received"] as? Int == 2)
        let outcomes = try #require(year["outcomes"] as? [String: Int])
        #expect(outcomes == ["support": 1, "list-corrected": 1])
        #expect(outcomes.values.reduce(0, +) == year["closed"] as? Int)
        #expect((year["findings"] as? [String: Int]) == ["true-positive": 1, "none": 1])
        #expect(year["lessons"] as? [String] == ["Nobody knew"])
        #expect(year["changes"] as? [String] == ["Tutors say it"])
        let principal = try run(["reports", "--roll-up", "2026", "--json", "--role", "principal"])
        #expect(principal.json["received"] as? Int == 3)
        let other = try run(["reports", "--roll-up", "2025", "--json"]).json
        #expect(other["closed"] as? Int == 0 && other["received"] as? Int == 0)
        #expect(try run(["log", "verify"]).status == 0)
    }

    @Test func aStaffRouteLeavesTheLearnersQueue() throws {
        #expect(
            try run(["reports", "update", "1", "--route", "allegations-against-staff"]).status == 0)
        #expect(try run(["reports", "list", "--json"]).jsonArray.map { $0["id"] as? Int } == [2])
        #expect(try run(["reports", "show", "1"]).status == 1)
        #expect(try run(["reports", "show", "1", "--role", "principal"]).status == 0)
    }

    @Test func theServerSaysThatSomethingIsOverdue() throws {
        try server.restart(at: "2026-11-24 12:00:00")
        let warnings = try #require(try server.status()["warnings"] as? [String])
        #expect(warnings.contains { $0.contains("overdue; see `bellgate reports`") }, "\(warnings)")
    }
}
