import ArgumentParser
import DecisionLog
import PolicyEngine
import PolicyFile

/// `bellgate lift`: ends suspensions before their time.
struct LiftVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lift",
        abstract: "End a suspension before its time.",
        discussion: """
            Takes a suspension's number, or with --device all that are in force for a device. Who \
            lifted it, and when, goes into the audit trail.

            EXAMPLES
              bellgate lift 3 --config bellgate.yaml
              bellgate lift --device head-laptop --authorised-by dsl --config bellgate.yaml
            """)

    @Argument(help: "The suspension's number, as `bellgate suspensions` shows it.")
    var id: UInt64?

    @Option(help: ArgumentHelp("Its name in the policy, or its address.", valueName: "device"))
    var device: String?

    @OptionGroup var decision: SuspensionDecision

    func validate() throws {
        guard (id == nil) != (device == nil) else {
            throw ValidationError("Give a suspension's number or --device, and not both.")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: decision.config)
        let meant = try device.map {
            try NamedDevice($0, configuration)
        }
        let words = try decision.reason.map(SuspensionWords.reason)
        try reportingLogErrors {
            let lifted = try SuspensionBook(directory: configuration.logDirectory).lift(
                reason: words, authorisedBy: decision.authorisedBy
            ) { record in
                record.number == id || (meant?.isMeant(by: record) ?? false)
            }
            guard !lifted.isEmpty else {
                standardError(
                    (id.map { "suspension \($0) is not in force" }
                        ?? "no suspension of \(device ?? "") is in force")
                        + "; see `bellgate suspensions --config \(decision.config)`")
                throw ExitCode(ExitStatus.wrong)
            }
            let effect = tellServer(of: configuration)
            for record in lifted {
                print(
                    "lifted suspension \(record.number): \(SuspensionWords.who(record)), \(effect)")
            }
        }
    }
}
