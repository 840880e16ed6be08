/// What a plane knows of each rule: whether it holds, when that changes, and by which period.
struct PlaneState: Sendable {
    /// The instant for which it was made.
    let from: Int64
    /// The first later instant at which any rule's condition or any named period changes, or at
    /// which the stretch of time of any rule begins or ends.
    let until: Int64
    /// The rules whose condition holds, one bit a rule.
    let holding: [UInt64]
    /// For each rule, when it begins to hold or holds no more; `Int64.max` for never.
    let nextFlips: [Int64]
    /// The same without regard to its stretch of time.
    let periodFlips: [Int64]
    /// For each rule, the first of its periods that is on; `Verdict.none` if none.
    let duringPeriods: [UInt16]
    /// For each rule that only an exception keeps from holding, the first such period that is
    /// on; else `Verdict.none`.
    let exceptPeriods: [UInt16]

    init(
        from: Int64, clauses: [Clause], conditions: Conditions,
        states: [(isActive: Bool, nextFlip: Int64)], wordCount: Int
    ) {
        self.from = from
        var until = states.reduce(Int64.max) { min($0, $1.nextFlip) }
        var holding = [UInt64](repeating: 0, count: wordCount)
        var nextFlips = [Int64](repeating: .max, count: clauses.count)
        var periodFlips = nextFlips
        var duringPeriods = [UInt16](repeating: Verdict.none, count: clauses.count)
        var exceptPeriods = duringPeriods
        let isOn = { (period: Int) -> Bool in
            guard conditions.ofPeriod.indices.contains(period),
                let place = conditions.ofPeriod[period]
            else { return false }
            return states[place].isActive
        }
        for (place, clause) in clauses.enumerated() {
            let rule = clause.rule
            var state = states[conditions.ofRule[place]]
            periodFlips[place] = state.nextFlip
            if let window = rule.window {
                state = conditions.state(
                    state, of: conditions.ofRule[place], within: window, at: from)
                for edge in [window.lowerBound.seconds, window.upperBound.seconds]
                where from < edge { until = min(until, edge) }
            }
            nextFlips[place] = state.nextFlip
            if state.isActive { holding[place / 64] |= 1 << UInt64(place % 64) }
            if let window = rule.window, !window.contains(Instant(seconds: from)) { continue }
            let during = rule.during.first(where: isOn)
            if let during { duringPeriods[place] = UInt16(clamping: during) }
            if rule.during.isEmpty || during != nil,
                let except = rule.exceptDuring.first(where: isOn)
            {
                exceptPeriods[place] = UInt16(clamping: except)
            }
        }
        self.until = until
        self.holding = holding
        self.nextFlips = nextFlips
        self.periodFlips = periodFlips
        self.duringPeriods = duringPeriods
        self.exceptPeriods = exceptPeriods
    }
}
