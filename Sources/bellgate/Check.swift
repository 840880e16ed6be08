import ArgumentParser
import DomainLists
import Glibc
import PolicyEngine
import PolicyFile

/// `bellgate check`: every mistake and warning of a policy, its tests, and what is in it.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find every mistake in a policy before it serves.",
        discussion: """
            Reads the policy with its lists, runs its own tests, and reports all \
            mistakes at once, each with file, line and column. Without an option, \
            bellgate.yaml of this folder is taken. Exit status 1 means that the server \
            would not load it.

            EXAMPLES
              bellgate check --policy policy.yaml
              bellgate check --config /etc/bellgate/bellgate.yaml
              bellgate check --policy policy.yaml --json | jq '.errors[].message'
            """)

    @OptionGroup var source: PolicySource

    @Flag(help: "Print one JSON object for programs.")
    var json = false

    /// What many write first: a file, and not what it is.
    @Argument(help: .hidden)
    var bare: [String] = []

    private static let defaultConfiguration = "bellgate.yaml"

    func validate() throws {
        if let file = bare.first {
            throw ValidationError(
                "Say what \(file) is: --policy \(file) if it is a policy, --config \(file) if it is "
                    + "the server's configuration.")
        }
        guard source.config == nil, source.policy == nil else { return }
        // SAFETY: the name is passed as a C string for the length of the call.
        guard unsafe access(Self.defaultConfiguration, F_OK) == 0 else {
            throw ValidationError(
                "Give --config FILE or --policy FILE; there is no bellgate.yaml in this folder.")
        }
    }

    func run() throws {
        let loaded = try source.load(fallback: Self.defaultConfiguration)
        let report = CheckReport(loaded)
        if json {
            print(report.json.rendered())
        } else {
            for diagnostic in loaded.diagnostics { standardError(diagnostic.description) }
            print(report.text)
        }
        if !report.isFine { throw ExitCode(ExitStatus.wrong) }
    }
}

/// What `check` says, for people and for programs.
private struct CheckReport {
    private let loaded: PolicySource.Loaded
    private let load: PolicyLoad?
    private let errors: [Diagnostic]
    private let warnings: [Diagnostic]

    init(_ loaded: PolicySource.Loaded) {
        self.loaded = loaded
        load = loaded.policy
        errors = loaded.diagnostics.filter { $0.severity == .error }
        warnings = loaded.diagnostics.filter { $0.severity == .warning }
    }

    var isFine: Bool { errors.isEmpty }

    /// What is late of the review, where a log tells.
    private var late: [String] {
        guard let log = loaded.logDirectory, let policy = load?.loaded?.policy else { return [] }
        return ReviewState.late(log, policy, now: .now)
    }

    private var unusableLines: Int {
        (load?.lists ?? []).reduce(0) { $0 + ($1.summary?.unusableCount ?? 0) }
    }

    private var nameCount: Int {
        load?.loaded?.index.nameCount ?? (load?.lists ?? []).reduce(0) { $0 + $1.names }
    }

    var text: String {
        var lines: [String] = []
        if let policy = load?.loaded?.policy {
            let reference = policy.reference.isEmpty ? "" : " (\(policy.reference))"
            lines.append("policy   \(policy.name)\(reference)")
        }
        if let load, !load.counts.isEmpty {
            lines.append(
                "rules    \(load.counts.rules) for \(counted(load.counts.groups, "group"))"
                    + " and \(counted(load.counts.periods, "period"))")
            if load.counts.devices > 0 {
                lines.append("devices  \(load.counts.devices)")
            }
            lines += exceptionLines(load)
            if !load.lists.isEmpty {
                lines.append("names    \(nameCount) from \(counted(load.lists.count, "list"))")
            }
            lines += load.lists.flatMap(listLines)
        }
        if let tests = load?.testResults, !tests.isEmpty {
            let failed = tests.filter { !$0.isTrue }.count
            let failures = failed == 0 ? "" : ", \(failed) failed"
            lines.append("tests    \(tests.count - failed) passed\(failures)")
        }
        lines += late.map { "late     \($0); see bellgate review status" }
        let verdict =
            isFine ? "fine" : "\(counted(errors.count, "error")), it would not be loaded"
        let notes = warnings.isEmpty ? "" : "; \(counted(warnings.count, "warning"))"
        lines.append("result   \(verdict)\(notes)")
        return lines.joined(separator: "\n")
    }

    /// How many exceptions there are, and a line for each that is over or soon will be.
    private func exceptionLines(_ load: PolicyLoad) -> [String] {
        guard load.counts.exceptions > 0 else { return [] }
        let noted = load.exceptions.filter { $0.state == .ended || $0.state == .endsSoon }
        return ["excepted \(counted(load.counts.exceptions, "exception"))"]
            + noted.map { exception in
                let days = counted(abs(exception.daysLeft), "day")
                let end =
                    exception.state == .ended
                    ? "ended at \(exception.untilText), \(days) ago"
                    : "ends at \(exception.untilText), in \(days)"
                return "         \(exception.id): \(end) (line \(exception.line))"
            }
    }

