import DNSWire
import NIOCore
import NIOPosix
import NIOSSL

/// The way to one upstream: no connection, one being made, or one in use.
///
/// Confined to the upstreams' thread, as is all that it owns.
///
///     idle ── a query ──▶ connecting ── handshake done ──▶ open
///      ▲                      │                              │
///      └────── failed ────────┴── closed, idle or retired ───┘
final class EncryptedLink {
    let endpoint: EncryptedEndpoint
    let limits: EncryptedLimits

    private enum State {
        case idle
        case connecting
        case open(EncryptedConnection)
        case closed
    }

    private let security: Result<NIOSSLContext, ExchangeFailure>
    private let loop: any EventLoop
    private var state = State.idle
    private var waiting: [EncryptedExchange] = []
    /// Connections that take no new queries and still carry some.
    private var leaving: [ObjectIdentifier: EncryptedConnection] = [:]
    private var lastFailure: (failure: ExchangeFailure, until: NIODeadline)?

    init(
        endpoint: EncryptedEndpoint, security: Result<NIOSSLContext, ExchangeFailure>,
        limits: EncryptedLimits, loop: any EventLoop
    ) {
        self.endpoint = endpoint
        self.security = security
        self.limits = limits
        self.loop = loop
    }

    /// Sends the query, now or as soon as a connection stands.
    func ask(_ exchange: EncryptedExchange, by deadline: NIODeadline) {
        guard exchange.isWhole else { return exchange.fail(.malformed) }
        exchange.startTimer(deadline, on: loop)
        switch state {
        case .closed:
            exchange.fail(.closed)
        case .open(let connection):
            connection.send(exchange)
        case .connecting:
            enqueue(exchange)
        case .idle:
            if let lastFailure, NIODeadline.now() < lastFailure.until {
                return exchange.fail(lastFailure.failure)
            }
            enqueue(exchange)
            connect()
        }
    }

    /// Ends the connection for good.
    func close() {
        if case .open(let connection) = state { connection.shut(.closed) }
        for connection in leaving.values { connection.shut(.closed) }
        state = .closed
        failWaiting(.closed)
    }

    /// Takes no further queries to a connection, which ends when those it carries have.
    func retire(_ connection: EncryptedConnection) {
        forget(connection)
        leaving[ObjectIdentifier(connection)] = connection
    }

    /// Drops a connection that is ending.
    func forget(_ connection: EncryptedConnection) {
        if case .open(let current) = state, current === connection { state = .idle }
        leaving[ObjectIdentifier(connection)] = nil
    }

    private func enqueue(_ exchange: EncryptedExchange) {
        if waiting.count >= limits.queriesInFlight { waiting.removeAll(where: \.isFinished) }
        guard waiting.count < limits.queriesInFlight else { return exchange.fail(.busy) }
        waiting.append(exchange)
    }

    // MARK: Connecting

    private func connect() {
        let context: NIOSSLContext
        switch security {
        case .failure(let failure): return failWaiting(failure)
        case .success(let ready): context = ready
        }
        state = .connecting
        let route = EncryptedRoute(endpoint, loop: loop)
        var bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(limits.connectMilliseconds))
            .channelInitializer { [serverName = route.serverName] channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try NIOSSLClientHandler(
                        context: context, serverHostname: serverName)
                    let transport = EncryptedTransport(above: tls, serverName: serverName)
                    try channel.pipeline.syncOperations.addHandlers([tls, transport])
                }
            }
        if let addresses = route.addresses { bootstrap = bootstrap.resolver(addresses) }
        bootstrap.connect(host: route.host, port: route.port).assumeIsolated().whenComplete {
            switch $0 {
            case .success(let channel): self.secure(channel)
            case .failure(let error): self.connectFailed(ExchangeFailure(error))
            }
        }
    }

    /// Waits for TLS's handshake, which began when the channel became active.
    private func secure(_ channel: any Channel) {
        guard
            let transport = try? channel.pipeline.syncOperations.handler(
                type: EncryptedTransport.self)
        else {
            channel.close(promise: nil)
            return connectFailed(.closed)
        }
        let span = TimeAmount.milliseconds(limits.handshakeMilliseconds)
        let timer = loop.assumeIsolated().scheduleTask(in: span) { transport.fail(.timedOut) }
        transport.whenReady { result in
            timer.cancel()
            switch result {
            case .success(let spoken): self.open(channel, transport, spoken)
            case .failure(let failure): self.connectFailed(failure)
            }
        }
    }

    private func open(_ channel: any Channel, _ transport: EncryptedTransport, _ spoken: String?) {
        guard case .connecting = state else { return channel.close(promise: nil) }
        let connection = EncryptedConnection(channel: channel, link: self)
        do throws(ExchangeFailure) {
            connection.carrier = try carrier(for: connection, spoken: spoken)
        } catch {
            channel.close(promise: nil)
            return connectFailed(error)
        }
        transport.connection = connection
        connection.watchIdleness()
        state = .open(connection)
        lastFailure = nil
        let ready = waiting
        waiting = []
        for exchange in ready where !exchange.isFinished { connection.send(exchange) }
    }

    private func carrier(
        for connection: EncryptedConnection, spoken: String?
    ) throws(ExchangeFailure) -> any EncryptedCarrier {
        switch endpoint {
        case .tls:
            return try TLSCarrier.start(on: connection)
        case .https(_, _, let path, _):
            guard spoken == "h2" else { throw .tls("the server does not offer HTTP/2") }
            return try HTTPSCarrier.start(
                on: connection, authority: endpoint.authority, path: path)
        }
    }

    private func connectFailed(_ failure: ExchangeFailure) {
        guard case .connecting = state else { return }
        state = .idle
        let pause = TimeAmount.milliseconds(limits.pauseMilliseconds)
        lastFailure = (failure, NIODeadline.now() + pause)
        failWaiting(failure)
    }

    private func failWaiting(_ failure: ExchangeFailure) {
        let failing = waiting
        waiting = []
        for exchange in failing { exchange.fail(failure) }
    }
}
