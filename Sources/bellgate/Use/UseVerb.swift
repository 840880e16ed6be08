import ArgumentParser
import DecisionLog
import LimitsOfUse
import LogStore
import PolicyEngine
import PolicyFile
import Review

/// `bellgate use`: how many minutes of a day devices used what the policy limits.
struct UseVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "use",
        abstract: "Show active minutes and who passed a limit of use.",
        discussion: """
            Counts from the decision log, by the policy's limits-of-use; the server may be running or \
            not. A minute is active once a device got an answer for a core name of the category in it: \
            several services in one minute are one minute, gaps of up to five minutes count, blocked \
            attempts and what other people's pages ask for do not. Use counts while the limit's period \
            is on; on devices of kind college, at every hour. It is minutes with look-ups, not time \
            before a screen.

            A limit never blocks. A running server notes each device once a day in the audit trail when \
            it passes one, and tells those whom alerts: names.

            Devices appear under pseudonyms; --identify with a --reason shows who they are, and first \
            notes who looks, and why, in the audit trail.

            EXAMPLES
              bellgate use --config bellgate.yaml
              bellgate use --config bellgate.yaml --day 2026-11-23 --group learner
              bellgate use --config bellgate.yaml --week 2026-W48 --format csv > use.csv
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Option(
        help: ArgumentHelp("The day, as in 2026-11-23; today unless given.", valueName: "date"),
        transform: { text in
            guard let day = CivilDate(parsing: text) else {
                throw ValidationError("\"\(text)\" is no date; write 2026-11-23.")
            }
            return day
        })
    var day: CivilDate?

    @Option(
        help: ArgumentHelp("A week, Monday to Sunday, as in 2026-W48.", valueName: "week"),
        transform: reviewWeek)
    var week: ReviewWeek?

    @Option(help: ArgumentHelp("Only this group.", valueName: "name"))
    var group: String?

    @Flag(help: "One JSON object; the same as --format json.")
    var json = false

    @Option(help: "text, csv or json.")
    var format: UseFormat?

    @OptionGroup var identity: IdentityOptions

    func validate() throws {
        if day != nil, week != nil { throw ValidationError("Give --day or --week, not both.") }
        if json, let format, format != .json {
            throw ValidationError("Give --json or --format, not both.")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        report(load.diagnostics)
        guard let loaded = load.loaded else { throw ExitCode.failure }
        if let group, !loaded.policy.groups.contains(where: { $0.name == group }) {
            let names = loaded.policy.groups.map(\.name).joined(separator: ", ")
            standardError("there is no group \"\(group)\"; the groups are: \(names)")
            throw ExitCode.failure
        }
        let days =
            week?.days ?? [day ?? loaded.policy.zone.civilTime(at: .now).date]
        try reportingLogErrors {
            let look = try identity.begin(directory: configuration.logDirectory)
            let policy = UsePolicy(loaded)
            var meters = UseMeters(policy, days: days)
            if !loaded.policy.useLimits.isEmpty {
                var filter = UseMeters.filter(policy, days: days)
                filter.group = group
                let reader = try StoreReader(
                    directory: configuration.logDirectory, filter: filter)
                try reader.forEachRow(filter) { meters.add($0) }
                report(reader)
            }
            let table = UseTable(
                policy: loaded, days: days, group: group, use: meters.use,
                pseudonyms: look.pseudonyms)
            let output = ByteOutput(look)
            let text = table.text(json ? .json : format ?? .text)
            output.append(Array(text.utf8), rows: table.use.count)
            try output.finish()
        }
    }
}

/// How the table is written.
enum UseFormat: String, ExpressibleByArgument, CaseIterable { case text, csv, json }
