import CPacketIO
public import DNSWire
public import DecisionLog
import DomainLists
public import Forwarding
import Glibc
import PolicyEngine
public import PolicyFile
import Synchronization

/// What a server is started with, besides the policy.
public struct ServerSettings: Sendable {
    /// The addresses served by UDP and TCP.
    public var listen: [Endpoint]
    /// How many workers; nil: one for each processor.
    public var workers: Int?
    /// Who may ask at all.
    public var allowFrom: [IPNetwork]
    /// Who answers what the policy allows.
    public var upstreams: UpstreamTable

    /// Takes all the parts.
    public init(
        listen: [Endpoint], workers: Int?, allowFrom: [IPNetwork], upstreams: UpstreamTable
    ) {
        self.listen = listen
        self.workers = workers
        self.allowFrom = allowFrom
        self.upstreams = upstreams
    }
}

/// Why a server could not start.
public struct ServerError: Error, CustomStringConvertible, Sendable {
    /// What is wrong and what to do about it.
    public let description: String
}

/// The running server: workers that answer, and a caretaker that keeps the log and the planes ahead
/// of them.
public final class Server: Sendable {
    private let settings: ServerSettings
    private let journal: Journal
    private let cache = AnswerCache()
    private let gates: GateStore
    private let counters = CountersRegister()
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let threads: [Thread]
    private let caretaker: Thread?
    private let isStopping: Flag
    private let startedAt = Moment.now

    /// The addresses that are served, with the ports that they really have.
    public let addresses: [Endpoint]

