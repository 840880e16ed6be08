import DNSWire
import Dice
import Testing

@testable import Forwarding

@Suite struct ExchangeTests {
    private static func exchange(
        _ name: String = "www.example.com", dnssecOK: Bool = false, checkingDisabled: Bool = false
    ) throws -> Exchange {
        let key = QuestionKey(seed: (1, 2))
        let wire = try DomainName(parsing: name).wire
        unsafe wire.withUnsafeBytes {
            unsafe key.set(
                lowercaseName: $0, qtype: .aaaa, qclass: 1, dnssecOK: dnssecOK,
                checkingDisabled: checkingDisabled)
        }
        let pending = PendingQuestion()
        pending.begin(key)
        var query = Query()
        query.qtype = .aaaa
        query.qclass = 1
        query.dnssecOK = dnssecOK
        query.flags = checkingDisabled ? Query.checkingDisabledFlag : 0
        let exchange = Exchange(number: 0)
        exchange.begin(pending, query, candidates: [])
        return exchange
    }

    private static func name(of exchange: Exchange) -> [UInt8] {
        unsafe exchange.pending.withLowercaseName { unsafe Array($0) }
    }

    private static func question(of exchange: Exchange, mixedBy random: RandomSource?) -> [UInt8] {
        let index = addAttempt(to: exchange, mixedBy: random)
        return exchange.withQuestion(ofAttempt: index) {
            unsafe $0.withUnsafeBytes { unsafe Array($0) }
        }
    }

    private static func addAttempt(
        to exchange: Exchange, hasOPT: Bool = true, mixedBy random: RandomSource? = nil
    ) -> Int {
        exchange.add(
            Exchange.Attempt(
                upstream: Upstream(endpoint: .demo), carrier: .encrypted, id: 0xBEEF,
                sentMilliseconds: 0, hasOPT: hasOPT), mixedBy: random)
    }

    /// The message says just what was asked, and is one that this server would take itself.
    @Test(arguments: [false, true], [false, true])
    func message(_ dnssecOK: Bool, _ checkingDisabled: Bool) throws {
        let exchange = try Self.exchange(dnssecOK: dnssecOK, checkingDisabled: checkingDisabled)
        let octets = exchange.message(ofAttempt: Self.addAttempt(to: exchange, hasOPT: true))
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
        #expect(name.prefix(17).elementsEqual(Self.name(of: exchange)))
    }

    /// Without EDNS nothing but the OPT record is missing.
    @Test func messageWithoutOPT() throws {
        let exchange = try Self.exchange(dnssecOK: true)
        let whole = exchange.message(ofAttempt: Self.addAttempt(to: exchange, hasOPT: true))
        var plain = exchange.message(ofAttempt: Self.addAttempt(to: exchange, hasOPT: false))
        #expect(plain[11] == 0)
        plain[11] = 1
        #expect(plain == Array(whole.dropLast(11)))
    }

    /// Only letters change, each of them some time, and a lower-case question is what it was.
    @Test func mixedCase() throws {
        let exchange = try Self.exchange(
            "a-1.example-long-enough-to-need-two-words-of-chance-0123.example.com")
        let plain = Self.question(of: exchange, mixedBy: nil)
        #expect(plain == Self.name(of: exchange) + [0, 28, 0, 1])
        let random = RandomSource()
        var seenUpper = Set<Int>()
        for _ in 0..<200 {
            let mixed = Self.question(of: exchange, mixedBy: random)
            #expect(mixed.map(\.asciiLowercased) == plain.map(\.asciiLowercased))
            #expect(mixed.suffix(4) == plain.suffix(4))
            for index in mixed.indices where mixed[index] != plain[index] {
                seenUpper.insert(index)
            }
        }
        let letters = plain.dropLast(4).indices.filter { (0x61...0x7A).contains(plain[$0]) }
        #expect(seenUpper == Set(letters))
    }

