import CPacketIO
import DNSWire
import Glibc

/// A datagram socket connected to one upstream, on a port of its own.
final class AskSocket {
    let descriptor: Int32
    var uses = 0
    /// Whether its port was given up: it only waits for what is still in flight.
    var isRetired = false
    /// The questions that it carries, by their IDs.
    private(set) var inFlight: [(id: UInt16, exchange: Exchange)] = []

    /// A question whose answer nobody needs any more, but which would show that a down upstream is
    /// back; the last one, if there are several.
    private var trial: (id: UInt16, question: [UInt8], sentMilliseconds: Int64)?

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func exchange(with id: UInt16) -> Exchange? { inFlight.first { $0.id == id }?.exchange }

    func add(_ id: UInt16, _ exchange: Exchange) {
        inFlight.append((id, exchange))
        uses += 1
    }

    func remove(_ id: UInt16) { inFlight.removeAll { $0.id == id } }

    /// Goes on waiting for the answer to a question that another upstream has answered.
    func keepTrial(_ id: UInt16, question: [UInt8], sentMilliseconds: Int64) {
        trial = (id, question, sentMilliseconds)
    }

    /// Whether a message is the answer to the trial, and came before one would have turned to the
    /// next upstream; true once.
    func endsTrial(_ message: Span<UInt8>, nowMilliseconds: Int64) -> Bool {
        guard let trial, message.count >= Query.headerLength + trial.question.count,
            message.bigEndian16(at: 0) == trial.id,
            message.bigEndian16(at: 2) & Query.responseFlag != 0,
            nowMilliseconds - trial.sentMilliseconds < ForwardingLimits.attemptMilliseconds[0]
        else { return false }
        for (index, octet) in trial.question.enumerated() {
            // An upstream may change the letter case.
            let theirs = message[Query.headerLength + index].asciiLowercased
            guard theirs == octet.asciiLowercased else { return false }
        }
        self.trial = nil
        return true
    }
}

/// The sockets of one worker to one upstream.
///
/// Random ports and random IDs together are what a forger must guess (RFC 5452 section 9). While
/// there is little to do every question gets a fresh port; under load a socket carries several,
/// and its port is given up after a number of them.
final class AskSocketPool {
    private let address: IPAddress
    private let port: UInt16
    private var sockets: [AskSocket?]

    init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
        sockets = Array(repeating: nil, count: ForwardingLimits.socketsPerUpstream)
    }

    /// A socket for one question; nil if none can be had.
    ///
    /// - Parameters:
    ///   - mayOpen: whether the rate of new sockets allows one more.
    ///   - opened, closed: told about each socket, so that its answers are waited for.
    func take(
        random: RandomSource, mayOpen: () -> Bool, opened: (AskSocket) -> Void,
        closed: (AskSocket) -> Void
    ) -> AskSocket? {
        let index = random.next(below: sockets.count)
        if let socket = sockets[index] {
            let isWorn = socket.uses >= ForwardingLimits.questionsPerSocket
            guard isWorn || socket.inFlight.isEmpty && mayOpen() else { return socket }
            socket.isRetired = true
            if socket.inFlight.isEmpty { closed(socket) }
            sockets[index] = nil
        }
        guard let socket = open(random: random) else {
            return sockets.compactMap { $0 }.first
        }
        sockets[index] = socket
        opened(socket)
        return socket
    }

    private func open(random: RandomSource) -> AskSocket? {
        for _ in 0..<8 {
            let local = UInt16(truncatingIfNeeded: 1024 + random.next(below: 64512))
            let descriptor = cpio_ask_socket(address.high, address.low, port, local)
            if descriptor >= 0 { return AskSocket(descriptor: descriptor) }
            guard errno == EADDRINUSE || errno == EACCES else { break }
        }
        let descriptor = cpio_ask_socket(address.high, address.low, port, 0)
        return descriptor >= 0 ? AskSocket(descriptor: descriptor) : nil
    }
}
