import DNSWire
import Glibc
import LogFixtures
import Testing

@testable import DecisionLog

/// Names that stand for clients: the same everywhere, and nobody's without the key.
@Suite struct PseudonymTests {
    private static let day: Int64 = 86_400_000_000
    private static let now: Int64 = 1_795_000_000_000_000

    private func address(_ number: UInt32) -> IPAddress { IPAddress(v4: 0x0A14_0000 + number) }

    /// A directory that counts as a log, with nothing else in it.
    private func log() -> TemporaryLog {
        let directory = TemporaryLog()
        writeFile("\(directory.path)/\(SegmentName(firstSeq: 1))", [])
        return directory
    }

    private func keyFiles(_ directory: TemporaryLog) -> [String] {
        directory.files().filter { !$0.hasSuffix(".bgl") }
    }

    private func mode(_ path: String) -> mode_t {
        var information = stat()
        _ = unsafe stat(path, &information)
        return information.st_mode & 0o777
    }

    /// HMAC-SHA-256: RFC 4231, test case 2.
    @Test func theDigestIsTheOneOfTheStandard() {
        let digest = KeyedDigest(Array("Jefe".utf8))
            .digest(of: Array("what do ya want for nothing?".utf8))
        let text = digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(text == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func aClientHasOneNameForAllReaders() throws {
        let directory = log()
        let first = try Pseudonyms(directory: directory.path)
        let second = try Pseudonyms(directory: directory.path)
        let name = first.client(address(1), micros: Self.now)
        #expect(name == second.client(address(1), micros: Self.now))
        #expect(name.wholeMatch(of: #/c-[0-9A-HJKMNP-TV-Z]{10}/#) != nil, "\(name)")
        #expect(name != first.client(address(2), micros: Self.now))
        #expect(first.device("pc", micros: 0).hasPrefix("d-"))
        #expect(first.device("pc", micros: 0) != first.device("pd", micros: 0))
        // Another log, another key.
        let other = log()
        #expect(try Pseudonyms(directory: other.path).client(address(1), micros: 0) != name)
        #expect(keyFiles(directory) == ["pseudonyms.key"])
        #expect(mode("\(directory.path)/pseudonyms.key") == 0o600)
    }

    @Test func noTwoOfManyShareAName() {
        // More than are kept at a time.
        let pseudonyms = Pseudonyms(PseudonymKeys(startDay: 0), maximumMade: 3000)
        var seen: Set<String> = []
        for number in 0..<10_000 as Range<UInt32> {
            seen.insert(pseudonyms.client(address(number), micros: 0))
        }
        #expect(seen.count == 10_000)
        #expect(seen.contains(pseudonyms.client(address(0), micros: 0)))
    }

    /// Two addresses that share a pseudonym under this key, found by trying ten keys with all of
    /// 10.0.0.0/8: more digits tell them apart, and those are the same as HMAC-SHA-256 gives
    /// elsewhere.
    @Test func thoseThatShareANameAreToldApart() throws {
        var keys = PseudonymKeys(startDay: 0)
        keys.periods[0].key = [UInt8](repeating: 0x10, count: 32)
        let pseudonyms = Pseudonyms(keys)
        let pair = try ["10.122.36.196", "10.250.81.166"].map { try #require(IPAddress($0)) }
        #expect(pair.map { pseudonyms.client($0, micros: 0) } == ["c-6HK8FN4JEK", "c-6HK8FN4JEK"])
        let long = pair.map { pseudonyms.longClient($0, micros: 0) }
        #expect(long == ["c-6HK8FN4JEK2D524F6N1X", "c-6HK8FN4JEK1301Z0V881"])
        let other = pseudonyms.longClient(address(1), micros: 0)
        #expect(other.hasPrefix(pseudonyms.client(address(1), micros: 0)))
        let short = Pseudonyms.shortened(long + [other])
        #expect(long.map { short[$0] } == ["c-6HK8FN4JEK2", "c-6HK8FN4JEK1"])
        #expect(short[other] == pseudonyms.client(address(1), micros: 0))
        #expect(Pseudonyms.shortened([]) == [:])
    }

    @Test(
        arguments: [
            ("c-7Q4K2M9XTB", "c-7Q4K2M9XTB"), ("C-7q4k2m9xtb", "c-7Q4K2M9XTB"),
            ("c-oil0000000", "c-0110000000"), ("c-7Q4K2M9XT", nil),
            ("c-7Q4K2M9XTBB", "c-7Q4K2M9XTBB"),
            ("c-7Q4K2M9XTU", nil), ("d-7Q4K2M9XTB", nil), ("10.20.0.5", nil), ("", nil),
            ("c-", nil), ("c-7Q4K2M9XTB7Q4K2M9XTB", "c-7Q4K2M9XTB7Q4K2M9XTB"),
            ("c-7Q4K2M9XTB7Q4K2M9XTB0", nil),
        ] as [(String, String?)])
    func aTypedNameIsReadKindly(_ row: (typed: String, read: String?)) {
        #expect(Pseudonyms.canonical(row.typed, .client) == row.read)
    }

    @Test func processesThatMakeTheKeyAtOnceAgree() async throws {
        for _ in 0..<20 {
            let directory = log()
            let path = directory.path
            let address = address(7)
            let names = await withTaskGroup(of: String?.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try? Pseudonyms(directory: path).client(address, micros: 0)
                    }
                }
                return await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(names.count == 1 && !names.contains(nil))
            #expect(keyFiles(directory) == ["pseudonyms.key"])
        }
    }

    @Test func nothingIsMadeWhereThereIsNoLog() {
        let directory = TemporaryLog()
        let refused = #expect(throws: JournalError.self) {
            try Pseudonyms(directory: directory.path)
        }
        #expect(refused?.code == .noLog && directory.files() == [])
    }

    // MARK: Renewal

    @Test func aKeyStandsForKeepAndGoesWithItsRows() throws {
        let keep = 10 * Self.day
        var keys = PseudonymKeys(startDay: PseudonymKeys.day(of: Self.now))
        let midnight = PseudonymKeys.day(of: Self.now) * Self.day
        let first = keys.periods[0].key
        let lastDay = midnight + keep - Self.day
        #expect(keys.renew(nowMicros: lastDay - 1, keepMicros: keep) == nil)
        let begun = keys.renew(nowMicros: lastDay, keepMicros: keep)
        #expect(begun == (midnight + keep) / Self.day)
        for micros in [lastDay, midnight + keep - 1, midnight + keep] {
            #expect(keys.renew(nowMicros: micros, keepMicros: keep) == nil)
        }
        #expect(keys.periods.count == 2 && keys.periods[1].key != first)
        // Names of old rows stay while the rows are there.
        let pseudonyms = Pseudonyms(keys)
        let before = pseudonyms.client(address(1), micros: midnight + keep - 1)
        #expect(before == pseudonyms.client(address(1), micros: 0))
        #expect(before != pseudonyms.client(address(1), micros: midnight + keep))
        #expect(
            pseudonyms.periods == [.min..<midnight + keep, midnight + keep ..< .max])
        let late = midnight + 2 * keep
        let early = keys.retire(
            nowMicros: late - 1, keepMicros: keep, oldestMicros: midnight + keep)
        #expect(early == nil)
        // A file may hold rows that are older than `keep`: as long as there is one, it has its name.
        let held = keys.retire(
            nowMicros: late, keepMicros: keep, oldestMicros: midnight + keep - 1)
        #expect(held == nil)
        let gone = keys.retire(nowMicros: late, keepMicros: keep, oldestMicros: midnight + keep)
        #expect(gone == begun && keys.periods.map(\.startDay) == [begun])
        let left = keys.retire(nowMicros: .max, keepMicros: keep, oldestMicros: .max)
        #expect(left == nil, "the last key stays")
    }

