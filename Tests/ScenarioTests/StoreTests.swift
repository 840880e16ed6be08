import DecisionLog
import Foundation
import Glibc
import LogStore
import Testing

/// The running server takes its log into the store, and nothing about the store stops an answer.
@Suite(.scenario) struct StoreTests {
    /// Asks for so many blocked names of their own by one connection; every one is answered.
    private func askMany(_ count: Int, _ prefix: String, _ server: TestServer) throws {
        let stream = try Stream(server.client())
        for first in stride(from: 0, to: count, by: 100) {
            for number in first..<first + 100 {
                stream.send(Wire.query("\(prefix)-\(number).never.example.com"))
            }
            for _ in 0..<100 {
                let answer = try #require(stream.next(), "no answer: errno \(errno)")
                #expect(answer.rcode == 3)
            }
        }
    }

    /// The rows that the store alone has, as `log export` writes them: a copy without the journal.
    private func storedRows(_ server: TestServer, store: String? = nil) throws -> [String] {
        let copy = try Folder()
        let store = store ?? "\(server.folder.path)/log/store"
        #expect(try Run("cp", ["-r", store, "\(copy.path)/store"]).status == 0)
        let reader = try StoreReader(directory: copy.path)
        #expect(reader.problems.isEmpty, "\(reader.problems)")
        let rows = try reader.rows()
        var writer = RowWriter(.jsonl, pseudonyms: nil)
        while let row = try rows.next() { writer.append(row) }
        return String(decoding: writer.buffer, as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    private func exported(_ server: TestServer) throws -> [String] {
        try server.run(["log", "export", "--format", "jsonl"] + TestServer.identify).output.split(
            separator: "\n"
        )
        .map(String.init)
    }

    private func store(_ server: TestServer) throws -> [String: Any] {
        try server.status()["store"] as? [String: Any] ?? [:]
    }

    /// Enough rows that they are written at once, and kills while that is done.
    @Test func eachRowIsStoredOnceAcrossKills() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for round in 0..<6 {
            try askMany(3000, "r\(round)", server)
            pause(Double(round) * 0.2)
            try server.restart(by: round % 3 == 2 ? SIGTERM : SIGKILL)
        }
        try askMany(100, "last", server)
        // What the last round does not take in is taken in after the next start.
        try server.restart(by: SIGTERM)
        #expect(
            try eventually(within: 90, every: 0.2) { try store(server)["behind"] as? Int == 0 })
        #expect(server.process.stop() == 0)
        let rows = try exported(server)
        #expect(rows.count == 18_100)
        let stored = try storedRows(server)
        #expect(stored.count == rows.count)
        #expect(stored == rows, "the store's rows are not the log's")
        try server.restart()
        #expect(
            try eventually(within: 60, every: 0.2) {
                let store = try store(server)
                return store["storedSeq"] as? Int == 18_100 && store["behind"] as? Int == 0
            })
        #expect(try server.run(["status"]).output.contains("up to seq 18100, 0 rows behind"))
        #expect(try server.run(["status"]).status == 0)
    }

    /// A few rows wait a while, and a restart by SIGTERM takes them in.
    @Test func aFewRowsAreToldAsBehindAndStoredAtTheEnd() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        try askMany(100, "few", server)
        #expect(try store(server)["behind"] as? Int == 100)
        #expect(try server.run(["status"]).status == 0)
        #expect(server.process.stop() == 0)
        #expect(try storedRows(server) == exported(server))
        try server.restart()
    }

    /// The clock goes back over midnight, and later on again: each row is where its time says, the
    /// order is that of the seqs, and what is asked by time finds both passes.
    @Test func aClockThatIsSetBackLosesNothing() throws {
        let midnight = Int(Date().timeIntervalSince1970) / 86400 * 86400 + 86400
        let ahead = midnight + 1200 - Int(Date().timeIntervalSince1970)
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"], clockAhead: ahead)
        try askMany(200, "first", server)
        try server.setClock(ahead: ahead - 3600)
        try askMany(300, "back", server)
        #expect(
            try eventually(within: 30, every: 0.2) {
                try store(server)["storedSeq"] as? Int ?? 0 >= 200
            })
        try server.setClock(ahead: ahead)
        try askMany(100, "again", server)
        let rows = try server.rows()
        #expect(rows.compactMap { $0["seq"] as? Int } == Array(1...600))
        let names = rows.compactMap { ($0["name"] as? String)?.split(separator: "-").first }
        let expected = ["first", "back", "again"].flatMap { name in
            Array(repeating: name[...], count: name == "first" ? 200 : name == "back" ? 300 : 100)
        }
        #expect(names == expected)
        let bell = LogTime.utc(Int64(midnight) * 1_000_000)
        func expectPasses() throws {
            let before = try server.rows(["--until", bell])
            #expect(before.compactMap { $0["seq"] as? Int } == Array(201...500))
            let after = try server.rows(["--since", bell])
            #expect(after.compactMap { $0["seq"] as? Int } == Array(1...200) + Array(501...600))
            let counted = try server.run(["log", "query", "--count", "--until", bell])
            #expect(counted.output.contains("300"), "\(counted.output)")
        }
        try expectPasses()
        #expect(server.process.stop() == 0)
        #expect(try storedRows(server) == exported(server))
        try expectPasses()
        let files = try FileManager.default.contentsOfDirectory(
            atPath: "\(server.folder.path)/log/store"
        ).filter { $0.hasSuffix(".sqlite") }
        let days = [midnight - 1, midnight].map {
            LogTime.utc(Int64($0) * 1_000_000).prefix(10) + ".sqlite"
        }
        #expect(files.sorted() == days.map { String($0) })
        #expect(try server.run(["log", "verify"]).status == 0)
        try server.restart()
    }

    /// On a disk that runs full the store stops before the log does, says so, and goes on by itself.
    @Test func theStoreLeavesTheLastRoomToTheLog() throws {
        guard let disk = try SmallDisk(megabytes: 64) else {
            Issue.record("no small disk without root", severity: .warning)
            return
        }
        let fake = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], log: "\(disk.folder.path)/log")
        try askMany(100, "before", server)
        disk.fill(leaving: 7)
        #expect(
            try eventually(within: 30, every: 0.2) {
                try store(server)["problem"] as? String != nil
            })
        #expect(server.news.contains("its disk is nearly full"))
        let stored = try store(server)["storedSeq"] as? Int
        try askMany(20_000, "meanwhile", server)
        let status = try server.run(["status"])
        #expect(status.status == 1)
        #expect(status.output.contains("AND STANDS STILL"))
        #expect(status.output.contains("make room and the store goes on by itself"))
        #expect(try store(server)["storedSeq"] as? Int == stored)
        // Nothing is missing in the log, of which questions know.
        let rows = try exported(server)
        #expect(rows.count == 20_100)
        #expect(try server.run(["log", "verify"]).status == 0)
        disk.clear()
        #expect(
            try eventually(within: 60, every: 0.5) { try store(server)["behind"] as? Int == 0 })
        #expect(server.news.contains("the log's store goes on"))
        #expect(try server.run(["status"]).status == 0)
        #expect(server.process.stop() == 0)
        #expect(try storedRows(server, store: "\(disk.folder.path)/log/store") == rows)
        try server.restart()
    }

    @Test func aStoreThatCannotBeWrittenStopsNoAnswer() throws {
        guard let disk = try SmallDisk(megabytes: 8, options: "ro") else {
            Issue.record("no small disk without root", severity: .warning)
            return
        }
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let folder = "\(server.folder.path)/log/store"
        #expect(server.process.stop() == 0)
        #expect(try Run("rm", ["-rf", folder]).status == 0)
        #expect(try Run("ln", ["-s", disk.folder.path, folder]).status == 0)
        try server.restart()
        try askMany(500, "refused", server)
        #expect(eventually(within: 30) { server.news.contains("it is tried again") })
        #expect(server.news.contains("read-only file system"))
        let status = try server.run(["status"])
        #expect(status.status == 1)
        #expect(status.output.contains("store") && status.output.contains("AND STANDS STILL"))
        #expect(status.output.contains("questions are answered from the log itself"))
        #expect(try exported(server).count == 500)
        try disk.remount("rw")
        #expect(
            try eventually(within: 60, every: 0.5) { try store(server)["behind"] as? Int == 0 })
        #expect(server.news.contains("the log's store goes on"))
        #expect(try storedRows(server, store: disk.folder.path + "/.") == exported(server))
        // The disk is full, the log's own is not.
        disk.fill()
        try askMany(20_000, "full", server)
        #expect(
            try eventually(within: 60, every: 0.5) {
                try store(server)["problem"] as? String != nil
            })
        #expect(try server.run(["status"]).output.contains("full"))
        #expect(try server.ask("still.example.com", from: "127.0.0.1").rcode == 0)
        disk.clear()
        #expect(
            try eventually(within: 60, every: 0.5) { try store(server)["behind"] as? Int == 0 })
        #expect(server.process.stop() == 0)
        #expect(try storedRows(server, store: disk.folder.path + "/.") == exported(server))
        try server.restart()
    }
}
