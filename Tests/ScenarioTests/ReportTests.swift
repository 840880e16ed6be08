import Foundation
import Glibc
import Testing

/// `bellgate report` on the log of a real server.
@Suite(.scenario) struct ReportTests {
    private func week() throws -> TestServer {
        let fake = try FakeUpstream { .now($0.address(ttl: 77)) }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-18 09:30:00")
        for _ in 0..<7 { _ = try server.ask("chat.social.example.com", from: "127.0.30.5") }
        for number in 1...6 { _ = try server.ask("www.example.com", from: "127.0.20.\(number)") }
        _ = try server.ask("www.never.example.com", from: "127.0.20.1")
        return server
    }

    @Test func jsonHasTheWeek() throws {
        let server = try week()
        let run = try server.run(["report", "--week", "2026-W47", "--format", "json"])
        #expect(run.status == 0, "\(run.errors)")
        let totals = try #require(run.json["totals"] as? [String: Any])
        #expect(totals["asked"] as? Int == 14 && totals["blocked"] as? Int == 8)
        let concerns = try #require(run.json["concerns"] as? [String: Any])
        let list = try #require(concerns["list"] as? [[String: Any]])
        #expect(list.count == 1 && list[0]["severity"] as? String == "high")
        #expect(list[0]["device"] as? String != "127.0.20.1")
        #expect(list[0]["attempts"] as? String == "hidden")
        #expect(!run.output.contains("127.0."))
        // The same log, and the log that was stopped and followed into the store: the same bytes.
        let again = try server.run(["report", "--week", "2026-W47", "--format", "json"])
        #expect(again.output == run.output)
        // A page, unless another format is asked for.
        let page = try server.run(["report", "--week", "2026-W47"])
        #expect(page.status == 0 && page.output.hasPrefix("<!DOCTYPE html>"))
        #expect(page.output.contains("Monitoring review, week 2026-W47"))
        #expect(!page.output.contains("127.0."))
        // What time it is, is the machine's to say.
        #expect(!page.output.contains("This week is still"))
        let coming = try server.run(["report", "--week", "2099-W01"])
        #expect(coming.status == 0 && coming.output.contains("This week has not begun."))
        let table = try server.run(["report", "--week", "2026-W47", "--format", "csv"])
        #expect(table.output.contains("\r\ntotals,,,,asked,14\r\n"))
        let learners = try server.run(
            ["report", "--week", "2026-W47", "--format", "json", "--group", "learner"])
        let exact = try #require(learners.json["totals"] as? [String: Any])
        #expect(exact["asked"] as? Int == 7 && exact["blocked"] as? Int == 1)
    }

    @Test func addressesAreShownOnlyWithAReasonThatIsKept() throws {
        let server = try week()
        let verb = ["report", "--week", "2026-W47", "--format", "json", "--identify"]
        let refused = try server.run(verb)
        #expect(refused.status == 2 && refused.errors.contains("--reason"))
        #expect(try server.run(verb + ["--reason", "  "]).status == 2)
        let long = String(repeating: "why", count: 334)
        #expect(try server.run(verb + ["--reason", long]).errors.contains("at most 1000 octets"))
        let trail = "log/audit.jsonl"
        #expect(!server.folder.read(trail).contains("\"look\""))
        let shown = try server.run(verb + ["--reason", "Case \"17\""])
        #expect(shown.status == 0 && shown.output.contains("127.0.20.1"))
        #expect(shown.errors == "")
        let scope = shown.json["scope"] as? [String: Any]
        #expect(scope?["identifiedBecause"] as? String == "Case \"17\"")
        let entries = server.folder.read(trail).split(separator: "\n")
        let look = try #require(entries.first { $0.contains("\"kind\":\"look\"") })
        #expect(look.contains("report --week 2026-W47"))
        #expect(entries.contains { $0.contains("\"kind\":\"shown\"") })
        #expect(try server.run(["log", "verify"]).status == 0)
    }

    @Test(
        arguments: [
            (["--week", "2025-W53"], 2, "2025-W52"), (["--week", "47"], 2, "2026-W47"),
            ([], 2, "--week"),
            (["--week", "2026-W47", "--group", "pupil"], 1, "learner"),
            (["--week", "2026-W47", "--format", "pdf"], 2, "json"),
            (["--week", "2026-W47", "--reason", "curious"], 2, "--identify"),
        ] as [([String], Int32, String)])
    func mistakesAreNamed(_ row: (arguments: [String], status: Int32, words: String)) throws {
        let folder = try Folder.college()
        let run = try Run(
            Program.bellgate(), ["report"] + row.arguments + ["--config", "bellgate.yaml"],
            in: folder.path)
        #expect(run.status == row.status, "\(run.errors)")
        #expect(run.errors.contains(row.words) && run.output == "", "\(run.errors)")
    }

    @Test func aLogThatIsNotThereIsNamed() throws {
        let folder = try Folder.college(log: "nowhere")
        let run = try Run(
            Program.bellgate(),
            ["report", "--week", "2026-W47", "--config", "bellgate.yaml"], in: folder.path)
        #expect(run.status == 1 && run.errors.contains("nowhere"), "\(run.errors)")
    }
}
