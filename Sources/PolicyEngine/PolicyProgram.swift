public import DNSWire
public import DomainLists

/// A policy made ready: a pure function from (instant, audience, category set) to a verdict.
///
/// Everything that does not depend on the instant is worked out here, once a policy is loaded.
/// `plane(at:)` works out the rest for all groups and sets at once; `explain` says why.
public final class PolicyProgram: Sendable {
    /// The policy as it was loaded.
    public let policy: Policy
    /// The rules in the order of evaluation: locked ones, the product's own, suspensions,
    /// exceptions, ways round the filter, the others; last the safe modes of search engines. A rule
    /// about minimum ages stands here in several parts.
    public let rules: [Rule]
    /// The place in `policy.rules` of each of `rules`; of suspensions and safe modes, places behind
    /// those.
    public let ruleOrder: [Int]
    /// The category paths that a verdict can name, in alphabetical order.
    public let categoryNames: [String]
    /// Clients who are treated alike; first those of each group, in the order of `policy.groups`.
    public let audiences: [Audience]
    /// Which of `audiences` a client belongs to.
    public let clients: ClientTable

    /// Devices and groups by hardware address and identity.
    let identities: IdentityTable
    let clauses: [Clause]
    /// The networks that rules name.
    let scopes: [IPNetwork]
    let conditions: Conditions
    let ruleTable: RuleTable
    let setTable: SetTable
    let rewrites: Rewrites
    /// The first rewrite, as a place in `rules`.
    let firstRewrite: UInt16
    /// The category recorded for each source where everything or the default decides.
    private let defaultCategories: [UInt16]

    /// Prepares a policy for the category sets of one compiled index (`DomainIndex.sets`).
    ///
    /// Takes milliseconds for hundreds of rules; what goes beyond `PolicyLimits` is left out.
    ///
    /// - Parameter others: audiences beside those of the policy's addresses that need a row.
    public init(policy: Policy, sets: [CategorySet], beside others: [Audience] = []) {
        self.policy = policy
        identities = IdentityTable(policy)
        let all =
            policy.rules
            + policy.suspensions.flatMap { $0.rules(officialChannels: policy.officialChannels) }
            + policy.safeSearch.prefix(PolicyLimits.rewrites).map(\.rule)
        let order = all.indices.sorted { left, right in
            let (first, second) = (all[left].precedence, all[right].precedence)
            return first != second ? first < second : left < right
        }
        clauses = Array(
            order.flatMap { Clause.clauses(of: all[$0], at: $0, in: policy) }
                .prefix(PolicyLimits.rules))
        ruleOrder = clauses.map(\.place)
        rules = clauses.map(\.rule)
        categoryNames = Array(policy.categoryPaths.sorted().prefix(PolicyLimits.categories))
        var places: [String: UInt16] = [:]
        for (place, name) in categoryNames.enumerated() { places[name] = UInt16(place) }
        let map = AudienceMap(policy: policy, rules: all, others: others)
        audiences = map.audiences
        clients = map.clients
        scopes = map.scopes
        conditions = Conditions(clauses: clauses, policy: policy)
        ruleTable = RuleTable(
            clauses: clauses, policy: policy, audiences: map, categories: places)
        setTable = SetTable(sets)
        rewrites = Rewrites(
            clauses, safeSearch: policy.safeSearch, wordCount: ruleTable.wordCount)
        firstRewrite = UInt16(clamping: rewrites.first)
        defaultCategories = policy.sources.map { places[$0.defaultCategory] ?? Verdict.none }
    }

    /// What the policy means at an instant and up to the next bell.
    ///
    /// Costs a little for each distinct condition and nothing for each audience or set: the cells
    /// are filled on first use.
    public func plane(at instant: Instant) -> Plane {
        Plane(program: self, state: state(at: instant))
    }

    func state(at instant: Instant) -> PlaneState {
        let seconds = instant.clamped.seconds
        return PlaneState(
            from: seconds, clauses: clauses, conditions: conditions,
            states: conditions.states(at: seconds), wordCount: ruleTable.wordCount)
    }

    /// The audience of a client, as a place in `audiences`; that of the group for unknown devices
    /// where it belongs to none, and `nil` where such are refused.
    public func audience(of client: IPAddress) -> Int? {
        clients.place(of: client) ?? policy.unknownDevices
    }

    /// The row of verdicts for an audience; a place that is none's has the rules for everybody.
    public func row(ofAudience audience: Int) -> Int {
        let rows = ruleTable.rowOfAudience
        return Int(rows[audience >= 0 && audience < rows.count ? audience : rows.count - 1])
    }

    /// The clauses that match, 64 of them; rewrites decide nothing and are left out.
    @inline(__always)
    private func matching(_ entries: ArraySlice<SetTable.Entry>, row: Int, word: Int) -> UInt64 {
        var matching = ruleTable.everything[word]
        for entry in entries {
            matching |= ruleTable.rules(listing: Int(entry.source), word: word)
        }
        return matching & ruleTable.rules(reachingRow: row, word: word) & rewrites.deciding[word]
    }

