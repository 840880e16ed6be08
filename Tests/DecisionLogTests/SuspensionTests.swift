import DecisionLog
import Glibc
import LogFixtures
import Testing

/// Whose access is suspended: written down by a person, kept whole, read back entry by entry.
@Suite struct SuspensionTests {
    private func book() throws -> (TemporaryLog, SuspensionBook) {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(randomSamples(3, seed: 5), dictionary: journal.register(samplePolicy))
        journal.close()
        return (directory, try SuspensionBook(directory: directory.path))
    }

    private static let future: Int64 = 4_000_000_000

    private func suspend(
        _ book: SuspensionBook, _ device: String?, reason: String = "Concern 12, ünï \"a\\b\""
    ) throws -> SuspensionRecord {
        try book.suspend(
            device: device, addresses: ["10.30.4.7", "2001:db8::7"], untilSeconds: Self.future,
            reason: reason, authorisedBy: "dsl")
    }

    @Test func whatWasWrittenIsReadBack() throws {
        let (directory, book) = try book()
        #expect(try book.read().records == [])
        let first = try suspend(book, "head-laptop")
        let second = try suspend(book, nil)
        #expect([first.number, second.number] == [1, 2])
        let contents = try book.read()
        #expect(contents.records == [first, second] && contents.damage == [])
        #expect(first.endSeconds == Self.future && first.fromSeconds < Self.future)
        var information = stat()
        _ = unsafe stat("\(directory.path)/suspensions.jsonl", &information)
        #expect(information.st_mode & 0o777 == 0o600)
    }

    /// §3¶4: each act is a person's, and on record with who decided.
    @Test func everyActIsInTheAuditTrail() throws {
        let (directory, book) = try book()
        let record = try suspend(book, "head-laptop")
        let lifted = try book.lift(reason: "Talked it over", authorisedBy: "principal") {
            $0.number == record.number
        }
        #expect(lifted.map(\.number) == [1])
        let verification = try LogVerification(directory: directory.path)
        #expect(verification.damage == [])
        #expect(verification.auditEntries.map(\.kind) == [.suspend, .lift])
        #expect(verification.auditEntries[0].reason == record.reason)
        #expect(
            verification.auditEntries[0].question.hasPrefix("suspension 1 of head-laptop until"))
        #expect(verification.auditEntries[0].question.hasSuffix("authorised by dsl"))
        #expect(
            verification.auditEntries[1].question
                == "suspension 1 of head-laptop, authorised by principal")
    }

    @Test func liftingEndsItAtOnceAndOnlyOnce() throws {
        let (directory, book) = try book()
        defer { withExtendedLifetime(directory) {} }
        _ = try suspend(book, "a")
        _ = try suspend(book, "b")
        #expect(try book.lift(reason: nil, authorisedBy: nil) { $0.device == "a" }.count == 1)
        #expect(try book.lift(reason: nil, authorisedBy: nil) { $0.device == "a" }.isEmpty)
        let records = try book.read().records
        #expect(records.map { $0.endSeconds < Self.future } == [true, false])
        #expect(try suspend(book, "c").number == 4)
    }

    /// A file that somebody changed is told of, and every entry that is whole holds.
    @Test func damageIsToldAndTheRestHolds() throws {
        let (directory, book) = try book()
        let records = try ["a", "b", "c"].map { try suspend(book, $0) }
        let path = "\(directory.path)/suspensions.jsonl"
        let whole = readFile(path)
        let lines = whole.split(separator: 0x0A).map { Array($0) + [0x0A] }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            var changed = whole
            let place = lines[0].count + Int.random(in: 0..<lines[1].count - 1, using: &random)
            let octet = UInt8.random(in: 0x20...0x7E, using: &random)
            guard octet != changed[place] else { continue }
            changed[place] = octet
            writeFile(path, changed)
            let contents = try book.read()
            #expect(contents.records == [records[0], records[2]])
            #expect(contents.damage.first == "suspensions.jsonl, line 2, is not as it was written")
        }
        writeFile(path, lines[0] + lines[2])
        let gap = try book.read()
        #expect(gap.records == [records[0], records[2]])
        #expect(gap.damage == ["suspensions.jsonl: entry 2 is missing before line 2"])
        // Half a line that a crash left was never acknowledged; the next entry takes its place.
        writeFile(path, lines[0] + lines[1].prefix(40))
        let torn = try book.read()
        #expect(torn.records == [records[0]] && torn.damage == [])
        #expect(try suspend(book, "d").number == 2)
        #expect(try book.read().damage == [])
        #expect(try book.read().records.map(\.device) == ["a", "d"])
    }

    @Test func severalProcessesWriteAtOnce() async throws {
        let (directory, book) = try book()
        let path = directory.path
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    guard let book = try? SuspensionBook(directory: path) else { return }
                    for _ in 0..<10 { _ = try? suspend(book, "device-\(task)") }
                }
            }
        }
        let contents = try book.read()
        #expect(contents.records.map(\.number) == (1...40).map { UInt64($0) })
        #expect(contents.damage == [])
    }

    @Test func withoutAFolderNothingIsSuspended() {
        #expect(throws: JournalError.self) { try SuspensionBook(directory: "/nonexistent/log") }
    }
}
