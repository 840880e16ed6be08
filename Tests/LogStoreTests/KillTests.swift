import DecisionLog
import Dice
import Glibc
import LogFixtures
import LogStore
import Testing

/// A follower that is killed again and again.
@Suite struct KillTests {
    private static let kills = 120

    /// Each row is in the store once, and each count is that of its rows, wherever the kill came.
    @Test func eachRowIsStoredOnceWhereverTheFollowerIsKilled() throws {
        let log = try RandomLog(seed: 77)
        var generator = SeededGenerator(seed: 77)
        for kill in 0..<Self.kills {
            log.write(Int.random(in: 10...100, using: &generator), step: 60_000_000)
            let child = try ChildFollower(directory: log.directory.path)
            // One in three is killed on its way up.
            if kill % 3 > 0 { #expect(child.waitForRound()) }
            if kill % 7 == 0 { log.write(300, step: 40_000_000) }
            usleep(UInt32.random(in: 0...14_000, using: &generator))
            child.kill()
        }
        let follower = try #require(
            try StoreFollower.start(logDirectory: log.directory.path, keepSeconds: nil))
        let progress = try follower.follow(nowMicros: log.nowMicros, isFinal: true)
        #expect(progress.notes.isEmpty)
        try expectWhole(log, storedSeq: follower.storedSeq)
    }

    private func expectWhole(_ log: RandomLog, storedSeq: UInt64) throws {
        let expected = try log.plainRows()
        #expect(expected.count > 8_000 && storedSeq == expected.last?.seq)
        let alone = log.directory.storeAlone()
        let reader = try StoreReader(directory: alone.path)
        let rows = try reader.rows()
        var found: [DecisionRow] = []
        while let row = try rows.next() { found.append(row) }
        #expect(found.map(\.seq) == expected.map(\.seq))
        #expect(lines(found) == lines(expected))
        #expect(try reader.count() == UInt64(expected.count))
        for key in TallyKey.allCases {
            let counts = sums(try reader.tally(by: [key]))
            #expect(counts == recount(expected, by: [key]), "\(key)")
        }
        #expect(reader.problems.isEmpty && reader.damage.isEmpty)
    }
}
