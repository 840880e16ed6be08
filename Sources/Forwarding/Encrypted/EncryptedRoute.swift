import DNSWire
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// How to reach an endpoint: what to connect to, and the name its certificate must have.
struct EncryptedRoute {
    /// The name to look up; only a label when `addresses` is there.
    let host: String
    let port: Int
    /// The name that the certificate must have; nil for the address itself.
    let serverName: String?
    /// Where the host is; nil when the system's resolver is to be asked.
    let addresses: KnownAddresses?

    init(_ endpoint: EncryptedEndpoint, loop: any EventLoop) {
        switch endpoint {
        case .tls(let address, let port, let name):
            host = address.description
            self.port = Int(port)
            // An address is no server name in TLS (RFC 6066, 3); the certificate is checked
            // against the address that was connected to.
            serverName = name.flatMap { IPAddress($0) == nil ? $0 : nil }
            addresses = KnownAddresses([address], loop: loop)
        case .https(let host, let port, _, let known):
            self.host = host
            self.port = Int(port)
            let literal = IPAddress(host)
            serverName = literal == nil ? host : nil
            let reached = literal.map { [$0] } ?? known
            addresses = reached.isEmpty ? nil : KnownAddresses(reached, loop: loop)
        }
    }
}

/// Answers for the system's resolver with addresses that are known beforehand.
///
/// The connector above it tries them in turn, IPv6 and IPv4 alternating (RFC 8305).
struct KnownAddresses: Resolver, Sendable {
    private let addresses: [IPAddress]
    private let loop: any EventLoop

    init(_ addresses: [IPAddress], loop: any EventLoop) {
        self.addresses = addresses
        self.loop = loop
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        found(v4: true, port: port)
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        found(v4: false, port: port)
    }

    func cancelQueries() {}

    private func found(v4: Bool, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(
            addresses.filter { $0.isV4 == v4 }.compactMap {
                try? SocketAddress(ipAddress: $0.description, port: port)
            })
    }
}

extension ExchangeFailure {
    /// What an error of connecting or of TLS means to who asked.
    init(_ error: any Error) {
        switch error {
        case let error as NIOConnectionError: self.init(connecting: error)
        case let error as NIOSSLError: self.init(security: error)
        case let error as NIOSSLExtraError: self = .tls(error.description)
        case let error as BoringSSLError: self = .tls("\(error)")
        case let error as ChannelError: self.init(channel: error)
        case let error as IOError: self.init(errorCode: error.errnoCode)
        default: self = .closed
        }
    }

    /// The most telling of the failures of an endpoint's addresses.
    private init(connecting error: NIOConnectionError) {
        let failures = error.connectionErrors.map { ExchangeFailure($0.error) }
        // The reset that refuses a connection is told as either, depending on which of the
        // socket's events is seen first.
        let isRefused = failures.contains { $0 == .refused || $0 == .closed }
        self = isRefused ? .refused : failures.first ?? .unreachable
    }

    private init(errorCode: Int32) {
        switch errorCode {
        case ECONNREFUSED: self = .refused
        case ECONNRESET, EPIPE: self = .closed
        default: self = .unreachable
        }
    }

    private init(channel error: ChannelError) {
        if case .connectTimeout = error { self = .timedOut } else { self = .closed }
    }

    private init(security error: NIOSSLError) {
        switch error {
        case .uncleanShutdown: self = .closed
        case .handshakeFailed(.sslError(let reasons)), .handshakeFailed(.unknownError(let reasons)):
            self = .tls(reasons.map(\.description).joined(separator: "; "))
        default: self = .tls("\(error)")
        }
    }
}
