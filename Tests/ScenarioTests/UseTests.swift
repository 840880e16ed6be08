import Foundation
import Glibc
import Testing

/// Limits of use, by the running server and its real clients.
@Suite(.scenario) struct UseTests {
    private static let policy =
        policyHead + """
            calendar: { terms: [2026-09-01 to 2099-12-18] }
            periods: { college-hours: { mon-fri: 08:45-16:15 } }
            groups:
              learner: { networks: [127.0.20.0/24] }
              staff: { networks: [127.0.30.0/24] }
            devices:
              - { name: library-pc-1, address: 127.0.20.9, kind: college, group: learner }
            unknown-devices: refuse
            lists: { services: { catalogue: services } }
            categories: { social-media: [social-networking] }
            rules:
              - { id: quiet, for: [staff], block: [social-media], reason: Breaks only. }
            default: allow
            limits-of-use:
              - { for: [learner], category: social-media, minutes-a-day: 2, concern: high }

            """
    private static let services = [
        "services/social-networking.yaml": """
        category: social-networking
        as-of: 2026-11-01
        services:
          - { service: faces, core: [faces.example.com], embedded: ["=connect.faces.example.com"] }
          - { service: clips, core: [clips.example.com] }
        """
    ]

    /// How far the server's clock has to be ahead to show an instant of UTC.
    private func ahead(_ instant: String) throws -> Int {
        let date = try Date(instant, strategy: .iso8601)
        return Int(date.timeIntervalSinceNow.rounded())
    }

    private func flags(_ server: TestServer) -> [Substring] {
        server.folder.read("log/audit.jsonl").split(separator: "\n")
            .filter { $0.contains("\"kind\":\"flag\"") }
    }

    @Test func aDeviceOverTheLimitIsFlaggedAndToldOnceADay() throws {
        let told = try Folder()
        let server = try TestServer(
            Self.policy, files: Self.services, upstreams: ["demo"],
            settings: "alerts: { command: [/bin/sh, \"-c\", \"cat >> \(told.path)/told\"] }\n",
            clockAhead: try ahead("2026-11-23T10:00:20Z"))
        for minute in 0..<4 {
            try server.setClock(ahead: ahead("2026-11-23T10:0\(minute):20Z"))
            for name in ["faces.example.com", "www.clips.example.com"] {
                _ = try server.ask(name, from: "127.0.20.1")
            }
            _ = try server.ask("connect.faces.example.com", from: "127.0.20.2")
            _ = try server.ask("faces.example.com", from: "127.0.30.1")
        }
        #expect(eventually(within: 30) { flags(server).count == 1 })
        #expect(eventually(within: 30) { told.read("told").contains("\"kind\":\"use\"") })
        #expect(flags(server).first?.contains("127.0.20") == false, "a pseudonym, no address")
        // A kill in the middle of a delivery may repeat it; this is about flags.
        #expect(
            eventually(within: 10) {
                server.folder.read("log/alerts.json").contains("\"outbox\":[]")
            })
        try server.restart(by: SIGKILL)
        _ = try server.ask("faces.example.com", from: "127.0.20.1")
        // In the evening a device of the college counts, and another's does not.
        for minute in 0..<3 {
            try server.setClock(ahead: ahead("2026-11-23T20:0\(minute):20Z"))
            for client in ["127.0.20.9", "127.0.20.3"] {
                _ = try server.ask("faces.example.com", from: client)
            }
        }
        #expect(eventually(within: 30) { flags(server).count == 2 })
        pause(3)
        #expect(flags(server).count == 2)
        #expect(told.read("told").split(separator: "\n").count == 2)
        #expect(try server.run(["log", "verify"]).status == 0)

        let day = ["use", "--day", "2026-11-23"]
        let devices = try #require(
            server.run(day + ["--json"]).json["devices"] as? [[String: Any]])
        #expect(devices.compactMap { $0["minutes"] as? Int }.sorted() == [3, 4])
        #expect(devices.compactMap { $0["kind"] as? String } == ["college"])
        let alert = try #require(
            try? JSONSerialization.jsonObject(
                with: Data(told.read("told").split(separator: "\n")[0].utf8)) as? [String: Any])
        #expect(devices.contains { $0["device"] as? String == alert["device"] as? String })
        let table = try server.run(day + ["--format", "csv"])
        #expect(table.output.split(separator: "\r\n").count == 3)
        #expect(!table.output.contains("127.0."))
        let week = try server.run(["use", "--week", "2026-W48", "--group", "staff"])
        #expect(week.status == 0 && week.output.contains("none"), "\(week.output)")
        let shown = try server.run(day + TestServer.identify)
        #expect(shown.output.contains("127.0.20.1") && shown.output.contains("library-pc-1"))
        let report = try server.run(
            ["report", "--week", "2026-W48", "--format", "csv", "--group", "learner"])
        #expect(report.output.contains("use,learner,social-media,,devices-over,2\r\n"))
    }

    @Test(
        arguments: [
            (["--day", "2026-02-30"], 2, "is no date"), (["--week", "2026-W60"], 2, "2026-W53"),
            (["--group", "pupil"], 1, "learner"), (["--json", "--format", "csv"], 2, "not both"),
            (["--day", "2026-11-23", "--week", "2026-W48"], 2, "not both"),
        ] as [([String], Int32, String)])
    func mistakesAreNamed(_ row: (arguments: [String], status: Int32, words: String)) throws {
        let folder = try Folder.college()
        let run = try Run(
            Program.bellgate(), ["use"] + row.arguments + ["--config", "bellgate.yaml"],
            in: folder.path)
        #expect(run.status == row.status && run.errors.contains(row.words), "\(run.errors)")
    }
}
