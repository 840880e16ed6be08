import DNSWire
import Testing

@testable import Forwarding

@Suite struct ExchangeTests {
    private static func exchange(
        _ name: String = "www.example.com", dnssecOK: Bool = false, checkingDisabled: Bool = false
    ) throws -> Exchange {
        let cache = AnswerCache()
        let key = cache.makeKey()
        Kept.set(key, 1)
        let waiter = Waiter(
            query: Query(), message: [], replyTo: .stream(worker: 0, connection: 0),
            client: IPAddress(v4: 1), receivedMicros: 0, receivedMonotonicMicros: 0)
        guard case .first(let pending) = cache.join(key, waiter) else { throw Missing() }
        return Exchange(
            pending: pending, name: try DomainName(parsing: name).wire, qtype: .aaaa, qclass: 1,
            dnssecOK: dnssecOK, checkingDisabled: checkingDisabled, candidates: [])
    }

    private struct Missing: Error {}

    /// The message says just what was asked, and is one that this server would take itself.
    @Test(arguments: [false, true], [false, true])
    func message(_ dnssecOK: Bool, _ checkingDisabled: Bool) throws {
        let exchange = try Self.exchange(dnssecOK: dnssecOK, checkingDisabled: checkingDisabled)
        let octets = exchange.message(of: attempt(of: exchange, hasOPT: true))
        var name = [UInt8](repeating: 0, count: 255)
        let query = unsafe name.withUnsafeMutableBufferPointer { room in
            // SAFETY: the array has the 255 octets that are asked for.
            unsafe room.baseAddress.map { unsafe Query(octets.span, lowercaseName: $0) }
        }
        #expect(query?.status == .fine)
        #expect(query?.id == 0xBEEF)
        #expect(query?.qtype == .aaaa)
        #expect(query?.dnssecOK == dnssecOK)
        #expect(query?.checkingDisabled == checkingDisabled)
        #expect(query?.udpPayloadSize == ForwardingLimits.udpPayloadSize)
        let flags: UInt16 = checkingDisabled ? 0x0130 : 0x0120
        #expect(query?.flags == flags)
        #expect(name.prefix(17).elementsEqual(exchange.name))
    }

    private func attempt(of exchange: Exchange, hasOPT: Bool) -> Exchange.Attempt {
        Exchange.Attempt(
            upstream: Upstream(endpoint: .demo), carrier: .encrypted, id: 0xBEEF,
            question: exchange.question(mixedBy: nil), sentMilliseconds: 0, hasOPT: hasOPT)
    }

    /// Without EDNS nothing but the OPT record is missing.
    @Test func messageWithoutOPT() throws {
        let exchange = try Self.exchange(dnssecOK: true)
        let whole = exchange.message(of: attempt(of: exchange, hasOPT: true))
        var plain = exchange.message(of: attempt(of: exchange, hasOPT: false))
        #expect(plain[11] == 0)
        plain[11] = 1
        #expect(plain == Array(whole.dropLast(11)))
    }

    /// Only letters change, each of them some time, and a lower-case question is what it was.
    @Test func mixedCase() throws {
        let exchange = try Self.exchange(
            "a-1.example-long-enough-to-need-two-words-of-chance-0123.example.com")
        let plain = exchange.question(mixedBy: nil)
        #expect(plain == exchange.name + [0, 28, 0, 1])
        let random = RandomSource()
        var seenUpper = Set<Int>()
        for _ in 0..<200 {
            let mixed = exchange.question(mixedBy: random)
            #expect(mixed.map(\.asciiLowercased) == plain.map(\.asciiLowercased))
            #expect(mixed.suffix(4) == plain.suffix(4))
            for index in mixed.indices where mixed[index] != plain[index] {
                seenUpper.insert(index)
            }
        }
        let letters = exchange.name.indices.filter { (0x61...0x7A).contains(exchange.name[$0]) }
        #expect(seenUpper == Set(letters))
    }

