import ArgumentParser
import DecisionLog
import Glibc

extension ReportsVerb {
    /// `bellgate reports update ID`: somebody looks into it, or does something about it.
    struct Update: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "update",
            abstract: "Say that a report is looked into, or that something is being done.",
            discussion: """
                States: reviewing, action. Routes, the policies under which a report is followed up: \
                \(words(ReceivedReport.Route.self)). The two that concern staff make it the \
                principal's from then on.
                """)

        @Argument(help: "The report's number.")
        var id: UInt64

        @Option(
            help: "reviewing or action.", transform: { try word($0, ReceivedReport.State.self) })
        var state: ReceivedReport.State?

        @Option(
            help: "Under which policy it is followed up.",
            transform: { try word($0, ReceivedReport.Route.self) })
        var route: ReceivedReport.Route?

        @Option(
            help: "true-positive or false-positive.",
            transform: { try word($0, ReceivedReport.Finding.self) })
        var finding: ReceivedReport.Finding?

        @Option(help: ArgumentHelp("What else there is to say.", valueName: "text"))
        var note: String?

        @OptionGroup var options: Options

        func validate() throws {
            if state == .closed {
                throw ValidationError("Close it with `bellgate reports close \(id) --outcome ...`.")
            }
            if state == .new {
                throw ValidationError("Whoever looks at it makes it no longer new.")
            }
            if state == nil, route == nil, finding == nil, note == nil {
                throw ValidationError("Say what is new: --state, --route, --finding or --note.")
            }
            _ = try note.map(ReportsVerb.oneLine)
        }

        func run() throws {
            let desk = try Desk(options)
            var change = ReportChange(role: options.role.rawValue)
            (change.state, change.route, change.finding) = (state, route, finding)
            change.note = try note.map(ReportsVerb.oneLine)
            try reportingLogErrors {
                let report = try desk.change(id, change, for: options.role)
                try ReportsVerb.show(report, desk, options)
            }
        }
    }

    /// `bellgate reports close ID`: it is done, and this came of it.
    struct Close: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "close",
            abstract: "Close a report with what came of it.",
            discussion: """
                An outcome is required: \(words(ReceivedReport.Outcome.self)). What was learnt and what \
                is done differently (--lesson, --change) are asked for; they make the year's roll-up.
                """)

        @Argument(help: "The report's number.")
        var id: UInt64

        @Option(
            help: "What came of it.", transform: { try word($0, ReceivedReport.Outcome.self) })
        var outcome: ReceivedReport.Outcome?

        @Option(
            help: "true-positive or false-positive.",
            transform: { try word($0, ReceivedReport.Finding.self) })
        var finding: ReceivedReport.Finding?

        @Option(help: ArgumentHelp("What was learnt.", valueName: "text"))
        var lesson: String?

        @Option(help: ArgumentHelp("What is done differently from now on.", valueName: "text"))
        var change: String?

        @Option(help: ArgumentHelp("What else there is to say.", valueName: "text"))
        var note: String?

        @OptionGroup var options: Options

        func validate() throws {
            guard outcome != nil else {
                throw ValidationError(
                    "Say what came of it, with --outcome: "
                        + "\(words(ReceivedReport.Outcome.self)). Support counts as much as a sanction."
                )
            }
            for text in [lesson, change, note] { _ = try text.map(ReportsVerb.oneLine) }
        }

        func run() throws {
            let desk = try Desk(options)
            try reportingLogErrors {
                _ = try desk.report(id, for: options.role)
                var step = ReportChange(role: options.role.rawValue)
                (step.state, step.outcome, step.finding) = (.closed, outcome, finding)
                step.lesson = try lesson.map(ReportsVerb.oneLine) ?? asked("What was learnt?")
                step.change =
                    try change.map(ReportsVerb.oneLine) ?? asked("What is done differently now?")
                step.note = try note.map(ReportsVerb.oneLine)
                let report = try desk.change(id, step, for: options.role)
                try ReportsVerb.show(report, desk, options)
                if report.lesson == nil || report.change == nil {
                    standardError(
                        "closed without \(report.lesson == nil ? "a lesson" : "a change"); "
                            + "the year's roll-up asks what was learnt (--lesson, --change)")
                }
            }
        }

        /// Asks at a terminal; an empty line is no answer.
        private func asked(_ question: String) -> String? {
            guard isatty(STDIN_FILENO) != 0, isatty(STDERR_FILENO) != 0 else { return nil }
            standardError("\(question) (one line; empty for nothing)")
            return readLine().flatMap { try? ReportsVerb.oneLine($0) }
        }
    }

    /// A text as one line; refused where it says nothing or too much.
    static func oneLine(_ text: String) throws -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        guard !words.isEmpty else { throw ValidationError("There is a text without words.") }
        guard words.utf8.count <= ReportBook.maximumNote else {
            throw ValidationError("A text takes at most \(ReportBook.maximumNote) octets.")
        }
        return words
    }

    fileprivate static func show(_ report: ReceivedReport, _ desk: Desk, _ options: Options) throws
    {
        let words = ReportWords(
            report, pseudonyms: try Pseudonyms(directory: desk.directory), zone: desk.zone,
            now: desk.now)
        print(
            options.json
                ? words.json.rendered()
                : "report \(report.id): \(report.state.rawValue)"
                    + (report.outcome.map { ", \($0.rawValue)" } ?? ""))
    }
}
