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

    /// Counts one more.
    @inline(__always)
    func add(_ kind: Kind, _ count: Int = 1) {
        switch kind {
        case .queries: values.queries.add(count, ordering: .relaxed)
        case .blocked: values.blocked.add(count, ordering: .relaxed)
        case .cacheHits: values.cacheHits.add(count, ordering: .relaxed)
        case .forwarded: values.forwarded.add(count, ordering: .relaxed)
        case .local: values.local.add(count, ordering: .relaxed)
        case .failed: values.failed.add(count, ordering: .relaxed)
        case .refused: values.refused.add(count, ordering: .relaxed)
        case .malformed: values.malformed.add(count, ordering: .relaxed)
        case .unsent: values.unsent.add(count, ordering: .relaxed)
        case .overTCP: values.overTCP.add(count, ordering: .relaxed)
        case .rewritten: values.rewritten.add(count, ordering: .relaxed)
        case .probes: values.probes.add(count, ordering: .relaxed)
        }
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
