import ArgumentParser
import DecisionLog
import Glibc
import PolicyEngine
import PolicyFile

/// `bellgate reports`: what people wrote on the block page, and what becomes of it.
struct ReportsVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract: "Read what people report from the block page, and follow it up.",
        discussion: """
            A report is new until somebody looks at it, then reviewing, action and closed. A worry has \
            to be looked at within 24 hours, a name that is said to be wrongly blocked within seven \
            days; later it is shown as overdue. Each step is written down with who typed it and when, \
            and nothing is ever taken out; `log verify` covers it.

            What is from staff or about staff is for the principal: it is listed with --role principal \
            alone. That keeps queues apart, it is no lock: whoever may read the log's folder may read \
            all of it.

            EXAMPLES
              bellgate reports list --config bellgate.yaml
              bellgate reports show 12 --config bellgate.yaml
              bellgate reports update 12 --state reviewing --route anti-bullying --config bellgate.yaml
              bellgate reports close 12 --outcome support --finding true-positive \\
                --lesson "Nobody knew whom to ask" --change "Tutors say it in week 1" --config bellgate.yaml
              bellgate reports --roll-up 2026 --config bellgate.yaml
            """,
        subcommands: [List.self, Show.self, Update.self, Close.self], defaultSubcommand: List.self)

    /// Whose reports are read or changed.
    enum Role: String, CaseIterable, ExpressibleByArgument {
        case dsl, principal

        /// Whether a report is this office's.
        func sees(_ report: ReceivedReport) -> Bool { self == .principal || report.queue == .dsl }
    }

    /// What every one of these verbs is told.
    struct Options: ParsableArguments {
        @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
        var config: String

        @Option(help: "dsl, or principal for what is from staff or about staff as well.")
        var role = Role.dsl

        @Flag(help: "Print JSON for programs.")
        var json = false
    }

    /// The reports of a log, and the words that they are shown in.
    struct Desk {
        let directory: String
        let zone: ZoneRules
        let now = Int64(time(nil))

        init(_ options: Options) throws {
            let configuration = try readConfiguration(at: options.config)
            directory = configuration.logDirectory
            zone = SuspensionWords.zone(configuration)
        }

        /// The reports that an office sees; says what cannot be read.
        func reports(for role: Role) throws -> [ReceivedReport] {
            let contents = try ReportBook(directory: directory).read()
            for problem in contents.damage {
                standardError("\(directory)/\(problem); see log verify")
            }
            return contents.reports.filter(role.sees)
        }

        /// One of them; ends the verb where there is none that this office sees.
        func report(_ id: UInt64, for role: Role) throws -> ReceivedReport {
            let all = try ReportBook(directory: directory).read().reports
            guard let report = all.first(where: { $0.id == id }) else {
                throw Self.ending("there is no report \(id); see `bellgate reports list --all`")
            }
            guard role.sees(report) else {
                throw Self.ending("report \(id) is for the principal: --role principal")
            }
            return report
        }

        /// Takes a step, and says why where that cannot be.
        func change(_ id: UInt64, _ change: ReportChange, for role: Role) throws -> ReceivedReport {
            _ = try report(id, for: role)
            do {
                return try ReportBook(directory: directory).change(id, change)
            } catch let refusal as ReportRefusal {
                switch refusal {
                case .unknown: throw Self.ending("there is no report \(id)")
                case .isClosed:
                    throw Self.ending(
                        "report \(id) is closed, and stays so; a new one may be written")
                case .noOutcome: throw Self.ending("say what came of it, with --outcome")
                }
            }
        }

        static func ending(_ words: String) -> ExitCode {
            standardError(words)
            return ExitCode(ExitStatus.wrong)
        }
    }
}

extension ReportsVerb {
    /// What the server's status says of reports that nobody has looked at in time.
    static func warning(directory: String) -> String? {
        guard let contents = try? ReportBook(directory: directory).read() else { return nil }
        let count = contents.reports.count { $0.isOverdue(atSeconds: Int64(time(nil))) }
        guard count > 0 else { return nil }
        return
            "\(count) \(count == 1 ? "report is" : "reports are") overdue; see `bellgate reports`"
    }
}
