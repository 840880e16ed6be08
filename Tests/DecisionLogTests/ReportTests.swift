import DecisionLog
import Glibc
import LogFixtures
import Testing

/// What people report: kept before anybody is thanked, and whoever changes it is seen.
@Suite struct ReportTests {
    private let directory: TemporaryLog
    private let journal: Journal
    private var book: ReportBook { get throws { try ReportBook(directory: directory.path) } }
    private var path: String { directory.path + "/reports.jsonl" }

    init() throws {
        directory = TemporaryLog()
        journal = try Journal(directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
    }

    private func new(_ text: String = "Text", _ kind: ReceivedReport.Kind = .worry) -> NewReport {
        NewReport(
            kind: kind, name: "www.example.net", group: "learner", client: "10.20.0.1",
            device: nil, rule: "harm", text: text, replyTo: nil, queue: .dsl)
    }

    private func damage() throws -> [String] {
        try LogVerification(directory: directory.path).damage.map(\.description)
    }

    @Test func aReportGoesFromNewToClosed() throws {
        let report = try book.add(new("\"quoted\"\n\u{7}ünï"))
        #expect(report.id == 1 && report.state == .new && report.text == "\"quoted\"\n\u{7}ünï")
        #expect(try book.add(new()).id == 2)
        var change = ReportChange(role: "dsl")
        change.state = .reviewing
        change.route = .antiBullying
        #expect(try book.change(1, change).state == .reviewing)
        change = ReportChange(role: "dsl")
        change.state = .closed
        #expect(throws: ReportRefusal.noOutcome) { try book.change(1, change) }
        (change.outcome, change.finding) = (.support, .truePositive)
        (change.lesson, change.change) = ("Lesson", "Change")
        #expect(try book.change(1, change).outcome == .support)
        #expect(throws: ReportRefusal.isClosed) { try book.change(1, change) }
        #expect(throws: ReportRefusal.unknown) { try book.change(3, change) }
        let kept = try book.read()
        #expect(kept.damage.isEmpty)
        let closed = try #require(kept.reports.first)
        #expect(closed.steps.map(\.state) == [.reviewing, .closed])
        #expect(closed.route == .antiBullying && closed.lesson == "Lesson")
        #expect(closed.closedMicros != nil && kept.reports.last?.state == .new)
        #expect(try damage().isEmpty)
        let trail = try AuditTrail.read(directory: directory.path).entries
        #expect(trail.count { $0.kind == .report } == 4)
        #expect(!trail.contains { $0.question.contains("quoted") }, "what is written is nobody's")
        var information = stat()
        _ = unsafe stat(path, &information)
        #expect(information.st_mode & 0o777 == 0o600)
    }

    @Test func aStaffRouteIsThePrincipals() throws {
        _ = try book.add(new())
        var change = ReportChange(role: "dsl")
        change.route = .allegationsAgainstStaff
        #expect(try book.change(1, change).queue == .principal)
        // Whoever takes it back to another policy does not hand it back to others.
        change.route = .behaviour
        #expect(try book.change(1, change).queue == .principal)
    }

    @Test func itIsOverdueFromItsHourOnUntilSomebodyLooks() throws {
        let report = try book.add(new())
        #expect(!report.isOverdue(atSeconds: report.dueSeconds - 1))
        #expect(report.isOverdue(atSeconds: report.dueSeconds))
        var change = ReportChange(role: "dsl")
        change.state = .reviewing
        #expect(try !book.change(1, change).isOverdue(atSeconds: report.dueSeconds))
    }

    @Test(arguments: ["changed", "removed", "cut", "reordered", "all"])
    func whoeverTouchesItIsSeen(_ what: String) throws {
        for number in 0..<4 { _ = try book.add(new("Text \(number)")) }
        #expect(try damage().isEmpty)
        var lines = String(decoding: readFile(path), as: UTF8.self).split(separator: "\n")
            .map(String.init)
        switch what {
        case "changed": lines[1] = lines[1].replacing("Text 1", with: "Text 7")
        case "removed": lines.remove(at: 1)
        case "cut": lines.removeLast()
        case "reordered": lines.swapAt(1, 2)
        default: lines = []
        }
        write(lines.map { $0 + "\n" }.joined())
        let found = try damage()
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.hasPrefix("reports.jsonl") }, "\(found)")
        // What comes later is kept all the same, and the damage stays visible.
        _ = try book.add(new("Later"))
        #expect(try book.read().reports.last?.text == "Later")
        #expect(try !damage().isEmpty)
    }

    /// A crash between the entry and its note, and one in the middle of the entry.
    @Test func whatACrashLeavesIsMendedByTheNext() throws {
        _ = try book.add(new("First"))
        _ = try book.add(new("Second"))
        let whole = readFile(path)
        let trail = readFile(directory.path + "/audit.jsonl")
        _ = try book.add(new("Third"))
        let third = readFile(path)
        // The third is there, its note is not.
        write(String(decoding: trail, as: UTF8.self), to: directory.path + "/audit.jsonl")
        write(String(decoding: third + Array("{\"number\":4,\"ti".utf8), as: UTF8.self))
        #expect(try book.read().reports.count == 3)
        #expect(try book.add(new("Fourth")).id == 4)
        #expect(try book.read().damage.isEmpty)
        #expect(readFile(path).starts(with: whole))
        let noted = try AuditTrail.read(directory: directory.path).entries
        #expect(noted.count { $0.kind == .report } == 4)
        #expect(try damage().allSatisfy { !$0.hasPrefix("reports.jsonl") })
    }

    @Test func severalProcessesAppendAtOnce() async throws {
        let path = directory.path
        let new = new()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10 { _ = try? ReportBook(directory: path).add(new) }
                }
            }
        }
        #expect(try book.read().reports.map(\.id) == Array(1...40))
        #expect(try damage().isEmpty)
    }

    private func write(_ text: String, to other: String? = nil) {
        let file = unsafe open(other ?? path, O_WRONLY | O_TRUNC)
        defer { close(file) }
        let octets = Array(text.utf8)
        // SAFETY: the buffer is used within the closure alone.
        _ = unsafe octets.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
    }
}
