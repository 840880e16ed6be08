import DNSWire
import Dice
import Testing

@testable import Forwarding

/// Answers and keys for the cache, made by hand.
enum Kept {
    /// The block of an answer with this TTL, and some octets to tell it by.
    static func block(_ mark: UInt32, ttlSeconds: UInt32, octets: Int = 0) -> [UInt8] {
        var block = AnswerView.failure(
            ExtendedErrorCode(rawValue: 22), ttlSeconds: ttlSeconds)
        for shift in [0, 8, 16, 24] {
            block.append(UInt8(truncatingIfNeeded: mark >> UInt32(shift)))
        }
        return block + [UInt8](repeating: 7, count: octets)
    }

    static func mark(of answer: AnswerView) -> UInt32 {
        // SAFETY: every block made here has its mark behind the header.
        unsafe answer.block.loadUnaligned(
            fromByteOffset: AnswerView.headerLength, as: UInt32.self)
    }

    static func key(
        _ number: Int, seed: (UInt64, UInt64) = (1, 2), type: RecordType = .a, qclass: UInt16 = 1,
        dnssecOK: Bool = false, checkingDisabled: Bool = false
    ) -> QuestionKey {
        let key = QuestionKey(seed: seed)
        set(key, number, type: type, qclass: qclass, dnssecOK: dnssecOK, checkingDisabled)
        return key
    }

    static func set(
        _ key: QuestionKey, _ number: Int, type: RecordType = .a, qclass: UInt16 = 1,
        dnssecOK: Bool = false, _ checkingDisabled: Bool = false
    ) {
        let label = Array("host\(number)".utf8)
        let name =
            [UInt8(label.count)] + label + [7] + Array("example".utf8) + [3, 99, 111, 109, 0]
        unsafe name.withUnsafeBytes {
            unsafe key.set(
                lowercaseName: $0, qtype: type, qclass: qclass, dnssecOK: dnssecOK,
                checkingDisabled: checkingDisabled)
        }
    }
}

extension AnswerTable {
    mutating func insert(
        _ key: QuestionKey, _ mark: UInt32, ttlSeconds: UInt32, octets: Int = 0, now: Int64
    ) {
        let block = Kept.block(mark, ttlSeconds: ttlSeconds, octets: octets)
        unsafe block.withUnsafeBytes {
            unsafe insert(key, AnswerView($0), nowMilliseconds: now)
        }
    }

    /// The mark and the age of what is kept.
    mutating func find(_ key: QuestionKey, now: Int64) -> (mark: UInt32, age: UInt32)? {
        var found: (UInt32, UInt32)?
        _ = withAnswer(to: key, nowMilliseconds: now) { found = (Kept.mark(of: $0), $1) }
        return found
    }
}

@Suite struct AnswerTableTests {
    @Test func keepsUntilItsTimeIsOver() {
        var table = AnswerTable(limit: 10_000)
        let key = Kept.key(1)
        #expect(table.find(key, now: 0) == nil)
        table.insert(key, 5, ttlSeconds: 3, now: 1000)
        for (now, age) in [(1000, 0), (1999, 0), (2000, 1), (3999, 2)] as [(Int64, UInt32)] {
            let found = table.find(key, now: now)
            #expect(found?.mark == 5)
            #expect(found?.age == age)
        }
        #expect(table.find(key, now: 4000) == nil)
        #expect(table.entryCount == 0)
        #expect(table.usedBytes == 0)
        // It is gone, not just out of sight.
        #expect(table.find(key, now: 1000) == nil)
    }

    @Test func replaces() {
        var table = AnswerTable(limit: 10_000)
        let key = Kept.key(1)
        table.insert(key, 1, ttlSeconds: 100, octets: 50, now: 0)
        let used = table.usedBytes
        table.insert(key, 2, ttlSeconds: 1, octets: 60, now: 500)
        #expect(table.find(key, now: 600)?.mark == 2)
        #expect(table.entryCount == 1)
        #expect(table.usedBytes == used + 10)
        #expect(table.find(key, now: 1500) == nil)
    }

    /// A TTL of 0 is not kept, and ends what was kept before.
    @Test func zeroTTL() {
        var table = AnswerTable(limit: 10_000)
        let key = Kept.key(1)
        table.insert(key, 1, ttlSeconds: 100, now: 0)
        table.insert(key, 2, ttlSeconds: 0, now: 1)
        #expect(table.find(key, now: 2) == nil)
        #expect(table.entryCount == 0 && table.usedBytes == 0)
    }

