import DNSWire
import DomainLists
import PolicyEngine

/// Looks up what a policy document names, and makes the policy that the engine runs.
struct PolicyCompiler {
    let document: PolicyDocument
    let reporter: Reporter
    /// Grows by the names that the rules write.
    var scope: NameScope
    /// Places in the document of the rules about which an error was reported, or about something
    /// that they are made of.
    private(set) var brokenRules: Set<Int> = []
    /// The same of its exceptions.
    private(set) var brokenExceptions: Set<Int> = []
    /// How many rules the product puts before those of the file; known once there are rules.
    private(set) var builtInCount = 0

    init(document: PolicyDocument, reporter: Reporter, scope: NameScope) {
        self.document = document
        self.reporter = reporter
        self.scope = scope
    }

    /// A plane has a cell for each group and category set: bounded memory, and far more of each
    /// than a large college has.
    static let maximumRules = 10_000
    static let maximumGroups = 1000
    static let maximumPeriods = 1000
    static let maximumDevices = 20_000
    static let maximumExceptions = 10_000
    /// Whoever counts use keeps a bit for each limit.
    static let maximumUseLimits = 64

    /// Refuses what would not fit the engine's tables.
    func checkLimits() {
        check(document.rules.map(\.place), Self.maximumRules, "rules")
        check(document.groups.map(\.name.place), Self.maximumGroups, "groups")
        check(document.periods.map(\.name.place), Self.maximumPeriods, "periods")
        check(document.devices.map(\.name.place), Self.maximumDevices, "devices")
        check(document.exceptions.map(\.place), Self.maximumExceptions, "exceptions")
        check(document.useLimits.map(\.place), Self.maximumUseLimits, "limits of use")
    }

    private func check(_ places: [SourcePlace], _ limit: Int, _ what: String) {
        guard places.count > limit else { return }
        reporter.error(
            places[limit], "the policy has \(places.count) \(what), more than \(limit)",
            "merge some of them")
    }

    /// The groups, with their parents looked up.
    func groups() -> [Group] {
        refuseSharedNetworks()
        let places = self.groupPlaces
        var groups = document.groups.map { entry in
            Group(
                name: entry.name.value,
                parent: entry.inherits.flatMap { place(of: $0, as: "group", in: places) },
                networks: entry.networks.map(\.value),
                identities: entry.identities.map(\.value), age: entry.age)
        }
        for cycle in Cycles.find(groups.map { $0.parent.map { [$0] } ?? [] }) {
            guard let first = cycle.min(), let turn = cycle.firstIndex(of: first) else { continue }
            let names = (cycle[turn...] + cycle[..<turn] + [first]).map { groups[$0].name }
            reporter.error(
                document.groups[first].inherits?.place ?? document.groups[first].name.place,
                "group \"\(groups[first].name)\" inherits from itself: "
                    + names.joined(separator: " -> "), "remove one \"inherits\"")
            groups[first].parent = nil
        }
        return groups
    }

    var groupPlaces: [String: Int] { Self.places(document.groups.map(\.name.value)) }

    static func places(_ names: [String]) -> [String: Int] {
        var places: [String: Int] = [:]
        for (place, name) in names.enumerated() where places[name] == nil { places[name] = place }
        return places
    }

    private func refuseSharedNetworks() {
        var owners: [IPNetwork: (group: String, place: SourcePlace)] = [:]
        for entry in document.groups {
            for network in entry.networks {
                guard let first = owners[network.value] else {
                    owners[network.value] = (entry.name.value, network.place)
                    continue
                }
                let isSame = first.group == entry.name.value
                reporter.error(
                    network.place,
                    isSame
                        ? "network \(network.value) is given twice in group \"\(first.group)\""
                        : "network \(network.value) is in two groups, \"\(first.group)\" "
                            + "(line \(first.place.line)) and \"\(entry.name.value)\"",
                    isSame
                        ? "remove one"
                        : "keep it in one of them; a longer prefix may be in another")
            }
        }
    }

    /// The group of clients in no network; `nil` where they are refused.
    func unknownDevices() -> Int? {
        guard let name = document.unknownDevices, name.value != "refuse" else { return nil }
        var places = groupPlaces
        if let place = places[name.value] { return place }
        // Only a candidate for the advice.
        places["refuse"] = -1
        return place(of: name, as: "group", in: places)
    }

