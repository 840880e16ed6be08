import DNSWire
import DecisionLog
import Dice
import LogFixtures
import LogStore
import Testing

/// Every question of the store against plain rows of the journal.
@Suite struct OracleTests {
    /// A log of which part is in the store, in chunks of all sizes, and part in the journal alone.
    private func partlyFollowed(seed: UInt64) throws -> RandomLog {
        let log = try RandomLog(seed: seed)
        let follower = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: nil))
        // So that a day has several chunks, and sums of them.
        follower.chunkRows = 64
        for round in 0..<30 {
            log.write(round % 5 * 40 + 5, step: round % 3 == 0 ? 1000 : 300_000_000)
            _ = try follower.follow(nowMicros: log.nowMicros, isFinal: round % 4 > 0)
        }
        log.write(100)
        return log
    }

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func rowsAreTheJournals(seed: UInt64) throws {
        let log = try partlyFollowed(seed: seed)
        let reader = try StoreReader(directory: log.directory.path)
        #expect(log.directory.storeFiles().count > 2)
        for round in 0..<24 {
            let filter = round == 0 ? RowFilter() : log.filter()
            let expected = lines(try log.plainRows(filter))
            // Half of the questions are put to a reader that knows their bounds.
            let reader =
                round % 2 == 0
                ? reader : try StoreReader(directory: log.directory.path, filter: filter)
            let rows = try reader.rows(filter)
            var found: [DecisionRow] = []
            while let row = try rows.next() { found.append(row) }
            #expect(lines(found) == expected, "seed \(seed) round \(round) \(filter)")
            var all: [DecisionRow] = []
            try reader.forEachRow(filter) { all.append($0) }
            #expect(
                lines(all.sorted { $0.seq < $1.seq }) == expected,
                "seed \(seed) round \(round) \(filter)")
            for limit in [0, 1, 7, 100_000] {
                #expect(
                    lines(try reader.newest(limit, filter)) == expected.suffix(limit),
                    "seed \(seed) round \(round) \(filter)")
            }
            #expect(try reader.count(filter) == UInt64(expected.count))
        }
        #expect(reader.problems.isEmpty && reader.damage.isEmpty)
    }

    @Test(arguments: 11...12 as ClosedRange<UInt64>)
    func countsAreThoseOfPlainRows(seed: UInt64) throws {
        let log = try partlyFollowed(seed: seed)
        let reader = try StoreReader(directory: log.directory.path)
        #expect(reader.summedDays > 0)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<20 {
            let filter = round == 0 ? RowFilter() : log.filter()
            let keys = TallyKey.allCases.filter { _ in
                Int.random(in: 0..<5, using: &generator) == 0
            }.shuffled(using: &generator)
            let expected = recount(try log.plainRows(filter), by: keys)
            let found = sums(try reader.tally(by: keys, filter))
            #expect(found == expected, "seed \(seed) round \(round) \(keys) \(filter)")
            for key in [TallyKey.name, .client, .category] {
                let counts = recount(try log.plainRows(filter), by: [key])
                let limit = round % 7 + 1
                #expect(
                    try reader.top(limit, by: key, filter).map { "\($0.count) \($0.texts)" }
                        == greatest(counts, limit), "seed \(seed) round \(round) \(key) \(filter)")
            }
        }
    }

    /// Where all days are summed up, their lists tell the names asked for most, with and without
    /// some rule's.
    @Test func namesAskedForMostAreKnownFromSums() throws {
        let log = try partlyFollowed(seed: 13)
        let follower = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: nil))
        follower.chunkRows = 64
        for _ in 0..<12 {
            _ = try follower.follow(nowMicros: log.nowMicros + 2 * 86_400_000_000, isFinal: true)
        }
        let reader = try StoreReader(directory: log.directory.path)
        let rows = try log.plainRows()
        #expect(reader.summedDays > 1)
        for rule in ["none", "harm", "default"] {
            let names = try #require(
                try reader.topNames(2, RowFilter()) { other, _ in other == rule })
            #expect(
                names.map { "\($0.count) \($0.texts)" }
                    == greatest(recount(rows.filter { $0.rule != rule }, by: [.name]), 2))
        }
    }

    private func greatest(_ counts: [[String?]: UInt64], _ limit: Int) -> [String] {
        let ordered = counts.sorted {
            $0.value != $1.value
                ? $0.value > $1.value : ($0.key[0] ?? "") < ($1.key[0] ?? "")
        }
        return ordered.prefix(limit).map { "\($0.value) \($0.key)" }
    }

    @Test(arguments: 21...21 as ClosedRange<UInt64>)
    func clientsGapsAndPolicies(seed: UInt64) throws {
        let log = try partlyFollowed(seed: seed)
        let reader = try StoreReader(directory: log.directory.path)
        #expect(reader.summedDays > 0)
        for round in 0..<20 {
            let filter = round == 0 ? RowFilter() : log.filter()
            let rows = try log.plainRows(filter)
            var uses: [IPAddress: ClientUse] = [:]
            for row in rows {
                guard let client = row.client else { continue }
                var use =
                    uses[client]
                    ?? ClientUse(
                        client: client, count: 0, firstMicros: row.timeMicros,
                        lastMicros: row.timeMicros)
                use.count += 1
                use.firstMicros = min(use.firstMicros, row.timeMicros)
                use.lastMicros = max(use.lastMicros, row.timeMicros)
                uses[client] = use
            }
            #expect(try reader.clients(filter) == uses.values.sorted { $0.client < $1.client })
            #expect(lines(try reader.gaps(filter)) == lines(rows.filter(\.isGap)))
        }
        let rows = try log.plainRows().filter { !$0.isGap }
        let policies = try reader.policies()
        #expect(Set(policies.map(\.policy)) == Set(rows.compactMap(\.policy)))
        #expect(policies.first?.firstSeq == rows.first?.seq)
        #expect(policies.map(\.lastSeq).max() == rows.last?.seq)
        #expect(reader.lastSeq == rows.last?.seq ?? 0)
    }
}
