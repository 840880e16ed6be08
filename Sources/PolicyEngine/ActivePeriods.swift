extension PolicyProgram {
    /// The names of the periods that are on at an instant, in the policy's order.
    ///
    /// Only of those that a rule names: the others decide nothing.
    public func activePeriods(at instant: Instant) -> [String] {
        let states = conditions.states(at: instant.clamped.seconds)
        return policy.periods.indices.compactMap { period in
            guard conditions.ofPeriod.indices.contains(period),
                let place = conditions.ofPeriod[period], states[place].isActive
            else { return nil }
            return policy.periods[period].name
        }
    }
}
