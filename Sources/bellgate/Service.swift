import BlockPage
import CPacketIO
import DNSServer
import DNSWire
import DecisionLog
import DomainLists
import Foundation
import Glibc
import Identity
import PolicyEngine
import PolicyFile

/// The main thread of a running server: waits for signals, changed files and `bellgate status`,
/// and loads the policy again when it is to be.
///
/// Nothing here is on a query's way: the workers go on whatever this thread does.
final class Service {
    private let configuration: ServerConfiguration
    private let server: Server
    private let journal: Journal
    private let control: ControlSocket
    private let signals: SignalDescriptor
    private let watcher: FileWatcher?
    private let follower: Follower
    private let listKeeper: ListKeeper
    private let alerts: AlertService?
    private let useWatch: UseWatch
    private let blockPage: BlockPageServer?
    private let identity: IdentityService
    private var lastReload: ReloadResult?
    /// What cannot be read of the suspensions that are written down.
    private var suspensionProblems: [String]
    /// What keeps the policy's exceptions from being put on record.
    private var exceptionProblem: String?
    /// When files have settled and are to be read, in monotonic milliseconds.
    private var reloadDue: Int64?
    private var toldOfLogFailure: String?
    private var toldOfDownUpstreams: Set<String> = []
    private var toldOfIdentity: Set<String> = []
    private var isStopping = false

    /// How long file changes must have settled before they are read, in milliseconds: editors
    /// write in several steps.
    private static let settleMilliseconds: Int64 = 200
    /// How often the log's and the upstreams' health are looked at, in milliseconds.
    private static let lookMilliseconds: Int32 = 1000

    /// What became of a reload, for `bellgate reload` and `bellgate status`.
    struct ReloadResult: Codable {
        var ok: Bool
        var at: String
        var policyHash: String
        var errors: [String]
        var warnings: [String]
    }

    /// What `bellgate status --json` prints.
    struct Status: Codable {
        var pid: Int32
        var server: ServerStatus
        var log: LogStatus
        var store: StoreStatus
        /// The lists that come from the web.
        var lists: [ListStatus]
        /// Who tells who is where; absent where nobody has to.
        var identity: IdentityStatus?
        var lastReload: ReloadResult?
        /// What a person should look at.
        var warnings: [String]
    }

    /// The log's part of the status.
    struct LogStatus: Codable {
        var directory: String
        var nextSeq: UInt64
        var file: String?
        var lost: UInt64
        var failure: String?
    }

    /// The store's part of the status.
    struct StoreStatus: Codable {
        /// All rows up to this seq are in the store.
        var storedSeq: UInt64
        /// How many rows are only in the log yet.
        var behind: UInt64
        /// What keeps it from going on.
        var problem: String?
    }

    init(
        configuration: ServerConfiguration, server: Server, journal: Journal,
        control: ControlSocket, signals: SignalDescriptor, watcher: FileWatcher?,
        suspensionProblems: [String], blockPage: BlockPageServer?, alerts: AlertService?,
        identity: IdentityService
    ) {
        self.blockPage = blockPage
        self.identity = identity
        self.alerts = alerts
        self.configuration = configuration
        self.server = server
        self.journal = journal
        self.control = control
        self.signals = signals
        self.watcher = watcher
        self.suspensionProblems = suspensionProblems
        useWatch = UseWatch(
            logDirectory: configuration.logDirectory, policy: server.policy, alerts: alerts)
        listKeeper = ListKeeper(
            configurationPath: configuration.path, copies: configuration.listCopies)
        follower = Follower(
            journal: journal, logDirectory: configuration.logDirectory,
            keepSeconds: configuration.logKeepSeconds)
    }

    /// Loads the policy again whenever one of the files changes that it was read from, and has its
    /// lists from the web kept fresh.
    func follow(_ load: PolicyLoad) {
        listKeeper.keep(load.webLists)
        watch(load.watchedFiles)
    }

    private func watch(_ paths: [String]) {
        watcher?.watch(paths + [configuration.policyPath])
    }

