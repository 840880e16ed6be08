import DomainLists
import PolicyEngine

/// The engine as one would explain it: look at each rule in turn, with the clock on the wall.
struct SlowEvaluator {
    let policy: Policy
    let sets: [CategorySet]

    struct Outcome: Equatable {
        var action: RuleAction
        var rule: String?
        var source: UInt16?
        var tier: Int?
        var category: String?
        var period: String?
    }

    func outcome(group: Int, set: Int, at instant: Instant) -> Outcome {
        let time = policy.zone.civilTime(at: instant)
        var keptAwayBy: String?
        for rule in matching(group: group, set: set) {
            let during = rule.during.first { isOn($0, at: time) }
            guard rule.during.isEmpty || during != nil else { continue }
            if let except = rule.exceptDuring.first(where: { isOn($0, at: time) }) {
                keptAwayBy = keptAwayBy ?? policy.periods[except].name
                continue
            }
            return outcome(rule, set, during.map { policy.periods[$0].name } ?? keptAwayBy)
        }
        return outcome(nil, set, keptAwayBy)
    }

    /// The rules that are about a group and a set, in the order of evaluation.
    func matching(group: Int, set: Int) -> [Rule] {
        let ordered =
            policy.rules.filter(\.isLocked)
            + policy.rules.filter { !$0.isLocked && $0.isBuiltIn }
            + policy.rules.filter { !$0.isLocked && !$0.isBuiltIn }
        return ordered.filter { isFor($0, group) && covers($0, set) }
    }

    /// The first of these rules that holds.
    func decider(among rules: [Rule], at instant: Instant) -> String? {
        let time = policy.zone.civilTime(at: instant)
        return rules.first { rule in
            (rule.during.isEmpty || rule.during.contains { isOn($0, at: time) })
                && !rule.exceptDuring.contains { isOn($0, at: time) }
        }?.id
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

    private func isFor(_ rule: Rule, _ group: Int) -> Bool {
        guard let groups = rule.groups else { return true }
        if groups.contains(group) { return true }
        return policy.groups[group].parent.map { isFor(rule, $0) } ?? false
    }

    private func covers(_ rule: Rule, _ set: Int) -> Bool {
        guard case .listed(let sources) = rule.target else { return true }
        return sets[set].tiers.joined().contains { sources[$0] != nil }
    }

    private func outcome(_ rule: Rule?, _ set: Int, _ period: String?) -> Outcome {
        var outcome = Outcome(
            action: rule?.action ?? policy.defaultAction, rule: rule?.id, period: period)
        let names = sets[set].tiers.enumerated().flatMap { tier, sources in
            sources.map { (tier: tier, source: $0) }
        }
        if case .listed(let sources) = rule?.target {
            if let name = names.first(where: { sources[$0.source] != nil }) {
                outcome.source = name.source.rawValue
                outcome.tier = name.tier
                outcome.category = sources[name.source].flatMap { $0.isEmpty ? nil : $0 }
            }
            return outcome
        }
        let category = { (source: SourceID) in policy.sources[Int(source.rawValue)].defaultCategory
        }
        if let name = names.first(where: { category($0.source) != "" }) ?? names.first {
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
            period: known(verdict.period).map { policy.periods[$0].name })
    }
}
