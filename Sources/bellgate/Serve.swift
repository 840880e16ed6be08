import ArgumentParser
import BlockPage
import CPacketIO
import DNSServer
import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Glibc
import Identity
import PolicyEngine
import PolicyFile

/// `bellgate serve`: the server itself.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the server.",
        discussion: """
            Reads the configuration and the policy, then answers on every address of listen.dns \
            until it is told to stop. Its own news goes to standard error.

            The policy is loaded again, while serving, when its file or one of its lists changes, \
            on SIGHUP, and by `bellgate reload`. A policy with mistakes is refused and the old one \
            goes on. bellgate.yaml itself is read at the start alone.

            SIGTERM and SIGINT (Ctrl-C) answer what is in flight, close the log and end.

            EXAMPLES
              bellgate serve --config /etc/bellgate/bellgate.yaml
              bellgate serve --config deploy/samples/kite/bellgate.yaml --port 5310
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Option(help: "Serve on this port instead of those of listen.dns.")
    var port: UInt16?

    func validate() throws {
        if port == 0 { throw ValidationError("A port is a number from 1 to 65535.") }
    }

    func run() throws {
        // Before any thread starts, so that all of them leave the signals to the loop below.
        let signals = SignalDescriptor([SIGHUP, SIGTERM, SIGINT])
        signal(SIGPIPE, SIG_IGN)
        var configuration = try readConfiguration(at: config)
        if let port {
            for place in configuration.listen.indices { configuration.listen[place].port = port }
        }
        leaveOutMissingLoopback(&configuration.listen)
        // Watched before it is read: lists may take seconds, and an edit meanwhile shall not be missed.
        let watcher = FileWatcher()
        watcher?.watch([configuration.policyPath])
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: true,
            hasBlockPage: configuration.blockPage != nil)
        report(load.diagnostics)
        guard let policy = load.loaded else {
            say("the policy has mistakes, so nothing is served; mend them and start again")
            throw ExitCode.failure
        }
        do {
            let journal = try Journal(
                directory: configuration.logDirectory,
                segmentBytes: configuration.logSegmentBytes,
                keepSeconds: configuration.logKeepSeconds,
                syncSeconds: configuration.logSyncSeconds)
            let control = try ControlSocket(path: configuration.controlPath)
            let (suspended, problems) = Service.suspending(policy, configuration.logDirectory)
            let identity = try IdentityService(
                configuration.identity, sessions: configuration.logDirectory + "/logins",
                policy: policy)
            let server = try Server(
                settings(of: configuration), policy: suspended, journal: journal,
                network: identity.network)
            let page = try blockPage(configuration, server, identity)
            let service = Service(
                configuration: configuration, server: server, journal: journal, control: control,
                signals: signals, watcher: watcher, suspensionProblems: problems, blockPage: page,
                alerts: AlertService(
                    configuration, policy: policy, lastSeq: journal.status.nextSeq - 1),
                identity: identity)
            service.follow(load)
            announce(policy, server, configuration)
            for line in journal.status.findings { say("the log: \(line); see log verify") }
            if let exposure = journal.status.exposure { say("warning: \(exposure)") }
            malloc_trim(0)
            let upstreamCount = server.status.upstreams.count
            server.probeUpstreams { tellOfSilent($0, of: upstreamCount) }
            service.run()
        } catch
            where error is ServerError || error is BlockPageError || error is JournalError
            || error is IdentityError
        {
            say("\(error)")
            throw ExitCode.failure
        }
    }

    private func settings(of configuration: ServerConfiguration) -> ServerSettings {
        let workers: Int?
        if case .fixed(let count) = configuration.workers { workers = count } else { workers = nil }
        let upstreams = UpstreamTable(
            defaults: configuration.upstreams.flatMap(UpstreamEndpoint.from),
            zones: configuration.forward.map {
                ($0.zone, $0.servers.flatMap(UpstreamEndpoint.from))
            })
        var settings = ServerSettings(
            listen: configuration.listen, workers: workers, allowFrom: configuration.allowFrom,
            upstreams: upstreams)
        settings.controlPath = absolutePath(configuration.controlPath)
        settings.pageAddresses = configuration.blockPage?.addresses ?? []
        return settings
    }

    /// Serves the page that says why a name is blocked, if there is to be one.
    private func blockPage(
        _ configuration: ServerConfiguration, _ server: Server, _ identity: IdentityService
    ) throws -> BlockPageServer? {
        guard let settings = configuration.blockPage else { return nil }
        let page = try BlockPageServer(
            listen: settings.listen, allowFrom: configuration.allowFrom,
            logDirectory: configuration.logDirectory,
            tellsAtOnce: settings.reportsToAlerts && configuration.alerts != nil,
            nowSeconds: { Instant.now.seconds },
            news: { say($0) }, policy: { server.policy },
            presence: { Whereabout(identity.network, $0).presence })
        let places = page.addresses.map(\.description).joined(separator: ", ")
        let told = settings.addresses.map(\.description).joined(separator: ", ")
        say("block page on \(places) (HTTP); blocked clients are told \(told)")
        return page
    }

    private func announce(
        _ policy: LoadedPolicy, _ server: Server, _ configuration: ServerConfiguration
    ) {
        let status = server.status
        let upstreams = status.upstreams.map(\.address).joined(separator: ", ")
        say("serving on \(status.listen.joined(separator: ", ")) (UDP and TCP)")
        say(
            "policy \"\(status.policy)\" (\(status.policyHash)): \(status.rules) rules, "
                + "\(status.names) listed names, from \(policy.path)")
        say(
            "the bell: \(status.periods.last ?? "no period now")"
                + (status.nextBell.map { ", next change \($0)" } ?? ", never changes"))
        say(
            "log \(configuration.logDirectory); upstreams \(upstreams.isEmpty ? "none" : upstreams)"
        )
    }
}

/// Leaves `::1` out where this machine has no IPv6, as many containers have none: nobody could ask
/// there. Any other address that is not here is a mistake, which ends the start.
private func leaveOutMissingLoopback(_ listen: inout [Endpoint]) {
    let loopback = IPAddress(high: 0, low: 1)
    let missing = listen.filter { $0.address == loopback }
    guard !missing.isEmpty, missing.count < listen.count, !hasLoopbackV6() else { return }
    listen.removeAll { $0.address == loopback }
    for place in missing { say("this machine has no IPv6, so \(place) is not served") }
}

private func hasLoopbackV6() -> Bool {
    let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_addr = in6addr_loopback
    // SAFETY: the address outlives the call, and its size is passed with it.
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
        }
    }
}

/// Says which upstreams did not answer at the start; nothing when all is well.
private func tellOfSilent(_ silent: [Server.SilentUpstream], of count: Int) {
    if count == 0 {
        say(
            "there is no upstream: /etc/resolv.conf names none; names that the policy allows fail. "
                + "Give addresses under upstreams: and start again")
    }
    let meanwhile =
        silent.count == count
        ? "names that the policy allows fail until it does" : "others are asked meanwhile"
    for upstream in silent {
        say("upstream \(upstream.address) does not answer: \(upstream.reason); \(meanwhile)")
    }
}

extension UpstreamEndpoint {
    /// What an upstream of the configuration stands for.
    static func from(_ upstream: PolicyFile.Upstream) -> [UpstreamEndpoint] {
        switch upstream {
        case .system:
            return systemResolvers().map { .plain(address: $0.address, port: $0.port) }
        case .demo: return [.demo]
        case .plain(let place): return [.plain(address: place.address, port: place.port)]
        case .tls(let place, let name):
            return [
                .encrypted(
                    .tls(
                        address: place.address, port: place.port,
                        serverName: name.isEmpty ? nil : name))
            ]
        case .https(let host, let port, let path):
            return [
                .encrypted(
                    .https(
                        host: host, port: port, path: path,
                        addresses: IPAddress(host).map { [$0] } ?? []))
            ]
        }
    }
}

extension Instant {
    /// The present instant by the wall clock.
    static var now: Instant { Instant(seconds: Int64(time(nil))) }
}

/// Writes one line of the server's own news to standard error.
func say(_ text: String) { standardError("bellgate: \(text)") }

/// Writes findings about a file to standard error, a line each.
func report(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics { standardError("\(diagnostic)") }
}

/// Reads `bellgate.yaml`, reports what is wrong with it, and ends the verb if it cannot be used.
func readConfiguration(at path: String) throws -> ServerConfiguration {
    let load = loadConfiguration(at: path)
    report(load.diagnostics)
    guard let configuration = load.configuration else { throw ExitCode.failure }
    return configuration
}
