import Synchronization

/// What one worker has done; it writes, `status` reads.
final class Counters: Sendable {
    /// Things that are counted.
    enum Kind: Int, CaseIterable {
        case queries, blocked, cacheHits, forwarded, local, failed, refused, malformed, unsent
        case overTCP, rewritten, probes
    }

    private let values = Values()

    private struct Values: ~Copyable, Sendable {
        let queries = Atomic<Int>(0)
        let blocked = Atomic<Int>(0)
        let cacheHits = Atomic<Int>(0)
        let forwarded = Atomic<Int>(0)
        let local = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
        let malformed = Atomic<Int>(0)
        let unsent = Atomic<Int>(0)
        let overTCP = Atomic<Int>(0)
        let rewritten = Atomic<Int>(0)
        let probes = Atomic<Int>(0)
    }

    /// Counts one more; called by the worker alone.
    @inline(__always)
    func add(_ kind: Kind, _ count: Int = 1) {
        switch kind {
        case .queries: Self.add(count, to: values.queries)
        case .blocked: Self.add(count, to: values.blocked)
        case .cacheHits: Self.add(count, to: values.cacheHits)
        case .forwarded: Self.add(count, to: values.forwarded)
        case .local: Self.add(count, to: values.local)
        case .failed: Self.add(count, to: values.failed)
        case .refused: Self.add(count, to: values.refused)
        case .malformed: Self.add(count, to: values.malformed)
        case .unsent: Self.add(count, to: values.unsent)
        case .overTCP: Self.add(count, to: values.overTCP)
        case .rewritten: Self.add(count, to: values.rewritten)
        case .probes: Self.add(count, to: values.probes)
        }
    }

    /// Nobody else writes, so nothing has to be locked, which would wait for every store before.
    @inline(__always)
    private static func add(_ count: Int, to value: borrowing Atomic<Int>) {
        value.store(value.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// What was counted so far.
    func value(_ kind: Kind) -> Int {
        switch kind {
        case .queries: values.queries.load(ordering: .relaxed)
        case .blocked: values.blocked.load(ordering: .relaxed)
        case .cacheHits: values.cacheHits.load(ordering: .relaxed)
        case .forwarded: values.forwarded.load(ordering: .relaxed)
        case .local: values.local.load(ordering: .relaxed)
        case .failed: values.failed.load(ordering: .relaxed)
        case .refused: values.refused.load(ordering: .relaxed)
        case .malformed: values.malformed.load(ordering: .relaxed)
        case .unsent: values.unsent.load(ordering: .relaxed)
        case .overTCP: values.overTCP.load(ordering: .relaxed)
        case .rewritten: values.rewritten.load(ordering: .relaxed)
        case .probes: values.probes.load(ordering: .relaxed)
        }
    }
}

/// The counters of all workers.
final class CountersRegister: Sendable {
    private let all = Mutex<[Counters]>([])

    func add(_ counters: Counters) { all.withLock { $0.append(counters) } }

    /// The sum over all workers.
    func sum(_ kind: Counters.Kind) -> Int {
        all.withLock { $0.reduce(0) { $0 + $1.value(kind) } }
    }
}
