import DNSWire
import DomainLists
import PolicyEngine

/// Turns the tree of a policy file into a `PolicyDocument`, reporting every mistake on the way.
struct PolicyReader {
    let reporter: Reporter
    let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    /// The version of the language that this reader knows.
    static let languageVersion = "1"

    static let keys = [
        "bellgate", "policy", "roles", "time-zone", "calendar", "periods", "groups",
        "devices", "unknown-devices", "lists", "categories", "exceptions", "bypass", "rules",
        "safe-search", "default", "limits-of-use", "tests",
    ]
    static let keysNotYet = [
        "records": "records of your own"
    ]

    func read(_ root: YAMLNode) -> PolicyDocument {
        let start = SourcePlace(file: root.place.file, line: 1, column: 1)
        var document = PolicyDocument(place: start)
        guard
            let fields = Fields(
                root, of: "the policy file", at: start, known: Self.keys,
                notYet: Self.keysNotYet, reporter: reporter)
        else { return document }
        readVersion(fields)
        readHeader(fields.required("policy", "write policy: with a name under it"), &document)
        readRoles(fields.required("roles", "write roles: with dsl, principal and it"), &document)
        document.zone = values.text(
            fields.required("time-zone", "write an IANA name, such as time-zone: Europe/London"))
        readCalendar(fields["calendar"], &document)
        document.periods = values.entries(fields["periods"]).compactMap(period)
        document.groups = values.entries(fields["groups"]).compactMap(group)
        let devices = DeviceReader(reporter: reporter)
        document.devices = optionalItems(fields["devices"]).compactMap(devices.device)
        document.unknownDevices = values.text(fields["unknown-devices"])
        for pair in values.entries(fields["lists"]) {
            if let list = list(pair) {
                document.lists.append(list)
            } else {
                document.brokenLists.append(Located(pair.key, at: pair.keyPlace))
            }
        }
        document.categories = values.entries(fields["categories"]).compactMap(category)
        let rules = RuleReader(reporter: reporter)
        document.rules = optionalItems(fields["rules"]).compactMap(rules.rule)
        let exceptions = ExceptionReader(reporter: reporter)
        document.exceptions = optionalItems(fields["exceptions"]).compactMap(exceptions.exception)
        document.bypass = BypassReader(reporter: reporter).bypass(fields["bypass"])
        let useLimits = UseLimitReader(reporter: reporter)
        document.useLimits = optionalItems(fields["limits-of-use"]).compactMap(useLimits.limit)
        let safeSearch = SafeSearchReader(reporter: reporter)
        document.safeSearch = optionalItems(fields["safe-search"]).compactMap(safeSearch.entry)
        document.tests = optionalItems(fields["tests"]).compactMap(rules.test)
        document.defaultAction =
            values.choice(fields["default"], of: ["allow": RuleAction.allow, "block": .block])
            ?? .allow
        return document
    }

    /// The items of a list that may also be left empty: a policy starts somewhere.
    private func optionalItems(_ pair: YAMLPair?) -> [YAMLNode] {
        guard let pair, !pair.value.isNothing else { return [] }
        if case .sequence(let items) = pair.value.content { return items }
        return values.items(pair) ?? []
    }

    private func readVersion(_ fields: Fields) {
        let pair = fields.required("bellgate", "write bellgate: 1, the language's version, first")
        guard let version = values.text(pair), version.value != Self.languageVersion else { return }
        reporter.error(
            version.place, "\"\(version.value)\" is no version of the policy language",
            "write bellgate: \(Self.languageVersion)")
    }

    private func readHeader(_ pair: YAMLPair?, _ document: inout PolicyDocument) {
        guard let pair,
            let fields = Fields(
                pair.value, of: "\"policy\"", at: pair.keyPlace,
                known: [
                    "name", "reference", "approved-by", "approved-on", "review-by", "contact",
                ], reporter: reporter)
        else { return }
        document.name = values.text(fields.required("name", "give the policy a name"))?.value ?? ""
        document.reference = values.text(fields["reference"])?.value ?? ""
        document.approvedBy = values.text(fields["approved-by"])?.value ?? ""
        document.approvedOn = values.date(fields["approved-on"])
        document.reviewBy = values.date(fields["review-by"])
        document.contact = values.text(fields["contact"])?.value ?? ""
    }

    private func readRoles(_ pair: YAMLPair?, _ document: inout PolicyDocument) {
        let offices = ["dsl", "principal", "it"]
        guard let pair,
            let fields = Fields(
                pair.value, of: "\"roles\"", at: pair.keyPlace, known: offices, reporter: reporter)
        else { return }
        for office in offices {
            let holder = fields.required(office, "name the office that answers for it")
            document.roles[office] = values.text(holder)?.value
        }
    }

    private func readCalendar(_ pair: YAMLPair?, _ document: inout PolicyDocument) {
        let earlierErrors = reporter.errorCount
        defer { document.isCalendarBroken = reporter.errorCount > earlierErrors }
        guard let pair, !pair.value.isNothing,
            let fields = Fields(
                pair.value, of: "\"calendar\"", known: ["terms", "closed"], reporter: reporter)
        else { return }
        document.termsPlace = fields["terms"]?.keyPlace
        document.calendar.terms = optionalItems(fields["terms"]).compactMap(dates)
        document.calendar.closed = optionalItems(fields["closed"]).compactMap(dates)
    }

