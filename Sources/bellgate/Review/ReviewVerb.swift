import ArgumentParser
import DecisionLog
import PolicyEngine
import PolicyFile
import Review

/// `bellgate review`: the annual review, what calls for one before its time, and what is to be done.
struct ReviewVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "review",
        abstract:
            "Keep the review of filtering: when it is due, what calls for it, what is to be done.",
        discussion: """
            A review is due twelve months after the last, or on the policy's review-by where that comes \
            first. What calls for one before: changed networks, groups, upstreams or lists, another \
            policy, concerns of high severity. Who recorded what, and each action, goes into the audit \
            trail; the state is in review.json beside the log.

            EXAMPLES
              bellgate review status --config bellgate.yaml
              bellgate review record --by principal --notes "With the DSL; see minutes 12." \\
                --config bellgate.yaml
              bellgate review add --issue "Guest Wi-Fi has no own network" --owner it \\
                --due 2026-12-18 --config bellgate.yaml
              bellgate review actions --format csv --config bellgate.yaml > actions.csv
              bellgate review close 1 --outcome "VLAN 40 made" --config bellgate.yaml
            """,
        subcommands: [
            ReviewStatus.self, ReviewRecord.self, ReviewActions.self, ReviewAdd.self,
            ReviewClose.self,
        ])

    /// `review` alone asks for nothing: the help, as wrong usage.
    func run() throws {
        standardError(Bellgate.helpMessage(for: Self.self))
        throw ExitCode(ExitStatus.usage)
    }
}

/// Which server's review it is.
struct ReviewLocation: ParsableArguments {
    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    /// The configuration, and the policy that it names; ends the verb where one cannot be used.
    func load() throws -> (configuration: ServerConfiguration, policy: LoadedPolicy) {
        let configuration = try readConfiguration(at: config)
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        report(load.diagnostics.filter { $0.severity == .error })
        guard let policy = load.loaded else { throw ExitCode.failure }
        return (configuration, policy)
    }

    /// Runs `body`; what cannot be kept or read is said and ends the verb.
    static func reporting<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ReviewBookError {
            say("\(error)")
        } catch let error as JournalError {
            say("\(error)")
        }
        throw ExitCode.failure
    }
}

extension ReviewBook {
    /// Changes the book of a log, by today's date of its policy's clock.
    static func update<Result>(
        _ logDirectory: String, zone: ZoneRules,
        _ body: (inout ReviewBook, CivilDate) -> Result
    ) throws -> Result {
        try update(logDirectory, today: zone.civilTime(at: .now).date, body)
    }
}

/// `bellgate review record`: closes the time since the last one.
struct ReviewRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Put on record that the review was done.")

    @OptionGroup var location: ReviewLocation

    @Option(
        help: ArgumentHelp("The role that answers for it: dsl, principal or it.", valueName: "role")
    )
    var by: String

    @Option(help: ArgumentHelp("What was found or decided.", valueName: "text"))
    var notes: String?

    func validate() throws { try ReviewWords.check(role: by, "--by") }

    func run() throws {
        let (configuration, policy) = try location.load()
        let fingerprint = ReviewFingerprint(
            policy, upstreams: ReviewWords.upstreams(configuration))
        let due = try ReviewLocation.reporting {
            try ReviewBook.update(configuration.logDirectory, zone: policy.policy.zone) {
                book, today -> ReviewDue? in
                book.record(by: by, notes: notes, on: today, fingerprint)
                return ReviewDue(last: today, policy: policy.policy)
            }
        }
        print(
            "review recorded by \(by)"
                + (due.map { "; the next is due on \($0.date), \($0.why)" } ?? ""))
    }
}