    /// The clauses that match, in their order. Allocates.
    func matching(row: Int, set: Int) -> [Int] {
        let entries = setTable.entries(of: set)
        return (0..<rewrites.first).filter { place in
            matching(entries, row: row, word: place / 64) >> UInt64(place % 64) & 1 != 0
        }
    }

    /// The first rewrite of a name for a row of audiences, as a place in `rules`.
    private func rewrite(_ entries: ArraySlice<SetTable.Entry>, row: Int) -> Int? {
        for word in rewrites.first / 64..<ruleTable.wordCount {
            var listed: UInt64 = 0
            for entry in entries {
                listed |= ruleTable.rules(listing: Int(entry.source), word: word)
            }
            let found =
                listed & ruleTable.rules(reachingRow: row, word: word) & ~rewrites.deciding[word]
            if found != 0 { return word * 64 + found.trailingZeroBitCount }
        }
        return nil
    }

    /// Works out one cell. Allocates nothing.
    func verdict(row: Int, set: Int, state: PlaneState) -> Verdict {
        judge(row: row, set: set, state: state).verdict
    }

    /// The verdict about a name, and the rewrite that led to it, as a place in `rules`.
    ///
    /// What is allowed may be rewritten; then the host that answers in its place is judged as well,
    /// as a name of an answer's chain is: a block of it yields only to a rule that stands above.
    func judge(row: Int, set: Int, state: PlaneState) -> (verdict: Verdict, rewrite: Int?) {
        var verdict = decision(row: row, set: set, state: state)
        let entries = setTable.entries(of: set)
        guard verdict.action == .allow, rewrites.first < clauses.count,
            let rewrite = rewrite(entries, row: row)
        else { return (verdict, nil) }
        var target = decision(
            row: row, set: rewrites.targetSets[rewrite - rewrites.first], state: state)
        let until = min(verdict.until, target.until)
        if target.action == .block, target.rank < verdict.rank {
            target.until = until
            // Its listed name is none of the name's own.
            target.tier = Verdict.noTier
            return (target, rewrite)
        }
        verdict.action = .rewrite
        verdict.rule = UInt16(clamping: rewrite)
        verdict.until = until
        for entry in entries {
            guard let category = ruleTable.category(of: Int(entry.source), in: rewrite)
            else { continue }
            verdict.record(entry, category: category)
            break
        }
        return (verdict, rewrite)
    }

    /// What the rules say of a name, without rewrites.
    private func decision(row: Int, set: Int, state: PlaneState) -> Verdict {
        let entries = setTable.entries(of: set)
        var until = Int64.max
        var keptAwayBy = Verdict.none
        for word in 0..<ruleTable.wordCount {
            let matching = matching(entries, row: row, word: word)
            let holding = matching & state.holding[word]
            // The rule that decides changes when its own condition ends or when that of a rule
            // before it begins; the rules after it have no say.
            let lowest = holding & (~holding &+ 1)
            var deciders = matching & (lowest &- 1)
            while deciders != 0 {
                let rule = word * 64 + deciders.trailingZeroBitCount
                until = min(until, state.nextFlips[rule])
                if keptAwayBy == Verdict.none { keptAwayBy = state.exceptPeriods[rule] }
                deciders &= deciders - 1
            }
            if holding != 0 {
                let rule = word * 64 + holding.trailingZeroBitCount
                until = min(until, end(of: rule, entries, row: row, state: state))
                let own = state.duringPeriods[rule]
                return decided(
                    by: rule, through: entries,
                    period: own == Verdict.none ? keptAwayBy : own, until: until)
            }
        }
        return decided(by: nil, through: entries, period: keptAwayBy, until: until)
    }

    /// When a clause that holds does so no more, nor the next clause of the same rule in its place.
    private func end(
        of clause: Int, _ entries: ArraySlice<SetTable.Entry>, row: Int, state: PlaneState
    ) -> Int64 {
        var clause = clause
        var end = state.nextFlips[clause]
        while end == rules[clause].window?.upperBound.seconds, end < state.periodFlips[clause],
            clause + 1 < clauses.count, clauses[clause + 1].continues
        {
            clause += 1
            let matching = matching(entries, row: row, word: clause / 64)
            guard matching >> UInt64(clause % 64) & 1 != 0 else { break }
            end = min(
                state.periodFlips[clause], rules[clause].window?.upperBound.seconds ?? .max)
        }
        return end
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
            verdict.rank = verdict.rule
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
            guard !rewrites.sources.contains(entry.source) else { continue }
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
        paths.formUnion(officialChannels.values)
        paths.formUnion(safeSearch.map(\.category))
        for rule in rules {
            guard case .listed(let categories) = rule.target else { continue }
            paths.formUnion(categories.values)
        }
        paths.remove("")
        return paths
    }
}
