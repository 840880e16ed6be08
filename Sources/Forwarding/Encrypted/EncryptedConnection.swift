import NIOCore

/// How queries travel on a connection.
protocol EncryptedCarrier: AnyObject {
    /// Puts the query on the wire; its answer goes to `exchange.answer`.
    func send(_ exchange: EncryptedExchange)
}

/// One connection that stands, and the exchanges on it. Confined to the upstreams' thread.
final class EncryptedConnection {
    let channel: any Channel
    var carrier: (any EncryptedCarrier)?
    let limits: EncryptedLimits

    private let link: EncryptedLink
    private var live: [ObjectIdentifier: EncryptedExchange] = [:]
    private var isRetired = false
    private var isShut = false
    private var lastUse = NIODeadline.now()
    /// Since when queries are in flight and nothing at all came in.
    private var silentSince: NIODeadline?
    private var idleTimer: Scheduled<Void>?

    init(channel: any Channel, link: EncryptedLink) {
        self.channel = channel
        self.link = link
        limits = link.limits
    }

    /// Sends a query, unless too many are in flight.
    func send(_ exchange: EncryptedExchange) {
        guard let carrier else { return exchange.fail(.closed) }
        guard live.count < limits.queriesInFlight else { return exchange.fail(.busy) }
        live[ObjectIdentifier(exchange)] = exchange
        exchange.connection = self
        lastUse = .now()
        silentSince = silentSince ?? lastUse
        carrier.send(exchange)
    }

    /// Notes that an exchange of this connection has ended, whatever the way.
    func ended(_ exchange: EncryptedExchange) {
        live[ObjectIdentifier(exchange)] = nil
        lastUse = .now()
        if isRetired && live.isEmpty { shut(.closed) }
    }

    /// Notes that something arrived.
    func heard() { silentSince = live.isEmpty ? nil : .now() }

    /// Gives the connection up if a query timed out and the other side seems gone.
    func noticeTimeout() {
        guard let silentSince else { return }
        let span = TimeAmount.milliseconds(limits.silenceMilliseconds)
        if NIODeadline.now() - silentSince >= span { shut(.closed) }
    }

    /// Takes no new queries; ends when those in flight have ended.
    func retire() {
        guard !isRetired, !isShut else { return }
        isRetired = true
        link.retire(self)
        if live.isEmpty { shut(.closed) }
    }

    /// Ends the connection now: what is in flight fails with the reason.
    func shut(_ reason: ExchangeFailure) {
        guard !isShut else { return }
        isShut = true
        idleTimer?.cancel()
        link.forget(self)
        let failing = live.values
        live = [:]
        for exchange in failing { exchange.fail(reason) }
        // Also ends the circle of references between the two.
        carrier = nil
        channel.close(promise: nil)
    }

    /// Closes the connection when it has not been used for the time that the limits say.
    func watchIdleness() {
        let span = TimeAmount.milliseconds(limits.idleMilliseconds)
        let due = live.isEmpty ? lastUse + span : NIODeadline.now() + span
        idleTimer = channel.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in
            guard let self, !isShut else { return }
            let isIdle = live.isEmpty && NIODeadline.now() - lastUse >= span
            if isIdle { retire() } else { watchIdleness() }
        }
    }
}