    /// A bool that threads share.
    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }

    /// Binds the addresses and starts to serve.
    ///
    /// - Throws: `ServerError` if an address cannot be served or the system has nothing left.
    public init(
        _ settings: ServerSettings, policy: LoadedPolicy, journal: Journal
    ) throws {
        self.settings = settings
        self.journal = journal
        Self.raiseDescriptorLimit()
        let workerCount = settings.workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let (addresses, listeners) = try Self.bind(settings.listen, workers: workerCount)
        self.addresses = addresses
        gates = GateStore(
            Gate(
                policy, dictionary: journal.register(Gate.dictionary(of: policy)),
                nowSeconds: startedAt.wallSeconds))
        let mailboxes = (0..<workerCount).compactMap { _ in Mailbox<WorkerMessage>() }
        guard mailboxes.count == workerCount else { throw Self.exhausted }
        self.mailboxes = mailboxes
        let allowed = ClientTable([settings.allowFrom])
        guard let readiness = Mailbox<Bool>() else { throw Self.exhausted }
        var threads: [Thread] = []
        for number in 0..<workerCount {
            let seed = WorkerSeed(
                number: number, listeners: listeners[number], cache: cache,
                upstreams: settings.upstreams, allowed: allowed, gates: gates, journal: journal,
                mailboxes: mailboxes, counters: counters, readiness: readiness)
            let body: @Sendable () -> Void = {
                if let worker = Worker(seed) { worker.run() } else { seed.readiness.post(false) }
            }
            guard let thread = Thread("bellgate-\(number)", body) else { throw Self.exhausted }
            threads.append(thread)
        }
        guard Self.allReady(workerCount, readiness) else { throw Self.exhausted }
        self.threads = threads
        let flag = Flag()
        isStopping = flag
        caretaker = Thread("bellgate-care") { [gates] in
            while !flag.isSet {
                journal.maintain(nowMicros: Moment.now.wallMicros)
                gates.current.0.prepareNextPlane(nowSeconds: Moment.now.wallSeconds)
                usleep(useconds_t(ServerLimits.maintenanceMilliseconds) * 1000)
            }
        }
    }

    /// Puts a new policy in force for every query from now on; no query is lost or held up.
    public func replacePolicy(_ policy: LoadedPolicy) {
        gates.replace(
            Gate(
                policy, dictionary: journal.register(Gate.dictionary(of: policy)),
                nowSeconds: Moment.now.wallSeconds))
    }

    /// Takes no more queries, answers those in flight, and closes the log.
    public func stop() {
        for mailbox in mailboxes { mailbox.post(.drain) }
        for thread in threads { thread.join() }
        isStopping.set()
        caretaker?.join()
        journal.close()
    }

    // MARK: - Starting

    private static let exhausted = ServerError(
        description: "the system gives no more threads or file descriptors; raise its limits")

    /// Waits until every worker has said whether it serves.
    private static func allReady(_ count: Int, _ readiness: Mailbox<Bool>) -> Bool {
        var words: [Bool] = []
        while words.count < count {
            var waited = pollfd(fd: readiness.descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: the kernel reads and fills in the one value.
            guard unsafe poll(&waited, 1, 5000) > 0 else { return false }
            words += readiness.takeAll()
        }
        return words.allSatisfy { $0 }
    }

    /// Questions in flight, clients' connections and list files all take descriptors.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        // SAFETY: the kernel fills in and reads the one value.
        guard unsafe getrlimit(__rlimit_resource_t(7), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 65536)
        _ = unsafe setrlimit(__rlimit_resource_t(7), &limit)
    }

    private static func bind(
        _ addresses: [Endpoint], workers: Int
    ) throws -> ([Endpoint], [[Listener]]) {
        var bound: [Endpoint] = []
        var listeners: [[Listener]] = Array(repeating: [], count: workers)
        for wanted in addresses {
            // First alone, so that a second server does not quietly take half of the queries.
            for type in [SOCK_DGRAM, SOCK_STREAM] where wanted.port != 0 {
                close(try socket(wanted, type, shared: false))
            }
            var place = wanted
            for worker in 0..<workers {
                let datagram = try socket(place, SOCK_DGRAM, shared: true)
                if place.port == 0 { place.port = cpio_local_port(datagram) }
                let stream = try socket(place, SOCK_STREAM, shared: true)
                listeners[worker].append(Listener(datagram: datagram, stream: stream))
            }
            bound.append(place)
        }
        return (bound, listeners)
    }

    private static func socket(
        _ place: Endpoint, _ type: __socket_type, shared: Bool
    ) throws -> Int32 {
        let descriptor = cpio_serve_socket(
            place.address.high, place.address.low, place.port, Int32(type.rawValue), shared)
        guard descriptor < 0 else { return descriptor }
        let reason = errno
        let hint: String
        switch reason {
        case EADDRINUSE:
            hint = "another program serves there; stop it, or change listen.dns"
        case EACCES:
            hint = "ports below 1024 need root or the capability cap_net_bind_service"
        case EADDRNOTAVAIL: hint = "this machine does not have that address; change listen.dns"
        default: hint = "change listen.dns"
        }
        throw ServerError(
            description:
                "cannot serve on \(place): \(unsafe String(cString: strerror(reason))); \(hint)")
    }
}

// MARK: - Status

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
        let (gate, _) = gates.current
        let policy = gate.loaded.policy
        let instant = Instant(seconds: now.wallSeconds)
        let plane = gate.plane(atSeconds: now.wallSeconds)
        return ServerStatus(
            uptimeSeconds: Int((now.monotonicMicros - startedAt.monotonicMicros) / 1_000_000),
            listen: addresses.map(\.description), workers: mailboxes.count, policy: policy.name,
            policyHash: gate.loaded.hash, periods: gate.loaded.program.activePeriods(at: instant),
            nextBell: plane.until == .max
                ? nil : policy.zone.iso8601(Instant(seconds: plane.until)),
            rules: policy.rules.count { !$0.isBuiltIn }, names: gate.loaded.index.nameCount,
            counts: .init(
                queries: counters.sum(.queries), blocked: counters.sum(.blocked),
                cacheHits: counters.sum(.cacheHits), forwarded: counters.sum(.forwarded),
                local: counters.sum(.local), failed: counters.sum(.failed),
                refused: counters.sum(.refused), malformed: counters.sum(.malformed),
                unsent: counters.sum(.unsent), overTCP: counters.sum(.overTCP)),
            cacheEntries: cache.entryCount, cacheBytes: cache.usedBytes,
            inFlight: cache.inFlightCount,
            upstreams: settings.upstreams.all.map {
                .init(
                    address: $0.endpoint.description, up: $0.isUp, answers: $0.answers,
                    failures: $0.failures)
            })
    }
}
