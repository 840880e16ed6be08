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
            clock; without --at, it is now.

            EXAMPLES
              bellgate explain www.instagram.com --group staff --policy policy.yaml
              bellgate explain bbc.co.uk --client 10.21.4.7 --at "2026-11-23 09:30" \\
                --config /etc/bellgate/bellgate.yaml
              bellgate explain example.com --group guest --policy policy.yaml --json
            """)

    @Argument(help: "The name that a device asks for.")
    var name: String

    @Option(help: "The record type that it asks for.")
    var type = "A"

    @Option(help: ArgumentHelp("The address of the device.", valueName: "ip"))
    var client: String?

    @Option(help: "Any device of this group.")
    var group: String?

    @Option(help: ArgumentHelp("When it asks: \"2026-11-23 10:29:59\".", valueName: "time"))
    var at: String?

    @OptionGroup var source: PolicySource

    @Flag(help: "Print one JSON object for programs.")
    var json = false

    func validate() throws {
        guard (client == nil) != (group == nil) else {
            throw ValidationError("Give either --client IP or --group GROUP.")
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
        guard let loaded = read.policy?.loaded, !read.diagnostics.hasErrors else {
            throw ExitCode(ExitStatus.wrong)
        }
        guard let name = domainName(typed: name), let type = RecordType(parsing: type)
        else { throw ExitCode(ExitStatus.usage) }
        let decision = loaded.decide(
            name, for: try asker(loaded.policy), at: instant(loaded.policy.zone))
        let report = ExplainReport(decision: decision, type: type, loaded: loaded)
        print(json ? report.json.rendered() : report.text)
    }

    private func instant(_ zone: ZoneRules) -> Instant {
        if let at, let time = CivilTime(parsing: at) { return zone.instant(of: time) }
        return Instant(seconds: Int64(time(nil)))
    }

    private func asker(_ policy: Policy) throws -> Asker {
        if let client, let address = IPAddress(client) { return .client(address) }
        if let place = policy.groups.firstIndex(where: { $0.name == group }) {
            return .group(place)
        }
        let names = policy.groups.map(\.name).joined(separator: ", ")
        standardError("there is no group \"\(group ?? "")\"; the groups are: \(names)")
        throw ExitCode(ExitStatus.wrong)
    }
}

/// What `explain` says, for people and for programs.
struct ExplainReport {
    let decision: Decision
    let type: RecordType
    let loaded: LoadedPolicy

    var text: String {
        var rows: [(label: String, value: String)] = [
            (
                decision.verdict == .allow ? "ALLOW" : "BLOCK",
                "\(decision.name) \(type) for \(askerText)"
            ),
            ("at", decision.atText),
            ("reason", decision.reason),
            ("rule", ruleText),
        ]
        if let category = decision.category { rows.append(("category", category)) }
        if let matched = matchedText { rows.append(("matched", matched)) }
        if let service = decision.service { rows.append(("service", service)) }
        if let period = decision.period { rows.append(("period", period)) }
        rows.append(("until", untilText))
        for (number, rule) in decision.considered.enumerated() {
            rows.append((number == 0 ? "skipped" : "", "\(rule.id): \(rule.why)"))
        }
        let width = rows.map(\.label.count).max() ?? 0
        return rows.map { row in
            row.label + String(repeating: " ", count: width - row.label.count + 2) + row.value
        }.joined(separator: "\n")
    }

    private var askerText: String {
        let group = decision.group.map { "group \($0)" }
        guard let client = decision.client else { return group ?? "nobody" }
        return "\(client), \(group ?? "an unknown device")"
    }

    private var ruleText: String {
        guard let rule = decision.rule else { return "none: \(decision.why)" }
        if rule == "default" { return "none matches, so the default decides" }
        return "\(rule), \(decision.why)"
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

    var json: JSONText {
        .object(present: [
            "verdict": .string(decision.verdict.word),
            "group": .optional(decision.group),
            "client": .optional(decision.client?.description),
            "name": .string(decision.name.description),
            "type": .string(type.description),
            "at": .string(decision.atText),
            "rule": .optional(decision.rule),
            "reason": .string(decision.reason),
            "category": .optional(decision.category),
            "list": .optional(decision.list),
            "listFile": .optional(decision.listFile),
            "listLine": decision.listLine.map { .number(Int64($0)) },
            "matched": .optional(decision.matched?.description),
            "service": .optional(decision.service),
            "period": .optional(decision.period),
            "changesAt": .optional(decision.changesAtText) ?? .null,
            "ttlLimit": decision.ttlLimitSeconds.map { .number($0) } ?? .null,
            "policy": .string(loaded.hash),
            "considered": .array(
                decision.considered.map {
                    .object([("rule", .string($0.id)), ("why", .string($0.why))])
                }),
        ])
    }
}
