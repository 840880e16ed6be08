import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Glibc
import PolicyEngine

/// Queries as they come in: every other one with EDNS, names from the list or not.
@safe final class Messages {
    let octets: WireNames
    let name = UnsafeMutablePointer<UInt8>.allocate(capacity: 255)
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 1232)

    init(_ names: [String]) throws {
        var dice = SeededGenerator(state: 9)
        octets = WireNames(
            octets: try (0..<1024).map { number in
                let name = try DomainName(parsing: names.randomElement(using: &dice) ?? "x")
                return Self.query(name.wire, withOPT: number.isMultiple(of: 2))
            })
    }

    deinit {
        unsafe name.deallocate()
        unsafe room.deallocate()
    }

    static func query(_ wire: [UInt8], withOPT: Bool) -> [UInt8] {
        let header: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, withOPT ? 1 : 0]
        let opt: [UInt8] = withOPT ? [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] : []
        return header + wire + [0, 1, 0, 1] + opt
    }
}

/// Reading a query where it lies.
final class QueryViews: Work {
    private let messages: Messages

    init(_ messages: Messages) { self.messages = messages }

    func run(_ operations: Int) {
        var sum = 0
        for number in 0..<operations {
            // SAFETY: the message is kept; the name's buffer holds the longest name.
            let message = unsafe messages.octets.buffer(number & 1023)
            let query = unsafe Query(message.span, lowercaseName: messages.name)
            sum &+= query.nameLength
        }
        Results.keep(sum)
    }
}

/// Writing a block: the question, an SOA, the reason as an extended error.
final class BlockAnswers: Work {
    private let messages: Messages
    private let queries: [Query]
    private let reason = Array("The name is on the list. [BENCH-1] Ask: nobody.".utf8)

    init(_ messages: Messages) {
        self.messages = messages
        // SAFETY: the name's buffer holds the longest name.
        queries = (0..<1024).map {
            let message = unsafe messages.octets.buffer($0)
            return unsafe Query(message.span, lowercaseName: messages.name)
        }
    }

    func run(_ operations: Int) {
        var sum = 0
        for number in 0..<operations {
            // SAFETY: the message is kept; the room has 1232 octets.
            let message = unsafe messages.octets.buffer(number & 1023)
            let query = queries[number & 1023]
            var writer = unsafe MessageWriter(
                messages.room, capacity: query.hasOPT ? 1232 : 512)
            writer.putHeader(answering: query, rcode: .nxDomain)
            unsafe writer.putQuestion(message.span, of: query)
            writer.putNegativeSOA(ttlSeconds: 60)
            if query.hasOPT {
                unsafe reason.withUnsafeBytes {
                    unsafe writer.putOPT(
                        answering: query, payloadSize: 1232, rcode: .nxDomain,
                        extendedError: .blocked, text: $0)
                }
            }
            sum &+= writer.count
        }
        Results.keep(sum)
    }
}

/// Looking a verdict up in a plane whose cells are filled.
final class PlaneLookUps: Work {
    private let plane: Plane
    private let groupCount: Int
    private let setCount: Int

    init(_ plane: Plane, sets: Int) {
        self.plane = plane
        groupCount = plane.program.policy.groups.count
        setCount = sets
    }

    func run(_ operations: Int) {
        let view = plane.view
        var sum = 0
        for number in 0..<operations {
            let verdict = view.verdict(
                audience: number % groupCount, set: UInt32(truncatingIfNeeded: number % setCount))
            sum &+= Int(verdict.rule)
        }
        Results.keep(sum)
    }
}

/// Recording decisions, 64 a batch, into a journal on disk.
final class JournalAppends: Work {
    private let journal: Journal
    private let dictionary: UInt32
    private let names: WireNames
    private var batch = RecordBatch(capacityBytes: 1 << 16)
    private var next = 0

    init(_ names: WireNames, folder: String) throws {
        self.names = names
        journal = try Journal(
            directory: folder + "/log", segmentBytes: 64 << 20, keepSeconds: nil)
        dictionary = journal.register(
            RecordDictionary(
                policyHash: "0123456789abcdef", groups: ["learner"], rules: [("listed", nil)],
                categories: ["games"], lists: ["listed"], periods: []))
        rest()
    }

    deinit { journal.close() }

