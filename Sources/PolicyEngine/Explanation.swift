/// A verdict and its whole why.
public struct Explanation: Sendable {
    /// The verdict, the same that a plane gives.
    public let verdict: Verdict
    /// The deciding rule; `nil` where the default decides.
    public let rule: Rule?
    /// Why it decides, in plain words: "during college-hours".
    public let why: String
    /// The rules that stand before it, in order, each with why it did not match. A rule of the
    /// product's own is left out.
    public let considered: [ConsideredRule]
    /// The list of the name that was matched; `nil` for a name of the policy or for none.
    public let listName: String?
    /// The category path; `nil` if none.
    public let category: String?
    /// The name of the period that explains the verdict; `nil` if none.
    public let period: String?
}

/// A rule that was looked at and did not match.
public struct ConsideredRule: Hashable, Sendable {
    /// Its place in `PolicyProgram.rules`.
    public let rule: Int
    /// The name of the rule.
    public let id: String
    /// Why it did not match, in plain words: "not during college-hours".
    public let why: String
}

extension PolicyProgram {
    /// Says what is decided about a group and a category set at an instant, and why.
    ///
    /// The verdict comes from the same function that fills a plane's cells. For cold paths: costs
    /// as much as making a plane.
    public func explain(group: Int, set: UInt32, at instant: Instant) -> Explanation {
        let state = state(at: instant)
        let verdict = verdict(row: row(ofGroup: group), set: Int(set), state: state)
        let decider = verdict.rule == Verdict.none ? nil : Int(verdict.rule)
        let asked = AskedCase(program: self, group: group, set: Int(set), instant: instant)
        let considered = (0..<(decider ?? rules.count)).compactMap { place in
            rules[place].isBuiltIn
                ? nil
                : ConsideredRule(
                    rule: place, id: rules[place].id, why: asked.whyNot(rules[place], place))
        }
        let source = Int(verdict.source)
        return Explanation(
            verdict: verdict, rule: decider.map { rules[$0] },
            why: decider.map { asked.why(rules[$0]) } ?? "no rule matches, so the default decides",
            considered: considered,
            listName: policy.sources.indices.contains(source)
                ? policy.sources[source].listName : nil,
            category: verdict.category == Verdict.none
                ? nil : categoryNames[Int(verdict.category)],
            period: verdict.period == Verdict.none
                ? nil : policy.periods[Int(verdict.period)].name)
    }
}

/// One case of group, names and instant, to be held against each rule.
private struct AskedCase {
    let policy: Policy
    let lineage: [Int]
    let groupName: String
    let isListed: (Int) -> Bool
    let activePeriods: Set<Int>

    init(program: PolicyProgram, group: Int, set: Int, instant: Instant) {
        policy = program.policy
        lineage = policy.lineage(of: group)
        groupName =
            policy.groups.indices.contains(group) ? policy.groups[group].name : "unknown devices"
        let entries = program.setTable.entries(of: set)
        isListed = { rule in
            entries.contains { program.ruleTable.category(of: Int($0.source), in: rule) != nil }
        }
        activePeriods = program.conditions.activePeriods(at: instant.clamped.seconds)
    }

    func whyNot(_ rule: Rule, _ place: Int) -> String {
        if let groups = rule.groups, !rule.reaches(lineage) {
            let names = groups.filter(policy.groups.indices.contains)
                .map { policy.groups[$0].name }
            return "is for \(names.isEmpty ? "no group" : listed(names, "and")), not \(groupName)"
        }
        if case .listed = rule.target, !isListed(place) {
            return rule.operands.isEmpty
                ? "does not cover the name"
                : "none of \(rule.operands.joined(separator: ", ")) covers the name"
        }
        if !rule.during.isEmpty, activePeriods.isDisjoint(with: rule.during) {
            return "not during \(names(rule.during, "or"))"
        }
        return "excepted during \(names(rule.exceptDuring.filter(activePeriods.contains), "and"))"
    }

    func why(_ rule: Rule) -> String {
        var parts: [String] = []
        let active = rule.during.filter(activePeriods.contains)
        if !active.isEmpty { parts.append("during \(names(active, "and"))") }
        if !rule.exceptDuring.isEmpty {
            parts.append("not during \(names(rule.exceptDuring, "or"))")
        }
        return parts.isEmpty ? "at all times" : parts.joined(separator: ", ")
    }

    private func names(_ periods: [Int], _ conjunction: String) -> String {
        listed(
            periods.filter(policy.periods.indices.contains).map { policy.periods[$0].name },
            conjunction)
    }
}

/// `a`, `a or b`, `a, b or c`.
private func listed(_ names: [String], _ conjunction: String) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "no period" }
    return "\(names.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
}
