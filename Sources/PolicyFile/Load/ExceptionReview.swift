import DNSWire
public import PolicyEngine

/// An exception of a policy, and how long it goes on.
public struct ExceptionStatus: Sendable {
    /// How an exception stands at an instant.
    public enum State: String, Sendable {
        /// It has not begun.
        case toCome = "to-come"
        /// It is in force.
        case open
        /// It is in force and ends within `noticeDays`.
        case endsSoon = "ends-soon"
        /// It is over.
        case ended
    }

    /// From so many days before its end on, an exception is worth a word, in days: two weeks are
    /// enough to decide about another one.
    public static let noticeDays = 14

    /// Its name.
    public var id: String
    /// The line on which it is written.
    public var line: Int
    /// Why it was made.
    public var reason: String
    /// What those concerned were advised, if anything.
    public var advice: String?
    /// The role that decided.
    public var approvedBy: String
    /// When that was; `nil` where the file does not say.
    public var approvedOn: CivilDate?
    /// From when to when it holds.
    public var window: Range<Instant>
    /// How it stands.
    public var state: State
    /// Whole days up to its end, or since, where that is past: negative.
    public var daysLeft: Int
    /// When it begins, by the policy's wall clock; `nil` for one without a start.
    public var fromText: String?
    /// When it ends, by the policy's wall clock.
    public var untilText: String
    /// All but its reason in one line, for a register.
    public var summary: String

    init(_ entry: PolicyDocument.ExceptionEntry, _ rule: Rule, zone: ZoneRules, now: Instant) {
        id = rule.id
        line = entry.place.line
        reason = entry.reason
        advice = entry.advice
        approvedBy = entry.approvedBy ?? ""
        approvedOn = entry.approvedOn
        let window = rule.window ?? .earliest..<(.endless)
        self.window = window
        fromText = entry.from.map { zone.iso8601(zone.instant(of: $0)) }
        untilText = zone.iso8601(window.upperBound)
        let whom =
            (entry.groups + entry.devices).map(\.value) + entry.networks.map(\.description)
        let words: [String?] = [
            "exception \(rule.id): \(entry.action == .allow ? "allow" : "block") "
                + "\(rule.operands.joined(separator: ", ")) for \(whom.joined(separator: ", "))",
            fromText.map { "from \($0)" }, "until \(untilText)",
            "approved by \(approvedBy)" + (approvedOn.map { " on \($0)" } ?? ""),
            advice.map { "advice: \($0)" },
        ]
        summary = words.compactMap(\.self).joined(separator: ", ")
        let left = window.upperBound.seconds.subtractingReportingOverflow(now.seconds)
        let seconds = left.overflow ? Int64.max : left.partialValue
        daysLeft = Int(seconds / 86_400)
        if seconds <= 0 {
            state = .ended
        } else if now < window.lowerBound {
            state = .toCome
        } else {
            state = seconds <= Int64(Self.noticeDays) * 86_400 ? .endsSoon : .open
        }
    }
}

/// Says which exceptions do not do what their authors believe.
struct ExceptionWarner {
    let document: PolicyDocument
    /// The exceptions that the program has, in the order of the file; broken ones are left out.
    let entries: [PolicyDocument.ExceptionEntry]
    /// How they stand.
    let states: [ExceptionStatus]
    /// The place of the first of them in `Policy.rules`.
    let firstPlace: Int
    let reporter: Reporter

    /// - Parameter namesSets: the category set of each name that an exception writes.
    func warn(_ program: PolicyProgram, setOf: (String) -> UInt32?) {
        for (number, entry) in entries.enumerated() {
            guard states[number].state != .ended else {
                warnOfEnd(entry, states[number])
                continue
            }
            let sets = entry.operands.compactMap { setOf($0.value) }
            for place in program.lockedRules(against: firstPlace + number, nameSets: sets) {
                let rule = program.policy.rules[place]
                let line = document.rules.first { $0.id?.value == rule.id }?.place.line ?? 0
                reporter.warning(
                    entry.place,
                    "exception \"\(entry.id?.value ?? "")\" contradicts the locked rule "
                        + "\"\(rule.id)\" (line \(line)), which stands above every exception",
                    "take out what that rule decides, or speak about the rule with who answers "
                        + "for it")
            }
        }
    }

    private func warnOfEnd(
        _ entry: PolicyDocument.ExceptionEntry, _ status: ExceptionStatus
    ) {
        reporter.warning(
            entry.until?.place ?? entry.place,
            "exception \"\(status.id)\" ended at \(status.untilText) and has no effect",
            "remove it, or have another one approved")
    }
}