/// `bellgate review actions`: what is to be done.
struct ReviewActions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "actions", abstract: "List what is to be done.")

    @OptionGroup var location: ReviewLocation

    @Flag(help: "Those that are closed, too.")
    var all = false

    @Flag(help: "Print one JSON array; the same as --format json.")
    var json = false

    @Option(help: "text, csv or json.")
    var format: UseFormat?

    func run() throws {
        let configuration = try readConfiguration(at: location.config)
        let zone = timeZone(ofPolicyAt: configuration.policyPath) ?? .utc
        let today = zone.civilTime(at: .now).date
        let (book, problem) = try ReviewLocation.reporting {
            try ReviewBook.read(configuration.logDirectory)
        }
        if let problem { say("warning: \(problem)") }
        let actions = book.actions.filter { all || $0.status == "open" }
        let table = ReviewActionTable(actions: actions, today: today)
        print(table.text(json ? .json : format ?? .text), terminator: "")
    }
}

/// `bellgate review add`: opens an action.
struct ReviewAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Open an action.")

    @OptionGroup var location: ReviewLocation

    @Option(help: ArgumentHelp("What is wrong.", valueName: "text"))
    var issue: String

    @Option(
        help: ArgumentHelp("The role that sees to it: dsl, principal or it.", valueName: "role"))
    var owner: String

    @Option(
        help: ArgumentHelp("By when, as in 2026-12-18.", valueName: "date"),
        transform: ReviewWords.date)
    var due: CivilDate

    func validate() throws {
        try ReviewWords.check(role: owner, "--owner")
        guard issue.contains(where: { !$0.isWhitespace }) else {
            throw ValidationError("Say what is wrong, with --issue \"...\".")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: location.config)
        let zone = timeZone(ofPolicyAt: configuration.policyPath) ?? .utc
        let number = try ReviewLocation.reporting {
            try ReviewBook.update(configuration.logDirectory, zone: zone) { book, today in
                book.open(issue: issue, owner: owner, due: due, today: today)
            }
        }
        print("action \(number ?? 0) for \(owner), due \(due): \(issue)")
    }
}

/// `bellgate review close`: closes an action.
struct ReviewClose: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close", abstract: "Close an action, with what came of it.")

    @OptionGroup var location: ReviewLocation

    @Argument(help: "Its number.")
    var id: Int

    @Option(help: ArgumentHelp("What came of it.", valueName: "text"))
    var outcome: String

    func validate() throws {
        guard outcome.contains(where: { !$0.isWhitespace }) else {
            throw ValidationError("Say what came of it, with --outcome \"...\".")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: location.config)
        let zone = timeZone(ofPolicyAt: configuration.policyPath) ?? .utc
        let isClosed = try ReviewLocation.reporting {
            try ReviewBook.update(configuration.logDirectory, zone: zone) { book, today in
                book.close(id, outcome: outcome, today: today)
            }
        }
        guard isClosed else {
            standardError("there is no open action \(id); see `bellgate review actions`")
            throw ExitCode.failure
        }
        print("action \(id) closed: \(outcome)")
    }
}

/// What the verbs of the review have in common.
enum ReviewWords {
    /// Offices that a review or an action may have.
    private static let roles = ["dsl", "principal", "it"]

    static func check(role: String, _ option: String) throws {
        guard !roles.contains(role) else { return }
        throw ValidationError(
            "\(option): \"\(role)\" is no role; write dsl, principal or it.")
    }

    static func date(_ text: String) throws -> CivilDate {
        guard let date = CivilDate(parsing: text) else {
            throw ValidationError("\"\(text)\" is no date; write 2026-12-18.")
        }
        return date
    }

    /// The upstreams as the configuration has them, those of single zones with their zone.
    static func upstreams(_ configuration: ServerConfiguration) -> [String] {
        configuration.upstreams.map(\.words)
            + configuration.forward.flatMap { zone in
                zone.servers.map { "\($0.words) for \(zone.zone)" }
            }
    }
}

extension Upstream {
    /// As `bellgate.yaml` has it.
    fileprivate var words: String {
        switch self {
        case .system: "system"
        case .demo: "demo"
        case .plain(let place): "\(place)"
        case .tls(let place, let name): "tls://\(place)\(name.isEmpty ? "" : "#\(name)")"
        case .https(let host, let port, let path): "https://\(host):\(port)\(path)"
        }
    }
}
