import DomainLists

extension PolicyProgram {
    /// Whether a name may be allowed (or rewritten) to an audience at some time.
    ///
    /// Exact over all kinds of days; rules that hold for a stretch of time alone are taken as if
    /// they blocked nothing. For loading and checking.
    public func mayBeAllowed(audience: Int, set: UInt32) -> Bool {
        let row = row(ofAudience: audience)
        let classes = DayTable(policy.calendar).occurringClasses
        let periods = policy.periods.map(ActiveMinutes.init)
        var blocked = ActiveMinutes.never
        for place in matching(row: row, set: Int(set)) {
            let rule = rules[place]
            let minutes = rule.condition.activeMinutes(of: periods)
            if rule.action == .allow {
                if !minutes.isSubset(of: blocked, on: classes) { return true }
            } else if rule.window == nil {
                blocked.formUnion(minutes)
            }
        }
        return policy.defaultAction == .allow
            && !ActiveMinutes.always.isSubset(of: blocked, on: classes)
    }
}
