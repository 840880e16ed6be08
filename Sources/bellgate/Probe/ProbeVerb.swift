import ArgumentParser
import CPacketIO
import DNSWire
import Foundation
import Glibc
import PolicyEngine
import PolicyFile
import Review

/// `bellgate probe`: proves that the running server does what its policy says.
struct ProbeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Prove, cell by cell, that a running server does what its policy says.",
        discussion: """
            Asks the running server through its own listeners, by UDP and TCP, for every group, \
            network, login and kind of device × every category and list × every period of a term day, a \
            weekend, a closed day and a holiday, as that device at that instant, and compares with what \
            the policy file says. The key for that comes through the control socket, so run it as the server's own user, on the \
            server's machine. What is asked so is counted in `status` and stands in no record.

            Writes a dated record for the annual review: a page to print, and the same as JSON. Exit \
            status 1 where anything differs; then one action is open in `bellgate review`.

            With --server, those servers of this machine are asked and compared with each other, too.

            EXAMPLES
              sudo -u bellgate bellgate probe --config /etc/bellgate/bellgate.yaml
              bellgate probe --config bellgate.yaml --out reviews --json
              bellgate probe --config a.yaml --server 10.0.0.53:53 --server 10.0.0.54:53
            """)

    @Option(
        help: ArgumentHelp("The configuration with the policy to compare with.", valueName: "file"))
    var config: String

    @Option(
        name: .customLong("server"),
        help: ArgumentHelp(
            "A server to ask, in place of the configuration's own; may be repeated.",
            valueName: "address:port"))
    var servers: [String] = []

    @Option(
        help: ArgumentHelp(
            "The folder for the record; `reviews` beside the log unless given.", valueName: "folder"
        ))
    var out: String?

    @Flag(help: "Print the record as one JSON object.")
    var json = false

    func validate() throws {
        for server in servers where Endpoint(server) == nil {
            throw ValidationError(
                "\"\(server)\" is no address with a port; write 127.0.0.1:53 or [::1]:53.")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        report(load.diagnostics)
        guard let loaded = load.loaded else { throw ExitCode.failure }
        let now = Instant.now
        let policy = loaded.suspending(
            bySuspensionsOf: configuration.logDirectory, openAt: now.seconds
        ) { say("warning: \(configuration.logDirectory)/\($0)") }
        let targets = try targets(configuration)
        var run = ProbeRun(
            ProbePlan(policy, allowFrom: configuration.allowFrom, now: now), at: now,
            servers: targets.count)
        do {
            for (client, grant) in targets {
                if grant.policyHash != loaded.hash {
                    say(
                        "\(client.server) has policy \(grant.policyHash) in force, and "
                            + "\(configuration.policyPath) is \(loaded.hash): see `bellgate status`"
                    )
                }
                try run.ask(client, grant)
            }
        } catch {
            say("\(error)")
            throw ExitCode.failure
        }
        run.compareServers()
        let files = try write(run.record, configuration)
        print(json ? try run.record.json() : ProbeWords.text(run.record, files), terminator: "")
        guard run.record.isFine else {
            openAction(run.record, configuration, policy.policy.zone, files.html)
            throw ExitCode.failure
        }
    }

    // MARK: Whom to ask

    private func targets(
        _ configuration: ServerConfiguration
    ) throws -> [(ProbeClient, ProbeGrant)] {
        guard !servers.isEmpty else {
            guard let grant = ProbeGrant.ask(configuration.controlPath) else {
                say(
                    "no server answers on \(configuration.controlPath); start it, or run this as its "
                        + "own user")
                throw ExitCode.failure
            }
            return configuration.listen.filter(\.isReachable).map {
                (ProbeClient(server: $0.reachable, key: grant.key), grant)
            }
        }
        return try servers.compactMap { Endpoint($0) }.map { server in
            guard let path = ProbeClient.controlPath(of: server) else {
                say(
                    "\(server) tells no control socket: no Bellgate of this machine serves there; "
                        + "run the probe on the server's own machine")
                throw ExitCode.failure
            }
            guard let grant = ProbeGrant.ask(path) else {
                say("\(server): no access to \(path); run this as the server's own user")
                throw ExitCode.failure
            }
            return (ProbeClient(server: server, key: grant.key), grant)
        }
    }

    // MARK: The record

    private func write(
        _ record: ProbeRecord, _ configuration: ServerConfiguration
    ) throws -> (html: String, json: String) {
        let folder = out ?? ReviewFolder.beside(log: configuration.logDirectory)
        // 2026-11-24T101500: a name that every file system takes.
        let stamp = record.at.prefix(19).replacing(":", with: "")
        let start = "\(folder)/probe-\(stamp)"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let files = (html: start + ".html", json: start + ".json")
            for (path, text) in [(files.html, record.html()), (files.json, try record.json())] {
                guard
                    FileManager.default.createFile(
                        atPath: path, contents: Data(text.utf8),
                        attributes: [.posixPermissions: 0o600])
                else { throw CocoaError(.fileWriteUnknown) }
            }
            return files
        } catch {
            say("the record cannot be written to \(folder): \(error.localizedDescription)")
            throw ExitCode.failure
        }
    }

    private func openAction(
        _ record: ProbeRecord, _ configuration: ServerConfiguration, _ zone: ZoneRules,
        _ file: String
    ) {
        let first = record.differences.first.map { ProbeWords.brief($0) }
        let issue =
            record.differing + record.drifting > 0
            ? "The probe found \(record.differing) answers that differ from the policy"
                + (record.drifting > 0
                    ? " and \(record.drifting) cells that differ between servers" : "")
                + (first.map { ": \($0)" } ?? "")
            : "Another policy is in force than the policy file"
        do {
            let action = try ReviewBook.update(
                configuration.logDirectory, zone: zone
            ) { book, today in
                book.open(
                    issue: issue + " (\(file))", owner: "it", due: today.advanced(byDays: 14),
                    source: "probe", today: today)
            }
            if let action {
                say("action \(action) is open: see `bellgate review actions`")
            } else {
                say("an action about the probe is open already: see `bellgate review actions`")
            }
        } catch {
            say("no action could be opened: \(error)")
        }
    }
}

extension Endpoint {
    /// Reads `127.0.0.1:53` or `[::1]:53`.
    fileprivate init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)) else { return nil }
        self.init(address: address, port: port)
    }

    private var isAny: Bool {
        self.address == IPAddress(v4: 0) || address == IPAddress(high: 0, low: 0)
    }

    /// Where a program of this machine reaches it: of "every address" loopback.
    fileprivate var reachable: Endpoint {
        guard isAny else { return self }
        return Endpoint(
            address: address.isV4 ? IPAddress(v4: 0x7F00_0001) : IPAddress(high: 0, low: 1),
            port: port)
    }

    /// Whether this machine has the address at all; many containers have no `::1`.
    fileprivate var isReachable: Bool {
        let place = reachable
        let socket = cpio_ask_socket(place.address.high, place.address.low, place.port, 0)
        if socket >= 0 { close(socket) }
        return socket >= 0
    }
}
