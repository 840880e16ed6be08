import DNSWire
import DecisionLog
import Dice
import Glibc
import LogFixtures
import Testing

@Suite struct CrashTests {
    /// A log of one segment with 20 rows that nobody closed, as a killed process leaves it.
    private func unclosedLog(_ samples: [Sample]) throws -> (name: String, bytes: [UInt8]) {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(samples, dictionary: journal.register(samplePolicy))
        let path = try #require(directory.segments().first)
        let used = journal.status.segmentUsedBytes
        return (String(path.split(separator: "/").last ?? ""), Array(readFile(path)[..<used]))
    }

    /// The length of the record at the end of `bytes`, found by walking from the start.
    private func lastRecordBytes(_ bytes: [UInt8]) -> Int {
        var offset = 192
        var last = 0
        while offset < bytes.count {
            last = (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << ($1 * 8) }
            offset += last
        }
        return last
    }

    @Test(arguments: [false, true])
    func aTornLastRecordGoesAndAllElseStays(isFilledWithZeros: Bool) throws {
        let samples = randomSamples(20, seed: 11)
        let (name, bytes) = try unclosedLog(samples)
        let directory = TemporaryLog()
        for kept in (bytes.count - lastRecordBytes(bytes))..<bytes.count {
            let zeros = [UInt8](repeating: 0, count: isFilledWithZeros ? (1 << 16) - kept : 0)
            for old in directory.files() { unsafe unlink("\(directory.path)/\(old)") }
            writeFile("\(directory.path)/\(name)", Array(bytes[..<kept]) + zeros)
            // The record's own padding may be all that is cut: then the record is whole.
            let isWhole = isFilledWithZeros && bytes[kept...].allSatisfy { $0 == 0 }
            let expected = isWhole ? samples : samples.dropLast()
            let before = try readAll(directory.path)
            #expect(before.rows.map(\.sample) == Array(expected))
            #expect(before.damage.allSatisfy { $0.kind == .tornTail })
            let journal = try Journal(
                directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
            #expect(journal.status.recoveredRows == expected.count)
            // What was torn is noted, as a row of its own.
            let torn = bytes[bytes.count - lastRecordBytes(bytes)..<kept].contains { $0 != 0 }
            let isTorn = !isWhole && torn
            #expect((journal.status.tornBytes > 0) == isTorn)
            journal.commit([samples[0]], dictionary: journal.register(samplePolicy))
            let after = try readAll(directory.path)
            #expect(after.rows.filter { !$0.isGap }.map(\.sample) == expected + [samples[0]])
            #expect(after.rows.map(\.seq) == (1...after.rows.count).map { UInt64($0) })
            #expect(after.rows.compactMap(\.gap?.reason) == (isTorn ? [.tornTail] : []))
            #expect(after.damage.isEmpty)
            journal.close()
        }
    }

    @Test func aDamagedByteCostsOneRecordAndIsReported() throws {
        let samples = randomSamples(20, seed: 12)
        let directory = TemporaryLog()
        do {
            let journal = try Journal(
                directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
            journal.commit(samples, dictionary: journal.register(samplePolicy))
            journal.close()
        }
        let path = try #require(directory.segments().first)
        let bytes = readFile(path)
        // The definition comes first; from the first row on, each byte in its turn is changed.
        let definition = (0..<4).reduce(0) { $0 | Int(bytes[192 + $1]) << ($1 * 8) }
        for offset in stride(from: 192 + definition, to: bytes.count, by: 3) {
            var damaged = bytes
            damaged[offset] ^= 0x40
            writeFile(path, damaged)
            let (rows, damage) = try readAll(directory.path)
            #expect(rows.count == 19)
            let found = try #require(damage.first)
            #expect(damage.count == 1)
            #expect(found.kind == .record)
            #expect(found.offset <= offset && offset < found.offset + found.bytes)
            #expect(found.missingRows == 1)
            let missing = Int(found.expectedSeq ?? 0)
            #expect(rows.map(\.seq) == (1...20).filter { $0 != missing }.map { UInt64($0) })
            let verification = try LogVerification(directory: directory.path)
            #expect(!verification.isSound && verification.rowCount == 19)
        }
    }

    @Test func recordsBehindDamageOutliveRecovery() throws {
        let samples = randomSamples(20, seed: 13)
        let (name, bytes) = try unclosedLog(samples)
        let directory = TemporaryLog()
        var damaged = bytes
        // A page that never reached the disk.
        for offset in 1200..<1600 { damaged[offset] = 0 }
        writeFile("\(directory.path)/\(name)", damaged)
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        #expect(journal.status.nextSeq == 21)
        let (rows, damage) = try readAll(directory.path)
        #expect(rows.last?.seq == 20)
        #expect(damage.count == 1)
        #expect(rows.count + Int(damage.first?.missingRows ?? 0) == 20)
    }

    @Test func missingSegmentsAndShortOnesAreReported() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for _ in 0..<4 {
            journal.commit(randomSamples(600, seed: 1), dictionary: number)
            journal.maintain(nowMicros: 0)
        }
        journal.close()
        let paths = directory.segments()
        #expect(try LogVerification(directory: directory.path).isSound)
        let middle = readFile(paths[2])
        unsafe unlink(paths[2])
        let missing = try LogVerification(directory: directory.path)
        #expect(missing.damage.map(\.kind) == [.missing, .link])
        #expect(missing.rowCount + Int(missing.damage.first?.missingRows ?? 0) == 2400)
        writeFile(paths[2], Array(middle[..<(middle.count / 2)]))
        let short = try LogVerification(directory: directory.path)
        #expect(short.damage.map(\.kind) == [.record, .digest])
        #expect(short.rowCount + Int(short.damage.first?.missingRows ?? 0) == 2400)
        var wrongHeader = middle
        wrongHeader[20] ^= 1
        writeFile(paths[2], wrongHeader)
        let header = try LogVerification(directory: directory.path)
        #expect(header.damage.map(\.kind) == [.header, .digest] && header.rowCount == 2400)
    }

    /// A segment is sealed, and then the next one says that it follows it. Whoever is killed between
    /// the two leaves a log that is whole.
    @Test func aKillBetweenSealAndLinkIsNoDamage() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for _ in 0..<3 {
            journal.commit(randomSamples(600, seed: 1), dictionary: number)
            journal.maintain(nowMicros: 0)
        }
        let killed = TemporaryLog()
        for name in directory.files() {
            writeFile("\(killed.path)/\(name)", readFile("\(directory.path)/\(name)"))
        }
        journal.close()
        func removeLink(_ path: String) {
            var octets = readFile(path)
            octets.replaceSubrange(64..<112, with: [UInt8](repeating: 0, count: 48))
            writeFile(path, octets)
        }
        #expect(try LogVerification(directory: killed.path).damage == [])
        removeLink(try #require(killed.segments().last))
        #expect(try LogVerification(directory: killed.path).damage == [])
        let next = try Journal(directory: killed.path, segmentBytes: 1 << 16, keepSeconds: nil)
        next.close()
        #expect(try LogVerification(directory: killed.path).damage == [])
        // One that is complete had its link before.
        removeLink(try #require(killed.segments().last))
        #expect(try LogVerification(directory: killed.path).damage.map(\.kind).contains(.link))
    }

    /// Hundreds of kills, one log: each process goes on where the one before was killed.
    @Test func aKilledProcessLosesNothingThatItAnnounced() throws {
        let directory = TemporaryLog()
        var generator = SeededGenerator(seed: 14)
        var announced: [Int] = []
        for round in 0..<200 {
            let child = try ChildWriter(
                directory: directory.path, segmentBytes: [1 << 16, 1 << 17][round % 2],
                batchSize: [1, 7, 50][round % 3], prefix: "r\(round)n")
            child.waitForAnnouncement()
            usleep(UInt32.random(in: 0...15_000, using: &generator))
            child.kill()
            announced.append(child.lastAnnounced())
        }
        // As the last kill left it, and as the next start makes it.
        #expect(try LogVerification(directory: directory.path).damage == [])
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(randomSamples(1, seed: 1), dictionary: journal.register(samplePolicy))
        journal.close()
        let verification = try LogVerification(directory: directory.path)
        #expect(verification.damage == [])
        #expect(verification.gaps.allSatisfy { $0.gap.reason == .tornTail })
        let (rows, _) = try readAll(directory.path)
        #expect(rows.map(\.seq) == (1...rows.count).map { UInt64($0) })
        var counts = [Int](repeating: 0, count: announced.count)
        for row in rows.dropLast() {
            // Of each process the rows 1, 2, 3, …: none twice, none left out, none out of order.
            guard let name = row.name, let round = Int(name.dropFirst().prefix { $0 != "n" })
            else { continue }
            counts[round] += 1
            let isNext = name == "r\(round)n\(counts[round])"
            if !isNext { Issue.record("\(name) is row \(counts[round]) of its process") }
        }
        #expect(zip(counts, announced).allSatisfy { $0 >= $1 && $1 > 0 })
        #expect(counts.reduce(0, +) + verification.gapCount + 1 == rows.count)
    }
}

/// The `journal-writer` executable, built next to the tests.
private final class ChildWriter {
    let process: pid_t
    private let output: Int32

    init(directory: String, segmentBytes: Int, batchSize: Int, prefix: String) throws {
        var pipes: [Int32] = [0, 0]
        _ = unsafe pipe(&pipes)
        output = pipes[0]
        // Room for what is announced until the process is killed: it must not wait for us.
        let setPipeSize: Int32 = 1031
        _ = fcntl(output, setPipeSize, 1 << 20)
        var link = [UInt8](repeating: 0, count: 4096)
        // SAFETY: the buffer is as long as is said.
        let length = unsafe link.withUnsafeMutableBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe readlink("/proc/self/exe", base.assumingMemoryBound(to: CChar.self), 4096)
        }
        let path = String(decoding: link[..<max(length, 0)], as: UTF8.self)
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        let program = "/" + folder + "/journal-writer"
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
        unsafe posix_spawn_file_actions_addclose(&actions, pipes[0])
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe []
        for text in [program, directory, String(segmentBytes), String(batchSize), prefix] {
            unsafe arguments.append(strdup(text))
        }
        unsafe arguments.append(nil)
        var identifier: pid_t = 0
        let refusal = unsafe posix_spawn(&identifier, program, &actions, nil, arguments, nil)
        unsafe arguments.forEach { unsafe free($0) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        close(pipes[1])
        process = identifier
        guard refusal == 0 else { throw JournalWriterMissing(path: program) }
    }

    /// Waits until the process has committed something.
    func waitForAnnouncement() {
        var waited = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        // SAFETY: the kernel fills in the one value.
        _ = unsafe poll(&waited, 1, 20_000)
    }

    /// Reads all that the process announced before it ended.
    func lastAnnounced() -> Int {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // SAFETY: at most the chunk's size.
            let count = unsafe read(output, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        let whole = bytes.count / 8 * 8
        guard whole >= 8 else { return 0 }
        return bytes[(whole - 8)..<whole].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// Kills the process and waits until nothing of it is left, its lock on the log included.
    func kill() {
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        _ = unsafe waitpid(process, &status, 0)
    }

    deinit { close(output) }
}

private struct JournalWriterMissing: Error {
    let path: String
}