    /// Runs until a signal says stop; then drains and closes.
    func run() {
        var waited = [
            pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: control.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: watcher?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        follower.start()
        noteExceptions(of: server.policy)
        alerts?.start()
        useWatch.start()
        identity.start(publish: server.replaceNetwork)
        while !isStopping {
            // SAFETY: the array outlives the call and the count is its own.
            _ = unsafe poll(&waited, nfds_t(waited.count), timeout())
            if waited[0].revents != 0 { takeSignals() }
            if waited[1].revents != 0 { control.serveOne(reply) }
            if waited[2].revents != 0, watcher?.takeEvents() == true {
                reloadDue = Self.now + Self.settleMilliseconds
            }
            if let due = reloadDue, Self.now >= due { _ = reload() }
            listKeeper.look()
            tellOfTrouble()
        }
        listKeeper.stop()
        useWatch.stop()
        alerts?.stop()
        blockPage?.stop()
        identity.stop()
        say("stopping: answering what is in flight")
        server.stop()
        follower.stop()
        say("stopped")
    }

    private static var now: Int64 {
        var time = timespec()
        // SAFETY: the kernel fills in the one value.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private func timeout() -> Int32 {
        guard let due = reloadDue else { return Self.lookMilliseconds }
        return Int32(clamping: max(0, due - Self.now))
    }

    private func takeSignals() {
        for number in signals.takeAll() {
            if number == SIGHUP {
                _ = reload()
            } else {
                isStopping = true
            }
        }
    }

    // MARK: - Reload

    private func reload() -> ReloadResult {
        reloadDue = nil
        let (path, folder) = (configuration.policyPath, configuration.indexFolder)
        let copies = configuration.listCopies
        let load = loadPolicy(
            at: path, now: .now,
            compilation: ListCompilation(
                folder: folder,
                elsewhere: {
                    ListsElsewhere.compile(policy: path, folder: folder, copies: copies.folder)
                }),
            copies: copies, hasBlockPage: configuration.blockPage != nil)
        report(load.diagnostics)
        let old = server.status
        if let policy = load.loaded {
            server.replacePolicy(suspending(policy))
            noteExceptions(of: policy)
            alerts?.replacePolicy(policy)
            useWatch.replacePolicy(policy)
            identity.replacePolicy(policy)
            say(
                "policy reloaded: \(policy.hash), \(policy.policy.rules.count { $0.origin == .file }) rules, "
                    + "\(policy.index.nameCount) names")
        } else {
            say(
                "the policy has mistakes and was not loaded; the one in force, \(old.policyHash), "
                    + "goes on")
        }
        // What compiling took is given back to the system, not kept for the next time.
        malloc_trim(0)
        // A policy that does not load may refer to files that are about to be mended.
        follow(load)
        let result = ReloadResult(
            ok: load.loaded != nil, at: Self.timestamp, policyHash: server.status.policyHash,
            errors: load.diagnostics.filter { $0.severity == .error }.map(\.description),
            warnings: load.diagnostics.filter { $0.severity == .warning }.map(\.description))
        lastReload = result
        return result
    }

    private static var timestamp: String {
        Date().formatted(.iso8601)
    }

    // MARK: - Exceptions and suspensions

    /// Puts the exceptions of the policy in force on record.
    private func noteExceptions(of policy: LoadedPolicy) {
        exceptionProblem = ExceptionRegister(directory: configuration.logDirectory)
            .note(policy.exceptions)
        if let exceptionProblem { say("warning: \(exceptionProblem)") }
    }

    /// Puts into effect what is written down beside the log.
    private func takeUpSuspensions() -> SuspensionReply {
        let policy = suspending(server.policy)
        server.replacePolicy(policy)
        say("suspensions: \(policy.policy.suspensions.count) in force")
        return SuspensionReply(
            inForce: policy.policy.suspensions.count, problems: suspensionProblems)
    }

    private func suspending(_ policy: LoadedPolicy) -> LoadedPolicy {
        let (suspended, problems) = Self.suspending(policy, configuration.logDirectory)
        suspensionProblems = problems
        return suspended
    }

    /// A policy with the suspensions that are not over yet; says what cannot be read.
    static func suspending(
        _ policy: LoadedPolicy, _ directory: String
    ) -> (policy: LoadedPolicy, problems: [String]) {
        var problems: [String] = []
        let suspended = policy.suspending(
            bySuspensionsOf: directory, openAt: WallClock.nowMicros / 1_000_000
        ) { problems.append("\(directory)/\($0); see `bellgate suspensions`") }
        for problem in problems { say("warning: \(problem)") }
        return (suspended, problems)
    }

    // MARK: - Control

    private func reply(_ request: String) -> String {
        let words = request.split(whereSeparator: \.isWhitespace).map(String.init)
        if words.first == Whereabout.request, words.count == 2, let address = IPAddress(words[1]) {
            return Self.json(Whereabout(identity.network, address))
        }
        switch words.joined(separator: " ") {
        case "status": return Self.json(status)
        case "reload": return Self.json(reload())
        case ProbeGrant.request: return Self.json(probeGrant)
        case SuspensionReply.request: return Self.json(takeUpSuspensions())
        default:
            return Self.json([
                "error":
                    "unknown request; this server knows status, reload, \(ProbeGrant.request), "
                    + "\(SuspensionReply.request) and \(Whereabout.request) ADDRESS"
            ])
        }
    }

    /// The key with which the server's own user may ask it as anybody, at any time.
    private var probeGrant: ProbeGrant {
        ProbeGrant(
            key: server.probes.issueKey(), policyHash: server.policy.hash,
            version: ProductVersion.text)
    }

    private var status: Status {
        let server = server.status
        let log = journal.status
        var warnings: [String] = []
        if let failure = log.failure {
            warnings.append(
                "decisions are not being recorded: \(failure); make room in "
                    + "\(configuration.logDirectory)")
        }
        if let failure = log.syncFailure {
            warnings.append("the log is not reaching the disk: \(failure)")
        }
        if let failure = log.auditFailure {
            warnings.append("\(failure); nothing older than keep is deleted until it can be noted")
        }
        if let exposure = log.exposure { warnings.append(exposure) }
        warnings += suspensionProblems
        if let exceptionProblem { warnings.append(exceptionProblem) }
        if log.lostCount > 0 { warnings.append("\(log.lostCount) decisions were not recorded") }
        let store = follower.status
        if let problem = store.problem {
            warnings.append("\(problem); questions are answered from the log itself")
        }
        for upstream in server.upstreams where !upstream.up {
            warnings.append("upstream \(upstream.address) does not answer")
        }
        if let lastReload, !lastReload.ok {
            warnings.append("the policy file has mistakes; the policy loaded before goes on")
        }
        if let problem = alerts?.status.problem {
            warnings.append("alerts are not getting through: \(problem)")
        }
        if let problem = useWatch.problem {
            warnings.append("limits of use are not watched: \(problem)")
        }
        warnings += ReviewState.late(
            configuration.logDirectory, self.server.policy.policy, now: .now)
        if let words = ReportsVerb.warning(directory: configuration.logDirectory) {
            warnings.append(words)
        }
        let who = identity.status
        warnings += who.warnings
        let lists = listKeeper.status
        for list in lists where list.needsLook {
            warnings.append("list \(list.name): \(list.stateText)")
        }
        return Status(
            pid: getpid(), server: server,
            log: LogStatus(
                directory: configuration.logDirectory, nextSeq: log.nextSeq, file: log.segmentFile,
                lost: log.lostCount, failure: log.failure),
            store: StoreStatus(
                storedSeq: store.storedSeq,
                behind: log.nextSeq - 1 - min(store.storedSeq, log.nextSeq - 1),
                problem: store.problem),
            lists: lists, identity: who.isEmpty ? nil : who, lastReload: lastReload,
            warnings: warnings)
    }

    private static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return "{}\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    // MARK: - Trouble

    /// Says once when something goes wrong, and once when it is right again.
    private func tellOfTrouble() {
        let failure = journal.status.failure
        if failure != toldOfLogFailure {
            if let failure {
                say(
                    "DECISIONS ARE NOT BEING RECORDED: \(failure); answers go on by the policy, "
                        + "what is lost is counted and will be noted in the log; make room in "
                        + "\(configuration.logDirectory)")
            } else {
                say("decisions are recorded again; \(journal.status.lostCount) were lost")
            }
            toldOfLogFailure = failure
        }
        let upstreams = server.status.upstreams
        let down = Set(upstreams.filter { !$0.up }.map(\.address))
        let meanwhile =
            down.count < upstreams.count
            ? "others are asked" : "none is left, so names that the policy allows fail"
        for address in down.subtracting(toldOfDownUpstreams).sorted() {
            say("upstream \(address) does not answer; \(meanwhile), and it is tried again")
        }
        for address in toldOfDownUpstreams.subtracting(down).sorted() {
            say("upstream \(address) answers again")
        }
        toldOfDownUpstreams = down
        let warnings = Set(identity.status.warnings)
        for warning in warnings.subtracting(toldOfIdentity).sorted() { say("warning: \(warning)") }
        toldOfIdentity = warnings
    }
}

/// Signals as something to wait for.
final class SignalDescriptor {
    /// Becomes readable when one of the signals has come.
    let descriptor: Int32

    /// Takes these signals away from the process's ordinary ways; before any thread is started.
    init(_ signals: [Int32]) {
        var set = sigset_t()
        // SAFETY: the calls fill in and read the one set.
        unsafe sigemptyset(&set)
        for number in signals { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
    }

    deinit { close(descriptor) }

    /// The signals that have come.
    func takeAll() -> [Int32] {
        var numbers: [Int32] = []
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        // SAFETY: the kernel fills in whole values of this size.
        while unsafe read(descriptor, &info, size) == size {
            numbers.append(Int32(bitPattern: info.ssi_signo))
        }
        return numbers
    }
}
