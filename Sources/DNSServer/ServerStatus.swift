import DomainLists
import Forwarding
import PolicyEngine
import PolicyFile

/// What a running server says of itself.
public struct ServerStatus: Codable, Sendable {
    /// One upstream's health.
    public struct UpstreamStatus: Codable, Sendable {
        /// As the configuration has it.
        public var address: String
        /// Whether it answered when it was last asked.
        public var up: Bool
        /// Answers that it gave.
        public var answers: Int
        /// Attempts that got no answer.
        public var failures: Int
    }

    /// What the workers have counted since the start.
    public struct Counts: Codable, Sendable {
        /// Messages received.
        public var queries: Int
        /// Of them: blocked by the policy.
        public var blocked: Int
        /// Answered as another host's: searches that were made safe.
        public var rewritten: Int
        /// Answered from the cache.
        public var cacheHits: Int
        /// Asked upstream.
        public var forwarded: Int
        /// Answered by the server itself.
        public var local: Int
        /// Answered SERVFAIL.
        public var failed: Int
        /// Refused: client or kind of query not served.
        public var refused: Int
        /// Not a query that could be read.
        public var malformed: Int
        /// Answers that the kernel would not send.
        public var unsent: Int
        /// Of the queries: by TCP.
        public var overTCP: Int
        /// Questions of probes, which are among none of the above.
        public var probes: Int
    }

    /// Seconds since the start.
    public var uptimeSeconds: Int
    /// The addresses served.
    public var listen: [String]
    /// The number of workers.
    public var workers: Int
    /// The policy's name.
    public var policy: String
    /// The policy's hash.
    public var policyHash: String
    /// The periods that are active now.
    public var periods: [String]
    /// When the next bell rings (ISO 8601), if ever.
    public var nextBell: String?
    /// How many rules the policy has.
    public var rules: Int
    /// How many names are listed.
    public var names: Int
    /// What was counted.
    public var counts: Counts
    /// Answers kept.
    public var cacheEntries: Int
    /// Octets that they take.
    public var cacheBytes: Int
    /// Questions in flight.
    public var inFlight: Int
    /// The upstreams.
    public var upstreams: [UpstreamStatus]
}

extension Server {
    /// What there is to say right now.
    public var status: ServerStatus {
        let now = Moment.now
        let gate = gates.current.gate
        let policy = gate.loaded.policy
        let instant = Instant(seconds: now.wallSeconds)
        let plane = gate.plane(atSeconds: now.wallSeconds)
        return ServerStatus(
            uptimeSeconds: Int((now.monotonicMicros - startedAt.monotonicMicros) / 1_000_000),
            listen: addresses.map(\.description), workers: mailboxes.count, policy: policy.name,
            policyHash: gate.loaded.hash, periods: gate.loaded.program.activePeriods(at: instant),
            nextBell: plane.until == .max
                ? nil : policy.zone.iso8601(Instant(seconds: plane.until)),
            rules: policy.rules.count { $0.origin == .file }, names: gate.loaded.index.nameCount,
            counts: .init(
                queries: counters.sum(.queries), blocked: counters.sum(.blocked),
                rewritten: counters.sum(.rewritten),
                cacheHits: counters.sum(.cacheHits), forwarded: counters.sum(.forwarded),
                local: counters.sum(.local), failed: counters.sum(.failed),
                refused: counters.sum(.refused), malformed: counters.sum(.malformed),
                unsent: counters.sum(.unsent), overTCP: counters.sum(.overTCP),
                probes: counters.sum(.probes)),
            cacheEntries: cache.entryCount, cacheBytes: cache.usedBytes,
            inFlight: cache.inFlightCount,
            upstreams: settings.upstreams.all.map {
                .init(
                    address: $0.endpoint.description, up: $0.isUp, answers: $0.answers,
                    failures: $0.failures)
            })
    }
}

extension Server {
    /// An upstream that does not answer.
    public struct SilentUpstream: Sendable {
        /// As the configuration has it.
        public let address: String
        /// Why, as far as it is known.
        public let reason: String
    }

    /// Asks every upstream once, in a thread of its own, and then tells which do not answer.
    ///
    /// Nothing waits for it. `tell` runs on that thread, once, and not at all if the system has no
    /// thread left.
    public func probeUpstreams(_ tell: @escaping @Sendable ([SilentUpstream]) -> Void) {
        let upstreams = settings.upstreams.all
        let thread = Thread("bellgate-probe") {
            tell(
                upstreams.compactMap { upstream in
                    upstream.probe().map {
                        SilentUpstream(address: upstream.endpoint.description, reason: $0)
                    }
                })
        }
        thread?.detach()
    }
}
