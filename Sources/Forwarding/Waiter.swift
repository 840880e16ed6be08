public import CPacketIO
public import DNSWire

/// A client that waits for the answer to a question that was sent on.
public struct Waiter: Sendable {
    /// What the client asked.
    public var query: Query
    /// The client's message, whose question the answer repeats.
    public var message: [UInt8]
    /// Where the answer goes.
    public var replyTo: ReplyPath
    /// Who asked.
    public var client: IPAddress
    /// When the query came, in microseconds of the wall clock since 1970.
    public var receivedMicros: Int64
    /// When the query came, in microseconds of the monotonic clock.
    public var receivedMonotonicMicros: Int64

    /// Takes all the parts.
    public init(
        query: Query, message: [UInt8], replyTo: ReplyPath, client: IPAddress,
        receivedMicros: Int64, receivedMonotonicMicros: Int64
    ) {
        self.query = query
        self.message = message
        self.replyTo = replyTo
        self.client = client
        self.receivedMicros = receivedMicros
        self.receivedMonotonicMicros = receivedMonotonicMicros
    }
}

/// The way back to a client.
public enum ReplyPath: Sendable {
    /// By UDP: from the listener of this number, which every worker has, to the peer.
    case datagram(listener: Int, peer: cpio_peer)
    /// By a connection that belongs to one worker.
    case stream(worker: Int, connection: UInt64)
}
