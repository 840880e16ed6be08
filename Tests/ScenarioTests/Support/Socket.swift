import Glibc

/// A datagram or stream socket, IPv4 or IPv6, that blocks with a time limit.
final class Socket: Sendable {
    let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    private let isOpen = Shared(true)

    /// Gives the port back; nobody may wait on the socket, but somebody may still send late.
    func close() {
        let descriptor = descriptor
        isOpen.change { isOpen in
            if isOpen { Glibc.close(descriptor) }
            isOpen = false
        }
    }

    /// Makes a socket bound to an address; port 0 takes a free one.
    init(_ address: String, port: UInt16 = 0, isStream: Bool = false) throws {
        let family = address.contains(":") ? AF_INET6 : AF_INET
        let type = Int32((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue)
        descriptor = socket(family, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        let length = socklen_t(MemoryLayout<Int32>.size)
        if isStream { unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, length) }
        var room: Int32 = 4 << 20
        if !isStream { unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, length) }
        if family == AF_INET6 {
            unsafe setsockopt(
                descriptor, Int32(IPPROTO_IPV6), Int32(IPV6_V6ONLY), &on, length)
        }
        let bound = unsafe Self.with(address, port) { unsafe bind(descriptor, $0, $1) }
        guard bound == 0 else {
            throw ScenarioFailure("cannot bind \(address):\(port): errno \(errno)")
        }
        setPatience(10)
    }

    func setPatience(_ seconds: Double) {
        let micros = Int(seconds * 1_000_000)
        var time = timeval(tv_sec: micros / 1_000_000, tv_usec: micros % 1_000_000)
        let length = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, length)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, length)
    }

    func connect(to address: String, port: UInt16) throws {
        let done = unsafe Self.with(address, port) { unsafe Glibc.connect(descriptor, $0, $1) }
        guard done == 0 else {
            throw ScenarioFailure("cannot connect to \(address):\(port): errno \(errno)")
        }
    }

    func listen() { _ = Glibc.listen(descriptor, 64) }

    func accept() -> Socket? {
        let other = Glibc.accept(descriptor, nil, nil)
        guard other >= 0 else { return nil }
        _ = fcntl(other, F_SETFD, FD_CLOEXEC)
        let socket = Socket(descriptor: other)
        socket.setPatience(10)
        return socket
    }

    /// Sends octets to whom it is connected; false if that failed.
    @discardableResult
    func send(_ octets: [UInt8]) -> Bool {
        // SAFETY: pointer and count are the array's own.
        unsafe octets.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) == $0.count
        }
    }

    /// Receives one datagram or what a stream has; nil at the end of patience or of the stream.
    func receive(_ limit: Int = 65536) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: limit)
        // SAFETY: the kernel writes at most the array's count.
        let count = unsafe octets.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        return count > 0 ? Array(octets[..<count]) : nil
    }

    /// Where a datagram came from, to be answered there.
    struct Peer: Sendable {
        fileprivate var address = sockaddr_storage()
        fileprivate var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

        var port: UInt16 {
            // Both families have the port at the same place.
            unsafe withUnsafeBytes(of: address) { unsafe UInt16($0[2]) << 8 | UInt16($0[3]) }
        }
    }

    func receiveFrom() -> ([UInt8], Peer)? {
        var octets = [UInt8](repeating: 0, count: 65536)
        var peer = Peer()
        // SAFETY: the kernel writes at most the array's count, and the address with its length.
        let count = unsafe octets.withUnsafeMutableBytes { buffer in
            unsafe withUnsafeMutablePointer(to: &peer.address) { address in
                unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe recvfrom(
                        descriptor, buffer.baseAddress, buffer.count, 0, $0, &peer.length)
                }
            }
        }
        return count >= 0 ? (Array(octets[..<count]), peer) : nil
    }

    /// Answers a datagram, unless the socket has been closed since.
    func send(_ octets: [UInt8], to peer: Peer) {
        isOpen.change { [self] in if $0 { sendNow(octets, to: peer) } }
    }

    private func sendNow(_ octets: [UInt8], to peer: Peer) {
        var peer = peer
        // SAFETY: pointers and counts are the array's and the address's own.
        _ = unsafe octets.withUnsafeBytes { buffer in
            unsafe withUnsafePointer(to: &peer.address) { address in
                unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe sendto(
                        descriptor, buffer.baseAddress, buffer.count, 0, $0, peer.length)
                }
            }
        }
    }

    /// Ends both directions, so that another thread's waiting ends too.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Says that no more will be sent.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    var port: UInt16 {
        var peer = Peer()
        _ = unsafe withUnsafeMutablePointer(to: &peer.address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &peer.length)
            }
        }
        return peer.port
    }

    private static func with<Result>(
        _ address: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        if address.contains(":") {
            var place = sockaddr_in6()
            place.sin6_family = sa_family_t(AF_INET6)
            place.sin6_port = port.bigEndian
            unsafe inet_pton(AF_INET6, address, &place.sin6_addr)
            return unsafe withUnsafePointer(to: &place) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, address, &place.sin_addr)
        return unsafe withUnsafePointer(to: &place) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// Ports that nobody uses, below those that the kernel gives out by itself.
///
/// A server that asks its upstreams takes ports at random from nearly all there are, so that a
/// free one may be taken a moment later: who needs one tries again.
enum FreePort {
    /// Runs `body` with ports until it succeeds; its last error where it never does.
    static func trying<Result>(_ body: (() throws -> UInt16) throws -> Result) throws -> Result {
        for _ in 0..<4 {
            if let result = try? body(next) { return result }
        }
        return try body(next)
    }

    private static let taken = Shared<Set<UInt16>>([])

    static func next() throws -> UInt16 {
        for _ in 0..<200 {
            let port = UInt16.random(in: 20000..<32000)
            guard taken.change({ $0.insert(port).inserted }),
                (try? Socket("0.0.0.0", port: port)) != nil,
                (try? Socket("0.0.0.0", port: port, isStream: true)) != nil,
                (try? Socket("::", port: port)) != nil,
                (try? Socket("::", port: port, isStream: true)) != nil
            else { continue }
            return port
        }
        throw ScenarioFailure("no port is free between 20000 and 32000")
    }
}