    @Test func randomNumbers() {
        let random = RandomSource()
        let numbers = (0..<5000).map { _ in random.next() }
        #expect(Set(numbers).count == 5000)
        let small = (0..<1000).map { _ in random.next(below: 7) }
        #expect(Set(small) == Set(0..<7))
    }

    /// Against a sorted array.
    @Test func deadlines() throws {
        let exchange = try Self.exchange()
        var random = Numbers(state: 5)
        var heap = DeadlineHeap()
        var oracle: [Int64] = []
        for step in 0..<5000 {
            if Int.random(in: 0..<5, using: &random) < 3 {
                let time = Int64.random(in: 0...500, using: &random)
                heap.push(.init(milliseconds: time, exchange: exchange, generation: UInt32(step)))
                oracle.append(time)
                oracle.sort()
            } else {
                let now = Int64.random(in: 0...500, using: &random)
                let entry = heap.pop(dueAt: now)
                let expected = oracle.first.flatMap { $0 <= now ? $0 : nil }
                #expect(entry?.milliseconds == expected)
                if expected != nil { oracle.removeFirst() }
            }
            #expect(heap.next == oracle.first)
        }
        while let entry = heap.pop(dueAt: .max) {
            #expect(entry.milliseconds == oracle.removeFirst())
        }
        #expect(oracle.isEmpty && heap.next == nil)
    }
}

@Suite struct DemoUpstreamTests {
    private static func query(_ name: String, _ type: RecordType, withOPT: Bool = true) throws
        -> [UInt8]
    {
        var octets: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, withOPT ? 1 : 0]
        octets += try DomainName(parsing: name).wire
        octets += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
        return withOPT ? octets + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] : octets
    }

    private static func distilled(_ name: String, _ type: RecordType) throws -> (
        AnswerDistiller.Outcome, UInt32, [UInt8]
    ) {
        let answer = DemoUpstream.answer(try query(name, type))
        let wire = try DomainName(parsing: name).wire
        let sent = wire + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
        let distiller = AnswerDistiller()
        let outcome = unsafe wire.withUnsafeBytes {
            unsafe distiller.distill(
                answer.span, sent: sent.span, lowercaseName: $0, qtype: type, dnssecOK: false)
        }
        return (outcome, distiller.answer.ttlSeconds, answer)
    }

    /// Addresses come from the documentation ranges alone (RFC 5737, RFC 3849).
    @Test func documentationAddresses() throws {
        var seen = Set<[UInt8]>()
        for number in 0..<500 {
            let name = "host\(number).example.com"
            let (outcome, ttl, answer) = try Self.distilled(name, .a)
            #expect(outcome == .answer && ttl == 300)
            let address = Array(answer.suffix(4))
            #expect(
                [[192, 0, 2], [198, 51, 100], [203, 0, 113]].contains(Array(address.prefix(3))))
            #expect((1...254).contains(address[3]))
            seen.insert(address)
            let (_, _, six) = try Self.distilled(name, .aaaa)
            #expect(six.suffix(16).prefix(4) == [0x20, 1, 0x0D, 0xB8])
        }
        #expect(seen.count > 200)
    }

    @Test func sameNameSameAddress() throws {
        #expect(
            DemoUpstream.answer(try Self.query("www.example.com", .a))
                == DemoUpstream.answer(try Self.query("www.example.com", .a)))
    }

    @Test(arguments: [RecordType.mx, .https, .txt, .any, RecordType(65280)])
    func otherTypesAreNotThere(_ type: RecordType) throws {
        let (outcome, ttl, _) = try Self.distilled("www.example.com", type)
        #expect(outcome == .answer && ttl == 300)
    }

    @Test func longestName() throws {
        let name = String(repeating: "a.", count: 127)
        for type in [RecordType.a, .aaaa, .mx] {
            #expect(try Self.distilled(name, type).0 == .answer)
        }
    }

    @Test func notAQuery() throws {
        #expect(DemoUpstream.answer([]).isEmpty)
        #expect(DemoUpstream.answer(Array(try Self.query("a", .a).dropLast())).isEmpty)
    }
}
