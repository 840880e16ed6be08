/// What the policy decides about a group and a name, and until when.
@frozen public struct Verdict: Hashable, Sendable {
    /// Allow, block or rewrite.
    public var action: RuleAction
    /// The deciding rule, as a place in `PolicyProgram.rules`; `none` for the default. Of a rewrite
    /// the safe mode that is put in place of what was allowed.
    public var rule: UInt16
    /// The rule that allowed or blocked, by its place in the order of evaluation, which is that of
    /// `PolicyProgram.rules`; `none` for the default. Differs from `rule` in a rewrite alone.
    public var rank: UInt16
    /// The source of the longest listed name that belongs to the deciding rule; `none` if none.
    public var source: UInt16
    /// The tier of the category set in which that source lies; `noTier` if none.
    public var tier: UInt8
    /// The category path, as a place in `PolicyProgram.categoryNames`; `none` if none.
    public var category: UInt16
    /// The period that explains the verdict, as a place in `Policy.periods`; `none` if none: the
    /// deciding rule's own, else the one that kept the first otherwise matching rule away.
    public var period: UInt16
    /// The first later instant at which another rule decides, in seconds since 1970 UTC;
    /// `Int64.max` for never. No answer may outlive it.
    public var until: Int64

    /// Stands for no rule, source, category or period.
    public static var none: UInt16 { .max }
    /// Stands for no tier.
    public static var noTier: UInt8 { .max }

    /// Takes the parts; without a rank, that of the rule.
    @inlinable public init(
        action: RuleAction, rule: UInt16, source: UInt16, tier: UInt8, category: UInt16,
        period: UInt16, until: Int64, rank: UInt16? = nil
    ) {
        self.action = action
        self.rule = rule
        self.rank = rank ?? rule
        self.source = source
        self.tier = tier
        self.category = category
        self.period = period
        self.until = until
    }
}
