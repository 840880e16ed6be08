import ArgumentParser
import DNSWire
import Glibc
import PolicyEngine
import PolicyFile

/// `bellgate explain`: what is decided about a name, and the whole why.
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is decided about a name, and why.",
        discussion: """
            Decides exactly as the server does. Dates and times are by the policy's own \
            clock; without --at, it is now. With --config it knows whose access was suspended at \
            that instant, and without --at it asks the running server which device and who is at \
            the address of --client. --device and --identity ask for a device of the policy and for \
            whoever logs in by that name, wherever they are.

            EXAMPLES
              bellgate explain www.instagram.com --group staff --policy policy.yaml
              bellgate explain bbc.co.uk --client 10.21.4.7 --at "2026-11-23 09:30" \\
                --config /etc/bellgate/bellgate.yaml
              bellgate explain example.com --group guest --policy policy.yaml --json
              bellgate explain example.com --device library-pc-1 --policy policy.yaml
              bellgate explain example.com --identity alice@kite.example --policy policy.yaml
            """)

    @Argument(help: "The name that a device asks for.")
    var name: String

    @Option(help: "The record type that it asks for.")
    var type = "A"

    @Option(help: ArgumentHelp("The address of the device.", valueName: "ip"))
    var client: String?

    @Option(help: "Any device of this group.")
    var group: String?

    @Option(help: ArgumentHelp("A device of the policy.", valueName: "name"))
    var device: String?

    @Option(help: ArgumentHelp("Whoever has logged in so.", valueName: "name"))
    var identity: String?

    @Option(help: ArgumentHelp("When it asks: \"2026-11-23 10:29:59\".", valueName: "time"))
    var at: String?

    @OptionGroup var source: PolicySource

    @Flag(help: "Print one JSON object for programs.")
    var json = false

    func validate() throws {
        guard [client, group, device, identity].count(where: { $0 != nil }) == 1 else {
            throw ValidationError(
                "Give one of --client IP, --group GROUP, --device NAME and --identity NAME.")
        }
        guard source.config != nil || source.policy != nil else {
            throw ValidationError("Give --config FILE or --policy FILE.")
        }
        if let client, IPAddress(client) == nil {
            throw ValidationError("\"\(client)\" is no address.")
        }
        if let at, CivilTime(parsing: at) == nil {
            throw ValidationError("\"\(at)\" is no time; write \"2026-11-23 10:29:59\".")
        }
        guard RecordType(parsing: type) != nil else {
            throw ValidationError("\"\(type)\" is no record type.")
        }
        guard domainName(typed: name) != nil else {
            throw ValidationError("\"\(name)\" is no domain name.")
        }
    }

    func run() throws {
        let read = try source.load()
        for diagnostic in read.diagnostics { standardError(diagnostic.description) }
        guard var loaded = read.policy?.loaded, !read.diagnostics.hasErrors else {
            throw ExitCode(ExitStatus.wrong)
        }
        if let log = read.logDirectory {
            // Past ones too: --at may be an instant at which they held.
            loaded = loaded.suspending(bySuspensionsOf: log, openAt: nil) {
                standardError("note: \(log)/\($0)")
            }
        }
        guard let name = domainName(typed: name), let type = RecordType(parsing: type)
        else { throw ExitCode(ExitStatus.usage) }
        let (asker, presence) = try asker(loaded.policy, controlPath: read.controlPath)
        let decision = loaded.decide(name, for: asker, at: instant(loaded.policy.zone))
        let report = ExplainReport(
            decision: decision, presence: presence, type: type, loaded: loaded)
        print(json ? report.json.rendered() : report.text)
    }

    private func instant(_ zone: ZoneRules) -> Instant {
        if let at, let time = CivilTime(parsing: at) { return zone.instant(of: time) }
        return Instant(seconds: Int64(time(nil)))
    }

    /// Who asks, and what a running server knows of that.
    private func asker(
        _ policy: Policy, controlPath: String?
    ) throws -> (asker: Asker, presence: Presence?) {
        if let client, let address = IPAddress(client) {
            // What the network tells, it tells of now.
            let known = at == nil ? controlPath.flatMap { Whereabout.ask($0, address) } : nil
            guard let presence = known?.presence else { return (.client(address), nil) }
            return (.present(address, presence), presence)
        }
        if let identity {
            let presence = Presence(identity: Identity.folded(identity))
            return (.elsewhere(presence), presence)
        }
        if let device {
            return (try asker(ofDevice: device, policy), nil)
        }
        if let place = policy.groups.firstIndex(where: { $0.name == group }) {
            return (.group(place), nil)
        }
        let names = policy.groups.map(\.name).joined(separator: ", ")
        standardError("there is no group \"\(group ?? "")\"; the groups are: \(names)")
        throw ExitCode(ExitStatus.wrong)
    }

    private func asker(ofDevice name: String, _ policy: Policy) throws -> Asker {
        guard let known = policy.devices.first(where: { $0.name == name }) else {
            standardError(
                "there is no device \"\(name)\"; write a name under devices: in the policy")
            throw ExitCode(ExitStatus.wrong)
        }
        if let address = known.addresses.first { return .client(address) }
        return .elsewhere(
            Presence(hardware: known.hardware.first, identity: known.identities.first))
    }
}

/// What `explain` says, for people and for programs.
struct ExplainReport {
    let decision: Decision
    /// What is known of who asks, besides the address.
    var presence: Presence?
    let type: RecordType
    let loaded: LoadedPolicy

