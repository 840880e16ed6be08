import CPacketIO
import DNSWire
import Dice
import Testing

@testable import Forwarding

@Suite struct AnswerCacheTests {
    private static func waiter(_ id: UInt16) -> Waiter {
        var query = Query()
        query.id = id
        return Waiter(
            query: query, replyTo: .stream(worker: 0, connection: UInt64(id)),
            client: IPAddress(v4: 0x7F00_0001), receivedMicros: 0, receivedMonotonicMicros: 0)
    }

    private static func finish(
        _ cache: AnswerCache, _ pending: PendingQuestion, ttlSeconds: UInt32 = 60, mark: UInt32 = 1
    ) -> [UInt16] {
        let block = Kept.block(mark, ttlSeconds: ttlSeconds)
        unsafe block.withUnsafeBytes {
            unsafe cache.finish(
                pending, answer: AnswerView($0), nowMilliseconds: 1000)
        }
        return pending.waiters.map(\.query.id)
    }

    private static func key(_ cache: AnswerCache, _ number: Int, _ type: RecordType = .a)
        -> QuestionKey
    {
        let key = cache.makeKey()
        Kept.set(key, number, type: type)
        return key
    }

    @Test func oneAsksAndTheOthersWait() throws {
        let cache = AnswerCache()
        let key = Self.key(cache, 1)
        guard case .first(let pending) = cache.join(key, Self.waiter(1)) else {
            Issue.record("nobody asked before")
            return
        }
        for id: UInt16 in 2...5 {
            guard case .waiting = cache.join(Self.key(cache, 1), Self.waiter(id)) else {
                Issue.record("the question is in flight")
                return
            }
        }
        // Another type is another question.
        guard case .first(let other) = cache.join(Self.key(cache, 1, .aaaa), Self.waiter(9)) else {
            Issue.record("nobody asked for this type")
            return
        }
        #expect(cache.inFlightCount == 2)
        #expect(Self.finish(cache, pending, mark: 7) == [1, 2, 3, 4, 5])
        #expect(Self.finish(cache, other, ttlSeconds: 0) == [9])
        #expect(cache.inFlightCount == 0)
        #expect(cache.entryCount == 1)
        var mark: UInt32 = 0
        #expect(
            cache.withAnswer(to: key, nowMilliseconds: 1001) { answer, _ in
                mark = Kept.mark(of: answer)
            })
        #expect(mark == 7)
        #expect(!cache.withAnswer(to: key, nowMilliseconds: 61_000) { _, _ in })
        // What was not kept is asked anew.
        guard case .first = cache.join(Self.key(cache, 1, .aaaa), Self.waiter(9)) else {
            Issue.record("nobody is asking any more")
            return
        }
    }

    @Test func waitersPerQuestion() {
        let cache = AnswerCache()
        let key = Self.key(cache, 1)
        guard case .first(let pending) = cache.join(key, Self.waiter(0)) else { return }
        for _ in 1..<ForwardingLimits.waitersPerQuestion {
            guard case .waiting = cache.join(key, Self.waiter(1)) else {
                Issue.record("refused below the limit")
                return
            }
        }
        guard case .refused = cache.join(key, Self.waiter(2)) else {
            Issue.record("more wait than may")
            return
        }
        // Others are not touched by one name's crowd.
        guard case .first = cache.join(Self.key(cache, 2), Self.waiter(3)) else {
            Issue.record("another question is refused")
            return
        }
        #expect(Self.finish(cache, pending).count == ForwardingLimits.waitersPerQuestion)
    }

    @Test func questionsInFlight() {
        let cache = AnswerCache()
        var first: PendingQuestion?
        for number in 0..<ForwardingLimits.questionsInFlight {
            guard case .first(let pending) = cache.join(Self.key(cache, number), Self.waiter(0))
            else {
                Issue.record("refused below the limit")
                return
            }
            if number == 0 { first = pending }
        }
        guard case .refused = cache.join(Self.key(cache, -1), Self.waiter(1)) else {
            Issue.record("more are in flight than may be")
            return
        }
        guard case .waiting = cache.join(Self.key(cache, 5), Self.waiter(1)) else {
            Issue.record("to wait for what is in flight costs nothing")
            return
        }
        if let first { _ = Self.finish(cache, first) }
        guard case .first = cache.join(Self.key(cache, -1), Self.waiter(1)) else {
            Issue.record("one has ended")
            return
        }
    }

    /// The byte limit is over all shards, and holds.
    @Test func sizeLimit() {
        let cache = AnswerCache(sizeBytes: 1 << 18)
        for number in 0..<20_000 {
            guard case .first(let pending) = cache.join(Self.key(cache, number), Self.waiter(0))
            else { continue }
            _ = Self.finish(cache, pending)
        }
        #expect(cache.usedBytes <= 1 << 18)
        #expect(cache.usedBytes > 1 << 17)
        #expect(cache.entryCount > 1000)
        #expect(cache.inFlightCount == 0)
    }

    /// What is asked for ahead is what is looked up then, whatever was asked.
    @Test(arguments: [(RecordType.a, false, false), (.https, true, false), (.txt, true, true)])
    func sameHashAhead(_ type: RecordType, dnssecOK: Bool, checkingDisabled: Bool) throws {
        let cache = AnswerCache(sizeBytes: 1 << 20)
        let key = cache.makeKey()
        for name in ["a", "www.example.org", String(repeating: "long-label.", count: 20) + "org"] {
            let wire = try DomainName(parsing: name).wire
            let flags: UInt8 = checkingDisabled ? 0x10 : 0
            let options: [UInt8] = [0, 0, 41, 4, 208, 0, 0, dnssecOK ? 0x80 : 0, 0, 0, 0]
            let message: [UInt8] =
                [0, 1, 1, flags, 0, 1, 0, 0, 0, 0, 0, 1] + wire
                + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1] + options
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { room in
                guard let base = room.baseAddress else { return }
                // SAFETY: the room holds the longest name.
                let query = unsafe Query(message.span, lowercaseName: base)
                #expect(query.status == .fine && query.dnssecOK == dnssecOK)
                let name = unsafe UnsafeRawBufferPointer(start: base, count: query.nameLength)
                unsafe key.set(
                    lowercaseName: name, qtype: query.qtype, qclass: query.qclass,
                    dnssecOK: query.dnssecOK, checkingDisabled: query.checkingDisabled)
                #expect(unsafe cache.hash(of: query, lowercaseName: name) == key.hash)
            }
        }
    }

    /// Asking ahead changes nothing, whether there is an answer, there was one, or the table grows
    /// meanwhile in another thread's hands.
    @Test func askingAheadIsHarmless() async {
        let cache = AnswerCache(sizeBytes: 1 << 20)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<20_000 {
                    guard
                        case .first(let pending) = cache.join(
                            Self.key(cache, number), Self.waiter(0))
                    else { continue }
                    _ = Self.finish(cache, pending)
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    let key = cache.makeKey()
                    for number in 0..<100_000 {
                        Kept.set(key, number / 5)
                        cache.fetchSlot(key.hash)
                        cache.fetchAnswer(key.hash)
                    }
                }
            }
        }
        #expect(cache.inFlightCount == 0)
        #expect(cache.usedBytes <= 1 << 20)
        #expect(cache.withAnswer(to: Self.key(cache, 19_999), nowMilliseconds: 1001) { _, _ in })
    }

    /// Many threads ask the same questions: each is asked once at a time, nobody is forgotten.
    @Test func threads() async {
        let cache = AnswerCache()
        let answered = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(task))
                    let key = cache.makeKey()
                    var answered = 0
                    for _ in 0..<2000 {
                        Kept.set(key, Int.random(in: 0..<50, using: &random))
                        if case .first(let pending) = cache.join(key, Self.waiter(1)) {
                            answered += Self.finish(cache, pending, ttlSeconds: 1).count
                        }
                    }
                    return answered
                }
            }
            return await group.reduce(0, +)
        }
        #expect(answered == 8 * 2000)
        #expect(cache.inFlightCount == 0)
    }
}

