import Foundation

/// An upstream whose every answer the test decides, by UDP and TCP on one port.
final class FakeUpstream: Sendable {
    /// A question that came.
    struct Asked: Sendable {
        var octets: [UInt8]
        var message: Message
        /// As it was written, letter case and all.
        var name: String
        var type: UInt16
        var sourcePort: UInt16
        var isStream: Bool

        var lowercaseName: String { name.lowercased() }

        /// An answer with the same ID and question.
        func reply(
            answers: [[UInt8]] = [], authorities: [[UInt8]] = [], additionals: [[UInt8]] = [],
            rcode: UInt16 = 0, flags: UInt16 = 0x8180
        ) -> [UInt8] {
            Wire.header(
                id: message.id, flags: flags | rcode,
                (1, UInt16(answers.count), UInt16(authorities.count), UInt16(additionals.count)))
                + question + (answers + authorities + additionals).flatMap { $0 }
        }

        /// The question as it came.
        var question: [UInt8] { Array(octets[12..<12 + Wire.name(name).count + 4]) }

        /// An address for the name.
        func address(_ address: String = "192.0.2.1", ttl: UInt32 = 3600) -> [UInt8] {
            type == RR.a
                ? reply(answers: [Wire.a(name, address, ttl: ttl)])
                : reply(authorities: [Wire.soa("example.com", ttl: 300, minimum: 300)])
        }
    }

    /// What is sent back: datagrams or messages, in order, after a delay.
    struct Response: Sendable {
        var messages: [[UInt8]]
        var delay = 0.0

        static let silence = Response(messages: [])
        static func now(_ message: [UInt8]) -> Response { Response(messages: [message]) }
        static func after(_ seconds: Double, _ message: [UInt8]) -> Response {
            Response(messages: [message], delay: seconds)
        }
    }

    let port: UInt16
    private let datagrams: Socket
    private let listener: Socket
    /// Both threads that serve.
    private let serving = DispatchGroup()
    private let log = Shared<[Asked]>([])
    private let behaviour: Shared<@Sendable (Asked) -> Response>

    /// Starts to answer.
    init(
        port: UInt16? = nil, address: String = "127.0.0.1",
        _ answer: @escaping @Sendable (Asked) -> Response = { .now($0.address()) }
    ) throws {
        behaviour = Shared(answer)
        (self.port, datagrams, listener) = try FreePort.trying { free in
            let port = try port ?? free()
            return (
                port, try Socket(address, port: port),
                try Socket(address, port: port, isStream: true)
            )
        }
        listener.listen()
        let (datagrams, listener, log, behaviour) = (datagrams, listener, log, behaviour)
        datagrams.setPatience(0)
        listener.setPatience(0)
        // Who waits on a socket closes it. A thread that were to find its descriptor closed by
        // another could go on with whatever has got its number since: another test's connection.
        thread {
            defer { datagrams.close() }
            while let (octets, peer) = datagrams.receiveFrom() {
                guard !octets.isEmpty else { return }
                guard let asked = Self.read(octets, port: peer.port, isStream: false)
                else { continue }
                log.change { $0.append(asked) }
                let response = behaviour.value(asked)
                Self.later(response.delay) {
                    for message in response.messages { datagrams.send(message, to: peer) }
                }
            }
        }
        thread {
            defer { listener.close() }
            while let connection = listener.accept() {
                Thread.detachNewThread {
                    var incoming: [UInt8] = []
                    while let more = connection.receive() {
                        incoming += more
                        guard incoming.count >= 2 else { continue }
                        let length = Int(incoming[0]) << 8 | Int(incoming[1])
                        guard incoming.count >= length + 2 else { continue }
                        let octets = Array(incoming[2..<length + 2])
                        incoming.removeFirst(length + 2)
                        guard let asked = Self.read(octets, port: 0, isStream: true)
                        else { continue }
                        log.change { $0.append(asked) }
                        let response = behaviour.value(asked)
                        Self.later(response.delay) {
                            for message in response.messages {
                                connection.send(Wire.framed(message))
                            }
                        }
                    }
                }
            }
        }
    }

    deinit { if !isStopped.value { stop() } }

    private let isStopped = Shared(false)

    private func thread(_ body: @escaping @Sendable () -> Void) {
        let serving = serving
        serving.enter()
        Thread.detachNewThread {
            body()
            serving.leave()
        }
    }

    /// Nobody listens any more.
    func stop() {
        isStopped.change { $0 = true }
        datagrams.shutDown()
        listener.shutDown()
        // An unconnected datagram socket only wakes up for a datagram.
        if let waker = try? Socket("127.0.0.1") {
            try? waker.connect(to: "127.0.0.1", port: port)
            waker.send([])
        }
        serving.wait()
    }

    /// Answers differently from now on.
    func answer(_ answer: @escaping @Sendable (Asked) -> Response) {
        behaviour.change { $0 = answer }
    }

    /// All questions so far, but for the server's own: at its start it asks for the root's name
    /// servers to see who is there.
    var asked: [Asked] { log.value.filter { !($0.name.isEmpty && $0.type == RR.ns) } }

    func asked(_ name: String, _ type: UInt16? = nil) -> [Asked] {
        asked.filter { $0.lowercaseName == name && (type == nil || $0.type == type) }
    }

    private static func read(_ octets: [UInt8], port: UInt16, isStream: Bool) -> Asked? {
        guard let message = Message(octets), let question = message.questions.first
        else { return nil }
        return Asked(
            octets: octets, message: message, name: question.name, type: question.type,
            sourcePort: port, isStream: isStream)
    }

    private static func later(_ seconds: Double, _ body: @escaping @Sendable () -> Void) {
        guard seconds > 0 else {
            body()
            return
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: body)
    }
}
