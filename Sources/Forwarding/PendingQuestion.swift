import DNSWire

/// A question in flight and the clients that wait for its answer.
///
/// Made once and used for one question after another, since making one costs more than answering a
/// query.
///
/// `@unchecked Sendable`: while it is in the cache's table it is touched only under the lock of the
/// shard that holds it; before and after that it belongs to the worker that asks.
public final class PendingQuestion: @unchecked Sendable {
    private var waiting = Waiting()
    /// Who waits, in the order in which they came.
    public var waiters: [Waiter] { waiting.waiters }
    /// What the cache knows the question by.
    let key = QuestionKey()
    /// The next one in the same bucket of the table.
    fileprivate var next: PendingQuestion?

    /// Who waits, and the header and question of each one's message, one behind the other. Together,
    /// because the runtime watches over each change of an object's property by itself.
    private struct Waiting {
        var waiters: [Waiter] = []
        var questions: [UInt8] = []

        /// Above this many waiters the room for them is given back.
        private static let usualWaiters = 16

        init() {
            questions.reserveCapacity(64)
            waiters.reserveCapacity(2)
        }

        mutating func add(_ waiter: Waiter, _ message: Span<UInt8>) {
            var waiter = waiter
            waiter.questionOffset = questions.count
            let length = min(message.count, waiter.query.questionEnd)
            unsafe message.extracting(first: length).withUnsafeBytes {
                unsafe questions.append(contentsOf: $0)
            }
            waiters.append(waiter)
        }

        mutating func removeAll() {
            if waiters.capacity > Self.usualWaiters {
                waiters = []
                questions = []
            } else {
                waiters.removeAll(keepingCapacity: true)
                questions.removeAll(keepingCapacity: true)
            }
        }
    }

    /// Makes one that no question uses yet.
    public init() {}

    /// Becomes the question of a key, for which nobody waits yet.
    func begin(_ key: QuestionKey) { self.key.set(key) }

    /// Lets one more client wait.
    ///
    /// - Parameter message: what it sent; header and question are kept.
    func add(_ waiter: Waiter, _ message: Span<UInt8>) { waiting.add(waiter, message) }

    /// Goes through those who wait, in the order in which they came.
    ///
    /// - Parameter body: gets each, with the header and question of its message.
    public func forEachWaiter(_ body: (Waiter, Span<UInt8>) -> Void) {
        // SAFETY: nobody adds to the questions meanwhile; each begins where the last one ends.
        let (questions, waiters) = (waiting.questions, waiting.waiters)
        unsafe questions.withUnsafeBufferPointer { octets in
            for index in waiters.indices {
                let start = waiters[index].questionOffset
                let end =
                    index + 1 < waiters.count ? waiters[index + 1].questionOffset : octets.count
                body(waiters[index], unsafe octets.extracting(start..<end).span)
            }
        }
    }

    /// Calls `body` with the qname in wire format and lower case.
    public func withLowercaseName<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe body(key.lowercaseName)
    }

    /// Forgets the question and those who waited, so that it can be used again.
    public func reset() { waiting.removeAll() }
}

/// The questions in flight of one shard, by their keys: chains behind buckets.
///
/// Not thread-safe: its shard's lock guards it.
struct PendingTable {
    private var buckets: [PendingQuestion?]
    private static let bucketCount = 256

    init() { buckets = Array(repeating: nil, count: Self.bucketCount) }

    func find(_ key: QuestionKey) -> PendingQuestion? {
        var candidate = buckets[bucket(key.hash)]
        while let pending = candidate {
            if pending.key.equals(key) { return pending }
            candidate = pending.next
        }
        return nil
    }

    mutating func insert(_ pending: PendingQuestion) {
        let bucket = bucket(pending.key.hash)
        pending.next = buckets[bucket]
        buckets[bucket] = pending
    }

    mutating func remove(_ pending: PendingQuestion) {
        let bucket = bucket(pending.key.hash)
        if buckets[bucket] === pending {
            buckets[bucket] = pending.next
        } else {
            var before = buckets[bucket]
            while let other = before, other.next !== pending { before = other.next }
            before?.next = pending.next
        }
        pending.next = nil
    }

    private func bucket(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash) & (Self.bucketCount - 1)
    }
}