    /// `2026-09-01 to 2026-12-18`, or one date.
    private func dates(_ node: YAMLNode) -> ClosedRange<CivilDate>? {
        guard let text = values.text(node, of: "a date or a stretch of dates") else { return nil }
        let words = text.value.split(separator: " ").map(String.init)
        guard words.count == 1 || (words.count == 3 && words[1] == "to") else {
            reporter.error(
                text.place, "\"\(text.value)\" is no stretch of dates",
                "write 2026-09-01 to 2026-12-18")
            return nil
        }
        var endPlace = text.place
        endPlace.column += words.count == 3 ? words[0].count + 4 : 0
        let from = values.date(Located(words[0], at: text.place))
        let to = words.count == 1 ? from : values.date(Located(words[2], at: endPlace))
        guard let first = from, let last = to else { return nil }
        guard first.value <= last.value else {
            reporter.error(
                text.place, "\"\(text.value)\" ends before it starts", "put the earlier date first")
            return nil
        }
        return first.value...last.value
    }

    private func period(_ pair: YAMLPair) -> PolicyDocument.PeriodEntry? {
        guard let name = ownName(pair, of: "a period") else { return nil }
        let earlierErrors = reporter.errorCount
        var entry = PolicyDocument.PeriodEntry(
            name: name, period: period(pair, named: name.value))
        entry.isBroken = reporter.errorCount > earlierErrors
        return entry
    }

    private func period(_ pair: YAMLPair, named name: String) -> Period {
        var period = Period(name: name, windows: [])
        guard case .mapping(let keys) = pair.value.content else {
            reporter.error(
                pair.value.place,
                "period \"\(name)\" needs days, and here is "
                    + pair.value.kind, "write { mon-fri: 08:45-16:15 }")
            return period
        }
        let week = WeekReader(reporter: reporter)
        var named: [Int: SourcePlace] = [:]
        for key in WeekReader.joined(keys).unique(reporter: reporter) {
            if week.isWhen(key, of: name) {
                period.when = values.choice(key, of: WeekReader.kinds) ?? .term
                continue
            }
            let days = week.weekdays(key)
            let windows = week.windows(key)
            for day in days ?? [] {
                if let first = named[day] {
                    reporter.error(
                        key.keyPlace,
                        "\(WeekReader.days[day]) is named twice in period "
                            + "\"\(name)\", first on line \(first.line) "
                            + "(column \(first.column))",
                        "put all windows of a day behind one key")
                    break
                }
                named[day] = key.keyPlace
                period.windows[day] = windows ?? []
            }
        }
        if !keys.contains(where: { $0.key != "when" }) {
            reporter.error(
                pair.keyPlace, "period \"\(name)\" names no day",
                "write days and windows, such as mon-fri: 08:45-16:15")
        }
        return period
    }

    private func group(_ pair: YAMLPair) -> PolicyDocument.GroupEntry? {
        guard let name = ownName(pair, of: "a group", reserved: ["refuse"]) else { return nil }
        var entry = PolicyDocument.GroupEntry(name: name, networks: [])
        guard !pair.value.isNothing,
            let fields = Fields(
                pair.value, of: "group \"\(name.value)\"",
                known: ["networks", "identities", "inherits", "age"], reporter: reporter)
        else { return entry }
        entry.inherits = values.text(fields["inherits"])
        entry.age = values.choice(fields["age"], of: Self.ageBands)
        entry.networks = (values.texts(fields["networks"]) ?? []).compactMap {
            NetworkReader(reporter: reporter).network($0)
        }
        entry.identities = (values.texts(fields["identities"]) ?? []).compactMap {
            IdentityReader.pattern($0, reporter: reporter)
        }
        return entry
    }

    /// As `AgeBand.words` has them.
    private static let ageBands: KeyValuePairs = [
        "under 16": AgeBand.under16, "16-17": .from16To17, "18+": .adult,
    ]

    private func list(_ pair: YAMLPair) -> PolicyDocument.ListEntry? {
        guard let name = ownName(pair, of: "a list", reserved: ["everything", "under-age"])
        else { return nil }
        return ListReader(reporter: reporter).list(pair, name: name)
    }

    private func category(_ pair: YAMLPair) -> PolicyDocument.CategoryEntry? {
        guard
            let name = ownName(
                pair, of: "a category", reserved: ["everything", "under-age", "essentials"])
        else { return nil }
        if case .sequence(let items) = pair.value.content, items.isEmpty {
            reporter.error(
                pair.value.place, "category \"\(name.value)\" is empty",
                "name lists, categories or domain names in it, or remove it")
            return PolicyDocument.CategoryEntry(name: name, members: [])
        }
        return PolicyDocument.CategoryEntry(name: name, members: values.texts(pair) ?? [])
    }

    /// The name that a person gave something, if it is one that the rest of the file can use.
    private func ownName(
        _ pair: YAMLPair, of what: String, reserved: [String] = []
    ) -> Located<String>? {
        OwnName.check(
            Located(pair.key, at: pair.keyPlace), of: what, reserved: reserved, reporter: reporter)
    }
}

/// Names that people give to periods, groups, lists, categories and rules.
enum OwnName {
    /// Names are printed in tables, logs and answers: short, and free of separators.
    static let maximumCharacters = 64

    /// The name, if it can be used; otherwise it is reported.
    static func check(
        _ name: Located<String>, of what: String, reserved: [String], reporter: Reporter
    ) -> Located<String>? {
        if reserved.contains(name.value) {
            reporter.error(
                name.place, "\"\(name.value)\" has a meaning of its own in this language",
                "give it another name")
            return nil
        }
        let fits =
            !name.value.isEmpty && name.value.count <= maximumCharacters
            && name.value.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
        if !fits {
            reporter.error(
                name.place, "\"\(name.value)\" cannot be the name of \(what)",
                "use letters, digits and hyphens, at most \(maximumCharacters)")
            return nil
        }
        return name
    }
}