    /// The rules in the order of the file, after the product's own.
    mutating func rules() -> [Rule] {
        refuseSharedIDs()
        let groups = groupPlaces
        let periods = Self.places(document.periods.map(\.name.value))
        var rules = essentialRules() + bypassRules(groups)
        builtInCount = rules.count
        for (number, entry) in document.rules.enumerated() {
            let earlierErrors = reporter.errorCount
            let (target, isTargetSound) = target(of: entry.operands)
            rules.append(
                Rule(
                    id: entry.id?.value ?? "", action: entry.action, target: target,
                    operands: entry.operands.map(\.value),
                    groups: entry.groups?.compactMap { place(of: $0, as: "group", in: groups) },
                    during: entry.during.compactMap { place(of: $0, as: "period", in: periods) },
                    exceptDuring: entry.exceptDuring.compactMap {
                        place(of: $0, as: "period", in: periods)
                    },
                    isLocked: entry.isLocked, concern: entry.concern, answer: entry.answer,
                    ttlSeconds: entry.ttlSeconds, reason: entry.reason,
                    requestedByGroup: entry.isRequestedByGroup))
            let isSound =
                !entry.isBroken && isTargetSound && !namesBrokenPeriod(entry)
                && reporter.errorCount == earlierErrors
            if !isSound { brokenRules.insert(number) }
        }
        return rules
    }

    /// The names of the product's own rules, of all that `rules` has made.
    ///
    /// A catalogue that could not be read, which is reported, would have brought them: a test that
    /// names one is no further mistake.
    func ownRuleIDs(of rules: [Rule]) -> [String] {
        rules.prefix(builtInCount).map(\.id)
            + (scope.lacksCatalogue
                ? [Catalogue.essentials, BypassSwitch.ruleID, BypassSwitch.signalsRuleID] : [])
    }

    mutating func markBroken(exception: Int) { brokenExceptions.insert(exception) }

    private func refuseSharedIDs() {
        var places: [String: (what: String, place: SourcePlace)] = [:]
        let named =
            document.rules.map { ("rule", $0.id) }
            + document.exceptions.map { ("exception", $0.id) }
        for case (let what, let id?) in named {
            guard let first = places[id.value] else {
                places[id.value] = (what, id.place)
                continue
            }
            let known =
                first.what == what ? "" : " as \(first.what == "rule" ? "a" : "an") \(first.what)"
            reporter.error(
                id.place,
                "\(what) \"\(id.value)\" is there already\(known), on line \(first.place.line)",
                "give each \(what) a name of its own")
        }
    }

    private func namesBrokenPeriod(_ entry: PolicyDocument.RuleEntry) -> Bool {
        (entry.during + entry.exceptDuring).contains { name in
            document.periods.contains { $0.isBroken && $0.name.value == name.value }
        }
    }

    private func essentialRules() -> [Rule] {
        guard let essentials = scope.essentials else { return [] }
        return [
            Rule(
                id: Catalogue.essentials, action: .allow,
                target: .listed([essentials: Catalogue.essentials]),
                operands: [Catalogue.essentials],
                reason: "Support services and connectivity checks are always open.",
                origin: .product)
        ]
    }

    /// What a rule is about, and whether all that its words stand for is known.
    mutating func target(
        of operands: [Located<String>]
    ) -> (target: RuleTarget, isSound: Bool) {
        if operands.first?.value == "everything" { return (.everything, true) }
        var sources: [SourceID: String] = [:]
        var isSound = true
        for operand in operands {
            guard let meaning = scope.meaning(of: operand, in: "rule's list") else {
                isSound = false
                continue
            }
            isSound = isSound && scope.isSound(meaning)
            sources.merge(scope.expand(meaning)) { first, _ in first }
        }
        return (.listed(sources), isSound)
    }

    func place(
        of name: Located<String>, as what: String, in places: [String: Int]
    ) -> Int? {
        if let place = places[name.value] { return place }
        reporter.error(
            name.place, "there is no \(what) \"\(name.value)\"",
            NearestName.advice(
                for: name.value, among: places.keys.sorted(),
                otherwise: "define it under \(what)s:"))
        return nil
    }
}
