import DNSWire
import DomainLists
import PolicyEngine

/// The engine as one would explain it: look at each rule in turn, with the clock on the wall.
struct SlowEvaluator {
    let policy: Policy
    let sets: [CategorySet]
    /// All rules in the order of evaluation: locked ones, the product's own, suspensions,
    /// exceptions, ways round the filter, the others.
    let ordered: [Rule]

    init(policy: Policy, sets: [CategorySet]) {
        self.policy = policy
        self.sets = sets
        let unlocked = policy.rules.filter { !$0.isLocked }
        ordered =
            policy.rules.filter(\.isLocked) + unlocked.filter { $0.origin == .product }
            + policy.suspensions.flatMap { Self.rules($0, policy) }
            + unlocked.filter { $0.origin == .exception }
            + unlocked.filter { $0.origin == .bypass } + unlocked.filter { $0.origin == .file }
    }

    struct Outcome: Equatable {
        var action: RuleAction
        var rule: String?
        var source: UInt16?
        var tier: Int?
        var category: String?
        var period: String?
        /// The safe mode that takes its place, by its reason, and the rule that allows it.
        var safeMode: String?
        var allowedBy: String?
    }

    /// Who asks: any client of a group, or the one with an address.
    struct Asker: Equatable {
        var group: Int
        var address: IPAddress?
    }

    /// Who a client is; `nil` for one whom the policy refuses.
    func asker(_ address: IPAddress) -> Asker? {
        let device = policy.devices.first { $0.addresses.contains(address) }
        if let group = device?.group { return Asker(group: group, address: address) }
        var best: (length: Int, group: Int)?
        for (place, group) in policy.groups.enumerated() {
            for network in group.networks
            where network.contains(address) && network.prefixLength > best?.length ?? -1 {
                best = (network.prefixLength, place)
            }
        }
        return (best?.group ?? policy.unknownDevices).map { Asker(group: $0, address: address) }
    }

    /// What is decided: what the rules say, and for what they allow the first safe mode, unless a
    /// rule before the one that allows blocks its host.
    func outcome(_ asker: Asker, set: Int, at instant: Instant) -> Outcome {
        var outcome = ruled(asker, set: set, at: instant)
        guard outcome.action == .allow, let mode = safeMode(asker, set: set) else {
            return outcome
        }
        let host = Int(mode.targetSet)
        let block = ruled(asker, set: host, at: instant)
        let place = { (set: Int) -> Int in
            decider(among: candidates(asker, set: set), asker, set: set, at: instant) ?? .max
        }
        if block.action == .block, place(host) < place(set) {
            var block = block
            block.tier = nil
            return block
        }
        outcome.action = .rewrite
        outcome.allowedBy = outcome.rule
        outcome.rule = "safe-search"
        outcome.safeMode = mode.reason
        outcome.source = mode.source.rawValue
        outcome.category = "safe-search/\(mode.engine)"
        outcome.tier = sets[set].tiers.firstIndex { $0.contains(mode.source) }
        return outcome
    }

    /// The first safe mode that is about a name, for the group alone that it names.
    func safeMode(_ asker: Asker, set: Int) -> SafeSearch? {
        policy.safeSearch.first {
            $0.groups.contains(asker.group) && sets[set].tiers.joined().contains($0.source)
        }
    }

    private func ruled(_ asker: Asker, set: Int, at instant: Instant) -> Outcome {
        let time = policy.zone.civilTime(at: instant)
        var keptAwayBy: String?
        for rule in ordered where matches(rule, asker, set, instant) {
            let during = rule.during.first { isOn($0, at: time) }
            guard rule.during.isEmpty || during != nil else { continue }
            if let except = rule.exceptDuring.first(where: { isOn($0, at: time) }) {
                keptAwayBy = keptAwayBy ?? policy.periods[except].name
                continue
            }
            let period = during.map { policy.periods[$0].name } ?? keptAwayBy
            return outcome(rule, asker, set, instant, period)
        }
        return outcome(nil, asker, set, instant, keptAwayBy)
    }

    private static func rules(_ suspension: Suspension, _ policy: Policy) -> [Rule] {
        var open = Rule(
            id: "open-while-suspended", action: .allow, target: .listed(policy.officialChannels),
            groups: [])
        open.devices = suspension.device.map { [$0] } ?? []
        open.networks = suspension.networks
        open.window = suspension.window
        var block = open
        block.id = "suspended"
        block.action = .block
        block.target = .everything
        return [open, block]
    }

    /// The places in the order of the rules that may ever decide about a case.
    func candidates(_ asker: Asker, set: Int) -> [Int] {
        ordered.indices.filter { place in
            guard isFor(ordered[place], asker) else { return false }
            guard case .listed(let sources) = ordered[place].target else { return true }
            return sets[set].tiers.joined().contains { sources[$0] != nil }
        }
    }

    /// Which of the candidates decides; `nil` for the default.
    func decider(among places: [Int], _ asker: Asker, set: Int, at instant: Instant) -> Int? {
        let time = policy.zone.civilTime(at: instant)
        return places.first { place in
            let rule = ordered[place]
            return matches(rule, asker, set, instant)
                && (rule.during.isEmpty || rule.during.contains { isOn($0, at: time) })
                && !rule.exceptDuring.contains { isOn($0, at: time) }
        }
    }

