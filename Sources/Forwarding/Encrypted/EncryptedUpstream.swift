import DNSWire
import NIOCore
import NIOPosix
import NIOSSL

/// Asks one upstream over TLS or HTTPS, on one connection that is kept open and shared.
///
/// The connection is made at the first query, serves many queries at once, is closed when idle
/// and made anew when needed. Nothing is asked twice here: when a connection ends, its queries
/// fail at once and the caller decides. Every upstream of the process is served by one thread,
/// which starts with the first of them and stays until the process ends.
public final class EncryptedUpstream: Sendable {
    /// Where the upstream is.
    public let endpoint: EncryptedEndpoint

    /// What keeps the trust roots from being read; nil when all is well.
    ///
    /// Each exchange would fail with it: look at it when a configuration is checked.
    public var setupFailure: ExchangeFailure? {
        guard case .failure(let failure) = security else { return nil }
        return failure
    }

    private let loop: any EventLoop
    private let security: Result<NIOSSLContext, ExchangeFailure>
    private let link: NIOLoopBoundBox<EncryptedLink>

    /// Reads the trust roots, which takes some milliseconds; makes no connection yet.
    public init(
        endpoint: EncryptedEndpoint, trustRoots: TrustRoots = .system,
        limits: EncryptedLimits = EncryptedLimits()
    ) {
        let loop = sharedGroup.next()
        let security = securityContext(endpoint, trustRoots)
        self.endpoint = endpoint
        self.loop = loop
        self.security = security
        link = NIOLoopBoundBox.makeBoxSendingValue(
            EncryptedLink(endpoint: endpoint, security: security, limits: limits, loop: loop),
            eventLoop: loop)
    }

    /// Sends one whole DNS message; the completion runs exactly once, on the upstreams' thread.
    ///
    /// The answer carries the query's own ID again; of the rest only the length is checked, so the
    /// caller compares the question and parses. A query that ends with an OPT record is padded
    /// (RFC 8467). The completion holds up every other exchange while it runs: hand over and
    /// return. May be called from any thread.
    ///
    /// - Parameter timeoutMilliseconds: the time until `timedOut`, connecting included; at most
    ///   ten minutes.
    public func exchange(
        _ query: [UInt8], timeoutMilliseconds: Int64,
        completion: @escaping @Sendable (Result<[UInt8], ExchangeFailure>) -> Void
    ) {
        let span = min(max(0, timeoutMilliseconds), EncryptedLimits.timeoutMilliseconds)
        let deadline = NIODeadline.now() + .milliseconds(span)
        loop.execute { [link] in
            link.value.ask(EncryptedExchange(query, completion: completion), by: deadline)
        }
    }

    /// Ends the connection; exchanges in flight and later ones fail with `closed`.
    ///
    /// An upstream that is let go without it finishes what is in flight, then ends when idle.
    public func close() {
        loop.execute { [link] in link.value.close() }
    }
}

/// The one thread of all encrypted upstreams, made when the first asks for it and never ended.
private let sharedGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// What the TLS side of each connection to an endpoint shares.
private func securityContext(
    _ endpoint: EncryptedEndpoint, _ trustRoots: TrustRoots
) -> Result<NIOSSLContext, ExchangeFailure> {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.certificateVerification = .fullVerification
    if case .pemFile(let path) = trustRoots { configuration.trustRoots = .file(path) }
    switch endpoint {
    case .tls: configuration.applicationProtocols = ["dot"]
    case .https: configuration.applicationProtocols = ["h2"]
    }
    do {
        return .success(try NIOSSLContext(configuration: configuration))
    } catch {
        switch trustRoots {
        case .system: return .failure(.tls("cannot read the system's trust roots"))
        case .pemFile(let path): return .failure(.tls("cannot read trust roots from \(path)"))
        }
    }
}
