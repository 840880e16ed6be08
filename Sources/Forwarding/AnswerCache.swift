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
@safe public final class AnswerCache: Sendable {
    private let shards: Shards
    private let seed: (UInt64, UInt64)
    private let inFlight = Atomic<Int>(0)

    /// Makes an empty cache.
    ///
    /// - Parameter sizeBytes: octets that entries may take in all, their book-keeping included.
    public init(sizeBytes: Int = ForwardingLimits.cacheBytes) {
        let random = RandomSource()
        seed = (random.next(), random.next())
        shards = Shards(sizeBytes: sizeBytes)
    }

    /// A key for this cache; each thread makes one and uses it again and again.
    public func makeKey() -> QuestionKey { QuestionKey(seed: seed) }

    /// Octets that entries take now.
    public var usedBytes: Int { shards.sum { $0.table.usedBytes } }

    /// How many answers are kept now.
    public var entryCount: Int { shards.sum { $0.table.entryCount } }

    /// How many questions are in flight now.
    public var inFlightCount: Int { inFlight.load(ordering: .relaxed) }

    /// What the cache knows a query's answer by, for `fetchSlot` and `fetchAnswer`.
    @inline(__always)
    public func hash(of query: Query, lowercaseName: UnsafeRawBufferPointer) -> UInt64 {
        let rest = QuestionKey.behindName(
            query.qtype, query.qclass, dnssecOK: query.dnssecOK,
            checkingDisabled: query.checkingDisabled)
        return unsafe QuestionKey.hash(lowercaseName, rest, seed: seed)
    }

    /// Asks for the memory where the look-up of an answer begins, without waiting for it; the first
    /// of two steps, between which and before `withAnswer` others should have their turn.
    @inline(__always)
    public func fetchSlot(_ hash: UInt64) { shards.fetchSlot(hash) }

    /// Asks for the answer itself, if there is one; the second step.
    @inline(__always)
    public func fetchAnswer(_ hash: UInt64) { shards.locked(hash) { $0.table.fetchBlock(hash) } }

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
        shards.locked(key.hash) { kept in
            kept.table.withAnswer(to: key, nowMilliseconds: nowMilliseconds, body)
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
        shards.locked(key.hash) { kept in
            if let pending = kept.pending.find(key) {
                guard pending.waiters.count < ForwardingLimits.waitersPerQuestion
                else { return .refused }
                pending.add(waiter, message)
                return .waiting
            }
            guard inFlight.load(ordering: .relaxed) < ForwardingLimits.questionsInFlight
            else { return .refused }
            spare.begin(key)
            spare.add(waiter, message)
            kept.pending.insert(spare)
            inFlight.add(1, ordering: .relaxed)
            return .first(spare)
        }
    }

    /// Ends a question: keeps the answer for as long as it says. From now on nobody joins those who
    /// wait, and the question is the caller's alone.
    public func finish(
        _ pending: PendingQuestion, answer: AnswerView, nowMilliseconds: Int64
    ) {
        shards.locked(pending.key.hash) { kept in
            kept.pending.remove(pending)
            inFlight.subtract(1, ordering: .relaxed)
            kept.table.insert(pending.key, answer, nowMilliseconds: nowMilliseconds)
        }
    }
}

/// What a part of the cache holds: touched only by who holds the part's lock.
private struct Kept: ~Copyable {
    var table: AnswerTable
    var pending = PendingTable()
}

/// A part of the cache.
private struct Shard: ~Copyable {
    let lock = Mutex<Void>(())
    /// The table's `place`, for those who only ask for memory ahead and take no lock.
    let slots: Atomic<UInt>
    var kept: Kept

    init(limit: Int) {
        kept = Kept(table: AnswerTable(limit: limit))
        slots = Atomic(kept.table.place)
    }
}

/// The parts of the cache, each on cache lines of its own, so that workers in different parts do
/// not get in each other's way; in plain memory, so that no reference is counted on a query's way.
///
/// `@unchecked Sendable`: what a part holds is reached only under its lock.
@safe private final class Shards: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    private static let count = ForwardingLimits.cacheShards
    /// Octets from one part to the next.
    private static let spacing = (MemoryLayout<Shard>.size + 63) & ~63

    init(sizeBytes: Int) {
        unsafe memory = .allocate(byteCount: Self.count * Self.spacing, alignment: 64)
        for number in 0..<Self.count {
            unsafe shard(number).initialize(to: Shard(limit: sizeBytes / Self.count))
        }
    }

    deinit {
        for number in 0..<Self.count { unsafe shard(number).deinitialize(count: 1) }
        unsafe memory.deallocate()
    }

    /// Calls `body` with what the part of a hash holds; its lock is held meanwhile.
    @inline(__always)
    func locked<Result: Sendable>(_ hash: UInt64, _ body: (inout Kept) -> Result) -> Result {
        unsafe locked(shard(of: hash), body)
    }

    func sum(_ body: (borrowing Kept) -> Int) -> Int {
        (0..<Self.count).reduce(0) { sum, number in
            unsafe sum + locked(shard(number)) { body($0) }
        }
    }

    @inline(__always)
    func fetchSlot(_ hash: UInt64) {
        let place = unsafe shard(of: hash).pointee.slots.load(ordering: .relaxed)
        AnswerTable.fetchSlot(hash, at: place)
    }

    @inline(__always)
    private func locked<Result: Sendable>(
        _ shard: UnsafeMutablePointer<Shard>, _ body: (inout Kept) -> Result
    ) -> Result {
        // SAFETY: the parts live as long as self; what one holds is reached only from here.
        unsafe shard.pointee.lock.withLock { _ in
            let result = unsafe body(&shard.pointee.kept)
            unsafe shard.pointee.slots.store(
                shard.pointee.kept.table.place, ordering: .relaxed)
            return result
        }
    }

    @inline(__always)
    private func shard(of hash: UInt64) -> UnsafeMutablePointer<Shard> {
        // The slots go by the low bits of the hash, the parts by the high ones.
        unsafe shard(Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(Self.count)) >> 32))
    }

    @inline(__always)
    private func shard(_ number: Int) -> UnsafeMutablePointer<Shard> {
        // SAFETY: there are `count` parts, `spacing` octets apart.
        unsafe (memory + number &* Self.spacing).assumingMemoryBound(to: Shard.self)
    }
}
