public import DomainLists

/// A policy made ready: a pure function from (instant, group, category set) to a verdict.
///
/// Everything that does not depend on the instant is worked out here, once a policy is loaded.
/// `plane(at:)` works out the rest for all groups and sets at once; `explain` says why.
public final class PolicyProgram: Sendable {
    /// The policy as it was loaded.
    public let policy: Policy
    /// The rules in the order of evaluation: locked ones, the product's own, the others.
    public let rules: [Rule]
    /// The place in `policy.rules` of each of `rules`.
    public let ruleOrder: [Int]
    /// The category paths that a verdict can name, in alphabetical order.
    public let categoryNames: [String]
    /// Which group a client belongs to.
    public let clients: ClientTable

    let conditions: Conditions
    let ruleTable: RuleTable
    let setTable: SetTable
    /// The category recorded for each source where everything or the default decides.
    private let defaultCategories: [UInt16]

    /// Prepares a policy for the category sets of one compiled index (`DomainIndex.sets`).
    ///
    /// Takes milliseconds for hundreds of rules; what goes beyond `PolicyLimits` is left out.
    public init(policy: Policy, sets: [CategorySet]) {
        self.policy = policy
        let order = policy.rules.indices.sorted { left, right in
            let (first, second) = (policy.rules[left].precedence, policy.rules[right].precedence)
            return first != second ? first < second : left < right
        }
        ruleOrder = Array(order.prefix(PolicyLimits.rules))
        rules = ruleOrder.map { policy.rules[$0] }
        categoryNames = Array(policy.categoryPaths.sorted().prefix(PolicyLimits.categories))
        var places: [String: UInt16] = [:]
        for (place, name) in categoryNames.enumerated() { places[name] = UInt16(place) }
        conditions = Conditions(rules: rules, policy: policy)
        ruleTable = RuleTable(rules: rules, policy: policy, categories: places)
        setTable = SetTable(sets)
        defaultCategories = policy.sources.map { places[$0.defaultCategory] ?? Verdict.none }
        clients = ClientTable(policy.groups.map(\.networks))
    }

    /// What the policy means at an instant and up to the next bell.
    ///
    /// Costs a little for each distinct condition and nothing for each group or set: the cells
    /// are filled on first use.
    public func plane(at instant: Instant) -> Plane {
        Plane(program: self, state: state(at: instant))
    }

    func state(at instant: Instant) -> PlaneState {
        let seconds = instant.clamped.seconds
        return PlaneState(
            from: seconds, rules: rules, conditions: conditions,
            states: conditions.states(at: seconds), wordCount: ruleTable.wordCount)
    }

    /// The row of verdicts for a group; a place that is no group's has the rules for everybody.
    func row(ofGroup group: Int) -> Int {
        let rows = ruleTable.rowOfGroup
        return Int(rows[group >= 0 && group < rows.count ? group : rows.count - 1])
    }

    /// Works out one cell. Allocates nothing.
    func verdict(row: Int, set: Int, state: PlaneState) -> Verdict {
        let entries = setTable.entries(of: set)
        var until = Int64.max
        var keptAwayBy = Verdict.none
        for word in 0..<ruleTable.wordCount {
            var matching = ruleTable.everything[word]
            for entry in entries {
                matching |= ruleTable.rules(listing: Int(entry.source), word: word)
            }
            matching &= ruleTable.rules(reachingRow: row, word: word)
            let holding = matching & state.holding[word]
            // The rule that decides changes when its own condition ends or when that of a rule
            // before it begins; the rules after it have no say.
            let lowest = holding & (~holding &+ 1)
            var deciders = matching & (lowest | (lowest &- 1))
            while deciders != 0 {
                let rule = word * 64 + deciders.trailingZeroBitCount
                until = min(until, state.nextFlips[rule])
                if keptAwayBy == Verdict.none { keptAwayBy = state.exceptPeriods[rule] }
                deciders &= deciders - 1
            }
            if holding != 0 {
                let rule = word * 64 + holding.trailingZeroBitCount
                let own = state.duringPeriods[rule]
                return decided(
                    by: rule, through: entries,
                    period: own == Verdict.none ? keptAwayBy : own, until: until)
            }
        }
        return decided(by: nil, through: entries, period: keptAwayBy, until: until)
    }

    private func decided(
        by rule: Int?, through entries: ArraySlice<SetTable.Entry>, period: UInt16, until: Int64
    ) -> Verdict {
        var verdict = Verdict(
            action: policy.defaultAction, rule: Verdict.none, source: Verdict.none,
            tier: Verdict.noTier, category: Verdict.none, period: period, until: until)
        var isListed = false
        if let rule {
            verdict.rule = UInt16(rule)
            verdict.action = rules[rule].action
            isListed = ruleTable.everything[rule / 64] >> UInt64(rule % 64) & 1 == 0
        }
        for entry in entries {
            let source = Int(entry.source)
            if let rule, isListed {
                guard let category = ruleTable.category(of: source, in: rule) else { continue }
                verdict.record(entry, category: category)
                return verdict
            }
            // Every listed name belongs to such a verdict; one with a category says more.
            let category =
                source < defaultCategories.count ? defaultCategories[source] : Verdict.none
            if verdict.source == Verdict.none || category != Verdict.none {
                verdict.record(entry, category: category)
            }
            if category != Verdict.none { return verdict }
        }
        return verdict
    }
}

extension Verdict {
    fileprivate mutating func record(_ entry: SetTable.Entry, category: UInt16) {
        source = entry.source
        tier = entry.tier
        self.category = category
    }
}

extension Policy {
    /// Every category path that a verdict can name.
    fileprivate var categoryPaths: Set<String> {
        var paths = Set(sources.map(\.defaultCategory))
        for rule in rules {
            guard case .listed(let categories) = rule.target else { continue }
            paths.formUnion(categories.values)
        }
        paths.remove("")
        return paths
    }
}
