import DecisionLog
import Dice
import Glibc
import LogFixtures
import LogStore
import Testing

/// Files of the store that are not as they were written: what can be asked stays right, and the
/// store is made anew from the log.
@Suite struct DamageTests {
    /// A log of a few days, all of it in the store, and the store's files at rest.
    private func followedLog(seed: UInt64, rows: Int = 900) throws -> RandomLog {
        let log = try RandomLog(seed: seed)
        log.write(rows, step: 400_000_000)
        // A day is summed up in each round.
        for _ in 0..<3 {
            for note in try follow(log) { Issue.record("\(note)") }
        }
        return log
    }

    /// Has the log followed as a server does that starts; gives what it says.
    @discardableResult private func follow(_ log: RandomLog, keep: Int64? = nil) throws -> [String]
    {
        let follower = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: keep))
        follower.chunkRows = 100
        let longAfter = log.nowMicros + 3 * 86_400_000_000
        return try follower.follow(nowMicros: longAfter, isFinal: true).notes
    }

    private func read(_ directory: String) throws -> (lines: [String], reader: StoreReader) {
        let reader = try StoreReader(directory: directory)
        let rows = try reader.rows()
        var found: [DecisionRow] = []
        while let row = try rows.next() { found.append(row) }
        return (lines(found), reader)
    }

    /// The store, asked without its log, has all rows.
    private func expectStored(_ log: RandomLog, _ what: String) throws {
        let expected = lines(try log.plainRows())
        let alone = log.directory.storeAlone()
        let found = try read(alone.path)
        #expect(found.lines.count == expected.count, "\(what)")
        let difference = zip(found.lines, expected).first { $0 != $1 }
        #expect(difference == nil, "\(what)")
        #expect(found.reader.problems.isEmpty, "\(what)")
    }

    private func dayFile(_ log: RandomLog, _ number: Int = 1) throws -> String {
        let days = log.directory.storeFiles().filter { $0.hasSuffix(".sqlite") }
        return "\(log.directory.path)/store/\(try #require(days.dropFirst(number).first))"
    }

    // MARK: Damaged files

    @Test func aFlippedByteCostsNothing() throws {
        let log = try followedLog(seed: 31)
        let path = try dayFile(log)
        let whole = readFile(path)
        let expected = lines(try log.plainRows())
        let counts = recount(try log.plainRows(), by: [.client, .name])
        let isSummed = try StoreReader(directory: log.directory.path).summedDays > 1
        #expect(isSummed)
        var generator = SeededGenerator(seed: 31)
        var found = 0
        for round in 0..<18 {
            // The first page is what SQLite itself goes by.
            let bound = round % 3 == 0 ? 100 : whole.count
            let place = Int.random(in: 0..<bound, using: &generator)
            var bytes = readFile(path)
            guard place < bytes.count else { continue }
            bytes[place] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
            writeFile(path, bytes)
            let asked = try read(log.directory.path)
            #expect(asked.lines.count == expected.count, "octet \(place)")
            #expect(zip(asked.lines, expected).first { $0 != $1 } == nil, "octet \(place)")
            let tallies = try StoreReader(directory: log.directory.path).tally(
                by: [.client, .name])
            let isCounted = sums(tallies) == counts
            #expect(isCounted, "octet \(place)")
            let notes = try follow(log)
            if !notes.isEmpty { found += 1 }
            try expectStored(log, "octet \(place): \(notes)")
        }
        #expect(found > 3)
        #expect(log.directory.storeFiles().contains { $0.contains(".sqlite.damaged") })
    }

    @Test(arguments: ["missing", "empty", "half", "a page", "text"])
    func aFileThatIsNoneIsMadeAnew(what: String) throws {
        let log = try followedLog(seed: 32)
        let path = try dayFile(log)
        let bytes = readFile(path)
        switch what {
        case "missing": #expect(unsafe unlink(path) == 0)
        case "empty": writeFile(path, [])
        case "half": writeFile(path, Array(bytes[..<(bytes.count / 2)]))
        case "a page": writeFile(path, Array(bytes[..<4096]))
        default: writeFile(path, Array("what a person wrote\n".utf8))
        }
        let asked = try read(log.directory.path)
        #expect(asked.lines == lines(try log.plainRows()))
        #expect(!asked.reader.problems.isEmpty)
        let notes = try follow(log)
        #expect(notes.count == 2, "\(notes)")
        #expect(notes.first?.contains(path) == true, "\(notes)")
        #expect(notes.last?.contains("from the log, with every row") == true, "\(notes)")
        try expectStored(log, what)
        let isKept = log.directory.storeFiles().contains { $0.hasSuffix(".sqlite.damaged") }
        #expect(isKept == (what != "missing"))
        #expect(try follow(log).isEmpty)
    }

    /// Under a follower that runs, and its folder as well.
    @Test func filesThatAreTakenAwayAreMissed() throws {
        let log = try followedLog(seed: 33)
        let follower = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: nil))
        log.write(50)
        _ = try follower.follow(nowMicros: log.nowMicros, isFinal: true)
        let days = log.directory.storeFiles().filter { $0.hasSuffix(".sqlite") }
        for day in days.suffix(2) {
            for end in ["", "-wal", "-shm"] {
                _ = unsafe unlink("\(log.directory.path)/store/\(day)\(end)")
            }
        }
        log.write(50)
        let notes = try follower.follow(nowMicros: log.nowMicros, isFinal: true).notes
        #expect(notes.contains { $0.contains("is missing") }, "\(notes)")
        try expectStored(log, "two days taken away")
        for name in log.directory.storeFiles() {
            _ = unsafe unlink("\(log.directory.path)/store/\(name)")
        }
        #expect(throws: StoreError.self) {
            try follower.follow(nowMicros: log.nowMicros, isFinal: true)
        }
        try follow(log)
        try expectStored(log, "all taken away")
    }

    /// What the log no longer has either is told.
    @Test func rowsThatNobodyHasAreTold() throws {
        let log = try followedLog(seed: 34, rows: 4000)
        let path = try dayFile(log, 0)
        let segments = listFiles(log.directory.path).filter { $0.hasPrefix("decisions-") }
        #expect(segments.count > 2)
        #expect(unsafe unlink("\(log.directory.path)/\(segments[0])") == 0)
        writeFile(path, Array("no day file".utf8))
        let notes = try follow(log)
        #expect(
            notes.last?.contains("the log begins with row") == true
                && notes.last?.contains("\(path).damaged") == true, "\(notes)")
        // Other days have all of theirs.
        let expected = Set(lines(try log.plainRows()))
        let alone = log.directory.storeAlone()
        let stored = Set(try read(alone.path).lines)
        #expect(expected.isSubset(of: stored))
    }

    // MARK: Files of others

    @Test func aFileOfALaterVersionIsLeftAlone() throws {
        let log = try followedLog(seed: 35)
        let path = try dayFile(log)
        var bytes = readFile(path)
        // SQLite's user_version, high octet first.
        bytes[63] = 99
        writeFile(path, bytes)
        let expected = lines(try log.plainRows())
        let asked = try read(log.directory.path)
        #expect(asked.lines == expected)
        #expect(asked.reader.problems.map(\.code) == [.newerVersion])
        let notes = try follow(log)
        #expect(notes.count == 1 && notes[0].contains("a later version of bellgate wrote it"))
        #expect(notes[0].contains(path) && notes[0].contains("format 99"))
        let isUntouched = readFile(path) == bytes
        #expect(isUntouched)
        log.write(100)
        try follow(log)
        #expect(try read(log.directory.path).lines == lines(try log.plainRows()))
        // Moved away, it is made anew.
        #expect(unsafe unlink(path) == 0)
        try follow(log)
        try expectStored(log, "after it was moved away")
    }

    /// The log was emptied and begun anew, the store is of the one before.
    @Test(arguments: [40, 2000])
    func aStoreOfAnotherLogIsNotGoneOnWith(rows: Int) throws {
        let old = try followedLog(seed: 36)
        let log = try RandomLog(seed: 37)
        log.write(rows, step: 300_000_000)
        let (from, to) = ("\(old.directory.path)/store", "\(log.directory.path)/store")
        // SAFETY: both paths are passed as C strings for the length of the call.
        #expect(unsafe rename(from, to) == 0)
        let asked = try read(log.directory.path)
        #expect(asked.lines == lines(try log.plainRows()))
        #expect(asked.reader.problems.map(\.code) == [.otherLog])
        let notes = try follow(log)
        #expect(notes.count == 1 && notes[0].contains("belongs to another log"), "\(notes)")
        try expectStored(log, "\(rows) rows")
        #expect(log.directory.storeFiles().contains { $0.hasSuffix(".sqlite.other-log") })
        #expect(try follow(log).isEmpty)
    }

    // MARK: The log's own damage

    /// A flipped byte and a deleted file of the log are told; all other rows are stored.
    @Test func whatTheLogLostIsToldAndAllElseStored() throws {
        let log = try RandomLog(seed: 38)
        log.write(6000, step: 60_000_000)
        let segments = listFiles(log.directory.path).filter { $0.hasPrefix("decisions-") }
        #expect(segments.count > 3)
        let path = "\(log.directory.path)/\(segments[0])"
        var bytes = readFile(path)
        bytes[bytes.count / 2] ^= 0x10
        writeFile(path, bytes)
        #expect(unsafe unlink("\(log.directory.path)/\(segments[1])") == 0)
        let notes = try follow(log)
        #expect(notes.contains { $0.contains("\(segments[0]): offset") }, "\(notes)")
        #expect(notes.contains { $0.contains("rows are missing") }, "\(notes)")
        try expectStored(log, "\(notes)")
    }

    /// What the log lost stands as gap rows where it was, in the log's rows as in the store's: what
    /// a flipped octet and a deleted file took, and no more, as the log's own check names it.
    @Test(arguments: [false, true])
    func whatTheLogLostStandsAsGaps(isFollowed: Bool) throws {
        let log = try RandomLog(seed: 41)
        let follower = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: nil))
        // Half of it is in the store before anything is lost.
        log.write(3000)
        if isFollowed { _ = try follower.follow(nowMicros: log.nowMicros, isFinal: true) }
        let stored = follower.storedSeq
        log.write(9000)
        let before = try log.plainRows()
        let segments = log.directory.segments().dropLast()
        let later = segments.dropFirst(segments.count / 2)
        #expect(later.count > 2)
        let damaged = try #require(later.first)
        var bytes = readFile(damaged)
        bytes[bytes.count / 2] ^= 0x40
        writeFile(damaged, bytes)
        #expect(unsafe unlink(try #require(later.dropFirst().first)) == 0)
        let asked = try read(log.directory.path)
        let verified = try LogVerification(directory: log.directory.path).damage
        let lost = verified.filter { $0.missingRows > 0 }
        #expect(lost.count == 2, "\(verified)")
        let gaps = try StoreReader(directory: log.directory.path).gaps().compactMap(\.gap).filter {
            [.damaged, .missingSegment].contains($0.reason)
        }
        #expect(gaps.map(\.firstSeq) == lost.compactMap(\.expectedSeq))
        #expect(gaps.map(\.endSeq) == lost.compactMap(\.foundSeq))
        #expect(gaps.map(\.count) == lost.map(\.missingRows))
        #expect(gaps.map(\.reason) == [.damaged, .missingSegment])
        #expect(gaps.allSatisfy { $0.firstSeq > stored })
        // All other rows are as they were, before the follower comes and after it.
        func isLost(_ seq: UInt64) -> Bool {
            gaps.contains { $0.firstSeq <= seq && seq < $0.endSeq }
        }
        let kept = lines(before.filter { !isLost($0.seq) })
        let isUnchanged = Set(kept).isSubset(of: asked.lines)
        #expect(isUnchanged)
        #expect(asked.lines.count == kept.count + 2)
        let after = log.nowMicros + 3 * 86_400_000_000
        let notes = try follower.follow(nowMicros: after, isFinal: true).notes
        #expect(notes.count == 2, "\(notes)")
        let alone = log.directory.storeAlone()
        let found = try read(alone.path).lines
        let isSame = found == asked.lines
        #expect(isSame)
        #expect(found.contains { $0.contains("cannot be read any more: their place in the log") })
        // A day that is made anew has them at the same place.
        let day = log.directory.storeFiles().last { $0.hasSuffix(".sqlite") }
        let last = "\(log.directory.path)/store/\(try #require(day))"
        #expect(unsafe unlink(last) == 0)
        let isReadAgain = try read(log.directory.path).lines == asked.lines
        #expect(isReadAgain)
        let missed = try follower.follow(nowMicros: after, isFinal: true).notes
        #expect(missed.first?.contains("is missing") == true, "\(missed)")
        let isMadeAnew = try read(alone.path).lines == asked.lines
        #expect(isMadeAnew)
    }

    /// Rows of days that come after that of the last row do not hide how far the store is.
    @Test func howFarTheStoreIsStandsAlsoAfterTheClockWasSetBack() throws {
        let log = try followedLog(seed: 41, rows: 300)
        log.turnBack(days: 4)
        for _ in 0..<2 {
            log.write(300)
            for note in try follow(log) { Issue.record("\(note)") }
            let whole = try read(log.directory.path)
            let alone = log.directory.storeAlone()
            #expect(try StoreReader(directory: alone.path).lastSeq == whole.reader.lastSeq)
            let isSame = try read(alone.path).lines == whole.lines
            #expect(isSame)
        }
    }

    /// The follower was away while the log deleted what was old.
    @Test func rowsThatNeverCameInAreTold() throws {
        let log = try followedLog(seed: 39, rows: 4000)
        log.write(4000)
        let segments = listFiles(log.directory.path).filter { $0.hasPrefix("decisions-") }
        for name in segments.dropLast(1) {
            #expect(unsafe unlink("\(log.directory.path)/\(name)") == 0)
        }
        let next = try #require(SegmentStart(segments.last ?? ""))
        let alone = log.directory.storeAlone()
        let stored = try StoreReader(directory: alone.path).lastSeq
        // Before the follower looks, and after it.
        for round in 0..<2 {
            let gap = try #require(
                try StoreReader(directory: log.directory.path).gaps().last {
                    $0.gap?.reason == .missingSegment
                }?.gap, "round \(round)")
            #expect(gap.firstSeq == stored + 1 && gap.endSeq == next.seq, "round \(round)")
            if round == 0 {
                let notes = try follow(log)
                #expect(notes.contains { $0.contains("never came into its store") }, "\(notes)")
            }
        }
        #expect(try follow(log).isEmpty)
    }

    /// The first seq of a segment, from its name.
    private struct SegmentStart {
        let seq: UInt64

        init?(_ name: String) {
            guard let seq = UInt64(name.dropFirst("decisions-".count).prefix(20)) else {
                return nil
            }
            self.seq = seq
        }
    }

    // MARK: Retention

    /// Days go when all their rows are older than `keep`, each with a note in the audit trail.
    @Test func oldDaysGoAndAreNoted() throws {
        let log = try followedLog(seed: 40)
        let days = log.directory.storeFiles().filter { $0.hasSuffix(".sqlite") }
        #expect(days.count > 2)
        let first = try #require(LogTime.parse(days[0].prefix(10) + "T00:00:00Z", nowMicros: 0))
        let before = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: 86400))
        let early = first + 2 * 86_400_000_000
        #expect(try before.follow(nowMicros: early - 1, isFinal: true).purgedDays.isEmpty)
        #expect(
            try before.follow(nowMicros: early, isFinal: true).purgedDays
                == [String(days[0].prefix(10))])
        let left = log.directory.storeFiles().filter { $0.hasSuffix(".sqlite") }
        #expect(left == Array(days.dropFirst()))
        let entries = try LogVerification(directory: log.directory.path).auditEntries
        let purges = entries.filter { $0.kind == .purge }
        #expect(purges.count == 1 && purges[0].question == "keep 86400s")
        #expect(purges[0].reason?.contains("store/\(days[0])") == true)
        #expect(purges[0].rows ?? 0 > 0)
        #expect(try LogVerification(directory: log.directory.path).damage.isEmpty)
        // Nobody misses the day, and the newest one stays.
        let late = log.nowMicros + 30 * 86_400_000_000
        let progress = try before.follow(nowMicros: late, isFinal: true)
        #expect(progress.notes.isEmpty && progress.purgedDays.count == days.count - 2)
    }
}
