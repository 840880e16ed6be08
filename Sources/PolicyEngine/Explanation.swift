import DNSWire
import DomainLists

/// A verdict and its whole why.
public struct Explanation: Sendable {
    /// The verdict, the same that a plane gives.
    public let verdict: Verdict
    /// The deciding rule; `nil` where the default decides.
    public let rule: Rule?
    /// Why it decides, in plain words: "during college-hours".
    public let why: String
    /// The rules that stand before it, in order, each with why it did not match. The
    /// product's own, which hold for everybody, are left out.
    public let considered: [ConsideredRule]
    /// The list of the name that was matched; `nil` for a name of the policy or for none.
    public let listName: String?
    /// The category path; `nil` if none.
    public let category: String?
    /// The name of the period that explains the verdict; `nil` if none.
    public let period: String?
    /// The safe mode that is put in the name's place, or would be were its host not blocked.
    public let safeSearch: Rule?
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
    /// Says what is decided about an audience and a category set at an instant, and why.
    ///
    /// The verdict comes from the same function that fills a plane's cells. For cold paths: costs
    /// as much as making a plane.
    public func explain(audience: Int, set: UInt32, at instant: Instant) -> Explanation {
        explain(
            audiences.indices.contains(audience) ? audiences[audience] : nil,
            row: row(ofAudience: audience), set: set, at: instant)
    }

    /// The same of an audience that need not be among `audiences`; `nil` where `row(of:)` has none.
    public func explain(_ audience: Audience, set: UInt32, at instant: Instant) -> Explanation? {
        row(of: audience).map { explain(audience, row: $0, set: set, at: instant) }
    }

    private func explain(
        _ audience: Audience?, row: Int, set: UInt32, at instant: Instant
    ) -> Explanation {
        let state = state(at: instant)
        let (verdict, rewrite) = judge(row: row, set: Int(set), state: state)
        let decider = verdict.rank == Verdict.none ? nil : Int(verdict.rank)
        let rule = verdict.rule == Verdict.none ? nil : rules[Int(verdict.rule)]
        let asked = AskedCase(program: self, audience: audience, set: Int(set), instant: instant)
        let considered = considered(before: decider, asked)
        let source = Int(verdict.source)
        return Explanation(
            verdict: verdict, rule: rule,
            why: why(verdict, rule, rewrite.map { rules[$0] }, asked),
            considered: considered,
            listName: policy.sources.indices.contains(source)
                ? policy.sources[source].listName : nil,
            category: verdict.category == Verdict.none
                ? nil : categoryNames[Int(verdict.category)],
            period: verdict.period == Verdict.none
                ? nil : policy.periods[Int(verdict.period)].name,
            safeSearch: rewrite.map { rules[$0] })
    }

    private func why(
        _ verdict: Verdict, _ rule: Rule?, _ rewrite: Rule?, _ asked: AskedCase
    ) -> String {
        guard let rule else { return "no rule matches, so the default decides" }
        if verdict.action == .rewrite {
            let decider = verdict.rank == Verdict.none ? "the default" : rules[Int(verdict.rank)].id
            return "in the place of what \(decider) allows"
        }
        let why = asked.why(rule, through: verdict.source)
        guard let host = rewrite?.rewriteTarget else { return why }
        return "\(why), for \(host), to which safe search leads"
    }
}

extension PolicyProgram {
    /// The rules before the deciding one (all where the default decides), each once.
    private func considered(before decider: Int?, _ asked: AskedCase) -> [ConsideredRule] {
        var considered: [ConsideredRule] = []
        var last: Int?
        let decidingRule = decider.map { clauses[$0].place }
        for place in 0..<(decider ?? rewrites.first) {
            let clause = clauses[place]
            guard clause.place != last, clause.place != decidingRule, clause.rule.origin != .product
            else { continue }
            last = clause.place
            // Other people's suspensions are nothing to be told of, nor are those of other days.
            if clause.rule.origin == .suspension, !asked.isSuspended(by: clause.rule) { continue }
            let rule =
                policy.rules.indices.contains(clause.place)
                ? policy.rules[clause.place] : clause.rule
            considered.append(
                ConsideredRule(rule: place, id: rule.id, why: asked.whyNot(rule)))
        }
        return considered
    }
}

