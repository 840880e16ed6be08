/// What a plane knows of each rule: whether it holds, when that changes, and by which period.
struct PlaneState: Sendable {
    /// The instant for which it was made.
    let from: Int64
    /// The first later instant at which any rule's condition or any named period changes.
    let until: Int64
    /// The rules whose condition holds, one bit a rule.
    let holding: [UInt64]
    /// For each rule, when its condition changes; `Int64.max` for never.
    let nextFlips: [Int64]
    /// For each rule, the first of its periods that is on; `Verdict.none` if none.
    let duringPeriods: [UInt16]
    /// For each rule that only an exception keeps from holding, the first such period that is
    /// on; else `Verdict.none`.
    let exceptPeriods: [UInt16]

    init(
        from: Int64, rules: [Rule], conditions: Conditions,
        states: [(isActive: Bool, nextFlip: Int64)], wordCount: Int
    ) {
        self.from = from
        until = states.reduce(Int64.max) { min($0, $1.nextFlip) }
        var holding = [UInt64](repeating: 0, count: wordCount)
        var nextFlips = [Int64](repeating: .max, count: rules.count)
        var duringPeriods = [UInt16](repeating: Verdict.none, count: rules.count)
        var exceptPeriods = duringPeriods
        let isOn = { (period: Int) -> Bool in
            guard conditions.ofPeriod.indices.contains(period),
                let place = conditions.ofPeriod[period]
            else { return false }
            return states[place].isActive
        }
        for (place, rule) in rules.enumerated() {
            let state = states[conditions.ofRule[place]]
            nextFlips[place] = state.nextFlip
            if state.isActive { holding[place / 64] |= 1 << UInt64(place % 64) }
            let during = rule.during.first(where: isOn)
            if let during { duringPeriods[place] = UInt16(clamping: during) }
            if rule.during.isEmpty || during != nil,
                let except = rule.exceptDuring.first(where: isOn)
            {
                exceptPeriods[place] = UInt16(clamping: except)
            }
        }
        self.holding = holding
        self.nextFlips = nextFlips
        self.duringPeriods = duringPeriods
        self.exceptPeriods = exceptPeriods
    }
}
