import ArgumentParser
import DecisionLog
import Glibc
import PolicyEngine
import PolicyFile

/// `bellgate suspensions`: whose access is suspended, until when, and who decided.
struct SuspensionsVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspensions",
        abstract: "List whose access to the internet is suspended.",
        discussion: """
            Shows the suspensions that are in force; with --all those that have ended or were \
            lifted too. Exit status 1 if an entry cannot be read: it is told, and the others hold.

            EXAMPLES
              bellgate suspensions --config bellgate.yaml
              bellgate suspensions --all --json --config bellgate.yaml
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Flag(help: "Show those that have ended or were lifted too.")
    var all = false

    @Flag(help: "Print one JSON array for programs.")
    var json = false

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let zone = SuspensionWords.zone(configuration)
        let now = Int64(time(nil))
        try reportingLogErrors {
            let contents = try SuspensionBook(directory: configuration.logDirectory).read()
            let shown = contents.records.map {
                SuspensionReport($0, zone: zone, nowSeconds: now)
            }.filter { all || $0.state == .inForce }
            print(json ? JSONText.array(shown.map(\.json)).rendered() : Self.text(shown))
            for problem in contents.damage {
                standardError("\(configuration.logDirectory)/\(problem)")
            }
            if !contents.damage.isEmpty { throw ExitCode(ExitStatus.wrong) }
        }
    }

    private static func text(_ reports: [SuspensionReport]) -> String {
        guard !reports.isEmpty else { return "nobody's access is suspended" }
        let head = ["ID", "DEVICE", "FROM", "UNTIL", "BY", "STATE", "REASON"]
        let rows = reports.map { report in
            [
                "\(report.record.number)", SuspensionWords.who(report.record), report.fromText,
                report.untilText, report.record.authorisedBy, report.state.rawValue,
                report.record.reason,
            ]
        }
        return TextTable.lines([head] + rows, numbers: 0...0).joined(separator: "\n")
    }
}

/// A suspension as people and programs read it.
struct SuspensionReport {
    /// How it stands.
    enum State: String {
        case inForce = "in-force"
        case ended
        case lifted
    }

    let record: SuspensionRecord
    let state: State
    let fromText: String
    /// When it ends by itself.
    let untilText: String
    let liftedText: String?

    init(_ record: SuspensionRecord, zone: ZoneRules, nowSeconds: Int64) {
        self.record = record
        let text = { (seconds: Int64) in zone.iso8601(Instant(seconds: seconds)) }
        fromText = text(record.fromSeconds)
        untilText = text(record.untilSeconds)
        liftedText = record.liftedMicros == nil ? nil : text(record.endSeconds)
        if record.endSeconds > nowSeconds {
            state = .inForce
        } else {
            state = record.endSeconds < record.untilSeconds ? .lifted : .ended
        }
    }

    var json: JSONText {
        .object(present: [
            "id": .number(Int64(clamping: record.number)),
            "device": .optional(record.device),
            "addresses": .array(record.addresses.map { .string($0) }),
            "from": .string(fromText),
            "until": .string(untilText),
            "lifted": .optional(liftedText),
            "state": .string(state.rawValue),
            "reason": .string(record.reason),
            "authorisedBy": .string(record.authorisedBy),
            "user": .string(record.user),
        ])
    }
}
