import ArgumentParser
import DNSServer
import Foundation
import Glibc
import PolicyFile

/// `bellgate status`: what the running server is doing.
struct StatusVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say what the running server is doing.",
        discussion: """
            Asks the server through its control socket. Exit status 1 if it does not run or if there \
            is something to look at.

            EXAMPLES
              bellgate status --config /etc/bellgate/bellgate.yaml
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let reply = try askServer("status", config: config)
        guard let status = try? JSONDecoder().decode(Service.Status.self, from: Data(reply.utf8))
        else {
            say("the server's reply cannot be read; is it of the same version?")
            throw ExitCode.failure
        }
        print(json ? reply : Self.text(status) + "\n", terminator: "")
        if !status.warnings.isEmpty { throw ExitCode.failure }
    }

    private static func text(_ status: Service.Status) -> String {
        let server = status.server
        let counts = server.counts
        var lines = [
            row(
                "serving", "\(server.listen.joined(separator: ", ")) with \(server.workers) workers"
            ),
            row("process", "\(status.pid), up \(duration(server.uptimeSeconds))"),
            row("policy", "\(server.policy) (\(server.policyHash))"),
            row("", "\(server.rules) rules, \(server.names) listed names"),
            row(
                "the bell",
                (server.periods.isEmpty ? "no period now" : server.periods.joined(separator: ", "))
                    + (server.nextBell.map { "; next change \($0)" } ?? "; never changes")),
            row(
                "queries",
                "\(counts.queries) (\(counts.overTCP) by TCP): \(counts.blocked) blocked, "
                    + (counts.rewritten > 0 ? "\(counts.rewritten) made safe, " : "")
                    + "\(counts.cacheHits) from the cache, \(counts.forwarded) asked upstream, "
                    + "\(counts.local) answered here"),
            row(
                "",
                "\(counts.failed) failed, \(counts.refused) refused, \(counts.malformed) malformed, "
                    + "\(counts.unsent) not sent, \(server.inFlight) in flight"
                    + (counts.probes > 0 ? "; beside these \(counts.probes) of probes" : "")),
            row("cache", "\(server.cacheEntries) kept, \((server.cacheBytes + 1023) / 1024) KiB"),
        ]
        for (number, upstream) in server.upstreams.enumerated() {
            lines.append(
                row(
                    number == 0 ? "upstreams" : "",
                    "\(upstream.address) \(upstream.up ? "up" : "DOWN"), "
                        + "\(upstream.answers) answers, \(upstream.failures) failures"))
        }
        lines.append(
            row(
                "log",
                "\(status.log.directory), next seq \(status.log.nextSeq), "
                    + "\(status.log.lost) not recorded"))
        lines.append(
            row(
                "store",
                "up to seq \(status.store.storedSeq), \(status.store.behind) rows behind the log"
                    + (status.store.problem == nil ? "" : ", AND STANDS STILL")))
        for (number, list) in status.lists.enumerated() {
            lines.append(
                row(
                    number == 0 ? "lists" : "",
                    "\(list.name): \(list.names) names, "
                        + (list.ageSeconds.map { "\(ListStatus.age($0)) old" } ?? "never fetched")))
        }
        lines += IdentityRows.lines(status.identity, row)
        if let reload = status.lastReload {
            lines.append(
                row("last reload", "\(reload.at): \(reload.ok ? "loaded" : "REFUSED")"))
        }
        for warning in status.warnings { lines.append(row("WARNING", warning)) }
        for error in status.lastReload?.errors ?? [] { lines.append(row("", error)) }
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ value: String) -> String {
        name.padding(toLength: 13, withPad: " ", startingAt: 0) + value
    }

    private static func duration(_ seconds: Int) -> String {
        let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60)
        if days > 0 { return "\(days) d \(hours) h" }
        if hours > 0 { return "\(hours) h \(minutes) min" }
        return minutes > 0 ? "\(minutes) min \(seconds % 60) s" : "\(seconds) s"
    }
}

/// `bellgate reload`: loads the policy again, now, and says what came of it.
struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the running server load its policy again.",
        discussion: """
            Waits until it is done. A policy with mistakes is refused: they are printed, the old \
            policy goes on, and the exit status is 1.

            EXAMPLES
              bellgate reload --config /etc/bellgate/bellgate.yaml
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let reply = try askServer("reload", config: config)
        guard
            let result = try? JSONDecoder().decode(
                Service.ReloadResult.self, from: Data(reply.utf8))
        else {
            say("the server's reply cannot be read; is it of the same version?")
            throw ExitCode.failure
        }
        if json {
            print(reply, terminator: "")
        } else {
            for line in result.errors + result.warnings { say(line) }
            print(
                result.ok
                    ? "loaded: policy \(result.policyHash) is in force"
                    : "refused: policy \(result.policyHash) stays in force")
        }
        if !result.ok { throw ExitCode.failure }
    }
}

/// Sends a request to the server of a configuration; ends the verb if none is running.
private func askServer(_ request: String, config: String) throws -> String {
    let configuration = try readConfiguration(at: config)
    let path = configuration.controlPath
    if let reply = ControlSocket.ask(path, request) { return reply }
    // SAFETY: the path is passed as a C string for the length of the call.
    if unsafe access(path, W_OK) != 0, errno == EACCES {
        say("this user may not use \(path); ask as the user that runs the server, or as root")
    } else {
        say(
            "no server is listening on \(path); start one with "
                + "`bellgate serve --config \(config)`")
    }
    throw ExitCode.failure
}
