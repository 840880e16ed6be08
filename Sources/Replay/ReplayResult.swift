public import DNSWire
public import PolicyEngine

/// In what two decisions differ.
public enum ChangeKind: Int, Sendable, CaseIterable {
    /// What is allowed would be blocked.
    case allowToBlock
    /// What is blocked would be allowed.
    case blockToAllow
    /// A search would be made safe that is not, or no longer, or in another mode.
    case rewrite
    /// The same verdict by another rule.
    case rule
    /// The same block, answered in another way.
    case answer
    /// The same rule and verdict, with another reason, concern or category.
    case reason
}

/// Queries that would be decided otherwise, by the kind of change.
public struct ChangeCounts: Sendable, Equatable {
    private var counts = [UInt64](repeating: 0, count: ChangeKind.allCases.count)

    /// All of them, in whatever way they differ.
    public var total: UInt64 { counts.reduce(0, +) }

    /// How many differ in one way.
    public internal(set) subscript(_ kind: ChangeKind) -> UInt64 {
        get { counts[kind.rawValue] }
        set { counts[kind.rawValue] = newValue }
    }

    static func += (left: inout ChangeCounts, right: ChangeCounts) {
        for kind in ChangeKind.allCases { left[kind] += right[kind] }
    }
}

/// What would change for a group's clients.
public struct GroupChanges: Sendable, Equatable {
    /// The group under the new policy; `nil` for unknown devices.
    public var name: String?
    /// Its queries that were judged.
    public var queries: UInt64 = 0
    /// Those of them that would be decided otherwise.
    public var changes = ChangeCounts()
}

/// What would change for a category's names.
public struct CategoryChanges: Sendable, Equatable {
    /// The category's path; `nil` where none is recorded.
    public var name: String?
    /// Queries that would be decided otherwise.
    public var changes = ChangeCounts()
}

/// A decision in words.
public struct ReplayDecision: Sendable, Hashable {
    /// Allow, block or rewrite.
    public var action: RuleAction
    /// The deciding rule; `ReplayRule.byDefault` or `ReplayRule.refusal` where none is.
    public var rule: String

    /// Takes verdict and rule.
    public init(action: RuleAction, rule: String) {
        self.action = action
        self.rule = rule
    }
}

/// How many queries one rule gives to another.
public struct RuleChange: Sendable, Equatable {
    /// By the policy in force.
    public var from: ReplayDecision
    /// By the new policy.
    public var to: ReplayDecision
    /// In what they differ.
    public var kind: ChangeKind
    /// How many.
    public var queries: UInt64
}

/// A query that would be decided otherwise.
public struct ReplayExample: Sendable, Equatable {
    /// When it was asked, in microseconds since 1970 UTC.
    public var micros: Int64
    /// The row of the log.
    public var seq: UInt64
    /// Who asked.
    public var client: IPAddress
    /// The client's group under the new policy; `nil` for an unknown device.
    public var group: String?
    /// What was asked for.
    public var name: String
    /// The type asked for.
    public var type: RecordType
    /// The name of the answer's chain that was blocked; `nil` if none was.
    public var via: String?
    /// As it was recorded.
    public var recorded: ReplayDecision
    /// By the policy in force.
    public var from: ReplayDecision
    /// By the new policy.
    public var to: ReplayDecision
    /// In what the last two differ.
    public var kind: ChangeKind
    /// The category that is recorded with the block of the two.
    public var category: String?
    /// The new rule's reason.
    public var reason: String
}

/// Queries that one version of the policy decided when they were asked.
public struct RecordedPolicy: Sendable, Equatable {
    /// Its hash.
    public var hash: String
    /// Queries that were judged again.
    public var queries: UInt64
    /// Of these, those that the policy in force decides otherwise than it was recorded.
    public var differing: UInt64
}

/// What replaying a stretch of the log came to.
public struct ReplayResult: Sendable, Equatable {
    /// Queries that were judged.
    public var queries: UInt64 = 0
    /// Those of them that the new policy decides otherwise than the one in force.
    public var changes = ChangeCounts()
    /// By the group that a client has under the new policy, in the order of its file.
    public var groups: [GroupChanges] = []
    /// By rule, the most frequent first.
    public var rules: [RuleChange] = []
    /// By category of the block, the most frequent first.
    public var categories: [CategoryChanges] = []
    /// Examples of all changes, in the order of the log.
    public var examples: [ReplayExample] = []
    /// By the policy that decided when it was asked, in the order of the log.
    public var policies: [RecordedPolicy] = []
    /// Queries that the new policy decides otherwise than it was recorded.
    public var differingFromRecord: UInt64 = 0
    /// Queries that the new policy allows by the asked name; a name of the answer's chain, which is
    /// not recorded, might still be blocked.
    public var judgedByNameAlone: UInt64 = 0
    /// Blocked for an alias that is blocked no more; the rest of the answer is not recorded.
    public var unknownChains: UInt64 = 0
    /// Refused before the policy was asked.
    public var refused: UInt64 = 0
    /// Rows that tell of decisions that were not recorded.
    public var gaps: UInt64 = 0
    /// Decisions that these tell of.
    public var lost: UInt64 = 0
    /// The least time of a query that was judged, in microseconds since 1970 UTC.
    public var firstMicros = Int64.max
    /// The greatest.
    public var lastMicros = Int64.min

    /// Queries that are recorded: judged or not.
    public var recorded: UInt64 { queries + unknownChains + refused }
}
