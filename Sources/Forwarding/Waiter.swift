public import CPacketIO
public import DNSWire

/// A client that waits for the answer to a question that was sent on.
///
/// Its message's header and question are kept beside it by the `PendingQuestion`.
public struct Waiter: Sendable {
    /// What the client asked.
    public var query: Query
    /// Where the answer goes.
    public var replyTo: ReplyPath
    /// Who asked.
    public var client: IPAddress
    /// When the query came, in microseconds of the wall clock since 1970.
    public var receivedMicros: Int64
    /// When the query came, in microseconds of the monotonic clock.
    public var receivedMonotonicMicros: Int64
    /// What was found of the name when the query came.
    public var found: FoundName
    /// Whether it waits for what is known of another name, to be answered with that.
    public var isForAlias: Bool
    /// Where its header and question begin among those of all waiters.
    var questionOffset = 0

    /// Takes all the parts.
    public init(
        query: Query, replyTo: ReplyPath, client: IPAddress, receivedMicros: Int64,
        receivedMonotonicMicros: Int64, found: FoundName = FoundName(), isForAlias: Bool = false
    ) {
        self.query = query
        self.replyTo = replyTo
        self.client = client
        self.receivedMicros = receivedMicros
        self.receivedMonotonicMicros = receivedMonotonicMicros
        self.found = found
        self.isForAlias = isForAlias
    }
}

/// What the lists said of a name, for those who come back to it while the lists are the same.
public struct FoundName: Sendable {
    /// Which lists and policy said so; 0: none did.
    public var generation: UInt64 = 0
    /// The number of the category set.
    public var set: UInt32 = 0
    /// How many labels of the name the listed name has.
    public var labels: UInt8 = 0

    /// Says nothing of any name.
    public init() {}

    /// Takes all the parts.
    public init(generation: UInt64, set: UInt32, labels: UInt8) {
        self.generation = generation
        self.set = set
        self.labels = labels
    }
}

/// The way back to a client.
public enum ReplyPath: Sendable {
    /// By UDP: from the listener of this number, which every worker has, to the peer.
    case datagram(listener: Int, peer: cpio_peer)
    /// By a connection that belongs to one worker.
    case stream(worker: Int, connection: UInt64)
}