    @Test func randomNumbers() {
        let random = RandomSource()
        let numbers = (0..<5000).map { _ in random.next() }
        #expect(Set(numbers).count == 5000)
        let small = (0..<1000).map { _ in random.next(below: 7) }
        #expect(Set(small) == Set(0..<7))
    }

    /// An exchange that is used again knows nothing of the question before.
    @Test func usedAgain() throws {
        let exchange = try Self.exchange("first.example.com")
        _ = Self.addAttempt(to: exchange)
        exchange.turns = 3
        exchange.sawTimeout = true
        let (serial, generation) = (exchange.serial, exchange.timerGeneration)
        exchange.end()
        #expect(exchange.isFinished && exchange.attempts.isEmpty)
        #expect(exchange.timerGeneration != generation, "its timers are of no interest any more")
        let other = try Self.exchange("a.much.longer.second.example.com")
        exchange.begin(other.pending, Query(), candidates: [])
        #expect(exchange.serial != serial && exchange.turns == 0 && !exchange.sawTimeout)
        let question = Self.question(of: exchange, mixedBy: nil)
        #expect(question.dropLast(4).elementsEqual(Self.name(of: other)))
    }

    /// What could not be sent leaves no trace.
    @Test func droppedAttempt() throws {
        let exchange = try Self.exchange()
        let first = Self.addAttempt(to: exchange)
        let message = exchange.message(ofAttempt: first)
        _ = Self.addAttempt(to: exchange)
        exchange.dropLastAttempt()
        #expect(exchange.attempts.count == 1)
        let next = Self.addAttempt(to: exchange)
        #expect(next == 1 && exchange.message(ofAttempt: next) == message)
    }
}

@Suite struct InFlightTableTests {
    /// Against a dictionary, with IDs that collide.
    @Test func oracle() {
        var random = SeededGenerator(seed: 11)
        var table = InFlightTable()
        var oracle: [UInt16: Int] = [:]
        for step in 0..<20_000 {
            let id = UInt16.random(in: 0..<300, using: &random) &* 64
            if Bool.random(using: &random), oracle[id] == nil {
                table.insert(.init(id: id, attempt: step % 8, exchange: step))
                oracle[id] = step
            } else {
                table.remove(id)
                oracle[id] = nil
            }
            #expect(table.count == oracle.count && table.isEmpty == oracle.isEmpty)
            #expect(table.find(id)?.exchange == oracle[id])
        }
        for (id, exchange) in oracle { #expect(table.find(id)?.exchange == exchange) }
        #expect(Set(table.entries.map(\.id)) == Set(oracle.keys))
    }
}

@Suite struct DeadlinesTests {
    private static let patience: [Int64] = [700, 1000, 1200, 1500]

    /// Against a sorted array; some entries are of no interest any more.
    @Test func oracle() {
        var random = SeededGenerator(seed: 5)
        var deadlines = Deadlines()
        var oracle: [(time: Int64, exchange: Int)] = []
        var given = Set<Int>()
        var now: Int64 = 0
        for step in 0..<20_000 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0...2:
                let patience = Self.patience[Int.random(in: 0..<4, using: &random)]
                deadlines.push(
                    exchange: step, generation: 1, nowMilliseconds: now,
                    patienceMilliseconds: patience)
                oracle.append((now + patience, step))
                oracle.sort { $0.time < $1.time }
            case 3:
                if let index = oracle.indices.randomElement(using: &random) {
                    given.insert(oracle.remove(at: index).exchange)
                }
            default: now += Int64.random(in: 0..<60, using: &random)
            }
            let next = deadlines.next { !given.contains($0.exchange) }
            #expect(next == oracle.first?.time)
            while let entry = deadlines.pop(dueAt: now) {
                guard !given.contains(entry.exchange) else { continue }
                #expect(entry.milliseconds == oracle.first?.time)
                oracle.removeAll { $0.exchange == entry.exchange }
            }
            #expect(oracle.first.map { $0.time > now } ?? true)
        }
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