    func run(_ operations: Int) {
        let record = DecisionRecord(
            timeMicros: 1_795_435_200_000_000, client: IPAddress(v4: 0x0A14_0001),
            verdict: .block, source: .policy, qtype: 1)
        var left = operations
        while left > 0 {
            for _ in 0..<min(left, 64) {
                let name = unsafe names.name(next)
                // SAFETY: the name's octets are kept.
                unsafe batch.append(
                    record, qname: UnsafeRawBufferPointer(start: name.wire, count: name.count),
                    via: UnsafeRawBufferPointer(start: nil, count: 0))
                next = next &+ 1 == names.count ? 0 : next &+ 1
            }
            journal.commit(&batch, dictionary: dictionary)
            left -= 64
        }
    }

    /// The next segment is made here, as the server's caretaker does.
    func rest() { journal.maintain(nowMicros: 1_795_435_200_000_000) }

    /// Decisions that found no segment; the figure is worth nothing if there are any.
    var lost: UInt64 { journal.status.lostCount }
}

/// Answering from the cache: finding the answer and writing it for the client.
final class CacheHits: Work {
    private let cache = AnswerCache(sizeBytes: 16 << 20)
    private let key: QuestionKey
    private let messages: Messages
    private let names: WireNames
    private var queries: [Query] = []
    private var octets = WireNames([])

    init(_ messages: Messages, _ names: WireNames) {
        self.messages = messages
        self.names = names
        key = cache.makeKey()
        octets = WireNames(octets: (0..<1024).map { keep($0) })
    }

    /// Puts an answer for a name into the cache; gives the query for it.
    private func keep(_ number: Int) -> [UInt8] {
        let name = unsafe names.name(number)
        // SAFETY: the name's octets are kept; the buffer holds the longest name.
        let wire = unsafe Array(UnsafeBufferPointer(start: name.wire, count: name.count))
        let message = Messages.query(wire, withOPT: true)
        let query = unsafe Query(message.span, lowercaseName: messages.name)
        queries.append(query)
        setKey(number)
        learn(cache, key, query, message, wire: wire, nowMilliseconds: 1000)
        return message
    }

    private func setKey(_ number: Int) {
        let name = unsafe names.name(number)
        // SAFETY: the name's octets are kept.
        unsafe key.set(
            lowercaseName: UnsafeRawBufferPointer(start: name.wire, count: name.count),
            qtype: .a, qclass: 1, dnssecOK: false, checkingDisabled: false)
    }

    /// Answers that were not there; the figure is worth nothing if there are any.
    private(set) var missed = 0

    func run(_ operations: Int) {
        var sum = 0
        for number in 0..<operations {
            let place = number & 1023
            setKey(place)
            // SAFETY: the room has 1232 octets.
            var writer = unsafe MessageWriter(messages.room, capacity: 1232)
            let message = unsafe octets.buffer(place)
            let isHit = cache.withAnswer(to: key, nowMilliseconds: 2000) { answer, age in
                _ = unsafe answer.write(
                    into: &writer, answering: queries[place], message: message.span,
                    ageSeconds: age, ttlLimitSeconds: 300, payloadSize: 1232)
            }
            if !isHit { missed += 1 }
            sum &+= writer.count
        }
        Results.keep(sum)
    }
}

/// Puts an answer for a name into a cache, as one that came from an upstream for the first to ask.
func learn(
    _ cache: AnswerCache, _ key: QuestionKey, _ query: Query, _ message: [UInt8], wire: [UInt8],
    nowMilliseconds: Int64
) {
    let waiter = Waiter(
        query: query, replyTo: .stream(worker: 0, connection: 1),
        client: IPAddress(v4: 0x0A14_0001), receivedMicros: 0, receivedMonotonicMicros: 0)
    guard
        case .first(let pending) = cache.join(
            key, waiter, message: message.span, spare: PendingQuestion())
    else { return }
    let address: [UInt8] = [192, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1]
    let sent = wire + [0, 1, 0, 1]
    let upstream = [0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0] + sent + address
    let distiller = AnswerDistiller()
    // SAFETY: the array outlives the call.
    _ = unsafe wire.withUnsafeBytes {
        unsafe distiller.distill(
            upstream.span, sent: sent.span, lowercaseName: $0, qtype: .a, dnssecOK: false)
    }
    cache.finish(pending, answer: distiller.answer, nowMilliseconds: nowMilliseconds)
}
