import ArgumentParser
import DNSServer
import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile

/// `bellgate suspend`: suspends a device's access to the internet, by the decision of a person.
struct SuspendVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend",
        abstract: "Suspend a device's access to the internet for a time.",
        discussion: """
            From the next query on the device gets support services, connectivity checks and \
            official channels, and nothing else; its block says no more than that it is suspended \
            and whom to ask. It ends by itself, or by `lift`. The policy file stays as it is.

            Only a person suspends: who decided, why, and who wrote it down go into the audit \
            trail first. Dates and times are by the policy's own clock; a date alone means the end \
            of that day. A running server takes it up at once; otherwise it holds from the start.

            EXAMPLES
              bellgate suspend --device head-laptop --until "2026-11-27 16:15" \\
                --reason "Behaviour policy, step 3" --authorised-by dsl --config bellgate.yaml
              bellgate suspend --device 10.20.4.9 --until 2026-11-27 --reason "Concern 12" \\
                --authorised-by principal --config bellgate.yaml
            """)

    @Option(help: ArgumentHelp("Its name in the policy, or its address.", valueName: "device"))
    var device: String

    @Option(help: ArgumentHelp("When it ends: \"2026-11-27 16:15\".", valueName: "time"))
    var until: String?

    @OptionGroup var decision: SuspensionDecision

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard let until else {
            throw ValidationError(
                "Say when it ends, with --until \"2026-11-27 16:15\": no suspension is for ever.")
        }
        guard CivilTime(writtenAs: until, isEnd: true) != nil else {
            throw ValidationError(
                "\"\(until)\" is no date and no time; write 2026-11-27 or \"2026-11-27 16:15\".")
        }
        guard decision.authorisedBy != nil else {
            throw ValidationError(
                "Say who decided, with --authorised-by dsl or --authorised-by principal: a "
                    + "suspension is a person's decision.")
        }
        _ = try SuspensionWords.reason(decision.reason ?? "")
    }

    func run() throws {
        let configuration = try readConfiguration(at: decision.config)
        let meant = try NamedDevice(device, configuration)
        let zone = SuspensionWords.zone(configuration)
        guard let until, let end = CivilTime(writtenAs: until, isEnd: true),
            let authorisedBy = decision.authorisedBy
        else { throw ExitCode(ExitStatus.usage) }
        let instant = zone.instant(of: end)
        guard instant.seconds > WallClock.nowMicros / 1_000_000 else {
            standardError(
                "--until \(zone.iso8601(instant)) is past; write a later time, by the policy's "
                    + "clock (\(zone.name))")
            throw ExitCode(ExitStatus.wrong)
        }
        let words = try SuspensionWords.reason(decision.reason ?? "")
        try reportingLogErrors {
            let record = try SuspensionBook(directory: configuration.logDirectory).suspend(
                device: meant.name, addresses: meant.addresses.map(\.description),
                untilSeconds: instant.seconds, reason: words, authorisedBy: authorisedBy)
            let effect = tellServer(of: configuration)
            let report = SuspensionReport(record, zone: zone, nowSeconds: record.fromSeconds)
            if json {
                print(report.json.rendered())
            } else {
                print(
                    "suspension \(record.number): \(SuspensionWords.who(record)) until "
                        + "\(zone.iso8601(instant)), \(effect)")
            }
        }
    }
}
