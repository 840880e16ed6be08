import CPacketIO
import DNSWire
import Glibc
import Testing

@testable import Forwarding

/// What a worker is to its forwarder: watches descriptors, takes what has come to its end.
final class FakeHost: ForwarderHost {
    private(set) var watched: [Int32: Int16] = [:]
    /// Who waited, and the answer's code and extended error.
    private(set) var finished: [(ids: [UInt16], rcode: ResponseCode, error: ExtendedErrorCode?)] =
        []

    /// Questions that have come to their end, for use again.
    var spares: [PendingQuestion] = []

    func watch(_ descriptor: Int32, forWriting: Bool) {
        watched[descriptor] = Int16(forWriting ? POLLOUT : POLLIN)
    }
    func unwatch(_ descriptor: Int32) { watched[descriptor] = nil }
    func forwarderFinished(_ pending: PendingQuestion, with answer: AnswerView) {
        finished.append((pending.waiters.map(\.query.id), answer.rcode, answer.extendedError))
        pending.reset()
        spares.append(pending)
    }
}

/// A datagram socket on loopback that stands for an upstream.
@safe final class FakeServer {
    private let descriptor: Int32
    private let batch: OpaquePointer
    let port: UInt16

    init() throws {
        let loopback = IPAddress(v4: 0x7F00_0001)
        descriptor = cpio_serve_socket(
            loopback.high, loopback.low, 0, Int32(SOCK_DGRAM.rawValue), false)
        try #require(descriptor >= 0)
        port = cpio_local_port(descriptor)
        // SAFETY: the batch is this object's own until it goes, here and below.
        unsafe batch = try #require(cpio_batch_create(1, 2048, 8192))
    }

    deinit {
        unsafe cpio_batch_destroy(batch)
        close(descriptor)
        if stream >= 0 { close(stream) }
    }

    private var stream: Int32 = -1

    /// Lets TCP connections come about on the same port, and says nothing on them.
    func listen() throws {
        let loopback = IPAddress(v4: 0x7F00_0001)
        stream = cpio_serve_socket(
            loopback.high, loopback.low, port, Int32(SOCK_STREAM.rawValue), false)
        try #require(stream >= 0)
    }

    var endpoint: UpstreamEndpoint { .plain(address: IPAddress(v4: 0x7F00_0001), port: port) }

    /// A question that came, and the way back.
    struct Question {
        var message: [UInt8]
        fileprivate var peer = cpio_peer()
        /// The port that it came from.
        var port: UInt16 { peer.port }
    }

    /// The next question; nil if none comes within a moment.
    func receive(withinMilliseconds patience: Int32 = 2000) -> Question? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&poller, 1, patience) == 1,
            unsafe cpio_batch_receive(batch, descriptor) == 1,
            let octets = unsafe cpio_batch_in_bytes(batch, 0)
        else { return nil }
        let count = unsafe cpio_batch_in_length(batch, 0)
        var question = Question(
            message: unsafe Array(UnsafeBufferPointer(start: octets, count: count)))
        unsafe cpio_batch_in_peer(batch, 0, &question.peer)
        return question
    }

    /// Sends octets back to whoever asked.
    func send(_ message: [UInt8], to question: Question) {
        guard let room = unsafe cpio_batch_out_room(batch), message.count <= 8192 else { return }
        for (index, octet) in message.enumerated() { unsafe room[index] = octet }
        var peer = question.peer
        unsafe cpio_batch_out_push(batch, message.count, &peer)
        #expect(unsafe cpio_batch_send(batch, descriptor, 100, nil, nil) == 0)
    }

    /// Answers with an address, or with a response code and nothing.
    func answer(_ question: Question, rcode: UInt8 = 0, change: (inout [UInt8]) -> Void = { _ in })
    {
        // What was asked, without its OPT record.
        var message = Array(question.message.dropLast(11))
        message[2] = 0x81
        message[3] = 0x80 | rcode
        message[11] = 0
        if rcode == 0 {
            message[7] = 1
            message += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]
        }
        change(&message)
        send(message, to: question)
    }
}

/// A forwarder with a clock that a test sets.
final class ForwarderBench {
    let host = FakeHost()
    let cache = AnswerCache(sizeBytes: 1 << 20)
    let table: UpstreamTable
    let forwarder: Forwarder
    var now: Int64 = 100_000
    private var nextID: UInt16 = 1

    convenience init(_ servers: [FakeServer]) throws {
        try self.init(endpoints: servers.map(\.endpoint))
    }

    init(endpoints: [UpstreamEndpoint]) throws {
        table = UpstreamTable(defaults: endpoints, zones: [])
        forwarder = try #require(Forwarder(cache: cache, upstreams: table, host: host))
        forwarder.start()
    }

    var upstreams: [Upstream] { table.zones[0].upstreams }

    /// Asks for an address as a client that has to wait; gives the client's ID.
    @discardableResult func ask(_ name: String, flushes: Bool = true) throws -> UInt16 {
        let wire = try DomainName(parsing: name).wire
        var query = Query()
        query.id = nextID
        query.qtype = .a
        query.qclass = 1
        nextID += 1
        let key = cache.makeKey()
        let waiter = Waiter(
            query: query, replyTo: .stream(worker: 0, connection: 0), client: IPAddress(v4: 1),
            receivedMicros: 0, receivedMonotonicMicros: 0)
        unsafe wire.withUnsafeBytes { name in
            unsafe key.set(
                lowercaseName: name, qtype: .a, qclass: 1, dnssecOK: false, checkingDisabled: false)
            let spare = host.spares.popLast() ?? PendingQuestion()
            guard
                case .first(let pending) = cache.join(
                    key, waiter, message: [UInt8]().span, spare: spare)
            else { return }
            forwarder.ask(pending, query: query, nowMilliseconds: now)
        }
        if flushes { forwarder.flush(nowMilliseconds: now) }
        return query.id
    }

    /// Lets the forwarder take what has come, until nothing more does.
    func pump() {
        while true {
            var pollers = host.watched.map { pollfd(fd: $0.key, events: $0.value, revents: 0) }
            // SAFETY: pointer and count are of one array, alive for the call.
            guard unsafe poll(&pollers, nfds_t(pollers.count), 50) > 0 else { return }
            for poller in pollers where poller.revents != 0 {
                forwarder.ready(poller.fd, nowMilliseconds: now)
            }
            forwarder.flush(nowMilliseconds: now)
        }
    }

    /// Lets time pass.
    func pass(milliseconds: Int64) {
        now += milliseconds
        forwarder.tick(nowMilliseconds: now)
        forwarder.flush(nowMilliseconds: now)
    }
}
