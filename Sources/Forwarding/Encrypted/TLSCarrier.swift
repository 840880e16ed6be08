import NIOCore

/// DNS over TLS: messages behind a length of two octets, answered in any order (RFC 7858, 3.3).
///
/// Callers' IDs may collide, so each query goes out with an ID of this connection's own. An ID
/// whose query timed out stays taken until its late answer comes or the connection ends, so that
/// the answer cannot go to another query.
final class TLSCarrier: ChannelInboundHandler, EncryptedCarrier {
    typealias InboundIn = ByteBuffer

    private weak var connection: EncryptedConnection?
    private let channel: any Channel
    private var received = ByteBuffer()
    private var asked: [UInt16: EncryptedExchange] = [:]
    private var nextID = UInt16.random(in: 0...UInt16.max)
    private var abandonedCount = 0
    private var isFlushDue = false

    private init(_ connection: EncryptedConnection) {
        self.connection = connection
        channel = connection.channel
    }

    /// Joins a channel whose handshake is done.
    static func start(
        on connection: EncryptedConnection
    ) throws(ExchangeFailure) -> TLSCarrier {
        let carrier = TLSCarrier(connection)
        do {
            try connection.channel.pipeline.syncOperations.addHandler(carrier)
        } catch {
            throw .closed
        }
        return carrier
    }

    func send(_ exchange: EncryptedExchange) {
        // So that the search for a free one ends.
        guard asked.count < Int(UInt16.max) else { return exchange.fail(.busy) }
        while asked[nextID] != nil { nextID &+= 1 }
        let id = nextID
        nextID &+= 1
        asked[id] = exchange
        exchange.abandon = { [weak self] in self?.countAbandoned() }

        var message = channel.allocator.buffer(capacity: exchange.query.count + 2)
        message.writeInteger(UInt16(truncatingIfNeeded: exchange.query.count))
        message.writeInteger(id)
        message.writeBytes(exchange.query.dropFirst(2))
        channel.write(message, promise: nil)
        flushSoon()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var arrived = unwrapInboundIn(data)
        received.writeBuffer(&arrived)
        while let octets = received.getInteger(at: received.readerIndex, as: UInt16.self) {
            guard octets >= EncryptedLimits.headerOctets else {
                connection?.shut(.malformed)
                return
            }
            guard received.readableBytes >= 2 + Int(octets) else { break }
            received.moveReaderIndex(forwardBy: 2)
            guard let id = received.getInteger(at: received.readerIndex, as: UInt16.self),
                let message = received.readBytes(length: Int(octets))
            else { break }
            deliver(message, id: id)
        }
        received.discardReadBytes()
    }

    /// Hands an answer to its query; one that answers nothing is dropped.
    private func deliver(_ message: [UInt8], id: UInt16) {
        guard let exchange = asked.removeValue(forKey: id) else { return }
        if exchange.isFinished {
            abandonedCount -= 1
        } else {
            exchange.answer(message)
        }
    }

    private func countAbandoned() {
        abandonedCount += 1
        guard let connection else { return }
        if abandonedCount > connection.limits.queriesAbandoned { connection.retire() }
    }

    /// Lets the queries of one turn of the loop leave together.
    private func flushSoon() {
        guard !isFlushDue else { return }
        isFlushDue = true
        channel.eventLoop.assumeIsolated().execute { [self] in
            isFlushDue = false
            channel.flush()
        }
    }
}