/// One case of audience, names and instant, to be held against each rule.
private struct AskedCase {
    let policy: Policy
    let lineage: [Int]
    let audience: Audience?
    let scopes: [IPNetwork]
    let groupName: String
    /// The sources that cover the name.
    let sources: [SourceID]
    let instant: Instant
    let activePeriods: Set<Int>

    init(program: PolicyProgram, audience known: Audience?, set: Int, instant: Instant) {
        policy = program.policy
        audience = known
        lineage = known.map { program.policy.lineage(of: $0.group) } ?? []
        scopes = known.map { $0.scopes.map { program.scopes[$0] } } ?? []
        groupName = known.map { program.policy.groups[$0.group].name } ?? "unknown devices"
        sources = program.setTable.entries(of: set).map { SourceID(rawValue: $0.source) }
        self.instant = instant.clamped
        activePeriods = program.conditions.activePeriods(at: instant.clamped.seconds)
    }

    func isReached(by rule: Rule) -> Bool {
        if rule.reaches(lineage) || rule.networks.contains(where: scopes.contains) { return true }
        return audience?.devices.contains(where: rule.devices.contains) ?? false
    }

    func isSuspended(by rule: Rule) -> Bool {
        isReached(by: rule) && rule.window?.contains(instant) ?? true
    }

    func whyNot(_ rule: Rule) -> String {
        if !isReached(by: rule) { return "is for \(whom(rule)), not \(asker)" }
        if case .listed(let listed) = rule.target {
            let covering = sources.filter { listed[$0] != nil }
            if covering.isEmpty {
                return rule.operands.isEmpty
                    ? "does not cover the name"
                    : "none of \(rule.operands.joined(separator: ", ")) covers the name"
            }
            if let why = whyNoAge(covering) { return why }
        }
        if let window = rule.window, !window.contains(instant) {
            return instant < window.lowerBound
                ? "begins at \(policy.zone.iso8601(window.lowerBound))"
                : "ended at \(policy.zone.iso8601(window.upperBound))"
        }
        if !rule.during.isEmpty, activePeriods.isDisjoint(with: rule.during) {
            return "not during \(names(rule.during, "or"))"
        }
        return "excepted during \(names(rule.exceptDuring.filter(activePeriods.contains), "and"))"
    }

    /// Why none of these sources counts for the asker, where that is so for its age.
    private func whyNoAge(_ covering: [SourceID]) -> String? {
        let infos = covering.compactMap(policy.info)
        guard infos.allSatisfy(\.isForAges), let group = audience?.group else { return nil }
        guard let band = policy.age(ofGroup: group) else { return "\(groupName) has no age band" }
        let stretches = infos.flatMap { $0.stretches(above: band) }
        if stretches.contains(where: { $0.contains(instant) }) { return nil }
        let next = stretches.map(\.lowerBound).filter { instant < $0 }.min()
        let age = "\(groupName) (\(band.words)) is not under age"
        return next.map { "\(age) before \(policy.zone.civilTime(at: $0).date)" } ?? age
    }

    private var asker: String {
        audience?.device.map { "\(policy.devices[$0].name) (\(groupName))" } ?? groupName
    }

    /// "learner and guest", "head-laptop"; devices and networks behind the groups.
    private func whom(_ rule: Rule) -> String {
        let groups = (rule.groups ?? []).filter(policy.groups.indices.contains)
        let devices = rule.devices.filter(policy.devices.indices.contains)
        let names =
            groups.map { policy.groups[$0].name } + devices.map { policy.devices[$0].name }
            + rule.networks.map(\.description)
        return names.isEmpty ? "no group" : listed(names, "and")
    }

    func why(_ rule: Rule, through source: UInt16) -> String {
        var parts: [String] = []
        if policy.info(of: SourceID(rawValue: source))?.isForAges == true,
            let band = audience.flatMap({ policy.age(ofGroup: $0.group) })
        {
            parts.append("as \(groupName) (\(band.words)) is below the minimum age")
        }
        if let window = rule.window, rule.origin != .file {
            let end = window.upperBound
            parts.append(end == .endless ? "without an end" : "until \(policy.zone.iso8601(end))")
        }
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