extension AnswerCache {
    /// Joins with an empty message and a question made for it.
    fileprivate func join(_ key: QuestionKey, _ waiter: Waiter) -> Joined {
        join(key, waiter, message: [UInt8]().span, spare: PendingQuestion())
    }
}

extension QuestionKey {
    fileprivate var copy: [UInt8] { unsafe Array(UnsafeBufferPointer(start: octets, count: count)) }
}

@Suite struct QuestionKeyTests {
    /// Name, type, class, DO and CD: what differs in any of them is another question.
    @Test func everyPartCounts() {
        let keys = [
            Kept.key(1), Kept.key(2), Kept.key(1, type: .aaaa), Kept.key(1, type: RecordType(256)),
            Kept.key(1, qclass: 3), Kept.key(1, qclass: 256), Kept.key(1, dnssecOK: true),
            Kept.key(1, checkingDisabled: true),
            Kept.key(1, dnssecOK: true, checkingDisabled: true),
        ]
        #expect(Set(keys.map(\.copy)).count == keys.count)
        #expect(Set(keys.map(\.hash)).count == keys.count)
        #expect(Kept.key(1).copy == Kept.key(1).copy && Kept.key(1).hash == Kept.key(1).hash)
    }

    /// The secret decides where a name lies.
    @Test func seedCounts() {
        #expect(Kept.key(1, seed: (1, 2)).hash != Kept.key(1, seed: (1, 4)).hash)
        #expect(Kept.key(1, seed: (1, 2)).hash != Kept.key(1, seed: (5, 2)).hash)
        let caches = (0..<4).map { _ in AnswerCache().makeKey() }
        for key in caches { Kept.set(key, 1) }
        #expect(Set(caches.map(\.hash)).count == 4)
    }

