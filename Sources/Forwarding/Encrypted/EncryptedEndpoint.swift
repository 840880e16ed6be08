public import DNSWire

/// Where an encrypted upstream is.
public enum EncryptedEndpoint: Hashable, Sendable {
    /// DNS over TLS (RFC 7858), written `tls://9.9.9.9#dns.quad9.net`.
    ///
    /// The certificate must name `serverName`; without one it must name the address itself.
    case tls(address: IPAddress, port: UInt16, serverName: String?)

    /// DNS over HTTPS (RFC 8484), written `https://dns.quad9.net/dns-query`; HTTP/2 only.
    ///
    /// The certificate must name `host`. `addresses` are where the host is reached. When there are
    /// none and the host is a name, the system's resolver is asked for it at each new connection;
    /// where that resolver is this very server, the question comes back here and cannot be
    /// answered before the connection stands. Give addresses, or another resolver to the system.
    case https(host: String, port: UInt16, path: String, addresses: [IPAddress])
}

extension EncryptedEndpoint: CustomStringConvertible {
    /// The endpoint as a policy writes it; the usual ports, 853 and 443, are left out.
    public var description: String {
        switch self {
        case .tls(let address, let port, let serverName):
            let host = address.isV4 ? "\(address)" : "[\(address)]"
            let name = serverName.map { "#\($0)" } ?? ""
            return "tls://\(host)\(port == 853 ? "" : ":\(port)")\(name)"
        case .https(_, _, let path, _):
            return "https://\(authority)\(path)"
        }
    }

    /// The host as a URL writes it, with the port unless it is the usual one.
    var authority: String {
        guard case .https(let host, let port, _, _) = self else { return "" }
        let isV6 = host.utf8.contains(UInt8(ascii: ":"))
        return (isV6 ? "[\(host)]" : host) + (port == 443 ? "" : ":\(port)")
    }
}

/// Whose certificates an encrypted upstream believes.
public enum TrustRoots: Hashable, Sendable {
    /// The authorities that the system trusts (Debian's package `ca-certificates`).
    case system
    /// The authorities in one PEM file, and no others.
    case pemFile(String)
}

/// Why an encrypted upstream gave no answer.
public enum ExchangeFailure: Error, Hashable, Sendable {
    /// The time given for the exchange ran out.
    case timedOut
    /// The upstream's machine refuses connections on the port.
    case refused
    /// No connection could be made, or the host has no address.
    case unreachable
    /// The secure connection failed: a certificate, a name, or what the server speaks.
    case tls(String)
    /// The server answered the request with another status than 200.
    case http(status: Int)
    /// The query is no whole DNS message, or what came back is none.
    case malformed
    /// The connection ended before the answer came, or the upstream was closed by its owner.
    case closed
    /// As many queries are in flight as one connection takes.
    case busy
}

/// The limits of an encrypted upstream; times are in milliseconds.
public struct EncryptedLimits: Hashable, Sendable {
    /// Time to reach the server: looking up its host and TCP's handshake.
    public var connectMilliseconds: Int64 = 3_000
    /// Time for TLS's handshake after that.
    public var handshakeMilliseconds: Int64 = 3_000
    /// A connection without queries in flight is closed after this time (RFC 7766, 6.2.3).
    public var idleMilliseconds: Int64 = 30_000
    /// A connection on which a query timed out and nothing arrived for this time is given up:
    /// a firewall that forgot it says nothing, and TCP itself notices after many minutes.
    public var silenceMilliseconds: Int64 = 1_000
    /// After a connection could not be made, queries fail with the same reason for this time,
    /// so that a server that is down is not met with a handshake per query.
    public var pauseMilliseconds: Int64 = 250
    /// Queries in flight on one connection, and queries that wait for it.
    public var queriesInFlight = 1_000
    /// Queries that timed out and still hold their ID on one DNS over TLS connection; past it,
    /// new queries go to a new one.
    public var queriesAbandoned = 256

    /// The limits that a server uses.
    public init() {}

    /// The longest DNS message, in octets: what a length of two octets can say (RFC 1035, 4.2.2).
    static let messageOctets = 65_535
    /// The shortest DNS message, in octets: its header.
    static let headerOctets = 12
    /// The longest time an exchange may be given.
    static let timeoutMilliseconds: Int64 = 600_000
}
