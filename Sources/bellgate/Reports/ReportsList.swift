import ArgumentParser
import DecisionLog

extension ReportsVerb {
    /// `bellgate reports list`: the queue; `bellgate reports --roll-up YEAR`: the year in numbers.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the reports that are not closed.",
            discussion: """
                Devices and clients have the pseudonyms of the log; --identify with a --reason shows \
                who they are, and is noted in the audit trail. What was written is in `show`.
                """)

        @OptionGroup var options: Options

        @Flag(help: "Those that are closed too.")
        var all = false

        @Option(
            help: ArgumentHelp(
                "Count the reports of a year in place of listing them: 2026.", valueName: "year"))
        var rollUp: Int?

        @OptionGroup var identity: IdentityOptions

        func run() throws {
            let desk = try Desk(options)
            try reportingLogErrors {
                if let rollUp {
                    let sum = ReportsYear(
                        rollUp, try desk.reports(for: options.role), zone: desk.zone,
                        role: options.role)
                    print(options.json ? sum.json.rendered() : sum.text)
                    return
                }
                let shown = try desk.reports(for: options.role).filter {
                    all || $0.state != .closed
                }
                let look = try identity.begin(directory: desk.directory)
                let words = shown.map {
                    ReportWords($0, pseudonyms: look.pseudonyms, zone: desk.zone, now: desk.now)
                }
                print(
                    options.json
                        ? JSONText.array(words.map(\.json)).rendered() : Self.text(words, all))
                try look.end(rows: shown.count)
            }
        }

        private static func text(_ reports: [ReportWords], _ all: Bool) -> String {
            guard !reports.isEmpty else { return all ? "no reports" : "no report is open" }
            let head = ["ID", "CAME", "KIND", "STATE", "DUE", "GROUP", "DEVICE", "NAME", "RULE"]
            let rows = reports.map { words in
                [
                    "\(words.report.id)", words.cameText, words.report.kind.rawValue,
                    words.stateText, words.dueText, words.report.group ?? "", words.who,
                    words.report.name ?? "", words.report.rule ?? "",
                ]
            }
            return TextTable.lines([head] + rows, numbers: 0...0).joined(separator: "\n")
        }
    }

    /// `bellgate reports show ID`: all of one report.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show all of one report: what was written, and every step since.")

        @Argument(help: "The report's number.")
        var id: UInt64

        @OptionGroup var options: Options
        @OptionGroup var identity: IdentityOptions

        func run() throws {
            let desk = try Desk(options)
            try reportingLogErrors {
                let report = try desk.report(id, for: options.role)
                let look = try identity.begin(directory: desk.directory)
                let words = ReportWords(
                    report, pseudonyms: look.pseudonyms, zone: desk.zone, now: desk.now)
                print(options.json ? words.json.rendered() : words.text)
                try look.end(rows: 1)
            }
        }
    }
}