    private func matches(
        _ rule: Rule, _ asker: Asker, _ set: Int, _ instant: Instant
    ) -> Bool {
        if let window = rule.window,
            instant < window.lowerBound || instant >= window.upperBound
        {
            return false
        }
        return isFor(rule, asker) && covers(rule, asker, set, instant)
    }

    func isOn(_ period: Int, at time: CivilTime) -> Bool {
        let period = policy.periods[period]
        let today = time.date
        let yesterday = today.advanced(byDays: -1)
        let isOnToday = period.windows[today.weekday].contains { window in
            let start = window.startMinute * 60
            let end = window.endMinute * 60
            return time.secondOfDay >= start && (end <= start || time.secondOfDay < end)
        }
        let isOnSinceYesterday = period.windows[yesterday.weekday].contains { window in
            window.endMinute <= window.startMinute && time.secondOfDay < window.endMinute * 60
        }
        return (isOnToday && isMeant(today, period.when))
            || (isOnSinceYesterday && isMeant(yesterday, period.when))
    }

    private func isMeant(_ date: CivilDate, _ kind: DayKind) -> Bool {
        switch kind {
        case .always: true
        case .term: policy.calendar.isTermDay(date)
        case .holiday: !policy.calendar.isTermDay(date)
        }
    }

    private func isFor(_ rule: Rule, _ asker: Asker) -> Bool {
        if let address = asker.address {
            if rule.networks.contains(where: { $0.contains(address) }) { return true }
            if rule.devices.contains(where: { policy.devices[$0].addresses.contains(address) }) {
                return true
            }
        }
        return isFor(rule, group: asker.group)
    }

    private func isFor(_ rule: Rule, group: Int) -> Bool {
        guard let groups = rule.groups else { return true }
        if groups.contains(group) { return true }
        return policy.groups[group].parent.map { isFor(rule, group: $0) } ?? false
    }

    private func covers(_ rule: Rule, _ asker: Asker, _ set: Int, _ instant: Instant) -> Bool {
        guard case .listed(let sources) = rule.target else { return true }
        return sets[set].tiers.joined().contains {
            sources[$0] != nil && counts($0, asker, instant)
        }
    }

    /// Whether a source counts: always, but for those of services with a minimum age.
    private func counts(_ source: SourceID, _ asker: Asker, _ instant: Instant) -> Bool {
        let ages = policy.sources[Int(source.rawValue)].minimumAges
        guard !ages.isEmpty else { return true }
        guard let now = ages.filter({ $0.from <= instant }).max(by: { $0.from < $1.from })
        else { return false }
        var group: Int? = asker.group
        while let current = group {
            if let age = policy.groups[current].age {
                switch age {
                case .under16: return now.age >= 16
                case .from16To17: return now.age >= 18
                case .adult: return false
                }
            }
            group = policy.groups[current].parent
        }
        return false
    }

    private func outcome(
        _ rule: Rule?, _ asker: Asker, _ set: Int, _ instant: Instant, _ period: String?
    ) -> Outcome {
        var outcome = Outcome(
            action: rule?.action ?? policy.defaultAction, rule: rule?.id, period: period)
        let names = sets[set].tiers.enumerated().flatMap { tier, sources in
            sources.map { (tier: tier, source: $0) }
        }
        if case .listed(let sources) = rule?.target {
            if let name = names.first(where: {
                sources[$0.source] != nil && counts($0.source, asker, instant)
            }) {
                outcome.source = name.source.rawValue
                outcome.tier = name.tier
                outcome.category = sources[name.source].flatMap { $0.isEmpty ? nil : $0 }
            }
            return outcome
        }
        let category = { (source: SourceID) in policy.sources[Int(source.rawValue)].defaultCategory
        }
        // Names of search engines are in no list by that.
        let listed = names.filter { name in
            !policy.safeSearch.contains { $0.source == name.source }
        }
        if let name = listed.first(where: { category($0.source) != "" }) ?? listed.first {
            outcome.source = name.source.rawValue
            outcome.tier = name.tier
            outcome.category = category(name.source).isEmpty ? nil : category(name.source)
        }
        return outcome
    }
}

extension PolicyProgram {
    /// A verdict in the words of the policy.
    func outcome(_ verdict: Verdict) -> SlowEvaluator.Outcome {
        let known = { (value: UInt16) in value == Verdict.none ? nil : Int(value) }
        return SlowEvaluator.Outcome(
            action: verdict.action, rule: known(verdict.rule).map { rules[$0].id },
            source: verdict.source == Verdict.none ? nil : verdict.source,
            tier: verdict.tier == Verdict.noTier ? nil : Int(verdict.tier),
            category: known(verdict.category).map { categoryNames[$0] },
            period: known(verdict.period).map { policy.periods[$0].name },
            safeMode: verdict.action == .rewrite ? rules[Int(verdict.rule)].reason : nil,
            allowedBy: verdict.action == .rewrite ? known(verdict.rank).map { rules[$0].id } : nil)
    }
}
