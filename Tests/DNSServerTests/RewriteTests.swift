import CAllocCount
import DNSWire
import Forwarding
import Testing

@testable import DNSServer

/// Names that are answered as another host's.
@Suite struct RewriteTests {
    private let desk: Desk
    private static let target = "safe.finder.example"

    init() throws {
        desk = try Desk(
            policy: Desk.policy.replacing(
                "categories:",
                with: """
                    safe-search: [{ for: [learner, phone], engines: all }]
                    categories:
                    """),
            files: [
                "safe-search.yaml": """
                engines:
                  - engine: finder
                    target: \(Self.target)
                    names: [www.finder.example, www.a-finder-of-another-length.example]
                """
            ])
    }

    /// Whether a message holds a name as it is written out.
    private func holds(_ answer: Answer, _ name: String) throws -> Bool {
        let wire = try DomainName(parsing: name).wire
        return answer.octets.indices.contains { answer.octets[$0...].starts(with: wire) }
    }

    /// Each group has its own answer to the same name, whoever asked for it first.
    @Test func cachedForGroupsApart() throws {
        try desk.learn("www.finder.example", records: [address(last: 66)])
        try desk.learn(Self.target, records: [address(ttlSeconds: 50, last: 77)])
        for _ in 0..<2 {
            let own = try desk.answer(Desk.query("www.finder.example"), from: "10.30.0.1")
            #expect(own.answerCount == 1 && own.ttlSeconds == 60)
            #expect(try !holds(own, Self.target))
            for name in ["www.finder.example", "www.a-finder-of-another-length.example"] {
                let safe = try desk.answer(Desk.query(name, withOPT: false))
                #expect(safe.rcode == 0 && safe.answerCount == 2 && safe.authorityCount == 0)
                #expect(safe.ttlSeconds == 300, "that of the alias")
                #expect(try holds(safe, Self.target))
                #expect(safe.octets.suffix(10) == [0, 0, 0, 50, 0, 4, 192, 0, 2, 77])
            }
        }
        #expect(desk.pipeline.counters.value(.rewritten) == 4)
        #expect(desk.cache.entryCount == 2)
        // Whoever asks for the host itself gets it as it is.
        #expect(try desk.answer(Desk.query(Self.target)).answerCount == 1)
    }

    /// Nothing of the asked name's own is ever asked for; the host is, once for all names.
    @Test func theHostIsAskedFor() throws {
        let client = try #require(IPAddress("10.20.0.1"))
        let outcome = desk.take(
            try Desk.query("WWW.Finder.example"), from: client, at: Desk.moment())
        guard case .ask(let pending) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        let wire = try DomainName(parsing: Self.target).wire
        unsafe pending.withLowercaseName { name in
            #expect(unsafe name.elementsEqual(wire))
        }
        for name in ["www.a-finder-of-another-length.example", Self.target] {
            guard case .wait = desk.take(try Desk.query(name), from: client, at: Desk.moment())
            else {
                Issue.record("\(name) is in flight already")
                return
            }
        }
        #expect(pending.waiters.map(\.isForAlias) == [true, true, false])
    }

    /// ANY, too, is answered with the alias, and with nothing else (RFC 8482).
    @Test func anyIsTheAliasAlone() throws {
        let answer = try desk.answer(Desk.query("www.finder.example", .any))
        #expect(answer.rcode == 0 && answer.answerCount == 1 && answer.authorityCount == 0)
        #expect(try holds(answer, Self.target))
        #expect(
            try desk.answer(Desk.query("www.finder.example", .any), from: "10.30.0.1")
                .octets.contains(UInt8(RecordType.hinfo.rawValue)))
    }

    /// A host that leads to a blocked name is blocked with it.
    @Test func theChainOfTheHostIsJudged() throws {
        let end = try DomainName(parsing: "tracker.example.org").wire
        try desk.learn(Self.target, records: [try alias("tracker.example.org"), address(end)])
        let phone = try desk.answer(
            Desk.query("www.finder.example"), from: "10.21.0.1", afterSeconds: 1)
        #expect(phone.answerCount == 0, "a lesson")
        let learner = try desk.answer(Desk.query("www.finder.example"))
        #expect(learner.rcode == 3 && learner.extendedError?.text.hasPrefix("Games wait.") == true)
    }

    /// Neither the alias nor what stands behind it outlives the verdict: lunch ends at 13:00.
    @Test func permissionEndsWithTheBell() throws {
        let nearTheEnd: Int64 = 15 * 60 + 44 * 60 + 30
        desk.pipeline.turn(to: Desk.moment(afterSeconds: nearTheEnd))
        let message = try Desk.query("www.finder.example", withOPT: false)
        let outcome = desk.take(
            message, from: try #require(IPAddress("10.21.0.1")),
            at: Desk.moment(afterSeconds: nearTheEnd))
        guard case .ask(let pending) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        _ = try desk.finish(
            pending, Self.target, records: [address(ttlSeconds: 250)], afterSeconds: nearTheEnd)
        let answer = try desk.answer(message, from: "10.21.0.1", afterSeconds: nearTheEnd + 2)
        #expect(answer.answerCount == 2 && answer.ttlSeconds == 28)
        #expect(answer.octets.suffix(10).prefix(4) == [0, 0, 0, 28])
        let learner = try desk.answer(message, afterSeconds: nearTheEnd + 2)
        #expect(learner.ttlSeconds == 300)
    }

    @Test func tooLongForADatagram() throws {
        try desk.learn(Self.target, records: (0..<100).map { address(last: UInt8($0)) })
        let cut = try desk.answer(Desk.query("www.finder.example"))
        #expect(cut.isTruncated && cut.answerCount == 0 && cut.hasOPT)
        let whole = try desk.answer(Desk.query("www.finder.example"), isStream: true)
        #expect(!whole.isTruncated && whole.answerCount == 101)
    }

    /// Rewritten answers from the cache cost no memory.
    @Test func allocations() throws {
        try desk.learn(Self.target, records: [address()])
        let message = try Desk.query("www.finder.example")
        let client = try #require(IPAddress("10.20.0.1"))
        func run(_ count: Int) -> Int {
            var sent = 0
            for _ in 0..<count {
                let outcome = desk.take(message, from: client, at: Desk.moment())
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
}
