import CChecksum
import DNSWire
import DecisionLog
import Dice
import Glibc
import LogFixtures
import Testing

@Suite struct JournalTests {
    @Test(arguments: [1, 7, 64, 500])
    func whatIsCommittedIsReadBackAcrossSegments(batchSize: Int) throws {
        let directory = TemporaryLog()
        let samples = randomSamples(5000, seed: UInt64(batchSize))
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for start in stride(from: 0, to: samples.count, by: 1000) {
            journal.commit(
                Array(samples[start..<start + 1000]), batchSize: batchSize, dictionary: number)
            journal.maintain(nowMicros: 1_795_000_000_000_000)
            // The reader sees what has been committed, sealed or not.
            #expect(try readAll(directory.path).rows.count == start + 1000)
        }
        let open = try readAll(directory.path)
        #expect(open.rows.map(\.sample) == samples)
        #expect(open.rows.map(\.seq) == Array(1...5000))
        #expect(open.damage.isEmpty)
        #expect(directory.segments().count > 5)
        journal.close()
        let closed = try readAll(directory.path)
        #expect(closed.rows.map(\.sample) == samples)
        #expect(try LogVerification(directory: directory.path).isSound)
    }

    /// Where records say when their queries came, they get what it took until they are committed: by
    /// a clock of more than 32 bits, and never less than nothing.
    @Test func timesAreReckonedToTheCommit() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        let now: Int64 = 3 << 32 | 100
        var samples = randomSamples(4, seed: 1)
        let ages: [Int64] = [0, 101, 29 * 60 * 1_000_000, -5]
        var batch = RecordBatch(capacityBytes: 1 << 16)
        for place in samples.indices {
            samples[place].record.begin(atMonotonicMicros: now - ages[place])
            append(samples[place], to: &batch)
        }
        journal.commit(&batch, dictionary: number, answeredMicros: now)
        let rows = try readAll(directory.path).rows
        #expect(rows.map(\.micros) == [0, 101, 1_740_000_000, 0])
        #expect(rows.map(\.record.ttlSeconds) == samples.map(\.record.ttlSeconds))
        #expect(rows.map { Array($0.nameWire) } == samples.map(\.name))
    }

    /// What has been sealed gives its memory back; what is being written keeps it.
    @Test(.enabled(if: lettingGoWorks(in: "/tmp"), "memory is all that such a file system has"))
    func sealedSegmentsAreNotKeptInMemory() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 18, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for round in 0..<10 {
            journal.commit(randomSamples(1000, seed: UInt64(round)), dictionary: number)
            journal.maintain(nowMicros: 1_795_000_000_000_000)
        }
        let segments = directory.segments()
        #expect(segments.count > 3)
        for name in segments.dropLast() {
            #expect(residentShare(name) < 0.1, "\(name)")
        }
        let last = try #require(segments.last)
        #expect(residentShare(last) > 0.9)
        #expect(try readAll(directory.path).rows.count == 10_000)
        journal.close()
    }

    @Test func textsComeBackAndOlderPoliciesKeepTheirs() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        var newPolicy = samplePolicy
        newPolicy.policyHash = "new"
        newPolicy.groups = ["other"]
        let old = journal.register(samplePolicy)
        let new = journal.register(newPolicy)
        #expect(old != new)
        #expect(journal.register(samplePolicy) == old)
        let record = DecisionRecord(
            timeMicros: 1, client: IPAddress(v4: 1), group: 0, rule: 0, category: 1, list: 2,
            period: 1, device: 0, verdict: .block, rcode: 3, ttlSeconds: 60, source: .policy,
            micros: 9, qtype: 28)
        let sample = Sample(record: record, name: wire("www.example.com"))
        for dictionary in [old, new, old, 99] { journal.commit([sample], dictionary: dictionary) }
        let rows = try readAll(directory.path).rows
        #expect(rows.map(\.group) == ["learner", "other", "learner", "#0"])
        #expect(rows.map(\.policy) == ["4f1d", "new", "4f1d", nil])
        let first = try #require(rows.first)
        #expect(first.rule == "harm")
        #expect(first.concern == "high")
        #expect(first.category == "social-media/chatrooms")
        #expect(first.list == "adult")
        #expect(first.period == "lunch")
        #expect(first.device == "library-pc-1")
        #expect(first.name == "www.example.com")
    }

    @Test func threadsCommitAtOnceAndNothingIsLost() async throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 18, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        let isDone = Counter()
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var samples = randomSamples(4000, seed: UInt64(worker))
                    for index in samples.indices {
                        samples[index].record.timeMicros = Int64(index)
                        samples[index].record.micros = UInt32(worker)
                    }
                    journal.commit(samples, batchSize: 1 + worker * 5, dictionary: number)
                }
            }
            group.addTask {
                while isDone.value == 0 {
                    journal.maintain(nowMicros: 0)
                    await Task.yield()
                }
            }
            for _ in 0..<4 { await group.next() }
            isDone.value = 1
        }
        let (rows, damage) = try readAll(directory.path)
        #expect(damage.isEmpty)
        #expect(rows.map(\.seq) == Array(1...16000))
        for worker in 0..<4 {
            let times = rows.filter { $0.record.micros == UInt32(worker) }.map(\.timeMicros)
            #expect(times == (0..<4000).map { Int64($0) })
        }
    }

    @Test func aLogIsReadWhileItIsWritten() async throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        let samples = randomSamples(20000, seed: 5)
        let announced = Counter()
        let writer = Task.detached {
            for start in stride(from: 0, to: samples.count, by: 20) {
                journal.commit(Array(samples[start..<start + 20]), dictionary: number)
                announced.value = start + 20
                if start % 400 == 0 { journal.maintain(nowMicros: 0) }
            }
        }
        let reader = try JournalReader(directory: directory.path)
        var rows: [DecisionRow] = []
        while rows.count < samples.count {
            let before = announced.value
            while let row = reader.next() { rows.append(row) }
            #expect(rows.count >= before)
            await Task.yield()
        }
        await writer.value
        #expect(rows.map(\.sample) == samples)
        #expect(reader.damage.isEmpty)
    }

    @Test func seqGoesOnAfterEveryRestart() throws {
        let directory = TemporaryLog()
        var seqs: [UInt64] = []
        for round in 0..<6 {
            let journal = try Journal(
                directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
            let number = journal.register(samplePolicy)
            // Every second time nothing is written at all.
            if round % 2 == 0 {
                journal.commit(randomSamples(10, seed: UInt64(round)), dictionary: number)
            }
            journal.close()
            journal.close()
            seqs = try readAll(directory.path).rows.map(\.seq)
        }
        #expect(seqs == Array(1...30))
        #expect(try LogVerification(directory: directory.path).damage.isEmpty)
    }

    @Test func aReaderFollowsAcrossARestart() throws {
        let directory = TemporaryLog()
        var journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let reader = try JournalReader(directory: directory.path)
        #expect(reader.next() == nil)
        journal.close()
        #expect(reader.next() == nil)
        journal = try Journal(directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(randomSamples(3, seed: 1), dictionary: journal.register(samplePolicy))
        #expect((1...3).map { _ in reader.next()?.seq } == [1, 2, 3])
        #expect(reader.next() == nil)
        journal.close()
        journal = try Journal(directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(randomSamples(2, seed: 1), dictionary: journal.register(samplePolicy))
        #expect((4...5).map { _ in reader.next()?.seq } == [4, 5])
        #expect(reader.damage.isEmpty)
    }

    @Test func twoJournalsDoNotShareADirectory() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let refusal = #expect(throws: JournalError.self) {
            _ = try Journal(directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        }
        #expect(refusal?.code == .directoryInUse)
        #expect(refusal?.holder == Int(getpid()))
        journal.close()
        _ = try Journal(directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
    }

    @Test func aWrongPathIsRefused() throws {
        let directory = TemporaryLog()
        writeFile("\(directory.path)/file", [1])
        for path in ["\(directory.path)/file", "\(directory.path)/missing/log", ""] {
            #expect(throws: JournalError.self) {
                _ = try Journal(directory: path, segmentBytes: 1 << 16, keepSeconds: nil)
            }
        }
    }

    @Test func filesAreForTheServerAlone() throws {
        let directory = TemporaryLog()
        let path = "\(directory.path)/log"
        let journal = try Journal(directory: path, segmentBytes: 1 << 16, keepSeconds: nil)
        var information = stat()
        _ = unsafe stat(path, &information)
        #expect(information.st_mode & 0o777 == 0o700)
        for name in listFiles(path) {
            _ = unsafe stat("\(path)/\(name)", &information)
            #expect(information.st_mode & 0o777 == 0o600)
        }
        journal.close()
        for name in listFiles(path) { unsafe unlink("\(path)/\(name)") }
        unsafe rmdir(path)
    }

    @Test func oldSegmentsAreDeletedAndTheNewestStays() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: 125)
        let number = journal.register(samplePolicy)
        let start: Int64 = 1_795_000_000_000_000
        for day in 0..<3 {
            var samples = randomSamples(2000, seed: 3)
            for index in samples.indices {
                samples[index].record.timeMicros = start + Int64(day) * 60_000_000
            }
            journal.commit(samples, dictionary: number)
            journal.maintain(nowMicros: start + Int64(day) * 60_000_000)
        }
        #expect(try readAll(directory.path).rows.first?.seq == 1)
        let follower = try JournalReader(directory: directory.path)
        #expect(follower.next()?.seq == 1)
        // The first third is older than 125 s now. It may share its last segment with the second.
        journal.maintain(nowMicros: start + 184_000_000)
        let rest = try readAll(directory.path)
        #expect(rest.damage.isEmpty)
        #expect(rest.rows.last?.seq == 6000)
        #expect((1001...2001).contains(rest.rows.first?.seq ?? 0))
        // A reader that was at the first row goes on with what is left.
        var seqs: [UInt64] = []
        while let row = follower.next() { seqs.append(row.seq) }
        #expect(seqs.last == 6000)
        #expect(follower.damage.isEmpty)
        // All of it is old; the seq is still known afterwards.
        journal.maintain(nowMicros: start + 900_000_000)
        journal.maintain(nowMicros: start + 990_000_000)
        #expect(try readAll(directory.path).rows.count < 2000)
        journal.close()
        let next = try Journal(directory: directory.path, segmentBytes: 1 << 16, keepSeconds: 125)
        #expect(next.status.nextSeq == 6001)
    }

    @Test func aBatchThatIsFullShowsAsAGap() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        var batch = RecordBatch(capacityBytes: 0)
        let samples = randomSamples(100, seed: 2)
        for sample in samples { append(sample, to: &batch) }
        let kept = batch.count
        #expect(kept > 0 && batch.refused == 100 - kept)
        journal.commit(&batch, dictionary: journal.register(samplePolicy))
        #expect(batch.count == 0 && batch.refused == 0)
        journal.maintain(nowMicros: 0)
        let rows = try readAll(directory.path).rows
        #expect(rows.dropLast().map(\.sample) == Array(samples[..<kept]))
        #expect(rows.last?.gap?.count == UInt64(100 - kept))
        #expect(journal.status.lostCount == UInt64(100 - kept))
    }

    @Test func aPolicyLargerThanASegmentStillFits() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        var policy = samplePolicy
        policy.lists = (0..<20000).map { "list-number-\($0)" }
        let number = journal.register(policy)
        let samples = randomSamples(20000, seed: 8)
        for start in stride(from: 0, to: 20000, by: 500) {
            journal.commit(Array(samples[start..<start + 500]), dictionary: number)
            journal.maintain(nowMicros: 0)
        }
        let (rows, damage) = try readAll(directory.path)
        #expect(damage.isEmpty)
        #expect(rows.filter { !$0.isGap }.count + Int(journal.status.lostCount) == 20000)
        #expect(journal.status.lostCount == 0)
    }

    @Test func theInstructionAndTheTablesAgree() {
        var generator = SeededGenerator(seed: 4)
        // RFC 3720, appendix B.4.
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(unsafe checksum_crc32c(0, zeros, 32) == 0x8A91_36AA)
        #expect(unsafe checksum_crc32c_tables(0, zeros, 32) == 0x8A91_36AA)
        for length in 0..<100 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let seed = UInt32.random(in: 0 ... .max, using: &generator)
            #expect(
                unsafe checksum_crc32c(seed, bytes, length)
                    == checksum_crc32c_tables(seed, bytes, length))
        }
        let words: [UInt64] = [0x0102_0304_0506_0708, 0xFFEE_DDCC_BBAA_9988]
        let third: [UInt32] = [0xCAFE_F00D]
        let inOne = unsafe checksum_crc32c_tables(
            checksum_crc32c_tables(7, words, 16), third, 4)
        #expect(checksum_crc32c_words(7, words[0], words[1], third[0]) == inOne)
    }
}
