import DNSWire
import DecisionLog
import Glibc
import LogFixtures
import Testing

/// What a killed process, a power cut or somebody with the files leaves, and what the next start
/// and `log verify` say of it.
@Suite struct HeadTests {
    /// A log that is still being written, and copies of its files as a kill would leave them.
    private final class LiveLog {
        let directory = TemporaryLog()
        let journal: Journal
        let number: UInt32

        init(rows: Int, seed: UInt64 = 31) throws {
            journal = try Journal(
                directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
            number = journal.register(samplePolicy)
            for start in stride(from: 0, to: rows, by: 300) {
                journal.commit(
                    randomSamples(min(300, rows - start), seed: seed), dictionary: number)
                journal.maintain(nowMicros: 0)
            }
        }

        func killed() -> TemporaryLog {
            let copy = TemporaryLog()
            for name in directory.files() {
                writeFile("\(copy.path)/\(name)", readFile("\(directory.path)/\(name)"))
            }
            return copy
        }
    }

    private func reopen(_ directory: TemporaryLog) throws -> Journal {
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit(randomSamples(1, seed: 9), dictionary: journal.register(samplePolicy))
        return journal
    }

    @Test func aKilledLogIsSoundBeforeAndAfterTheNextStart() throws {
        let live = try LiveLog(rows: 3000)
        #expect(try LogVerification(directory: live.directory.path).damage == [])
        let copy = live.killed()
        #expect(try LogVerification(directory: copy.path).damage == [])
        for round in 1...3 {
            let journal = try reopen(copy)
            journal.maintain(nowMicros: 0)
            journal.close()
            let verification = try LogVerification(directory: copy.path)
            #expect(verification.damage == [])
            #expect(verification.rowCount == 3000 + round && verification.gapCount == 0)
        }
    }

    /// The digest in a header is what `sha256sum` prints of the file before.
    @Test func eachSegmentCarriesTheDigestOfTheOneBefore() throws {
        let live = try LiveLog(rows: 3000)
        live.journal.close()
        let paths = live.directory.segments()
        try #require(paths.count > 3)
        for (before, after) in zip(paths, paths.dropFirst()) {
            #expect(Array(readFile(after)[64..<96]) == sha256(of: before))
        }
        // A start without a query leaves a file without a row: that proves nothing.
        try Journal(directory: live.directory.path, segmentBytes: 1 << 16, keepSeconds: nil).close()
        let newest = try LogVerification(directory: live.directory.path).newestDigest
        #expect(newest?.digest == sha256(of: try #require(paths.last)))
    }

    @Test func rowsCutOffTheEndShowAndAreNotedAtTheNextStart() throws {
        let live = try LiveLog(rows: 1000)
        let copy = live.killed()
        let path = try #require(copy.segments().last)
        let rows = try readAll(copy.path).rows
        // The last five rows vanish as if they had never been written.
        let offsets = recordOffsets(readFile(path))
        try #require(offsets.count > 6)
        let start = offsets[offsets.count - 5]
        var bytes = readFile(path)
        for offset in start..<bytes.count { bytes[offset] = 0 }
        writeFile(path, bytes)
        let verification = try LogVerification(directory: copy.path)
        let found = try #require(verification.damage.first)
        #expect(found.kind == .end && found.expectedSeq == 996 && found.missingRows == 5)
        let journal = try reopen(copy)
        let after = try readAll(copy.path).rows
        #expect(after.count == rows.count - 5 + 2)
        let gap = try #require(after.dropLast().last?.gap)
        #expect(gap.reason == .cutOff && gap.count == 5)
        #expect(gap.firstSeq == 996 && gap.endSeq == 1001)
        // No seq is given a second time, and the rows are still missing.
        #expect(after.suffix(2).map(\.seq) == [1001, 1002])
        journal.close()
        #expect(try LogVerification(directory: copy.path).damage.map(\.kind) == [.missing])
    }

