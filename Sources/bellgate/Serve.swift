import ArgumentParser
import CPacketIO
import DNSServer
import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Glibc
import PolicyEngine
import PolicyFile

/// `bellgate serve`: the server itself.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the server.",
        discussion: """
            Reads the configuration and the policy, then answers on every address of listen.dns \
            until it is told to stop.

              SIGHUP, a change to the policy file or to one of its lists, and `bellgate reload` \
            load the policy again while serving; a policy with mistakes is refused and the old \
            one goes on.
              SIGTERM and SIGINT answer what is in flight, close the log and end.

            Example:
              bellgate serve --config /etc/bellgate/bellgate.yaml
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    func run() throws {
        // Before any thread starts, so that all of them leave the signals to the loop below.
        let signals = SignalDescriptor([SIGHUP, SIGTERM, SIGINT])
        signal(SIGPIPE, SIG_IGN)
        let configuration = try readConfiguration(at: config)
        let load = loadPolicy(at: configuration.policyPath, now: .now)
        report(load.diagnostics)
        guard let policy = load.loaded else {
            say("the policy has mistakes, so nothing is served; mend them and start again")
            throw ExitCode.failure
        }
        do {
            let journal = try Journal(
                directory: configuration.logDirectory,
                segmentBytes: configuration.logSegmentBytes,
                keepSeconds: configuration.logKeepSeconds)
            let control = try ControlSocket(path: configuration.controlPath)
            let server = try Server(
                settings(of: configuration), policy: policy, journal: journal)
            let service = Service(
                configuration: configuration, server: server, journal: journal, control: control,
                signals: signals)
            service.watch(load.watchedFiles)
            announce(policy, server, configuration)
            service.run()
        } catch let error as ServerError {
            say("\(error)")
            throw ExitCode.failure
        } catch let error as JournalError {
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
        return ServerSettings(
            listen: configuration.listen, workers: workers, allowFrom: configuration.allowFrom,
            upstreams: upstreams)
    }

    private func announce(
        _ policy: LoadedPolicy, _ server: Server, _ configuration: ServerConfiguration
    ) {
        let upstreams = server.status.upstreams.map(\.address).joined(separator: ", ")
        say(
            "serving on \(server.addresses.map(\.description).joined(separator: ", ")) "
                + "(UDP and TCP); policy \"\(policy.policy.name)\" \(policy.hash), "
                + "\(policy.policy.rules.count { !$0.isBuiltIn }) rules, \(policy.index.nameCount) names; "
                + "upstreams \(upstreams); log \(configuration.logDirectory)")
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
