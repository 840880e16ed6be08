import CPacketIO
public import DNSWire
import Synchronization

/// Answers kept for the next client, and the questions that are being asked right now.
///
/// The two are one thing, since a question is either known, in flight or neither, and who looks
/// must see one of the three. The verdict is never kept here: whether a client may have an answer
/// is decided for that client each time, before and after it is found.
///
/// Shared by all workers. Split into shards by the key's hash, each behind its own lock; a hit
/// holds the lock while the answer is copied out and allocates nothing. Bounded in octets: the
/// hand of a clock passes over the entries and takes those that were not used since it last came.
public final class AnswerCache: Sendable {
    private let shards: [Shard]
    private let seed: (UInt64, UInt64)
    private let inFlight = Atomic<Int>(0)

    /// Makes an empty cache.
    ///
    /// - Parameter sizeBytes: octets that entries may take in all, their book-keeping included.
    public init(sizeBytes: Int = ForwardingLimits.cacheBytes) {
        let random = RandomSource()
        seed = (random.next(), random.next())
        shards = (0..<ForwardingLimits.cacheShards).map { _ in
            Shard(limit: sizeBytes / ForwardingLimits.cacheShards)
        }
    }

    /// A key for this cache; each thread makes one and uses it again and again.
    public func makeKey() -> QuestionKey { QuestionKey(seed: seed) }

    /// Octets that entries take now.
    public var usedBytes: Int {
        shards.reduce(0) { sum, shard in sum + shard.locked { $0.table.usedBytes } }
    }

    /// How many answers are kept now.
    public var entryCount: Int {
        shards.reduce(0) { sum, shard in sum + shard.locked { $0.table.entryCount } }
    }

    /// How many questions are in flight now.
    public var inFlightCount: Int { inFlight.load(ordering: .relaxed) }

    /// Calls `body` with the answer to a question, if it is kept and not too old.
    ///
    /// - Parameters:
    ///   - key: the question.
    ///   - nowMilliseconds: monotonic time.
    ///   - body: gets the answer and its age in seconds; the lock is held meanwhile, so it must be
    ///     short and must not call the cache.
    /// - Returns: whether there was one.
    @inline(__always)
    public func withAnswer(
        to key: QuestionKey, nowMilliseconds: Int64, _ body: (AnswerView, UInt32) -> Void
    ) -> Bool {
        shard(key).locked { state in
            state.table.withAnswer(to: key, nowMilliseconds: nowMilliseconds, body)
        }
    }

    /// What became of a client that wants to wait for an answer.
    public enum Joined: Sendable {
        /// Nobody is asking this: the caller must, and must call `finish` in the end.
        case first(PendingQuestion)
        /// The question is in flight; the client will be answered with the others.
        case waiting
        /// Too much is in flight already.
        case refused
    }

    /// Lets a client wait for the answer to a question.
    ///
    /// - Parameters:
    ///   - key: the question.
    ///   - waiter: who waits.
    ///   - message: what the client sent.
    ///   - spare: becomes the question in flight if nobody is asking it yet.
    public func join(
        _ key: QuestionKey, _ waiter: Waiter, message: Span<UInt8>, spare: PendingQuestion
    ) -> Joined {
        shard(key).locked { state in
            if let pending = state.pending.find(key) {
                guard pending.waiters.count < ForwardingLimits.waitersPerQuestion
                else { return .refused }
                pending.add(waiter, message)
                return .waiting
            }
            guard inFlight.load(ordering: .relaxed) < ForwardingLimits.questionsInFlight
            else { return .refused }
            spare.begin(key)
            spare.add(waiter, message)
            state.pending.insert(spare)
            inFlight.add(1, ordering: .relaxed)
            return .first(spare)
        }
    }

    /// Ends a question: keeps the answer for as long as it says. From now on nobody joins those who
    /// wait, and the question is the caller's alone.
    public func finish(
        _ pending: PendingQuestion, answer: AnswerView, nowMilliseconds: Int64
    ) {
        shard(pending.key).locked { state in
            state.pending.remove(pending)
            inFlight.subtract(1, ordering: .relaxed)
            state.table.insert(pending.key, answer, nowMilliseconds: nowMilliseconds)
        }
    }

    private func shard(_ key: QuestionKey) -> Shard {
        shards[Int(truncatingIfNeeded: key.hash >> 58) % ForwardingLimits.cacheShards]
    }
}

/// `table` and `pending` are touched only inside `locked`, which holds the lock.
private final class Shard: @unchecked Sendable {
    private let lock = Mutex<Void>(())
    var table: AnswerTable
    var pending = PendingTable()

    init(limit: Int) { table = AnswerTable(limit: limit) }

    @inline(__always)
    func locked<Result: Sendable>(_ body: (Shard) -> Result) -> Result {
        lock.withLock { _ in body(self) }
    }
}
