import DNSWire
public import PolicyEngine

/// Reads the entries of `exceptions:`.
struct ExceptionReader {
    let reporter: Reporter
    private let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    /// The roles that may decide about an exception.
    static let approvers = ["dsl", "principal"]

    private static let keys = [
        "id", "for", "devices", "networks", "allow", "block", "from", "until", "reason", "advice",
        "approved-by", "approved-on",
    ]

    func exception(_ node: YAMLNode) -> PolicyDocument.ExceptionEntry? {
        let earlierErrors = reporter.errorCount
        guard
            let fields = Fields(
                node, of: "the exception", known: Self.keys,
                notYet: [:], reporter: reporter)
        else { return nil }
        let rules = RuleReader(reporter: reporter)
        let id = rules.id(fields, of: "an exception")
        let reason = values.text(
            fields.required("reason", "say in plain words why; clients and reports show it"))
        let approvedBy = approver(fields)
        let approvedOn = values.date(fields["approved-on"])
        let advice = values.text(fields["advice"])
        let from = values.text(fields["from"]).flatMap { moment($0, isEnd: false) }
        let until = values.text(
            fields.required("until", "an exception ends: write a date, or a date and a time")
        ).flatMap { moment($0, isEnd: true) }
        if let from, let until, from.value >= until.value {
            reporter.error(
                until.place, "the exception ends before it begins", "put \"until\" behind \"from\"")
        }
        if ["for", "devices", "networks"].allSatisfy({ fields[$0] == nil }) {
            reporter.error(
                fields.place, "the exception does not say for whom it is",
                "write for: [GROUPS], devices: [NAMES] or networks: [NETWORKS]")
        }
        let networks = (values.texts(fields["networks"]) ?? []).compactMap {
            NetworkReader(reporter: reporter).network($0)
        }
        let groups = values.texts(fields["for"]) ?? []
        let devices = values.texts(fields["devices"]) ?? []
        let target = rules.target(fields)
        return PolicyDocument.ExceptionEntry(
            place: node.place, id: id, action: fields["allow"] != nil ? .allow : .block,
            operands: target ?? [], groups: groups, devices: devices,
            networks: networks.map(\.value), from: from?.value, until: until,
            reason: reason?.value ?? "", advice: advice?.value, approvedBy: approvedBy,
            approvedOn: approvedOn?.value, isBroken: reporter.errorCount > earlierErrors)
    }

    /// Who decided; only two roles have that right (the policy's own words: "discussed with the
    /// DSL/Principal").
    private func approver(_ fields: Fields) -> String? {
        guard
            let text = values.text(
                fields.required("approved-by", "write the role that decided: dsl or principal"))
        else { return nil }
        if Self.approvers.contains(text.value) { return text.value }
        reporter.error(
            text.place, "\"\(text.value)\" has no right to approve an exception",
            NearestName.of(text.value, among: Self.approvers).map { "did you mean \"\($0)\"?" }
                ?? "write the role that decided: dsl or principal")
        return nil
    }

    /// A date and time, or a date alone, which as an end means the end of that day: as everywhere
    /// in the language, a date that ends something is still in it, and a time is not.
    private func moment(_ text: Located<String>, isEnd: Bool) -> Located<CivilTime>? {
        if let moment = CivilTime(writtenAs: text.value, isEnd: isEnd) {
            return Located(moment, at: text.place)
        }
        reporter.error(
            text.place, "\"\(text.value)\" is no date, and no date and time",
            "write 2026-12-18 or 2026-12-18 17:00, of a day and time that exist")
        return nil
    }
}

extension CivilTime {
    /// Reads `2026-12-18 17:00`, or `2026-12-18`: as a start its first second, as an end the first
    /// second of the day after it.
    public init?(writtenAs text: String, isEnd: Bool) {
        if let time = CivilTime(parsing: text) {
            self = time
        } else if let date = CivilDate(parsing: text) {
            self.init(date: date.advanced(byDays: isEnd ? 1 : 0), secondOfDay: 0)
        } else {
            return nil
        }
    }
}
