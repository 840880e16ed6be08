import ArgumentParser
import DNSWire
import DecisionLog
import LogStore
import PolicyFile
import Replay

/// `bellgate replay`: what a new policy would have decided otherwise on recorded queries.
struct ReplayVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Try a policy on recorded queries before it meets a classroom.",
        discussion: """
            Decides every recorded query again, at the instant when it was asked, by the policy in \
            force and by the new one, exactly as the server does, and shows where the two differ. \
            The lists of both are taken as they are now. Whoever was known by a card's address or \
            a login is judged as the device or person that the record names. Nothing is changed: \
            not the server, not the log. Clients are shown by pseudonym; --identify with a --reason shows their addresses, \
            and first notes who looks, and why, in the log's audit trail.

            Where the record itself says otherwise than the policy in force, since an older one \
            decided then, that is told apart. An answer's aliases are recorded only where one was \
            blocked: what cannot be judged again for that reason is counted as such.

            Instants are given as for `bellgate log`. Exit status 0 whether something differs or \
            not; 1 if a policy does not load or nothing was recorded.

            EXAMPLES
              bellgate replay --config /etc/bellgate/bellgate.yaml --with new.yaml \\
                --since 2026-11-23 --until 2026-11-24
              bellgate replay --with new.yaml --since 7d --group learner --limit 50
              bellgate replay --with new.yaml --since 1d --json | jq '.changes.allowToBlock'
            """)

    @Option(
        help: ArgumentHelp(
            "The server's configuration, which names the policy in force and the log.",
            valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The policy to be tried.", valueName: "file"))
    var with: String

    @OptionGroup var filter: LogFilterOptions
    @OptionGroup var identity: IdentityOptions

    @Option(help: ArgumentHelp("At most so many examples.", valueName: "examples"))
    var limit = 20

    @Option(help: ArgumentHelp("text or json.", valueName: "format"))
    var format: Format?

    @Flag(help: "The same as --format json: one JSON object.")
    var json = false

    /// How the result is written.
    enum Format: String, ExpressibleByArgument {
        case text, json
    }

    private static let defaultConfiguration = "bellgate.yaml"

    func validate() throws {
        guard (0...ReplayLimits.examples).contains(limit) else {
            throw ValidationError("--limit takes a number from 0 to \(ReplayLimits.examples).")
        }
        if json, format == .text {
            throw ValidationError("Give --json or --format text, not both.")
        }
        let rows = try filter.filter()
        if let since = rows.sinceMicros, let until = rows.untilMicros, since >= until {
            throw ValidationError(
                "--since (\(LogTime.utc(since))) must be before --until (\(LogTime.utc(until))).")
        }
        if rows.verdict == .gap {
            throw ValidationError("--verdict gap: there is nothing to decide about a gap.")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: config ?? Self.defaultConfiguration)
        // Both are read to the end, so that the mistakes of both are told in one run.
        let today = load(configuration.policyPath, configuration)
        let new = load(with, configuration)
        guard let today, let new else { throw ExitCode(ExitStatus.wrong) }
        var rows = RowFilter()
        try reportingLogErrors { rows = try filter.filter(in: configuration.logDirectory) }
        let result = try result(today, new, configuration, rows)
        try reportingLogErrors {
            let look = try identity.begin(
                directory: configuration.logDirectory, asked: filter.identity,
                showsClients: !result.examples.isEmpty)
            let output = ByteOutput(look)
            guard result.recorded > 0 || result.gaps > 0 else {
                try output.finish()
                standardError(
                    "nothing was recorded that passes; `bellgate log query` with the same options "
                        + "shows what there is in \(configuration.logDirectory)")
                throw ExitCode(ExitStatus.wrong)
            }
            let report = ReplayReport(
                result: result, today: today, new: new, since: rows.sinceMicros,
                until: rows.untilMicros,
                client: { look.pseudonyms?.client($0, micros: $1) ?? $0.description })
            let text = json || format == .json ? report.json.rendered() : report.text
            output.append(Array("\(text)\n".utf8), rows: result.examples.count)
            try output.finish()
        }
    }

    private func load(_ path: String, _ configuration: ServerConfiguration) -> LoadedPolicy? {
        let load = loadPolicyShowingProgress(
            at: path, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        report(load.diagnostics)
        // Whose access was suspended at the instant of a query is no part of the policies tried.
        let log = configuration.logDirectory
        return load.loaded?.suspending(bySuspensionsOf: log, openAt: nil) {
            standardError("note: \(log)/\($0)")
        }
    }

    private func result(
        _ today: LoadedPolicy, _ new: LoadedPolicy, _ configuration: ServerConfiguration,
        _ filter: RowFilter
    ) throws -> ReplayResult {
        let replayer = Replayer(
            today: ReplayPolicy(program: today.program, index: today.index),
            new: ReplayPolicy(program: new.program, index: new.index),
            allowFrom: configuration.allowFrom, examples: limit)
        try reportingLogErrors {
            let reader = try StoreReader(directory: configuration.logDirectory, filter: filter)
            try reader.forEachRow(filter) { replayer.take($0) }
            for problem in reader.problems { standardError("note: \(problem)") }
            report(reader.damage)
        }
        return replayer.result
    }
}
