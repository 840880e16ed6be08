import DecisionLog
import Foundation
import Testing

/// Rows go when they are older than `keep`, their pseudonyms go with them, and the audit trail says
/// so: the server's own doing, day by day, as its clock shows it.
@Suite(.scenario) struct KeepTests {
    private let client = "127.0.20.1"

    private func entries(_ server: TestServer, _ kind: AuditEntry.Kind) throws -> [AuditEntry] {
        try AuditTrail.read(directory: "\(server.folder.path)/log").entries
            .filter { $0.kind == kind }
    }

    /// The pseudonyms of all rows, the oldest first.
    private func names(_ server: TestServer) throws -> [String] {
        try server.run(["log", "export", "--format", "jsonl"]).jsonLines
            .compactMap { $0["client"] as? String }
    }

    /// Days of which the store has a file.
    private func days(_ server: TestServer) throws -> [String] {
        let folder = "\(server.folder.path)/log/store"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        return files.filter { $0.hasSuffix(".sqlite") }.map { String($0.dropLast(7)) }.sorted()
    }

    private func keep(_ span: String, _ server: TestServer) throws {
        let settings = server.folder.read("bellgate.yaml")
        let line = try #require(settings.split(separator: "\n").first { $0.hasPrefix("log:") })
        try server.folder.write(
            settings.replacing(
                line, with: "log: { directory: log, segment: 1MiB, keep: \(span) }"),
            to: "bellgate.yaml")
    }

    /// Two days of rows stay; each second day another key begins.
    @Test func rowsGoByDayAndTheirPseudonymsWithThem() throws {
        let fake = try FakeUpstream { .now($0.address(ttl: 77)) }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-20 08:00:00")
        try keep("2d", server)
        // A little earlier each day, so that no row is older than two days yet.
        for (day, hour) in [(20, "11"), (21, "10"), (22, "09")] {
            try server.restart(at: "2026-11-\(day) \(hour):00:00")
            for number in 0..<5 {
                _ = try server.ask("n\(number).day-\(day).example.com", from: client)
            }
        }
        #expect(server.process.stop() == 0)
        let before = try names(server)
        #expect(before.count == 15 && Set(before[..<10]).count == 1)
        #expect(Set(before[10...]).count == 1 && before[0] != before[10])
        #expect(try days(server) == ["2026-11-20", "2026-11-21", "2026-11-22"])
        let renewed = try entries(server, .rekey)
        #expect(renewed.map(\.reason) == ["pseudonyms are others from 2026-11-22 UTC on"])
        #expect(try entries(server, .purge).isEmpty)

        // The first two days are older than two days now, the third is not.
        try server.restart(at: "2026-11-24 08:30:00")
        #expect(try eventually(within: 30, every: 0.2) { try days(server) == ["2026-11-22"] })
        #expect(try eventually(within: 30, every: 0.2) { try names(server).count == 5 })
        #expect(try names(server) == Array(before[10...]), "and they keep their name")
        let rows = try server.rows()
        #expect(rows.map { $0["seq"] as? Int } == [11, 12, 13, 14, 15])
        let purged = try entries(server, .purge)
        #expect(purged.contains { $0.seqs == 1..<11 && $0.question == "keep 172800s" })
        #expect(purged.contains { $0.reason?.contains("2026-11-20") == true }, "\(purged)")
        #expect(
            try entries(server, .rekey).last?.reason
                == "the keys of days before 2026-11-22 UTC are destroyed")
        let forgotten = try server.run(["log", "query", "--client", before[0]])
        #expect(forgotten.status == 1 && forgotten.errors.contains("stands for no client"))
        let verified = try server.run(["log", "verify"])
        #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    }

    /// A shorter `keep` holds from the next start on, and says itself in the trail.
    @Test func aShorterKeepPurgesAtTheNextStart() throws {
        let fake = try FakeUpstream { .now($0.address(ttl: 77)) }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-20 09:00:00")
        try keep("30d", server)
        try server.restart(at: "2026-11-20 09:01:00")
        for number in 0..<5 { _ = try server.ask("old-\(number).example.com", from: client) }
        try server.restart(at: "2026-11-24 09:00:00")
        _ = try server.ask("new.example.com", from: client)
        let before = try names(server)
        #expect(before.count == 6 && Set(before).count == 1)
        #expect(try entries(server, .purge).isEmpty && entries(server, .rekey).isEmpty)
        try keep("2d", server)
        try server.restart(at: "2026-11-24 16:00:00")
        #expect(
            try eventually(within: 30, every: 0.2) {
                try server.rows().map { $0["name"] as? String } == ["new.example.com"]
            })
        #expect(try entries(server, .purge).contains { $0.question == "keep 172800s" })
        // The key of the older rows is of this day's, too: it stays as long as these.
        _ = try server.ask("next.example.com", from: client)
        let names = try names(server)
        #expect(names.first == before[5])
        #expect(try server.run(["log", "verify"]).status == 0)
    }
}
