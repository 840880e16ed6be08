import DecisionLog
import Glibc
import LogFixtures
import Testing

/// Who looked, what was purged, what a start found: a trail that shows whoever touches it.
@Suite struct AuditTests {
    private func log() throws -> (TemporaryLog, Journal) {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(randomSamples(20, seed: 51), dictionary: journal.register(samplePolicy))
        return (directory, journal)
    }

    private func damage(_ directory: TemporaryLog) throws -> [LogDamage] {
        try LogVerification(directory: directory.path).damage
    }

    @Test func entriesSayWhoWhenWhatAndWhy() throws {
        let (directory, journal) = try log()
        let trail = try AuditTrail(directory: directory.path)
        let question = "log query --client 10.20.0.5 --name \"a\\b\"\n"
        let look = try trail.append(.look, question: question, reason: "Concern 12, ünï")
        let shown = try trail.append(.shown, question: question, rows: 7, look: look.number)
        let (entries, damage) = try { ($0.entries, $0.damage) }(
            AuditTrail.read(directory: directory.path))
        #expect(entries == [look, shown] && damage == [])
        #expect(look.number == 1 && shown.look == 1 && shown.rows == 7)
        #expect(look.question == question && look.reason == "Concern 12, ünï")
        #expect(look.by.uid == getuid() && !look.by.name.isEmpty)
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        #expect(abs(look.timeMicros / 1_000_000 - Int64(now.tv_sec)) < 60)
        let verification = try LogVerification(directory: directory.path)
        #expect(verification.damage == [] && verification.auditEntries.count == 2)
        var information = stat()
        _ = unsafe stat("\(directory.path)/audit.jsonl", &information)
        #expect(information.st_mode & 0o777 == 0o600)
        journal.close()
    }

