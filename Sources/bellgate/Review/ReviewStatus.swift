import ArgumentParser
import DecisionLog
import LogStore
import PolicyEngine
import PolicyFile
import Review

/// `bellgate review status`: whether a review is due, and why.
struct ReviewStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say when the review is due, and what calls for one before.",
        discussion: "Exit status 1 where the review or an action is late.")

    @OptionGroup var location: ReviewLocation

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let (configuration, policy) = try location.load()
        let state = try ReviewLocation.reporting {
            try ReviewState(configuration, policy, now: .now)
        }
        print(json ? state.json.rendered() : state.text)
        if state.isLate { throw ExitCode(ExitStatus.wrong) }
    }
}

/// How the review stands.
struct ReviewState {
    let last: ReviewBook.Entry?
    let due: ReviewDue?
    let today: CivilDate
    let triggers: [ReviewTrigger]
    let actions: [ReviewBook.Action]
    /// What is wrong with the book itself.
    let problem: String?

    /// Reads the book and compares with how things are; counts the log's concerns since the last review.
    init(_ configuration: ServerConfiguration, _ policy: LoadedPolicy, now: Instant) throws {
        let zone = policy.policy.zone
        today = zone.civilTime(at: now).date
        let (book, problem) = try ReviewBook.read(configuration.logDirectory)
        self.problem = problem
        last = book.last
        let lastDate = last.flatMap { CivilDate(parsing: $0.date) }
        due = ReviewDue(last: lastDate, policy: policy.policy)
        actions = book.actions.filter { $0.status == "open" }
        guard let last, let lastDate else {
            triggers = []
            return
        }
        let fingerprint = ReviewFingerprint(
            policy, upstreams: ReviewWords.upstreams(configuration))
        let since = zone.instant(of: CivilTime(date: lastDate.advanced(byDays: 1), secondOfDay: 0))
        let high = try Self.highConcerns(configuration.logDirectory, since: since)
        triggers =
            fingerprint.triggers(since: last.fingerprint)
            + (high > 0 ? [.concerns("\(high) look-ups of high concern since \(last.date)")] : [])
    }

    private static func highConcerns(_ directory: String, since: Instant) throws -> UInt64 {
        var filter = RowFilter()
        filter.sinceMicros = since.seconds * 1_000_000
        filter.isConcern = true
        guard (try? JournalReader.requireLog(directory: directory)) != nil else { return 0 }
        return try StoreReader(directory: directory, filter: filter).tally(by: [.concern], filter)
            .filter { $0.texts[0] == "high" }.reduce(0) { $0 + $1.count }
    }

    /// By how many days the review is late; a review that nothing dates is late at once.
    var overdueDays: Int? { due.map { $0.overdueDays(today: today) } ?? (last == nil ? 0 : nil) }

    private var lateActions: [ReviewBook.Action] {
        actions.filter { $0.overdueDays(today: today) != nil }
    }

    var isLate: Bool { overdueDays != nil || !lateActions.isEmpty || problem != nil }

    /// What is late of a log's review, for `check` and the server's `status`; reads the book alone.
    ///
    /// Before a first review is on record only actions: the policy's own date has a warning of its own.
    static func late(_ logDirectory: String, _ policy: Policy, now: Instant) -> [String] {
        let today = policy.zone.civilTime(at: now).date
        let book: ReviewBook
        var found: [String] = []
        do {
            let read = try ReviewBook.read(logDirectory)
            book = read.book
            if let problem = read.problem { found.append(problem) }
        } catch {
            return ["\(error)"]
        }
        if let last = book.last.flatMap({ CivilDate(parsing: $0.date) }),
            let days = ReviewDue(last: last, policy: policy)?.overdueDays(today: today)
        {
            found.append("review of filtering overdue by \(days) day\(days == 1 ? "" : "s")")
        }
        let late = book.actions.count { $0.overdueDays(today: today) != nil }
        if late > 0 {
            found.append("\(late) action\(late == 1 ? "" : "s") of the review late")
        }
        return found
    }

    var text: String {
        var lines: [String] = []
        lines.append(
            "last     "
                + (last.map { "\($0.date) by \($0.by)" + ($0.notes.map { ": \($0)" } ?? "") }
                    ?? "no review is on record"))
        let late = overdueDays.flatMap {
            $0 > 0 ? ", OVERDUE by \($0) day\($0 == 1 ? "" : "s")" : nil
        }
        lines.append(
            "due      "
                + (due.map { "\($0.date) (\($0.why))" + (late ?? "") }
                    ?? "now: the policy has neither approved-on nor review-by"))
        if last == nil {
            lines.append("triggers none can be told before a first review: bellgate review record")
        } else if triggers.isEmpty {
            lines.append("triggers none since the last review")
        }
        lines += triggers.map(\.description)
        lines.append("actions  \(actions.count) open, \(lateActions.count) late")
        if !actions.isEmpty { lines += ReviewActionTable(actions: actions, today: today).lines }
        if let problem { lines.append("warning  \(problem)") }
        return lines.joined(separator: "\n")
    }

    var json: JSONText {
        .object([
            (
                "last",
                last.map { entry in
                    .object(present: [
                        "date": .string(entry.date), "by": .string(entry.by),
                        "notes": .optional(entry.notes),
                        "policy": .string(entry.fingerprint.policyHash),
                    ])
                } ?? .null
            ),
            ("due", due.map { .string("\($0.date)") } ?? .null),
            ("dueBecause", due.map { .string($0.why) } ?? .null),
            ("overdue", .bool(overdueDays != nil)),
            ("overdueDays", .number(Int64(overdueDays ?? 0))),
            (
                "triggers",
                .array(
                    triggers.map {
                        .object([("kind", .string($0.kind)), ("detail", .string($0.detail))])
                    })
            ),
            ("actions", ReviewActionTable(actions: actions, today: today).json),
            ("problem", problem.map { .string($0) } ?? .null),
        ])
    }
}
