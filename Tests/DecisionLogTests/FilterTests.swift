import DNSWire
import DecisionLog
import Dice
import Glibc
import LogFixtures
import Testing

@Suite struct FilterTests {
    /// The slow, obvious meaning of a filter, on texts.
    private func passes(_ row: DecisionRow, _ filter: RowFilter) -> Bool {
        if let since = filter.sinceMicros, row.timeMicros < since { return false }
        if let until = filter.untilMicros, row.timeMicros >= until { return false }
        if let after = filter.afterSeq, row.seq <= after { return false }
        if let verdict = filter.verdict, row.verdict != verdict { return false }
        if let group = filter.group, row.isGap || row.group != group { return false }
        if let device = filter.device, row.isGap || row.device != device { return false }
        if let rule = filter.rule, row.isGap || row.rule != rule { return false }
        if let client = filter.client {
            guard let address = row.client, client.contains(address) else { return false }
        }
        if let category = filter.category {
            guard let path = row.category else { return false }
            if !"/\(path)/".contains("/\(category)/") { return false }
        }
        if let name = filter.name {
            guard !row.isGap, let asked = DomainName(wire: row.nameWire) else { return false }
            if name.isExact ? asked != name.domain : !asked.isEqualOrUnder(name.domain) {
                return false
            }
        }
        return true
    }

    private func randomFilter(_ generator: inout SeededGenerator, rows: [DecisionRow]) -> RowFilter
    {
        func sometimes<T>(_ values: [T]) -> T? {
            UInt8.random(in: 0..<4, using: &generator) == 0
                ? values.randomElement(using: &generator) : nil
        }
        var filter = RowFilter()
        filter.sinceMicros = sometimes(rows.map(\.timeMicros))
        filter.untilMicros = sometimes(rows.map(\.timeMicros))
        filter.group = sometimes(["staff", "learner", "nobody"])
        filter.device = sometimes(["library-pc-1", "head, laptop", "nobody"])
        filter.client = sometimes(
            ["10.20.0.0/24", "10.20.0.7", "2001:db8::/120", "::/0", "192.0.2.1"]
                .compactMap { IPNetwork($0) })
        filter.name = sometimes(
            ["com", "example.com", "=example.com", "=test", "www", "a-b.net", "ample.com"]
                .compactMap { try? NameFilter(parsing: $0) })
        filter.verdict = sometimes(RecordVerdict.allCases)
        filter.rule = sometimes(["harm", "default", "a,b"])
        filter.category = sometimes(
            ["social-media", "chatrooms", "social-media/chatrooms", "media", "social", "adult"])
        filter.afterSeq = sometimes(rows.map(\.seq))
        return filter
    }

    @Test func filtersMeanWhatTheySay() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for part in 0..<6 {
            var batch = RecordBatch(capacityBytes: 1 << 15)
            var samples = randomSamples(500, seed: UInt64(part))
            for index in samples.indices {
                samples[index].record.timeMicros += Int64(part) * 500_000
            }
            for sample in samples { append(sample, to: &batch) }
            // Some found no room: a gap row.
            journal.commit(&batch, dictionary: number)
            journal.maintain(nowMicros: 0)
        }
        let rows = try readAll(directory.path).rows
        #expect(rows.contains { $0.isGap })
        #expect(directory.segments().count > 2)
        var generator = SeededGenerator(seed: 31)
        var found = 0
        for _ in 0..<150 {
            let filter = randomFilter(&generator, rows: rows)
            let expected = rows.filter { passes($0, filter) }.map(\.seq)
            let (passed, damage) = try readAll(directory.path, filter)
            #expect(passed.map(\.seq) == expected, "\(filter)")
            #expect(damage.isEmpty)
            found += expected.count
            for limit in [0, 1, 10, 100_000] {
                let newest = try JournalReader.newest(
                    limit, directory: directory.path, filter: filter)
                #expect(newest.rows.map(\.seq) == expected.suffix(limit))
                #expect(newest.lastSeq == rows.last?.seq)
            }
        }
        #expect(found > 1000)
    }

    @Test func followingGoesOnBehindTheNewestRow() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        #expect(try JournalReader.newest(5, directory: directory.path).lastSeq == 0)
        journal.commit(randomSamples(2000, seed: 1), dictionary: number)
        journal.maintain(nowMicros: 0)
        let newest = try JournalReader.newest(5, directory: directory.path)
        #expect(newest.rows.map(\.seq) == [1996, 1997, 1998, 1999, 2000])
        var filter = RowFilter()
        filter.afterSeq = newest.lastSeq
        let reader = try JournalReader(directory: directory.path, filter: filter)
        #expect(reader.next() == nil)
        journal.commit(randomSamples(2, seed: 1), dictionary: number)
        #expect([reader.next()?.seq, reader.next()?.seq] == [2001, 2002])
        #expect(reader.next() == nil)
        #expect(reader.segmentCount == 1)
    }

    private static let instants: [(text: String, micros: Int64)] = [
        ("2026-11-23T10:29:59Z", 1_795_429_799_000_000),
        ("2026-11-23t10:29:59.5z", 1_795_429_799_500_000),
        ("2026-11-23T10:29:59.1234567+01:00", 1_795_426_199_123_456),
        ("2026-11-23T10:29:59-00:30", 1_795_431_599_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2h", -7_199_000_000),
        ("7d", -604_799_000_000),
        ("0s", 1_000_000),
        ("30m", -1_799_000_000),
    ]

    @Test(arguments: instants)
    func instantsAreRead(text: String, micros: Int64) {
        #expect(LogTime.parse(text, nowMicros: 1_000_000) == micros)
    }

    @Test(arguments: [
        "", "h", "-2h", "2 h", "2x", "2026-13-01", "2026-02-29", "2026-11-23T", "2026-11-23 24:00",
        "2026-11-23T10:29:59+0100", "2026-11-23T10:29:59Zz", "23.11.2026", "2026-11-23 10",
        "99999999999999999999d", "9223372036854775807w", "2026-11-23T10:29:59.Z",
    ])
    func whatIsNoInstantIsRefused(text: String) {
        #expect(LogTime.parse(text, nowMicros: 0) == nil)
    }

    @Test func localTimesGoThereAndBack() {
        for micros in stride(from: Int64(0), to: 1_900_000_000_000_000, by: 86_400_000_000 * 13) {
            #expect(LogTime.parse(LogTime.local(micros), nowMicros: 0) == micros)
            #expect(LogTime.parse(LogTime.utc(micros + 7), nowMicros: 0) == micros + 7)
        }
    }
}
