public import DecisionLog
import PolicyEngine
import PolicyFile

/// What one device did in a stretch of time, in plain words: for a parent, a carer or whoever a
/// case is discussed with. No other device is in it, and no support service.
public struct DeviceSummary {
    /// What stands at the top.
    public struct Heading: Sendable {
        /// What the device is called.
        public var device: String
        /// From when on, in microseconds since 1970 UTC.
        public var sinceMicros: Int64
        /// Until when (which itself is left out).
        public var untilMicros: Int64
        /// When the summary was made.
        public var madeMicros: Int64
        /// The office that decided to make it.
        public var authorisedBy: String
        /// Why.
        public var reason: String

        /// Takes the parts.
        public init(
            device: String, sinceMicros: Int64, untilMicros: Int64, madeMicros: Int64,
            authorisedBy: String, reason: String
        ) {
            self.device = device
            self.sinceMicros = sinceMicros
            self.untilMicros = untilMicros
            self.madeMicros = madeMicros
            self.authorisedBy = authorisedBy
            self.reason = reason
        }
    }

    let heading: Heading
    let policy: ReviewPolicy
    private(set) var total = Counts()
    private(set) var days: [Int: Counts] = [:]
    private(set) var categories: [String: Counts] = [:]
    private(set) var blocks: [String: Block] = [:]
    private(set) var groups: Set<String> = []
    private var essential: [String: Bool] = [:]

    /// Questions, by what came of them.
    struct Counts {
        var allowed: UInt64 = 0
        var blocked: UInt64 = 0
        var all: UInt64 { allowed + blocked }

        mutating func add(_ isBlocked: Bool) {
            if isBlocked { blocked += 1 } else { allowed += 1 }
        }
    }

    /// What one rule blocked.
    struct Block {
        var concern: String?
        var attempts: UInt64 = 0
        var attemptMicros: Int64 = 0
        var firstMicros: Int64
        var lastMicros: Int64
        var names: [String: UInt64] = [:]
    }

    /// Begins; rows are added one after the other.
    public init(_ heading: Heading, policy: ReviewPolicy) {
        self.heading = heading
        self.policy = policy
    }

    /// Whether a row is about a support service, which is nobody's business: such rows are in no
    /// summary, whatever decided about them.
    public mutating func isAboutSupport(_ row: DecisionRow) -> Bool {
        if Catalogue.isEssential(rule: row.rule, category: row.category) { return true }
        guard let name = row.name else { return false }
        if let known = essential[name] { return known }
        if essential.count >= ReviewLimits.namesRemembered { essential.removeAll() }
        let isEssential = policy.isEssential(name)
        essential[name] = isEssential
        return isEssential
    }

    /// Adds a row of the device, in the order of the log; gaps and support services are left out.
    public mutating func add(_ row: DecisionRow) {
        guard !row.isGap, let name = row.name, !isAboutSupport(row) else { return }
        let isBlocked = row.verdict == .block
        total.add(isBlocked)
        days[date(row.timeMicros).daysSinceEpoch, default: Counts()].add(isBlocked)
        if let category = row.category { categories[category, default: Counts()].add(isBlocked) }
        if let group = row.group { groups.insert(group) }
        guard isBlocked || row.concern != nil else { return }
        var block =
            blocks[row.rule]
            ?? Block(
                concern: row.concern, firstMicros: row.timeMicros, lastMicros: row.timeMicros)
        // One page asks for a name many times: what comes within ten minutes is one attempt.
        if block.attempts == 0 || row.timeMicros - block.attemptMicros >= ReviewLimits.foldMicros {
            block.attempts += 1
            block.attemptMicros = row.timeMicros
        }
        block.firstMicros = min(block.firstMicros, row.timeMicros)
        block.lastMicros = max(block.lastMicros, row.timeMicros)
        if block.names[name] != nil || block.names.count < ReviewLimits.namesOfConcern {
            block.names[name, default: 0] += 1
        }
        blocks[row.rule] = block
    }

    /// The day of an instant, by the policy's clock.
    func date(_ micros: Int64) -> CivilDate {
        policy.policy.zone.civilTime(at: Instant(seconds: micros / 1_000_000)).date
    }
}
