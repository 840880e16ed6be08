/// Something in a policy that loads and yet cannot be meant.
public enum PolicyWarning: Hashable, Sendable {
    /// A rule (a place in `policy.rules`) that decides nothing, whoever asks, whatever and when.
    case ruleNeverMatches(rule: Int, NeverMatchingReason)
    /// A period (a place in `policy.periods`) that is never on.
    case periodNeverHappens(period: Int, NeverHappeningReason)
}

/// Why a rule can never match.
public enum NeverMatchingReason: Hashable, Sendable {
    /// It is for no group at all.
    case noGroups
    /// It is about no source of names.
    case noNames
    /// It is about minimum ages alone, and no group that it reaches is ever below one.
    case nobodyUnderAge
    /// None of its `during` periods ever happens.
    case duringNeverHappens
    /// Whenever one of its `during` periods is on, an `except-during` period is on as well.
    case alwaysExcepted
    /// Earlier rules (places in `policy.rules`) decide in every case; a single one if one does.
    case shadowed(by: [Int])
}

/// Why a period never happens.
public enum NeverHappeningReason: Hashable, Sendable {
    /// It has no windows.
    case noWindows
    /// It is for term days, and there are none.
    case noTermDays
    /// Its windows start on weekdays that are never of its kind of day.
    case noSuchDays
}

extension PolicyProgram {
    /// Finds what can never happen: periods first, then rules, each in the order of the policy.
    ///
    /// Exact over the whole calendar for names of a single source and unlisted names; the names
    /// that several sources share meet more rules before a given one, never fewer. For loading
    /// and checking, not for the query path.
    ///
    /// - Parameter isCalendarKnown: `false` where the calendar may lack days; then only what can
    ///   happen on no kind of day is found.
    public func warnings(isCalendarKnown: Bool = true) -> [PolicyWarning] {
        let days = DayTable(policy.calendar)
        let classes = isCalendarKnown ? days.occurringClasses : DayClassSet(DayClass.all)
        let minutes = policy.periods.map(ActiveMinutes.init)
        let silent = policy.periods.indices.compactMap { place -> PolicyWarning? in
            guard minutes[place].isEmpty(on: classes) else { return nil }
            return .periodNeverHappens(
                period: place, policy.periods[place].reasonForNever(on: classes))
        }
        let finder = DeadRuleFinder(program: self, periods: minutes, classes: classes)
        return silent + finder.warnings
    }
}

extension Period {
    fileprivate func reasonForNever(on classes: DayClassSet) -> NeverHappeningReason {
        if windows.allSatisfy(\.isEmpty) { return .noWindows }
        let hasTermDays = DayClass.all.contains { $0.isTermDay && classes.contains($0) }
        return when == .term && !hasTermDays ? .noTermDays : .noSuchDays
    }
}

/// Looks for rules that decide nothing, by going through every distinct case of group and source
/// and taking away from each rule the minutes that the rules before it have.
private struct DeadRuleFinder {
    private let program: PolicyProgram
    private let classes: DayClassSet
    /// When each rule holds, in the order of evaluation.
    private let minutes: [ActiveMinutes]
    private let duringMinutes: [ActiveMinutes]
    /// Rules that decide in some case.
    private var alive: Set<Int> = []
    /// For each rule that an earlier one may cover: the single rules that cover it in all cases
    /// seen so far; and all the rules that come before it in some case.
    private var covering: [Int: Set<Int>] = [:]
    private var preceding: [Int: Set<Int>] = [:]

    init(program: PolicyProgram, periods: [ActiveMinutes], classes: DayClassSet) {
        self.program = program
        self.classes = classes
        var known: [Condition: ActiveMinutes] = [:]
        let minutesOf = { (condition: Condition) -> ActiveMinutes in
            if let minutes = known[condition] { return minutes }
            let minutes = condition.activeMinutes(of: periods)
            known[condition] = minutes
            return minutes
        }
        minutes = program.rules.map { minutesOf($0.condition) }
        duringMinutes = program.rules.map {
            minutesOf(Condition(during: Set($0.during), exceptDuring: []))
        }
        // The last row is that of clients without a group, who are never asked about.
        let rows = Set(program.ruleTable.rowOfAudience.dropLast())
        for row in rows.sorted() {
            visit(row: Int(row), source: nil)
            for source in program.ruleTable.representativeSources {
                visit(row: Int(row), source: source)
            }
        }
    }

    /// One case: the names of one source (or of none) that clients of a row ask for.
    private mutating func visit(row: Int, source: Int?) {
        let matching = program.ruleTable.rules(inRow: row, source: source)
        guard !matching.allSatisfy(alive.contains) else { return }
        var taken = ActiveMinutes.never
        for (index, rule) in matching.enumerated() {
            if !minutes[rule].isSubset(of: taken, on: classes) {
                alive.insert(rule)
            } else if !alive.contains(rule) {
                note(rule, after: matching[..<index])
            }
            if program.rules[rule].window == nil { taken.formUnion(minutes[rule]) }
        }
    }

    private mutating func note(_ rule: Int, after earlier: ArraySlice<Int>) {
        guard !minutes[rule].isEmpty(on: classes) else { return }
        let alone = earlier.filter {
            program.rules[$0].window == nil
                && minutes[rule].isSubset(of: minutes[$0], on: classes)
        }
        covering[rule, default: Set(alone)].formIntersection(alone)
        preceding[rule, default: []].formUnion(earlier)
    }

    var warnings: [PolicyWarning] {
        let alive = Set(alive.map { program.ruleOrder[$0] })
        var dead: [Int: NeverMatchingReason] = [:]
        for (place, rule) in program.ruleOrder.enumerated()
        where program.policy.rules.indices.contains(rule) && !alive.contains(rule)
            && dead[rule] == nil && !program.rules[place].isBuiltIn
        {
            dead[rule] = reason(place)
        }
        return dead.sorted { $0.key < $1.key }.map { .ruleNeverMatches(rule: $0, $1) }
    }

    private func reason(_ place: Int) -> NeverMatchingReason? {
        let rule = program.rules[place]
        if case .listed(let sources) = rule.target, sources.isEmpty {
            return program.clauses[place].bands == nil ? .noNames : .nobodyUnderAge
        }
        if duringMinutes[place].isEmpty(on: classes) { return .duringNeverHappens }
        if minutes[place].isEmpty(on: classes) { return .alwaysExcepted }
        if let groups = rule.groups, rule.devices.isEmpty, rule.networks.isEmpty,
            !groups.contains(where: program.policy.groups.indices.contains)
        {
            return .noGroups
        }
        // Without any group there is nobody to ask, and so no case that could tell.
        guard let earlier = preceding[place] else { return nil }
        let single = covering[place]?.min().map { [$0] }
        let order = (single ?? earlier.sorted()).map { program.ruleOrder[$0] }
        return .shadowed(by: order)
    }
}

extension RuleTable {
    /// The rules that match a name of one source (or an unlisted name) for a row of audiences.
    fileprivate func rules(inRow row: Int, source: Int?) -> [Int] {
        var found: [Int] = []
        for word in 0..<wordCount {
            let listing = source.map { rules(listing: $0, word: word) } ?? 0
            var bits = (everything[word] | listing) & rules(reachingRow: row, word: word)
            while bits != 0 {
                found.append(word * 64 + bits.trailingZeroBitCount)
                bits &= bits - 1
            }
        }
        return found
    }
}