    @Test func answerLargerThanTheTable() {
        var table = AnswerTable(limit: 1000)
        table.insert(Kept.key(1), 1, ttlSeconds: 100, now: 0)
        table.insert(Kept.key(2), 2, ttlSeconds: 100, octets: 1000, now: 0)
        #expect(table.find(Kept.key(2), now: 1) == nil)
        #expect(table.find(Kept.key(1), now: 1)?.mark == 1)
    }

    /// The limit holds all the time, and what was used since the hand last came is spared.
    @Test func evictsWhatIsNotUsed() {
        let limit = 50_000
        var table = AnswerTable(limit: limit)
        let favourite = Kept.key(-1)
        table.insert(favourite, 99, ttlSeconds: 1000, now: 0)
        for number in 0..<5000 {
            table.insert(Kept.key(number), UInt32(number), ttlSeconds: 1000, now: 0)
            #expect(table.usedBytes <= limit)
            #expect(table.find(favourite, now: 1)?.mark == 99, "after \(number)")
        }
        #expect(table.entryCount > 200)
        #expect(table.find(Kept.key(4999), now: 1)?.mark == 4999)
        #expect(table.find(Kept.key(0), now: 1) == nil)
    }

    @Test func manyKeys() {
        var table = AnswerTable(limit: 1 << 24)
        let key = Kept.key(0)
        for number in 0..<20_000 {
            Kept.set(key, number)
            table.insert(key, UInt32(number), ttlSeconds: 100, now: 0)
        }
        #expect(table.entryCount == 20_000)
        var lost = 0
        for number in 0..<20_000 {
            Kept.set(key, number)
            if table.find(key, now: 1)?.mark != UInt32(number) { lost += 1 }
        }
        #expect(lost == 0)
    }

    /// Against a dictionary: the same operations, chosen at random, with few keys in few slots, so
    /// that runs of taken slots form, wrap around the end, and are broken in the middle.
    @Test(arguments: [(20, 1), (47, 2), (48, 3), (200, 4), (3000, 5)])
    func oracle(_ row: (keys: Int, seed: UInt64)) {
        var random = SeededGenerator(seed: row.seed)
        var table = AnswerTable(limit: 1 << 22)
        var oracle: [Int: (mark: UInt32, stored: Int64, ttl: UInt32)] = [:]
        let key = QuestionKey(seed: (random.next(), random.next()))
        var now: Int64 = 1000
        for step in 0..<20_000 {
            now += Int64.random(in: 0...40, using: &random)
            let number = Int.random(in: 0..<row.keys, using: &random)
            Kept.set(key, number)
            if Int.random(in: 0..<3, using: &random) == 0 {
                let ttl = UInt32.random(in: 0...8, using: &random)
                table.insert(
                    key, UInt32(step), ttlSeconds: ttl,
                    octets: .random(in: 0...100, using: &random), now: now)
                oracle[number] = ttl == 0 ? nil : (UInt32(step), now, ttl)
            } else {
                if let known = oracle[number], known.stored + Int64(known.ttl) * 1000 <= now {
                    oracle[number] = nil
                }
                let found = table.find(key, now: now)
                #expect(found?.mark == oracle[number]?.mark)
                #expect(found?.age == oracle[number].map { UInt32(now - $0.stored) / 1000 })
            }
            #expect(table.entryCount == oracle.count)
        }
        for number in 0..<row.keys {
            Kept.set(key, number)
            table.insert(key, 0, ttlSeconds: 0, now: now)
        }
        #expect(table.entryCount == 0 && table.usedBytes == 0)
    }

    /// With a byte limit entries may go at any time, but what is found is the latest.
    @Test func oracleUnderALimit() {
        var random = SeededGenerator(seed: 9)
        var table = AnswerTable(limit: 20_000)
        var oracle: [Int: UInt32] = [:]
        let key = QuestionKey(seed: (3, 4))
        var hits = 0
        for step in 0..<30_000 {
            let number = Int.random(in: 0..<400, using: &random)
            Kept.set(key, number)
            if Bool.random(using: &random) {
                table.insert(
                    key, UInt32(step), ttlSeconds: 100,
                    octets: .random(in: 0...200, using: &random), now: 0)
                oracle[number] = UInt32(step)
            } else if let found = table.find(key, now: 1) {
                #expect(found.mark == oracle[number])
                hits += 1
            }
            #expect(table.usedBytes <= 20_000)
        }
        #expect(hits > 2000)
    }
}