    var text: String {
        var rows: [(label: String, value: String)] = [
            (
                decision.verdict.word.uppercased(),
                "\(decision.name) \(type) for \(askerText)"
            ),
            ("at", decision.atText),
            ("reason", decision.reason),
            ("rule", ruleText),
        ]
        if let target = targetText { rows.append(("target", target)) }
        if let hardware = presence?.hardware { rows.append(("hardware", "\(hardware)")) }
        if let identity = presence?.identity { rows.append(("identity", identity)) }
        if let name = presence?.hostName { rows.append(("calls itself", name)) }
        if let exception = decision.exception { rows += approvalRows(exception) }
        if let category = decision.category { rows.append(("category", category)) }
        if let matched = matchedText { rows.append(("matched", matched)) }
        if let service = decision.service { rows.append(("service", service)) }
        if let period = decision.period { rows.append(("period", period)) }
        if stripsECH { rows.append(("answer", "without ECH keys and address hints")) }
        rows.append(("until", untilText))
        for (number, rule) in decision.considered.enumerated() {
            rows.append((number == 0 ? "skipped" : "", "\(rule.id): \(rule.why)"))
        }
        let width = rows.map(\.label.count).max() ?? 0
        return rows.map { row in
            row.label + String(repeating: " ", count: width - row.label.count + 2) + row.value
        }.joined(separator: "\n")
    }

    /// Whether the answer goes to the asker without ECH keys and address hints.
    private var stripsECH: Bool {
        guard decision.verdict == .allow, type == .https || type == .svcb else { return false }
        let group = loaded.policy.groups.firstIndex { $0.name == decision.group }
        return group.map(loaded.policy.stripsECH(forGroup:)) ?? false
    }

    private var askerText: String {
        let group = decision.group.map { "group \($0)" }
        let device = decision.device.map { ", device \($0)" } ?? ""
        guard let client = decision.client else { return (group ?? "nobody") + device }
        return "\(client)\(device), \(group ?? "an unknown device")"
    }

    private func approvalRows(_ exception: ExceptionStatus) -> [(label: String, value: String)] {
        let role = loaded.policy.roles[exception.approvedBy] ?? exception.approvedBy
        let date = exception.approvedOn.map { " on \($0)" } ?? ""
        return [("approved", "by the \(role)\(date)")]
            + (exception.advice.map { [("advice", $0)] } ?? [])
    }

    private var ruleText: String {
        guard let rule = decision.rule else { return "none: \(decision.why)" }
        if rule == "default" { return "none matches, so the default decides" }
        return "\(rule), \(decision.why)"
    }

    private var targetText: String? {
        decision.target.map { target in
            let addresses = decision.targetAddresses.map(\.description).joined(separator: ", ")
            return addresses.isEmpty ? "\(target)" : "\(target) (published as \(addresses))"
        }
    }

    private var matchedText: String? {
        guard let matched = decision.matched else { return nil }
        if let line = decision.policyLine { return "\(matched), \(loaded.path):\(line)" }
        let list = decision.list.map { " in list \($0)" } ?? ""
        let file = decision.listFile.map { ", \($0)" } ?? ""
        let line = decision.listLine.map { ":\($0)" } ?? ""
        return "\(matched)\(list)\(file)\(line)"
    }

    private var untilText: String {
        guard let end = decision.changesAtText, let seconds = decision.ttlLimitSeconds
        else { return "no change ahead" }
        return "\(end) (an answer lives \(seconds) s at most)"
    }

    /// Every key of the contract, `null` where there is nothing to say; `device` and `service` as
    /// extras, with safe search the host it leads to, whether HTTPS and SVCB records are stripped,
    /// who is there where the network tells (`identity`, `hardware`), and where an exception
    /// decides, who approved it.
    var json: JSONText {
        let text = { (text: String?) -> JSONText in text.map { .string($0) } ?? .null }
        let number = { (number: Int64?) -> JSONText in number.map { .number($0) } ?? .null }
        let approval = decision.exception.map { exception -> [(String, JSONText)] in
            [
                ("approvedBy", text(exception.approvedBy)),
                ("approvedOn", text(exception.approvedOn?.description)),
                ("advice", text(exception.advice)),
            ]
        }
        let keys: [(String, JSONText)] = [
            ("verdict", text(decision.verdict.word)),
            ("group", text(decision.group)),
            ("client", text(decision.client?.description)),
            ("device", text(decision.device)),
            ("name", text(decision.name.description)),
            ("type", text(type.description)),
            ("at", text(decision.atText)),
            ("rule", text(decision.rule)),
            ("reason", text(decision.reason)),
            ("category", text(decision.category)),
            ("list", text(decision.list)),
            ("listFile", text(decision.listFile)),
            ("listLine", number(decision.listLine.map(Int64.init))),
            ("matched", text(decision.matched?.description)),
            ("service", text(decision.service)),
            ("period", text(decision.period)),
            ("changesAt", text(decision.changesAtText)),
            ("ttlLimit", number(decision.ttlLimitSeconds)),
            ("policy", text(loaded.hash)),
            (
                "considered",
                .array(
                    decision.considered.map {
                        .object([("rule", .string($0.id)), ("why", .string($0.why))])
                    })
            ),
        ]
        let target = decision.target.map { [("target", text($0.description))] }
        let stripped: [(String, JSONText)] = stripsECH ? [("stripsECH", .bool(true))] : []
        let known = presence.map { presence in
            [
                ("identity", text(presence.identity)),
                ("hardware", text(presence.hardware?.description)),
            ]
        }
        return .object(keys + (target ?? []) + stripped + (approval ?? []) + (known ?? []))
    }
}
