public import DNSWire
public import DecisionLog
public import Forwarding
import PolicyEngine
public import PolicyFile

/// A worker's way from queries to answers without its sockets, for whoever measures what a query
/// costs: the same batches, the same pipeline, and the decisions go into the journal.
@safe public final class Rehearsal {
    private let pipeline: Pipeline
    private let queries: QueryBatch
    private let journal: Journal
    private let room = UnsafeMutablePointer<UInt8>.allocate(
        capacity: ServerLimits.datagramAnswerOctets)

    /// Queries that are taken together at most, as a worker takes them.
    public static var batch: Int { Int(ServerLimits.datagramsPerBatch) }

    /// Makes one of what a server is started with.
    public init(
        _ policy: LoadedPolicy, allowFrom: [IPNetwork], cache: AnswerCache, journal: Journal
    ) {
        self.journal = journal
        var seating = Seating()
        pipeline = Pipeline(
            cache: cache, allowed: ClientTable([allowFrom]),
            inForce: seating.seat(in: policy, under: nil, journal.register))
        queries = QueryBatch(pipeline)
    }

    deinit { unsafe room.deallocate() }

    /// Takes queries that came together, writes their answers and commits their decisions.
    ///
    /// - Parameters:
    ///   - count: how many, at most `batch`.
    ///   - client: who asks.
    ///   - message: the query of a place below the count, as received.
    /// - Returns: how many octets the answers have; `nil` where one could not be answered at once.
    public func take(
        _ count: Int, from client: IPAddress, message: (Int) -> UnsafeBufferPointer<UInt8>
    ) -> Int? {
        let moment = Moment.now
        pipeline.turn(to: moment)
        var octets = 0
        var isWhole = true
        // SAFETY: the name's buffer and the room have the sizes that are promised with them.
        unsafe queries.forEach(count, message: { unsafe message($0) }) {
            _, query, ahead, name, message in
            guard let message = unsafe message,
                case .send(let written) = unsafe pipeline.take(
                    query, ahead, name: name, message.span, from: client, isStream: false,
                    at: moment, into: room, capacity: ServerLimits.datagramAnswerOctets,
                    replyTo: { .stream(worker: 0, connection: 0) })
            else {
                isWhole = false
                return
            }
            octets += written
        }
        pipeline.commit(to: journal)
        return isWhole ? octets : nil
    }
}