    /// A clock that is behind changes nothing, and one that was ahead does not stop renewal.
    @Test func aWrongClockDoesNoHarm() {
        let keep = 10 * Self.day
        let today = PseudonymKeys.day(of: Self.now)
        var keys = PseudonymKeys(startDay: today)
        let whole = keys
        let behind = keys.renew(nowMicros: 0, keepMicros: keep)
        let none = keys.retire(nowMicros: 0, keepMicros: keep, oldestMicros: Self.now)
        #expect(behind == nil && none == nil && keys == whole)
        _ = keys.renew(nowMicros: Self.now + 1000 * Self.day, keepMicros: keep)
        let next = keys.renew(nowMicros: Self.now + keep, keepMicros: keep)
        #expect(next == today + 11, "tomorrow, though it is late")
        #expect(keys.periods.map(\.startDay) == [today, today + 11, today + 1001])
    }

    /// The journal does both as days go by, and notes each before it is done.
    @Test func theJournalRenewsAndDestroysKeys() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: 2 * 86_400)
        let number = journal.register(samplePolicy)
        let path = "\(directory.path)/pseudonyms.key"
        let midnight = PseudonymKeys.day(of: Self.now) * Self.day
        var names: [[String]] = []
        var starts: [[Int64]] = []
        for day in 0..<8 as Range<Int64> {
            let now = midnight + day * Self.day + 1
            var samples = randomSamples(400, seed: 8)
            for index in samples.indices { samples[index].record.timeMicros = now }
            // Without rows on the last days, nothing but the newest file is left.
            if day < 6 { journal.commit(samples, dictionary: number) }
            for minute in 0..<3 as Range<Int64> {
                journal.maintain(nowMicros: now + minute * 61_000_000)
            }
            let keys = try #require(PseudonymKeys(readFile(path)))
            starts.append(keys.periods.map { $0.startDay - midnight / Self.day })
            let pseudonyms = try Pseudonyms(directory: directory.path)
            names.append(
                (0..<8).map { pseudonyms.client(address(1), micros: midnight + $0 * Self.day) })
            #expect(try readAll(directory.path).damage.isEmpty)
        }
        #expect(starts[0] == [0] && starts[1] == [0, 2] && starts[2] == [0, 2])
        #expect(starts[3] == [0, 2, 4], "rows of day 1 are there still")
        #expect(starts[4] == [2, 4])
        // A day's name is what it is before its first row.
        #expect((1..<8).allSatisfy { names[$0][$0] == names[$0 - 1][$0] })
        // A day's name is the same as long as it has rows.
        #expect(names[0][0] == names[3][0] && names[2][2] == names[5][2])
        #expect(Set(names[3][0...3]).count == 2)
        #expect(names[4][0] != names[3][0], "its key is gone")
        let verification = try LogVerification(directory: directory.path)
        #expect(verification.damage == [])
        let notes = verification.auditEntries.filter { $0.kind == .rekey }
        #expect(notes.allSatisfy { $0.question == "keep 172800s" })
        #expect(notes.count { $0.reason?.hasPrefix("pseudonyms are others from") == true } == 4)
        #expect(notes.contains { $0.reason?.hasSuffix("are destroyed") == true })
        journal.close()
    }

    /// Where it cannot be noted, no key is begun or destroyed.
    @Test func withoutANoteNoKeyChanges() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: 86_400)
        journal.maintain(nowMicros: Self.now)
        let path = "\(directory.path)/pseudonyms.key"
        let before = readFile(path)
        let trail = "\(directory.path)/audit.jsonl"
        unsafe unlink(trail)
        _ = unsafe symlink("audit.jsonl", trail)
        journal.maintain(nowMicros: Self.now + 3 * Self.day)
        #expect(readFile(path) == before && journal.status.auditFailure != nil)
        #expect(!directory.files().contains { $0.hasSuffix(".tmp") && $0.hasPrefix("pseudonyms") })
        unsafe unlink(trail)
        journal.maintain(nowMicros: Self.now + 3 * Self.day + 61_000_000)
        #expect(readFile(path) != before)
        journal.close()
    }

    // MARK: The file

    @Test func whatWasWrittenIsReadAndNothingElse() throws {
        var keys = PseudonymKeys(startDay: 20_000)
        _ = keys.renew(nowMicros: 20_100 * Self.day, keepMicros: Self.day)
        let bytes = keys.encoded
        #expect(PseudonymKeys(bytes) == keys)
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            #expect(PseudonymKeys(changed) == nil, "byte \(place)")
        }
        #expect(PseudonymKeys([]) == nil && PseudonymKeys(Array(bytes.dropLast())) == nil)
    }

    @Test func aReplacedFileIsWiped() throws {
        let directory = TemporaryLog()
        let log = try LogDirectory(path: directory.path, create: false)
        let old = try PseudonymKeys.open(in: log, nowMicros: Self.now)
        let path = "\(directory.path)/pseudonyms.key"
        let kept = unsafe open(path, O_RDONLY)
        defer { close(kept) }
        let new = PseudonymKeys(startDay: 1)
        try new.write(to: log, replacing: true)
        #expect(FileIO.read(kept, at: 0, count: 4096).allSatisfy { $0 == 0 })
        #expect(readFile(path) == new.encoded && new != old)
        #expect(try !old.write(to: log, replacing: false))
        #expect(readFile(path) == new.encoded)
        #expect(directory.files() == ["pseudonyms.key"] && mode(path) == 0o600)
    }

    @Test func aDamagedOrForbiddenFileIsToldWithACure() throws {
        let directory = log()
        let path = "\(directory.path)/pseudonyms.key"
        writeFile(path, Array("nothing\n".utf8))
        let damaged = #expect(throws: JournalError.self) {
            try Pseudonyms(directory: directory.path)
        }
        #expect(damaged?.code == .keyDamaged && "\(damaged as Any)".contains(path))
        unsafe unlink(path)
        // A link that leads to itself can be read by nobody, the superuser included.
        _ = unsafe symlink("pseudonyms.key", path)
        let refused = #expect(throws: JournalError.self) {
            try Pseudonyms(directory: directory.path)
        }
        #expect(refused?.code == .keyUnusable && "\(refused as Any)".contains("belongs"))
    }

    /// What the superuser makes, the server can go on with.
    @Test(.enabled(if: geteuid() == 0)) func theSuperusersFilesAreTheServers() throws {
        let directory = log()
        _ = unsafe chown(directory.path, 65534, 65534)
        _ = try Pseudonyms(directory: directory.path)
        try AuditTrail(directory: directory.path).append(.look, question: "q")
        for name in keyFiles(directory) {
            var information = stat()
            _ = unsafe stat("\(directory.path)/\(name)", &information)
            #expect(information.st_uid == 65534 && information.st_gid == 65534, "\(name)")
        }
        #expect(keyFiles(directory) == ["audit.jsonl", "pseudonyms.key"])
    }
}
