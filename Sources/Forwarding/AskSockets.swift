import CPacketIO
import DNSWire
import Glibc

/// The datagram sockets of one worker, by their descriptors and by where they lead.
final class AskSockets {
    private unowned let host: any ForwarderHost
    private let random: RandomSource
    private var pools: [UpstreamEndpoint: AskSocketPool] = [:]
    private var byDescriptor: [Int32: (socket: AskSocket, upstream: Upstream)] = [:]
    private var secondOfFreshSockets: Int64 = 0
    private var freshSockets = 0

    init(host: any ForwarderHost, random: RandomSource) {
        self.host = host
        self.random = random
    }

    /// The open socket of a descriptor, and where it leads.
    subscript(descriptor: Int32) -> (socket: AskSocket, upstream: Upstream)? {
        byDescriptor[descriptor]
    }

    /// A socket for the next questions to an upstream; nil if none can be had.
    func take(
        to upstream: Upstream, address: IPAddress, port: UInt16, nowMilliseconds: Int64
    ) -> AskSocket? {
        let pool: AskSocketPool
        if let known = pools[upstream.endpoint] {
            pool = known
        } else {
            pool = AskSocketPool(address: address, port: port)
            pools[upstream.endpoint] = pool
        }
        return pool.take(
            random: random, mayOpen: { mayOpen(nowMilliseconds) },
            opened: { socket in
                byDescriptor[socket.descriptor] = (socket, upstream)
                host.watch(socket.descriptor, forWriting: false)
            }, closed: forget)
    }

    /// Closes a socket that was given up, once nothing is in flight on it.
    func closeIfDone(_ socket: AskSocket) {
        if socket.isRetired, socket.inFlight.isEmpty, byDescriptor[socket.descriptor] != nil {
            forget(socket)
        }
    }

    private func mayOpen(_ nowMilliseconds: Int64) -> Bool {
        if nowMilliseconds / 1000 != secondOfFreshSockets {
            secondOfFreshSockets = nowMilliseconds / 1000
            freshSockets = 0
        }
        freshSockets += 1
        return freshSockets <= ForwardingLimits.freshSocketsPerSecond
    }

    private func forget(_ socket: AskSocket) {
        host.unwatch(socket.descriptor)
        byDescriptor[socket.descriptor] = nil
    }
}

/// The sockets of one worker to one upstream.
///
/// Random ports and random IDs together are what a forger must guess (RFC 5452 section 9). While
/// there is little to do every question gets a fresh port; under load the questions of one batch
/// leave by one port, the next batch by another, and a port is given up after a number of them.
private final class AskSocketPool {
    private let address: IPAddress
    private let port: UInt16
    private var sockets: [AskSocket?]
    private var lastIndex = 0

    init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
        sockets = Array(repeating: nil, count: ForwardingLimits.socketsPerUpstream)
    }

    /// A socket for one batch of questions; nil if none can be had.
    ///
    /// - Parameters:
    ///   - mayOpen: whether the rate of new sockets allows one more.
    ///   - opened, closed: told about each socket, so that its answers are waited for.
    func take(
        random: RandomSource, mayOpen: () -> Bool, opened: (AskSocket) -> Void,
        closed: (AskSocket) -> Void
    ) -> AskSocket? {
        // Any but the last one's.
        let index = (lastIndex + 1 + random.next(below: sockets.count - 1)) % sockets.count
        lastIndex = index
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
