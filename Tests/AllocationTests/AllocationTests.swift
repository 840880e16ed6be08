import CAllocCount
import DNSWire
import DecisionLog
import DomainLists
import Glibc
import PolicyEngine
import Synchronization
import Testing

/// The query path allocates nothing: counted, not believed.
@Suite struct AllocationTests {
    /// How often the calling thread allocates memory while `body` runs.
    private func allocations(_ body: () -> Void) -> UInt64 {
        let before = alloc_count_of_thread()
        body()
        return alloc_count_of_thread() - before
    }

    /// The counter counts: without this the zeros below would say nothing.
    @Test(arguments: [0, 1, 7]) func control(_ count: Int) {
        let counted = allocations {
            for _ in 0..<count {
                unsafe UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8).deallocate()
            }
        }
        #expect(counted == UInt64(count))
    }

    @Test func controlOfEveryKind() {
        #expect(allocations { unsafe free(kept(malloc(8))) } == 1)
        #expect(allocations { unsafe free(kept(calloc(2, 8))) } == 1)
        #expect(allocations { unsafe free(kept(realloc(nil, 8))) } == 1)
        #expect(
            allocations {
                unsafe UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 256).deallocate()
            } == 1)
        #expect(
            allocations {
                let array = [UInt8](repeating: 1, count: 1000)
                keep(array)
            } == 1)
    }

    @inline(never) private func keep(_ array: [UInt8]) {}

    /// Gives the block back, unseen by the optimizer, which would leave out the pair of calls.
    @inline(never) private func kept(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    {
        Self.last.store(UInt(bitPattern: block), ordering: .relaxed)
        return unsafe block
    }

    private static let last = Atomic<UInt>(0)

    /// From octets to octets for a thousand queries: read, looked up, judged, answered, recorded.
    @Test func wholeWayOfAQuery() throws {
        let path = try QueryPath()
        for number in 0..<20 { path.run(number) }
        var written = 0
        let counted = allocations {
            for number in 0..<1000 { written += path.run(number) }
        }
        #expect(counted == 0)
        #expect(written > 1000 * 40)
        #expect(path.blocked == 510 && path.answered == 510)
    }

    private static let isOptimized: Bool = {
        var isDebug = false
        assert({ isDebug = true }() == ())
        return !isDebug
    }()

    /// What an upstream says is read without allocating too, once the buffers have grown; the
    /// unoptimized standard library allocates on its own account.
    @Test(.enabled(if: isOptimized)) func distilling() throws {
        let path = try QueryPath()
        let counted = allocations {
            for _ in 0..<100 { path.distill() }
        }
        #expect(counted == 0)
    }
}