    @Test func severalProcessesAppendAtOnce() async throws {
        let (directory, journal) = try log()
        let path = directory.path
        // Each append opens the file anew, as another process would.
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    guard let trail = try? AuditTrail(directory: path) else { return }
                    for _ in 0..<25 { _ = try? trail.append(.look, question: "q") }
                }
            }
        }
        let contents = try AuditTrail.read(directory: path)
        #expect(contents.entries.map(\.number) == (1...100).map { UInt64($0) })
        #expect(contents.damage == [])
        journal.close()
    }

    @Test func whoeverTouchesItIsSeen() throws {
        let (directory, journal) = try log()
        journal.close()
        let trail = try AuditTrail(directory: directory.path)
        for number in 1...5 { try trail.append(.look, question: "number \(number)") }
        let path = "\(directory.path)/audit.jsonl"
        let whole = readFile(path)
        let lines = whole.split(separator: 0x0A).map { Array($0) + [0x0A] }
        func place(_ bytes: [UInt8]) throws -> String? {
            writeFile(path, bytes)
            let found = try damage(directory).first
            #expect(found == nil || found?.kind == .trail && found?.file == "audit.jsonl")
            return found?.problem
        }
        #expect(try place(whole) == nil)
        for index in lines.indices {
            var changed = lines
            changed[index][changed[index].count - 120] ^= 1
            #expect(try place(Array(changed.joined())) != nil, "line \(index) changed")
            var shorter = lines
            shorter.remove(at: index)
            let problem = try place(Array(shorter.joined()))
            #expect(problem?.contains("\(index + 1)") == true, "line \(index) taken out")
        }
        for kept in 0..<5 {
            let problem = try place(Array(lines[..<kept].joined()))
            #expect(problem?.contains("missing") == true, "cut behind \(kept)")
        }
        // Going on behind a cut does not hide it.
        writeFile(path, Array(lines[..<3].joined()))
        let next = try trail.append(.look, question: "afterwards")
        #expect(next.number == 6)
        #expect(try damage(directory).first?.problem == "entry 6 comes instead of 4")
        unsafe unlink(path)
        #expect(try damage(directory).first?.problem.contains("6 entries are missing") == true)
    }

    @Test func halfALineThatACrashLeftIsNoEntry() throws {
        let (directory, journal) = try log()
        let trail = try AuditTrail(directory: directory.path)
        try trail.append(.look, question: "one")
        let path = "\(directory.path)/audit.jsonl"
        writeFile(path, readFile(path) + Array("{\"number\":2,\"ti".utf8))
        #expect(try damage(directory) == [])
        #expect(try trail.append(.look, question: "two").number == 2)
        #expect(try damage(directory) == [])
        journal.close()
    }

    @Test func aPurgeIsNotedAndNothingElseMayTakeTheFront() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: 125)
        let number = journal.register(samplePolicy)
        let start: Int64 = 1_795_000_000_000_000
        for minute in 0..<4 {
            var samples = randomSamples(2000, seed: 3)
            for index in samples.indices {
                samples[index].record.timeMicros = start + Int64(minute) * 60_000_000
            }
            journal.commit(samples, dictionary: number)
            journal.maintain(nowMicros: start + Int64(minute) * 60_000_000)
        }
        journal.maintain(nowMicros: start + 184_000_000)
        let verification = try LogVerification(directory: directory.path)
        let first = try #require(verification.firstSeq)
        #expect(first > 1 && verification.damage == [])
        let purge = try #require(verification.auditEntries.last)
        #expect(purge.kind == .purge && purge.question == "keep 125s")
        #expect(purge.seqs?.upperBound == first)
        #expect(verification.auditEntries.compactMap(\.rows).reduce(0, +) == first - 1)
        journal.close()
        // One more segment goes, and nobody noted that.
        let next = try #require(directory.segments().first)
        unsafe unlink(next)
        let found = try #require(try damage(directory).first)
        #expect(found.kind == .front)
        // And a purge is not noted for nothing: without its note the front is missing as well.
        unsafe unlink("\(directory.path)/audit.jsonl")
        #expect(try damage(directory).contains { $0.kind == .front })
    }

    @Test func aMissingSegmentIsNotedOnceInLogAndTrail() throws {
        let directory = TemporaryLog()
        var journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        for _ in 0..<6 {
            journal.commit(
                randomSamples(300, seed: 52), dictionary: journal.register(samplePolicy))
            journal.maintain(nowMicros: 0)
        }
        journal.close()
        unsafe unlink(directory.segments()[1])
        for _ in 0..<3 {
            journal = try Journal(
                directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
            journal.close()
        }
        let verification = try LogVerification(directory: directory.path)
        #expect(verification.damage.map(\.kind) == [.missing, .link])
        let gap = try #require(verification.gaps.first?.gap)
        #expect(verification.gaps.count == 1 && gap.reason == .missingSegment)
        #expect(gap.count == verification.damage.first?.missingRows)
        #expect(verification.auditEntries.map(\.kind) == [.found])
        #expect(verification.auditEntries.first?.seqs == gap.firstSeq..<gap.endSeq)
    }

    @Test func aDirectoryThatIsOpenToOthersIsReported() throws {
        let directory = TemporaryLog()
        let old = umask(0)
        defer { umask(old) }
        let journal = try Journal(
            directory: "\(directory.path)/log", segmentBytes: 1 << 16, keepSeconds: nil)
        try AuditTrail(directory: "\(directory.path)/log").append(.look, question: "q")
        #expect(journal.status.exposure == nil)
        journal.close()
        for name in listFiles("\(directory.path)/log") {
            var information = stat()
            _ = unsafe stat("\(directory.path)/log/\(name)", &information)
            #expect(information.st_mode & 0o777 == 0o600, "\(name)")
        }
        unsafe chmod("\(directory.path)/log/audit.jsonl", 0o644)
        let file = try LogVerification(directory: "\(directory.path)/log").exposure
        #expect(file?.contains("log/audit.jsonl is open to other users") == true)
        unsafe chmod("\(directory.path)/log", 0o755)
        let opened = try Journal(
            directory: "\(directory.path)/log", segmentBytes: 1 << 16, keepSeconds: nil)
        #expect(opened.status.exposure?.contains("mode 755") == true)
        opened.close()
        for name in listFiles("\(directory.path)/log") {
            unsafe unlink("\(directory.path)/log/\(name)")
        }
        unsafe rmdir("\(directory.path)/log")
    }
}
