import DNSWire
import PolicyEngine

/// Reads the entries of `rules:` and `tests:`.
struct RuleReader {
    let reporter: Reporter
    private let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    /// The longest time that a client may keep a block: a day. Verdicts cut it shorter anyway.
    static let maximumTTLSeconds: Int64 = 86_400
    /// The TTL of blocks where the rule gives none.
    static let defaultTTLSeconds: UInt32 = 60

    private static let ruleKeys = [
        "id", "for", "allow", "block", "during", "except-during", "locked", "concern", "answer",
        "ttl", "reason", "requested-by-group",
    ]

    private static let yesAndNo: KeyValuePairs = ["true": true, "false": false]

    func rule(_ node: YAMLNode) -> PolicyDocument.RuleEntry? {
        let earlierErrors = reporter.errorCount
        guard
            let fields = Fields(
                node, of: "the rule", known: Self.ruleKeys, reporter: reporter)
        else { return nil }
        let id = id(fields, of: "a rule")
        let reason = values.text(
            fields.required("reason", "say in plain words why; clients and reports show it"))
        let target = target(fields)
        let action: RuleAction = fields["allow"] != nil ? .allow : .block
        if action == .allow, fields["block"] == nil,
            let key = fields["answer"] ?? fields["ttl"]
        {
            reporter.warning(
                key.keyPlace, "\"\(key.key)\" has no effect on a rule that allows", "remove it")
        }
        let ttl = values.seconds(fields["ttl"], in: 0...Self.maximumTTLSeconds)
        var entry = PolicyDocument.RuleEntry(
            place: node.place, id: id, action: action, operands: target ?? [],
            groups: values.texts(fields["for"]), during: values.texts(fields["during"]) ?? [],
            exceptDuring: values.texts(fields["except-during"]) ?? [],
            isLocked: values.choice(fields["locked"], of: Self.yesAndNo) ?? false,
            isRequestedByGroup: isRequestedByGroup(fields),
            concern: values.choice(
                fields["concern"], of: ["low": Concern.low, "medium": .medium, "high": .high]),
            answer: values.choice(
                fields["answer"],
                of: [
                    "nxdomain": BlockAnswer.nxdomain, "nodata": .nodata, "zero": .zero,
                    "refused": .refused, "page": .page,
                ]) ?? .nxdomain,
            ttlSeconds: ttl.map { UInt32(clamping: $0) } ?? Self.defaultTTLSeconds,
            reason: reason?.value ?? "", isBroken: false)
        entry.isBroken = reporter.errorCount > earlierErrors
        return entry
    }

    /// The name of a rule or an exception: what the log and `explain` call it.
    func id(_ fields: Fields, of what: String) -> Located<String>? {
        values.text(
            fields.required("id", "give \(fields.what) a name that no other rule or exception has")
        ).flatMap { OwnName.check($0, of: what, reserved: Self.reservedIDs, reporter: reporter) }
    }

    /// What the product calls its own rules.
    private static let reservedIDs = [
        "default", Catalogue.essentials, Suspension.ruleID, Suspension.officialRuleID,
        SafeSearch.ruleID,
    ]

    /// Whether the groups of the rule asked for the block themselves: their clients are told so
    /// (RFC 8914, 17 Filtered in place of 15 Blocked).
    private func isRequestedByGroup(_ fields: Fields) -> Bool {
        guard let entry = fields["requested-by-group"] else { return false }
        let isRequested = values.choice(entry, of: Self.yesAndNo) ?? false
        if isRequested, fields["block"] == nil || fields["for"] == nil {
            reporter.error(
                entry.keyPlace,
                "\"requested-by-group\" needs a block and the groups that asked for it",
                "write block: and for:, or remove it")
        }
        return isRequested
    }

    /// What a rule or an exception is about, from exactly one of `allow` and `block`.
    func target(_ fields: Fields) -> [Located<String>]? {
        if let allow = fields["allow"], let block = fields["block"] {
            let isBlockFirst = block.keyPlace.isBefore(allow.keyPlace)
            reporter.error(
                (isBlockFirst ? allow : block).keyPlace,
                "\(fields.what) has both \"allow\" and \"block\"",
                "make two of it; the first that matches decides")
            return [allow, block].compactMap(names).flatMap(\.self)
        }
        guard let pair = fields["allow"] ?? fields["block"] else {
            reporter.error(
                fields.place, "\(fields.what) has neither \"allow\" nor \"block\"",
                "write block: [NAMES], allow: [NAMES], or everything in place of the list")
            return nil
        }
        return names(pair)
    }

    private func names(_ pair: YAMLPair) -> [Located<String>]? {
        if case .scalar(let word, _) = pair.value.content {
            if word == "everything" { return [Located(word, at: pair.value.place)] }
            if NearestName.of(word, among: ["everything"]) != nil {
                reporter.error(
                    pair.value.place, "\"\(word)\" is no value of \"\(pair.key)\"",
                    "did you mean \"everything\"?")
                return nil
            }
        }
        guard let operands = values.texts(pair) else { return nil }
        if operands.count > 1, let all = operands.first(where: { $0.value == "everything" }) {
            reporter.error(
                all.place, "\"everything\" stands in a list with other names",
                "write \(pair.key): everything, or leave it out")
            return nil
        }
        return operands
    }

    func test(_ node: YAMLNode) -> PolicyDocument.TestEntry? {
        guard
            let fields = Fields(
                node, of: "the test",
                known: ["group", "client", "at", "ask", "type", "expect", "by"],
                reporter: reporter)
        else { return nil }
        let subject = subject(fields)
        let at = values.text(
            fields.required("at", "write date and time, such as at: 2026-11-23 10:30")
        ).flatMap(time)
        let ask = values.text(fields.required("ask", "write the name that is asked for"))
        let expect = values.choice(
            fields.required("expect", "write expect: allow, expect: block or expect: rewrite"),
            of: ["allow": RuleAction.allow, "block": .block, "rewrite": .rewrite])
        let type = type(fields["type"])
        let by = values.text(fields["by"])
        return PolicyDocument.TestEntry(
            place: node.place, subject: subject, at: at, ask: ask, type: type, expect: expect,
            by: by)
    }

    private func subject(_ fields: Fields) -> PolicyDocument.TestEntry.Subject? {
        if fields["group"] != nil, let client = fields["client"] {
            reporter.error(
                client.keyPlace, "the test has both \"group\" and \"client\"", "keep one of them")
            return nil
        }
        if let group = fields["group"] { return values.text(group).map { .group($0) } }
        guard let client = fields["client"] else {
            reporter.error(
                fields.place, "the test has neither \"group\" nor \"client\"",
                "say who asks: group: NAME or client: ADDRESS")
            return nil
        }
        guard let text = values.text(client),
            let address = NetworkReader(reporter: reporter).address(text)
        else { return nil }
        return .client(address, text)
    }

    private func time(_ text: Located<String>) -> Located<CivilTime>? {
        if let time = CivilTime(parsing: text.value) { return Located(time, at: text.place) }
        reporter.error(
            text.place, "\"\(text.value)\" is no date and time",
            "write 2026-11-23 10:29:59 (seconds may be left out), of a day and time that exist")
        return nil
    }

    private func type(_ pair: YAMLPair?) -> RecordType? {
        guard let pair else { return .a }
        guard let text = values.text(pair) else { return nil }
        if let type = RecordType(parsing: text.value) { return type }
        reporter.error(
            text.place, "\"\(text.value)\" is no record type", "write A, AAAA, HTTPS or another")
        return nil
    }
}