/// All the parts that a query meets between two sockets, with buffers made once.
@safe private final class QueryPath {
    private let index: DomainIndex
    private let program: PolicyProgram
    private let plane: Plane
    private let indexView: DomainIndexView
    private let planeView: PlaneView
    private let clients: ClientTableView
    private let messages: [[UInt8]]
    private let upstream: [UInt8]
    private let sent: [UInt8]
    private let sentName: [UInt8]
    private let distiller = AnswerDistiller()
    private var batch = RecordBatch(capacityBytes: 1 << 20)
    private let name = UnsafeMutablePointer<UInt8>.allocate(capacity: 255)
    private let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 1232)
    private let client = IPAddress(v4: 0x0A14_0001)
    private(set) var blocked = 0
    private(set) var answered = 0

    init() throws {
        var builder = DomainIndexBuilder(
            helpers: ListHelpers(idnToASCII: { $0 }, readRPZ: { _, _ in }))
        for number in 0..<500 {
            builder.add(
                try DomainName(parsing: "host\(number).example.com"), coverage: .subtree,
                source: SourceID(rawValue: 0))
        }
        index = builder.build()
        // What a school decides about one device, up to an instant or for an age, costs no query
        // more than the look-up.
        let window = Instant(seconds: 1_700_000_000)..<Instant(seconds: 1_900_000_000)
        var exception = Rule(
            id: "exception", action: .block, target: .listed([SourceID(rawValue: 1): "ages"]),
            groups: [0], origin: .exception)
        exception.window = window
        exception.devices = [0]
        let policy = Policy(
            name: "Example", zone: .utc,
            groups: [
                Group(
                    name: "learner", networks: [IPNetwork("10.20.0.0/16")].compactMap { $0 },
                    age: .under16)
            ],
            devices: [Device(name: "library-pc-1", addresses: [client], group: 0)],
            unknownDevices: 0,
            rules: [
                exception,
                Rule(
                    id: "listed", action: .block,
                    target: .listed([SourceID(rawValue: 0): "games"]), operands: ["games"]),
            ],
            suspensions: [
                Suspension(
                    networks: [IPNetwork("10.20.9.9")].compactMap { $0 }, window: window)
            ],
            sources: [
                SourceInfo(listName: "games", defaultCategory: "games"),
                SourceInfo(minimumAges: [DatedAge(age: 16, from: window.lowerBound)]),
            ])
        program = PolicyProgram(policy: policy, sets: index.sets)
        plane = program.plane(at: Instant(seconds: 1_800_000_000))
        indexView = index.view
        planeView = plane.view
        clients = program.clients.view

        // Every other name is listed; every third client has EDNS.
        messages = try (0..<500).map { number in
            let name = number.isMultiple(of: 2) ? "a.host\(number)" : "www\(number)"
            var octets: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            octets += try DomainName(parsing: name + ".example.com").wire + [0, 1, 0, 1]
            guard number.isMultiple(of: 3) else { return octets }
            octets[11] = 1
            return octets + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        }
        sentName = try DomainName(parsing: "www.example.com").wire
        sent = sentName + [0, 1, 0, 1]
        let target: [UInt8] = [3, 119, 101, 98, 192, 16]
        let alias: [UInt8] = [192, 12, 0, 5, 0, 1, 0, 0, 1, 44, 0, 6] + target
        let address: [UInt8] = target + [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]
        upstream = [0, 0, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0] + sent + alias + address
        distill()
    }

    deinit {
        unsafe name.deallocate()
        unsafe room.deallocate()
    }

    func distill() {
        let (upstream, sent) = (upstream, sent)
        let outcome = unsafe sentName.withUnsafeBytes {
            unsafe distiller.distill(
                upstream.span, sent: sent.span, lowercaseName: $0, qtype: .a, dnssecOK: false)
        }
        precondition(outcome == .answer)
    }

    /// Answers one query; gives the length of the answer.
    @discardableResult func run(_ number: Int) -> Int {
        let octets = messages[number % messages.count]
        let message = octets.span
        let query = unsafe Query(message, lowercaseName: name)
        let group = clients.place(of: client)
        let match = unsafe indexView.match(name, count: query.nameLength)
        let verdict = planeView.verdict(audience: Int(group), set: match.set)
        var writer = unsafe MessageWriter(room, capacity: query.hasOPT ? 1232 : 512)
        var record = DecisionRecord(
            timeMicros: 1, client: client, verdict: .allow, source: .upstream,
            qtype: query.qtype.rawValue)
        if verdict.action == .block {
            blocked += 1
            writer.putHeader(answering: query, rcode: .nxDomain)
            writer.putQuestion(message, of: query)
            writer.putNegativeSOA(ttlSeconds: 60)
            if query.hasOPT {
                unsafe writer.putOPT(
                    answering: query, payloadSize: 1232, rcode: .nxDomain, extendedError: .blocked)
            }
            record.verdict = .block
        } else {
            answered += 1
            record.ttlSeconds = distiller.answer.write(
                into: &writer, answering: query, message: message, ageSeconds: 1,
                ttlLimitSeconds: 30, payloadSize: 1232)
            unsafe distiller.answer.forEachChainName { target in
                guard let base = target.baseAddress else { return true }
                return unsafe indexView.match(
                    base.assumingMemoryBound(to: UInt8.self), count: target.count
                ).set == 0
            }
        }
        unsafe batch.append(
            record, qname: UnsafeRawBufferPointer(start: name, count: query.nameLength),
            via: UnsafeRawBufferPointer(start: nil, count: 0))
        return writer.count
    }
}
