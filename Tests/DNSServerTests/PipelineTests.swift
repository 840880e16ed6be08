import CAllocCount
import DNSWire
import DecisionLog
import Forwarding
import Testing

@testable import DNSServer

@Suite struct PipelineTests {
    private let desk: Desk

    init() throws { desk = try Desk() }

    @Test func blocked() throws {
        let answer = try desk.answer(Desk.query("www.games.example.net"))
        #expect(answer.rcode == 3)
        #expect(answer.answerCount == 0 && answer.authorityCount == 1)
        #expect(answer.ttlSeconds == 300)
        #expect(answer.extendedError?.code == 15)
        #expect(
            answer.extendedError?.text == "Games wait. [EX-1] Ask: mailto:it@example.com")
        #expect(desk.pipeline.uncommittedCount == 1)
        #expect(desk.pipeline.counters.value(.blocked) == 1)
    }

    @Test func blockedForAClientWithoutEDNS() throws {
        let answer = try desk.answer(Desk.query("games.example.net", withOPT: false))
        #expect(answer.rcode == 3 && !answer.hasOPT && answer.octets.count <= 512)
    }

    /// No answer outlives its verdict: the phone's block ends with the bell to lunch at 12:15.
    @Test(arguments: [(0, 60), (870, 30), (899, 1)])
    func blockEndsWithTheBell(_ row: (after: Int, ttl: Int)) throws {
        let answer = try desk.answer(
            Desk.query("www.example.com"), from: "10.21.0.1", afterSeconds: Int64(row.after))
        #expect(answer.rcode == 0 && answer.answerCount == 0 && answer.authorityCount == 1)
        #expect(answer.ttlSeconds == row.ttl)
    }

    /// Nor does an allowed one: at lunch a phone gets what is cached, until the bell at 13:00.
    @Test func permissionEndsWithTheBell() throws {
        try desk.learn("www.example.com", records: [address(ttlSeconds: 250)])
        let nearTheEnd: Int64 = 15 * 60 + 44 * 60 + 30
        desk.pipeline.turn(to: Desk.moment(afterSeconds: nearTheEnd))
        let outcome = desk.take(
            try Desk.query("www.example.com"), from: try #require(IPAddress("10.21.0.1")),
            at: Desk.moment(afterSeconds: nearTheEnd))
        guard case .ask(let pending) = outcome else {
            Issue.record("the cached answer is too old")
            return
        }
        _ = try desk.finish(
            pending, "www.example.com", records: [address(ttlSeconds: 250)],
            afterSeconds: nearTheEnd)
        let answer = try desk.answer(
            Desk.query("www.example.com"), from: "10.21.0.1", afterSeconds: nearTheEnd + 2)
        #expect(answer.answerCount == 1)
        #expect(answer.ttlSeconds == 13 * 60 * 60 - (12 * 60 * 60 + Int(nearTheEnd) + 2))
        #expect(answer.ttlSeconds == 28)
        // Staff have no bell.
        let other = try desk.answer(
            Desk.query("www.example.com"), from: "10.30.0.1", afterSeconds: nearTheEnd + 2)
        #expect(other.ttlSeconds == 248)
    }

    @Test func askedOnceThenCached() throws {
        let message = try Desk.query("www.example.com")
        let client = try #require(IPAddress("10.20.0.1"))
        guard case .ask(let pending) = desk.take(message, from: client, at: Desk.moment()) else {
            Issue.record("nobody knows it yet")
            return
        }
        #expect(desk.pipeline.uncommittedCount == 0, "no decision before there is an answer")
        guard case .wait = desk.take(message, from: client, at: Desk.moment()) else {
            Issue.record("it is in flight")
            return
        }
        let waiters = try desk.finish(pending, "www.example.com", records: [address()])
        #expect(waiters.count == 2)
        let answer = try desk.answer(message, afterSeconds: 5)
        #expect(answer.rcode == 0 && answer.answerCount == 1 && answer.ttlSeconds == 55)
        #expect(desk.pipeline.counters.value(.cacheHits) == 1)
        // DO is another question.
        var signed = message
        signed[signed.count - 4] = 0x80
        guard case .ask = desk.take(signed, from: client, at: Desk.moment()) else {
            Issue.record("signatures were not asked for before")
            return
        }
    }

    /// The cache never carries a verdict from one group to another.
    @Test func cachedForOneBlockedForAnother() throws {
        try desk.learn("games.example.net", records: [address()])
        #expect(
            try desk.answer(Desk.query("games.example.net"), from: "10.30.0.1").answerCount == 1)
        let blocked = try desk.answer(Desk.query("games.example.net"), from: "10.20.0.1")
        #expect(blocked.rcode == 3 && blocked.answerCount == 0)
    }

    /// An alias of a blocked name is blocked, unless a rule above allows the asked name.
    @Test func blockedThroughAnAlias() throws {
        for (name, isBlocked) in [("www.example.com", true), ("school.example.com", false)] {
            let message = try Desk.query(name)
            guard
                case .ask(let pending) = desk.take(
                    message, from: try #require(IPAddress("10.30.0.1")), at: Desk.moment())
            else {
                Issue.record("it was not kept")
                return
            }
            let target = try DomainName(parsing: "tracker.example.org").wire
            _ = try desk.finish(
                pending, name, records: [try alias("tracker.example.org"), address(target)])
            #expect(try desk.answer(message, from: "10.30.0.1").answerCount == 2)
            let answer = try desk.answer(message, from: "10.20.0.1")
            #expect((answer.rcode == 3) == isBlocked, "\(name)")
            #expect((answer.answerCount == 0) == isBlocked, "\(name)")
        }
    }

    @Test func strangers() throws {
        let unknown = try desk.answer(Desk.query("www.example.com"), from: "10.99.0.1")
        #expect(unknown.rcode == 5 && unknown.extendedError?.code == 18)
        let outside = try desk.answer(Desk.query("www.example.com"), from: "192.0.2.1")
        #expect(outside.rcode == 5 && outside.extendedError?.code == 18)
        #expect(desk.pipeline.counters.value(.refused) == 2)
    }

    @Test(
        arguments: [
            (.a, 3), (.axfr, 1), (.ixfr, 1), (RecordType(0), 1), (.opt, 1), (RecordType(250), 1),
            (RecordType(253), 1),
        ] as [(RecordType, UInt8)])
    func notServed(_ row: (type: RecordType, qclass: UInt8)) throws {
        let answer = try desk.answer(Desk.query("www.example.com", row.type, qclass: row.qclass))
        #expect(answer.rcode == 5 && answer.extendedError?.code == 21)
    }

    static let knownNames: [(String, RecordType, Int, Int)] = [
        ("localhost", .a, 0, 1), ("a.localhost", .aaaa, 0, 1), ("localhost", .mx, 0, 0),
        ("x.invalid", .a, 3, 0), ("x.onion", .a, 3, 0), ("_dns.resolver.arpa", .svcb, 0, 0),
        ("www.example.com", .any, 0, 1),
    ]

    @Test(arguments: knownNames)
    func knownHere(_ row: (name: String, type: RecordType, rcode: Int, answers: Int)) throws {
        let answer = try desk.answer(Desk.query(row.name, row.type))
        #expect(answer.rcode == row.rcode && answer.answerCount == row.answers)
        #expect(answer.authorityCount == 1 - row.answers)
        #expect(desk.pipeline.uncommittedCount == 1)
    }

    @Test func unfit() throws {
        let fine = try Desk.query("www.example.com")
        let client = try #require(IPAddress("10.20.0.1"))
        for message in [[], Array(fine.prefix(11)), [0x12, 0x34, 0x81] + fine.dropFirst(3)] {
            guard case .silence = desk.take(message, from: client, at: Desk.moment()) else {
                Issue.record("answered \(message)")
                return
            }
        }
        let behind = try desk.answer(fine + [0])
        #expect(behind.rcode == 1 && behind.octets.count == 12)
        let update = try desk.answer([0x12, 0x34, 0x28] + fine.dropFirst(3))
        #expect(update.rcode == 4 && update.octets[2] == 0xA8)
        var version = fine
        version[version.count - 5] = 1
        let badVersion = try desk.answer(version)
        #expect(badVersion.rcode == 0 && badVersion.extendedRcode == 1)
        #expect(desk.pipeline.uncommittedCount == 0)
        #expect(desk.pipeline.counters.value(.malformed) == 6)
    }

    /// What does not fit a client's datagram is cut; by TCP it comes whole.
    @Test func truncated() throws {
        let records = (0..<100).map { address(last: $0) }
        try desk.learn("www.example.com", records: records)
        let cut = try desk.answer(Desk.query("www.example.com"))
        #expect(cut.isTruncated && cut.answerCount == 0 && cut.hasOPT)
        let whole = try desk.answer(Desk.query("www.example.com"), isStream: true)
        #expect(!whole.isTruncated && whole.answerCount == 100)
    }

    /// Blocked and cached answers cost no memory.
    @Test func allocations() throws {
        try desk.learn("www.example.com", records: [address()])
        let blocked = try Desk.query("games.example.net")
        let cached = try Desk.query("www.example.com")
        let client = try #require(IPAddress("10.20.0.1"))
        func run(_ count: Int) -> Int {
            var sent = 0
            for number in 0..<count {
                let outcome = desk.take(
                    number % 2 == 0 ? blocked : cached, from: client, at: Desk.moment())
                if case .send = outcome { sent += 1 }
            }
            return sent
        }
        #expect(run(10) == 10)
        let before = alloc_count_of_thread()
        let sent = run(1000)
        let counted = alloc_count_of_thread() - before
        #expect(sent == 1000)
        #expect(counted == 0)
    }

    /// An HTTPS record of the qname: alpn, then ech.
    private static let keyed: [UInt8] =
        [0xC0, 12, 0, 65, 0, 1, 0, 0, 0, 60, 0, 18, 0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32]
        + [0, 5, 0, 4, 1, 2, 3, 4]

    /// From the cache, without memory for either.
    @Test func keysAreTakenOutForThoseWhoAreBlockedByName() throws {
        let desk = try Desk()
        try desk.learn("www.example.com", .https, records: [Self.keyed])
        let query = try Desk.query("www.example.com", .https, withOPT: false)
        let whole = try desk.answer(query, from: "10.30.0.1")
        let stripped = try desk.answer(query, from: "10.31.0.1")
        #expect(Array(whole.octets.suffix(Self.keyed.count)) == Self.keyed)
        let expected = Array(Self.keyed.dropLast(8))
        #expect(Array(stripped.octets.suffix(10)) == Array(expected.suffix(10)))
        #expect(stripped.octets.count == whole.octets.count - 8)
        let clients = try ["10.30.0.1", "10.31.0.1"].map { try #require(IPAddress($0)) }
        func run(_ count: Int) {
            for number in 0..<count {
                _ = desk.take(query, from: clients[number % 2], at: Desk.moment())
            }
        }
        run(10)
        let before = alloc_count_of_thread()
        run(1000)
        #expect(alloc_count_of_thread() == before)
    }

    /// Whatever a rule says: an address would tell Firefox to go round, silence would hang Safari.
    @Test(arguments: [
        ("mask.icloud.com", 3, 0), ("use-application-dns.net", 3, 0), ("www.example.com", 0, 1),
    ])
    func signalsGetNoAddress(_ row: (name: String, rcode: Int, answers: Int)) throws {
        let desk = try Desk()
        let answer = try desk.answer(Desk.query(row.name), from: "10.32.0.1")
        #expect(answer.rcode == row.rcode && answer.answerCount == row.answers)
    }
}
