import Foundation
import Glibc
import Testing

/// A disk on which some places cannot be read: what lies behind them is kept, and what cannot be
/// read is not written over.
@Suite(.scenario) struct BadDiskTests {
    private static let blockBytes = 4096
    private static let questions = 400

    /// A server that was asked some blocks of questions, each with its row.
    private func askedServer() throws -> TestServer {
        let server = try TestServer(upstreams: ["127.0.0.1:1"])
        for number in 0..<Self.questions {
            _ = try server.ask("n\(number).never.example.com", from: "127.0.20.5")
        }
        return server
    }

    /// The numbers of the rows that the journal's own files have, without the store's copy of them.
    private func numbers(
        _ server: TestServer, environment: [String: String] = [:]
    ) throws -> [Int] {
        let copy = try Folder()
        #expect(try Run("cp", ["-r", server.folder.path + "/.", copy.path]).status == 0)
        #expect(try Run("rm", ["-rf", copy.path + "/log/store"]).status == 0)
        let words = [
            "log", "export", "--format", "jsonl", "--verdict", "block", "--config", "bellgate.yaml",
        ]
        let run = try Run(Program.bellgate(), words, environment: environment, in: copy.path)
        #expect(run.status == 0, "\(run.errors)")
        return run.jsonLines.compactMap { $0["seq"] as? Int }
    }

    /// The start after a crash reads the newest file and cuts off what a crash left half-written.
    @Test(arguments: [2..<3, 8..<9, 2..<1000] as [Range<Int>])
    func nothingIsCutOffBehindABadPlace(blocks: Range<Int>) throws {
        let server = try askedServer()
        let asked = Array(1...Self.questions)
        #expect(try numbers(server) == asked)
        let bad = blocks.lowerBound * Self.blockBytes..<blocks.upperBound * Self.blockBytes
        let badDisk = try Program.badDisk("decisions-00000000000000000001", bad)
        try server.restart(by: SIGKILL, environment: badDisk)
        // It serves, records, and gives no number a second time.
        _ = try server.ask("later.never.example.com", from: "127.0.20.5")
        let later = try #require(try server.rows(of: "later.never.example.com").first)
        #expect(later["seq"] as? Int ?? 0 > Self.questions)
        // Meanwhile what can be read is there; another day the disk gives everything again.
        let hurt = try numbers(server, environment: badDisk)
        #expect(hurt.contains(1) && hurt.count < Self.questions)
        #expect(blocks.count > 1 || hurt.contains(Self.questions))
        try server.restart(environment: [:])
        #expect(try numbers(server).filter { $0 <= Self.questions } == asked)
    }

    /// Files that grow line by line are cut where a crash left half a line. A line that cannot be
    /// read is not such a half.
    @Test(arguments: ["audit", "suspensions"])
    func whatCannotBeReadIsNotWrittenOver(file: String) throws {
        let server = try TestServer(upstreams: ["127.0.0.1:1"])
        let steps = [
            "suspensions": [
                "suspend", "--device", "127.0.20.5", "--until", "2099-06-01 12:00", "--reason",
                "Case 1", "--authorised-by", "dsl",
            ],
            "audit": ["log", "export"] + TestServer.identify,
        ]
        let step = try #require(steps[file])
        for _ in 0..<3 { #expect(try server.run(step).status == 0) }
        let path = "\(server.folder.path)/log/\(file).jsonl"
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let refused = try server.run(step, environment: Program.badDisk(file, 0..<Self.blockBytes))
        #expect(refused.status != 0)
        #expect(refused.errors.contains("\(file).jsonl"), "\(refused.errors)")
        #expect(refused.errors.contains("input/output error"), "\(refused.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        #expect(try server.run(step).status == 0)
    }
}
