public import PolicyEngine

/// Warns of what loads and can hardly be meant.
///
/// Also beside errors, so that one run says all that there is to say: about what is sound alone.
struct PolicyWarner {
    let document: PolicyDocument
    /// The rules that the program has behind those of the product; broken ones are left out.
    let rules: [PolicyDocument.RuleEntry]
    /// Rules of the product that stand before those of the document.
    let builtInCount: Int
    let reporter: Reporter

    func warn(_ program: PolicyProgram, now: Instant) {
        let today = program.policy.zone.civilTime(at: now).date
        warnOfReview(program.policy, now)
        if !document.isCalendarBroken { warnOfTerms(today) }
        for warning in program.warnings(isCalendarKnown: !document.isCalendarBroken) {
            switch warning {
            case .periodNeverHappens(let period, let reason):
                warn(period: period, reason)
            case .ruleNeverMatches(let rule, let reason):
                warn(rule: rule - builtInCount, reason, program.policy)
            }
        }
    }

    private func warnOfReview(_ policy: Policy, _ now: Instant) {
        guard let due = document.reviewBy, let days = policy.reviewOverdueDays(at: now)
        else { return }
        reporter.warning(
            due.place, "review overdue by \(days) day\(days == 1 ? "" : "s")",
            "review the policy, then set approved-on and review-by")
    }

    /// After the last term every day is a holiday, which hardly anybody means.
    private func warnOfTerms(_ today: CivilDate) {
        guard let last = document.calendar.terms.map(\.upperBound).max(), last < today,
            let place = document.termsPlace,
            document.periods.contains(where: { $0.period.when == .term })
        else { return }
        reporter.warning(
            place, "the last term ended on \(last); since then every day is a holiday",
            "add the new terms")
    }

    private func warn(period place: Int, _ reason: NeverHappeningReason) {
        let entry = document.periods[place]
        guard !entry.isBroken else { return }
        let why =
            switch reason {
            case .noWindows: "it has no windows"
            case .noTermDays: "it is for term days, and the calendar has none"
            case .noSuchDays: "no \(entry.period.when) day falls on its weekdays"
            }
        reporter.warning(
            entry.name.place, "period \"\(entry.name.value)\" never happens: \(why)",
            reason == .noTermDays
                ? "add terms to the calendar, or write when: always"
                : "correct its days, or remove it")
    }

    private func warn(rule place: Int, _ reason: NeverMatchingReason, _ policy: Policy) {
        guard rules.indices.contains(place) else { return }
        let entry = rules[place]
        var hint = "correct it, or remove it"
        let why: String
        switch reason {
        case .noGroups: why = "it is for no group"
        case .noNames: why = "it names nothing"
        case .nobodyUnderAge:
            why = "no group that it is for has an age band below a minimum age"
            hint = "give groups their age: under 16, 16-17 or 18+"
        case .duringNeverHappens: why = "its \"during\" periods never happen"
        case .alwaysExcepted: why = "whenever it would hold, an \"except-during\" period is on"
        case .shadowed(let earlier):
            let ids = earlier.filter(policy.rules.indices.contains)
                .map { "\"\(policy.rules[$0].id)\"" }
            why = "\(ids.joined(separator: ", ")) always decide\(ids.count == 1 ? "s" : "") first"
            hint = "move it up, or remove it"
            let first = earlier.lazy.filter(policy.rules.indices.contains)
                .map { policy.rules[$0].origin }
            if first.contains(.product), !entry.isLocked {
                hint = "only a locked rule can stand above essentials"
            } else if first.contains(.bypass), !entry.isLocked {
                hint =
                    entry.action == .block
                    ? "remove it: \"bypass:\" does the same"
                    : "write an exception, with who approved it and until when"
            }
        }
        reporter.warning(
            entry.place, "rule \"\(entry.id?.value ?? "")\" can never match: \(why)", hint)
    }
}

extension Policy {
    /// For how many days the review has been due, by the policy's own clock; `nil` if it is not.
    ///
    /// The day of `review-by` itself is still in time.
    public func reviewOverdueDays(at now: Instant) -> Int? {
        guard let due = reviewBy else { return nil }
        let days = zone.civilTime(at: now).date.daysSinceEpoch - due.daysSinceEpoch
        return days > 0 ? days : nil
    }
}