    /// Names of every length, differing in one octet at any place.
    @Test func everyOctetCounts() {
        let key = QuestionKey(seed: (0x1234_5678_9ABC_DEF1, 0xFEDC_BA98_7654_3211))
        var hashes: Set<UInt64> = []
        var count = 0
        for length in 1...DomainName.maximumOctets {
            for place in stride(from: -1, to: length, by: 7) {
                var name = [UInt8](repeating: 0, count: length)
                if place >= 0 { name[place] = 1 }
                unsafe name.withUnsafeBytes {
                    unsafe key.set(
                        lowercaseName: $0, qtype: .a, qclass: 1, dnssecOK: false,
                        checkingDisabled: false)
                }
                #expect(key.count == length + 5)
                hashes.insert(key.hash)
                count += 1
            }
        }
        #expect(hashes.count == count)
    }

    /// Octets of a name cannot be chosen to make up for a type, class or bit: nobody who does not
    /// know the secret can make questions that all lie in one place.
    @Test func nothingMakesUpForAnother() {
        let key = QuestionKey(seed: (0x1234_5678_9ABC_DEF1, 0xFEDC_BA98_7654_3211))
        var hashes: Set<UInt64> = []
        for length in [6, 8, 9, 16, 23] {
            for place in 0..<length - 1 {
                for type in UInt16(0)..<256 {
                    var name = [UInt8](repeating: 0x61, count: length)
                    name[place] ^= UInt8(type)
                    unsafe name.withUnsafeBytes {
                        unsafe key.set(
                            lowercaseName: $0, qtype: RecordType(type), qclass: 1,
                            dnssecOK: false, checkingDisabled: false)
                    }
                    hashes.insert(key.hash)
                }
            }
        }
        // The names that are all the same are there once for each place.
        #expect(hashes.count == [6, 8, 9, 16, 23].reduce(0) { $0 + ($1 - 1) * 255 + 1 })
    }

    @Test func copies() {
        let key = Kept.key(3, type: .mx, dnssecOK: true)
        let other = Kept.key(4)
        #expect(!other.equals(key))
        other.set(key)
        #expect(other.equals(key))
        #expect(other.copy == key.copy && other.hash == key.hash && other.count == key.count)
        #expect(unsafe other.lowercaseName.count == key.count - QuestionKey.octetsBehindName)
        #expect(unsafe QuestionKey().lowercaseName.isEmpty)
    }
}
