public import DNSWire
public import DomainLists

/// What a rule does with a name.
public enum RuleAction: UInt8, Sendable {
    /// The name is answered.
    case allow
    /// The name is refused an answer.
    case block
    /// The name is answered as that of another host; never written by a rule of the file.
    case rewrite
}

/// How a block is put into an answer.
public enum BlockAnswer: UInt8, CaseIterable, Sendable {
    /// The name does not exist (RFC 2308).
    case nxdomain
    /// The name has no records of the type (RFC 2308).
    case nodata
    /// The unspecified addresses 0.0.0.0 and `::`.
    case zero
    /// The response code REFUSED.
    case refused
    /// The addresses of the server's block page; where there is none, as `nodata`.
    case page
}

/// How grave a safeguarding concern is.
public enum Concern: UInt8, Comparable, CaseIterable, Sendable {
    /// To be seen in the weekly review.
    case low = 1
    /// To be looked at soon.
    case medium
    /// To be looked at once.
    case high

    /// Orders by gravity.
    public static func < (left: Concern, right: Concern) -> Bool { left.rawValue < right.rawValue }
}

/// Which names a rule is about.
public enum RuleTarget: Sendable {
    /// Every name, listed or not.
    case everything
    /// The names of these sources; each with the category path that the record shows, such as
    /// `social-media/chatrooms`, empty where the source belongs to no category.
    case listed([SourceID: String])
}

/// Where a rule comes from; in the order in which unlocked rules are looked at.
public enum RuleOrigin: UInt8, Sendable {
    /// The product's own.
    case product
    /// Somebody's access to the internet is suspended.
    case suspension
    /// An exception of the policy, with an end.
    case exception
    /// The policy's switch against ways round the filter.
    case bypass
    /// A rule of the policy.
    case file
    /// The safe mode of a search engine, for what all others leave allowed.
    case safeSearch
}

/// One rule of the policy.
public struct Rule: Sendable {
    /// The name of the rule.
    public var id: String
    /// What it does.
    public var action: RuleAction
    /// Which names it is about.
    public var target: RuleTarget
    /// The categories, lists and names as written, for explanations.
    public var operands: [String]
    /// The groups as written (places in `Policy.groups`); `nil` for all.
    ///
    /// Groups that inherit from one of these are reached as well; the engine sees to that.
    public var groups: [Int]?
    /// Devices that are reached beside the groups (places in `Policy.devices`).
    public var devices: [Int] = []
    /// Networks whose clients are reached beside the groups.
    public var networks: [IPNetwork] = []
    /// The stretch of time outside which it does not hold, to the second; `nil` for always.
    public var window: Range<Instant>?
    /// Periods (places in `Policy.periods`) of which one must be on; empty for always.
    public var during: [Int]
    /// Periods in which the rule does not hold.
    public var exceptDuring: [Int]
    /// Whether it stands above all rules that are not locked.
    public var isLocked: Bool
    /// Whether its decisions are safeguarding concerns.
    public var concern: Concern?
    /// How its blocks are answered.
    public var answer: BlockAnswer
    /// The TTL of its block answers, in seconds, before it is cut to the end of the verdict.
    public var ttlSeconds: UInt32
    /// Why the rule is there, in plain words.
    public var reason: String
    /// Whether the client's own group asked for the block (extended error 17, RFC 8914).
    public var requestedByGroup: Bool
    /// Where it comes from.
    public var origin: RuleOrigin
    /// Of a rewrite, the host that answers in the name's place.
    public var rewriteTarget: DomainName?

    /// Takes the parts; what is not given has the policy language's default.
    public init(
        id: String, action: RuleAction, target: RuleTarget, operands: [String] = [],
        groups: [Int]? = nil, during: [Int] = [], exceptDuring: [Int] = [],
        isLocked: Bool = false, concern: Concern? = nil, answer: BlockAnswer = .nxdomain,
        ttlSeconds: UInt32 = 60, reason: String = "", requestedByGroup: Bool = false,
        origin: RuleOrigin = .file
    ) {
        self.id = id
        self.action = action
        self.target = target
        self.operands = operands
        self.groups = groups
        self.during = during
        self.exceptDuring = exceptDuring
        self.isLocked = isLocked
        self.concern = concern
        self.answer = answer
        self.ttlSeconds = ttlSeconds
        self.reason = reason
        self.requestedByGroup = requestedByGroup
        self.origin = origin
    }

    /// Whether it comes with the product and not from the file.
    public var isBuiltIn: Bool { origin == .product || origin == .bypass }

    /// Where the rule stands: locked rules first, then the others by their origin.
    var precedence: Int { isLocked ? 0 : 1 + Int(origin.rawValue) }
}
