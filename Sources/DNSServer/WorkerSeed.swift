import DecisionLog
import Forwarding
import PolicyEngine

/// What a worker is made from, on its own thread.
struct WorkerSeed: Sendable {
    var number: Int
    /// The worker's own sockets, one of each kind for each address that is served.
    var listeners: [Listener]
    var cache: AnswerCache
    var upstreams: UpstreamTable
    var allowed: ClientTable
    var gates: GateStore
    var journal: Journal
    /// By worker: where the others' messages are left.
    var mailboxes: [Mailbox<WorkerMessage>]
    var counters: CountersRegister
    var probes: ProbeDesk
    /// Gets one word from each worker: whether it serves.
    var readiness: Mailbox<Bool>
}

/// A pair of sockets on one address.
struct Listener: Sendable {
    var datagram: Int32
    var stream: Int32
}

/// What one thread tells a worker.
enum WorkerMessage: Sendable {
    /// An answer for one of the worker's connections; its record is in the log already.
    case reply(connection: UInt64, message: [UInt8])
    /// Takes no more queries, answers those in flight, and ends.
    case drain
}
