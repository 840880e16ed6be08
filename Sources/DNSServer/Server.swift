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
    /// What clients are told where a rule answers with the block page.
    public var pageAddresses: [IPAddress] = []

    /// The absolute path of the control socket, which probes of this machine are told; or empty.
    public var controlPath = ""

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
    let settings: ServerSettings
    private let journal: Journal
    let cache = AnswerCache()
    let gates: GateStore
    private let clients: Mutex<Seating>
    let counters = CountersRegister()
    let mailboxes: [Mailbox<WorkerMessage>]
    private let threads: [Thread]
    private let caretaker: Thread?
    private let isStopping: Flag
    let startedAt = Moment.now
    /// Who may prove what the server does.
    public let probes: ProbeDesk

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
    /// - Parameter network: what is known by now of who is where.
    /// - Throws: `ServerError` if an address cannot be served or the system has nothing left.
    public init(
        _ settings: ServerSettings, policy: LoadedPolicy, journal: Journal,
        network: PresentNetwork = PresentNetwork()
    ) throws {
        self.settings = settings
        self.journal = journal
        Self.raiseDescriptorLimit()
        let workerCount = settings.workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let (addresses, listeners) = try Self.bind(settings.listen, workers: workerCount)
        self.addresses = addresses
        probes = ProbeDesk(controlPath: settings.controlPath)
        probes.serve(on: addresses.map(\.address))
        var clients = Seating()
        clients.page = settings.pageAddresses
        clients.network = network
        gates = GateStore(clients.seat(in: policy, under: nil, journal.register))
        self.clients = Mutex(clients)
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
                mailboxes: mailboxes, counters: counters, probes: probes,
                readiness: readiness)
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
                let gate = gates.current.gate
                gate.prepareNextPlane(nowSeconds: Moment.now.wallSeconds)
                gate.releasePastPlane()
                gates.releasePast()
                usleep(useconds_t(ServerLimits.maintenanceMilliseconds) * 1000)
            }
        }
    }

    /// The policy in force.
    public var policy: LoadedPolicy { gates.current.gate.loaded }

    /// Puts a new policy in force for every query from now on; no query is lost or held up.
    public func replacePolicy(_ policy: LoadedPolicy) {
        clients.withLock { clients in
            gates.replace(clients.seat(in: policy, under: nil, journal.register))
        }
    }

    /// Goes by what is known now of who is where, for every query from now on.
    public func replaceNetwork(_ network: PresentNetwork) {
        clients.withLock { clients in
            clients.network = network
            let gate = gates.current.gate
            gates.replace(clients.seat(in: gate.loaded, under: gate, journal.register))
        }
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
