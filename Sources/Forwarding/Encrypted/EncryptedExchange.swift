import NIOCore

/// One query on its way, and who waits for its answer. Confined to the upstreams' thread.
final class EncryptedExchange {
    /// The query as it goes out, padded; its first two octets are the caller's ID.
    let query: [UInt8]
    /// The connection that carries it, once one does.
    var connection: EncryptedConnection?
    /// What the carrier does when nobody waits any more.
    var abandon: (() -> Void)?

    private var completion: (@Sendable (Result<[UInt8], ExchangeFailure>) -> Void)?
    private var timer: Scheduled<Void>?

    init(
        _ query: [UInt8],
        completion: @escaping @Sendable (Result<[UInt8], ExchangeFailure>) -> Void
    ) {
        self.query = paddedQuery(query)
        self.completion = completion
    }

    /// Whether the completion has run.
    var isFinished: Bool { completion == nil }

    /// Whether the query can be sent at all.
    var isWhole: Bool {
        EncryptedLimits.headerOctets...EncryptedLimits.messageOctets ~= query.count
    }

    /// Lets the exchange fail when the deadline comes first.
    func startTimer(_ deadline: NIODeadline, on loop: any EventLoop) {
        guard !isFinished else { return }
        timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { self.timeOut() }
    }

    /// Takes an answer off the wire and gives it the query's own ID again.
    func answer(_ message: [UInt8]) {
        guard message.count >= EncryptedLimits.headerOctets else { return fail(.malformed) }
        var message = message
        message[0] = query[0]
        message[1] = query[1]
        finish(.success(message))
    }

    /// Ends the exchange without an answer; nothing happens when it has ended already.
    func fail(_ failure: ExchangeFailure) { finish(.failure(failure)) }

    private func timeOut() {
        guard !isFinished else { return }
        timer = nil
        let (connection, abandon) = (connection, abandon)
        fail(.timedOut)
        abandon?()
        connection?.noticeTimeout()
    }

    private func finish(_ result: Result<[UInt8], ExchangeFailure>) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        timer = nil
        abandon = nil
        let connection = connection
        self.connection = nil
        connection?.ended(self)
        completion(result)
    }
}