    @Test func aPowerCutIsAGapAndNoDamage() throws {
        let live = try LiveLog(rows: 1000)
        let copy = live.killed()
        let path = try #require(copy.segments().last)
        var bytes = readFile(path)
        let offsets = recordOffsets(bytes)
        for offset in offsets[offsets.count - 3]..<bytes.count { bytes[offset] = 0 }
        writeFile(path, bytes)
        // The machine has been started again since.
        var head = readFile("\(copy.path)/journal.head")
        head[16] ^= 1
        writeFile("\(copy.path)/journal.head", head)
        let journal = try reopen(copy)
        journal.close()
        let verification = try LogVerification(directory: copy.path)
        #expect(verification.damage == [])
        #expect(verification.gaps.map(\.gap.reason) == [.powerCut])
        #expect(verification.lostCount == 3)
        #expect(try readAll(copy.path).rows.suffix(2).map(\.seq) == [1001, 1002])
    }

    @Test func theNewestSegmentDeletedCostsNoSeqTwice() throws {
        let live = try LiveLog(rows: 2000)
        live.journal.close()
        let path = try #require(live.directory.segments().last)
        unsafe unlink(path)
        let verification = try LogVerification(directory: live.directory.path)
        #expect(verification.damage.map(\.kind) == [.end])
        let journal = try reopen(live.directory)
        #expect(try readAll(live.directory.path).rows.last?.seq == 2002)
        journal.close()
    }

    @Test func aTornTailIsNotedAsAGap() throws {
        let live = try LiveLog(rows: 20)
        let copy = live.killed()
        let path = try #require(copy.segments().last)
        var bytes = readFile(path)
        let end = live.journal.status.segmentUsedBytes
        // A record whose body was written and whose length was not.
        for offset in end + 24..<end + 90 { bytes[offset] = 7 }
        writeFile(path, bytes)
        #expect(try LogVerification(directory: copy.path).damage == [])
        let journal = try reopen(copy)
        let gaps = try readAll(copy.path).rows.compactMap(\.gap)
        #expect(gaps.map(\.reason) == [.tornTail] && gaps.map(\.count) == [1])
        #expect(journal.status.lostCount == 0)
        journal.close()
        #expect(try LogVerification(directory: copy.path).damage == [])
    }

    @Test func aSegmentDeletedUnderTheServerIsPutBack() throws {
        let live = try LiveLog(rows: 900)
        let reader = try JournalReader(directory: live.directory.path)
        var followed = 0
        while reader.next() != nil { followed += 1 }
        for path in live.directory.segments().suffix(1) { unsafe unlink(path) }
        live.journal.commit(randomSamples(20, seed: 32), dictionary: live.number)
        // The clock moves on, so that the upkeep of each second is due.
        live.journal.maintain(nowMicros: 2_000_000)
        live.journal.commit(randomSamples(600, seed: 33), dictionary: live.number)
        live.journal.maintain(nowMicros: 4_000_000)
        let (rows, damage) = try readAll(live.directory.path)
        #expect(rows.map(\.seq) == (1...1520).map { UInt64($0) } && damage == [])
        while reader.next() != nil { followed += 1 }
        #expect(followed == 1520 && reader.damage == [])
        #expect(try LogVerification(directory: live.directory.path).damage == [])
        // The one that is deleted may also be full by the time that it is noticed.
        for path in live.directory.segments().suffix(1) { unsafe unlink(path) }
        live.journal.commit(randomSamples(1200, seed: 34), dictionary: live.number)
        live.journal.maintain(nowMicros: 6_000_000)
        live.journal.close()
        #expect(try LogVerification(directory: live.directory.path).damage == [])
        #expect(try readAll(live.directory.path).rows.count == 2720)
    }

    @Test func aLogOfAnotherFormatIsLeftAlone() throws {
        let live = try LiveLog(rows: 10)
        let copy = live.killed()
        let path = try #require(copy.segments().last)
        var bytes = readFile(path)
        bytes[8] = 77
        writeFile(path, bytes)
        let refusal = #expect(throws: JournalError.self) { _ = try reopen(copy) }
        #expect(refusal?.code == .unknownFormat)
        #expect(readFile(path) == bytes)
    }
}
