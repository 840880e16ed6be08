import DecisionLog
import Foundation
import Glibc
import LogStore
import Testing

/// `bellgate log export` of much: in constant memory, and gone on with where it ended.
@Suite(.scenario) struct ExportTests {
    private static let rows = 20_000

    /// A log of so many rows over two days, of which the store has all or none.
    private func log(_ rows: Int, isStored: Bool) throws -> WrittenLog {
        let log = try WrittenLog(
            WrittenLog.random(rows, from: "2026-11-23T00:00:00Z", hours: 48))
        guard isStored else { return log }
        let follower = try #require(
            try StoreFollower.start(logDirectory: "\(log.folder.path)/log", keepSeconds: nil))
        follower.chunkRows = 1 << 12
        let after = try #require(LogTime.parse("2026-11-26T00:00:00Z", nowMicros: 0))
        _ = try follower.follow(nowMicros: after, isFinal: true)
        #expect(follower.storedSeq == UInt64(rows))
        return log
    }

    /// The most memory that an export held, in KiB, and how many lines it wrote.
    private func exported(_ log: WrittenLog, _ format: String) throws -> (peak: Int, lines: Int) {
        let process = try Program(
            Program.bellgate(),
            ["log", "export", "--format", format, "--directory", "\(log.folder.path)/log"])
        var peak = 0
        while process.status == nil {
            let status = try? String(
                contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
            let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            peak = max(peak, line.flatMap { Int($0.filter(\.isNumber)) } ?? 0)
            usleep(2000)
        }
        #expect(process.status == 0)
        return (peak, process.output.utf8.count { $0 == 0x0A })
    }

    /// Ten times the rows take no more memory, whether the store has them or the journal alone.
    @Test(arguments: [false, true])
    func memoryDoesNotGrowWithTheRows(isStored: Bool) throws {
        let few = try exported(log(Self.rows, isStored: isStored), "jsonl")
        let many = try exported(log(10 * Self.rows, isStored: isStored), "jsonl")
        #expect(few.lines == Self.rows && many.lines == 10 * Self.rows)
        #expect(few.peak > 0)
        #expect(many.peak < few.peak + 4096, "\(few.peak) and \(many.peak) KiB")
    }

    /// Two exports, the second behind the last seq of the first, are one, wherever it is cut.
    @Test(arguments: [1, 4096, 9999, 19_999])
    func anExportIsGoneOnWith(cut: Int) throws {
        let log = try log(Self.rows, isStored: true)
        try log.write(WrittenLog.random(1000, from: "2026-11-25T08:00:00Z", hours: 1))
        let whole = try log.run(["export", "--format", "jsonl"]).lines
        let first = try log.run(["export", "--format", "jsonl", "--limit", "\(cut)"])
        let seq = try #require(first.jsonLines.last?["seq"] as? Int)
        let rest = try log.run(["export", "--format", "jsonl", "--after-seq", "\(seq)"])
        #expect(whole.count == Self.rows + 1000)
        let isOne = first.lines + rest.lines == whole
        #expect(isOne)
    }
}