    /// Catalogues are counted above; a file gets a line, and one for what could not be used.
    private func listLines(_ list: LoadedList) -> [String] {
        guard let summary = list.summary else { return [] }
        var line = "         \(list.name): \(counted(summary.names, "name")), "
        line += summary.format.rawValue + (summary.formatWasGuessed ? " (guessed)" : "")
        guard summary.unusableCount > 0 else { return [line] }
        let shown = summary.unusable.prefix(Self.unusableShown)
        let hidden = summary.unusableCount - shown.count
        return [line, "         \(counted(summary.unusableCount, "unusable line")):"]
            + shown.map { "           \(list.path):\($0.line): \($0.reason)" }
            + (hidden > 0 ? ["           and \(hidden) more (--json shows the first 100)"] : [])
    }

    /// Unusable lines of one list that are shown as text: enough to see what is wrong with it.
    private static let unusableShown = 20

    private func counted(_ count: Int, _ thing: String) -> String {
        "\(count) \(thing)\(count == 1 ? "" : "s")"
    }

    var json: JSONText {
        .object(present: [
            "ok": .bool(isFine),
            "policy": .string(loaded.path),
            "hash": load.flatMap { $0.hash.isEmpty ? nil : .string($0.hash) },
            "errors": .array(errors.map(Self.json)),
            "warnings": .array(warnings.map(Self.json)),
            "late": late.isEmpty ? nil : .array(late.map { .string($0) }),
            "exceptions": .array((load?.exceptions ?? []).map(Self.json)),
            "tests": .array((load?.testResults ?? []).map(Self.json)),
            "counts": .object(present: [
                "rules": .number(Int64(load?.counts.rules ?? 0)),
                "lists": .number(Int64(load?.lists.count ?? 0)),
                "names": .number(Int64(nameCount)),
                "groups": .number(Int64(load?.counts.groups ?? 0)),
                "periods": .number(Int64(load?.counts.periods ?? 0)),
                "devices": .number(Int64(load?.counts.devices ?? 0)),
                "exceptions": .number(Int64(load?.counts.exceptions ?? 0)),
                "unusableLines": .number(Int64(unusableLines)),
            ]),
            "lists": .array((load?.lists ?? []).map(Self.json)),
        ])
    }

    private static func json(_ diagnostic: Diagnostic) -> JSONText {
        .object(present: [
            "file": .string(diagnostic.file),
            "line": .number(Int64(diagnostic.line)),
            "column": .number(Int64(diagnostic.column)),
            "message": .string(diagnostic.message),
            "hint": diagnostic.hint.isEmpty ? nil : .string(diagnostic.hint),
        ])
    }

    private static func json(_ exception: ExceptionStatus) -> JSONText {
        .object(present: [
            "id": .string(exception.id),
            "line": .number(Int64(exception.line)),
            "state": .string(exception.state.rawValue),
            "from": .optional(exception.fromText),
            "until": .string(exception.untilText),
            "daysLeft": .number(Int64(exception.daysLeft)),
            "reason": .string(exception.reason),
            "advice": .optional(exception.advice),
            "approvedBy": .string(exception.approvedBy),
            "approvedOn": .optional(exception.approvedOn?.description),
        ])
    }

    private static func json(_ test: PolicyTestResult) -> JSONText {
        .object(present: [
            "line": .number(Int64(test.line)),
            "group": .optional(test.group),
            "client": .optional(test.client),
            "at": .string(test.at),
            "ask": .string(test.ask),
            "expect": .string(test.expect.word),
            "got": .string(test.got.word),
            "by": test.by.isEmpty ? nil : .string(test.by),
            "ok": .bool(test.isTrue),
        ])
    }

    private static func json(_ list: LoadedList) -> JSONText {
        let unusable = list.summary?.unusable ?? []
        return .object(present: [
            "name": .string(list.name),
            "file": .string(list.path),
            "category": .optional(list.category),
            "format": .string(list.format?.rawValue ?? "catalogue"),
            "names": .number(Int64(list.names)),
            "unusable": .array(
                unusable.map {
                    .object(present: [
                        "line": .number(Int64($0.line)), "text": .string($0.text),
                        "reason": .string($0.reason),
                    ])
                }),
            "unusableCount": .number(Int64(list.summary?.unusableCount ?? 0)),
        ])
    }
}

extension RuleAction {
    /// The word of the policy language.
    var word: String {
        switch self {
        case .allow: "allow"
        case .block: "block"
        case .rewrite: "rewrite"
        }
    }
}
