public import DNSWire
public import DomainLists

/// The safe mode of one search engine, for some groups: its names are answered as those of another
/// host, which shows nothing but safe results.
///
/// It applies to what is allowed: a name that is blocked stays blocked, and where what the host
/// itself is blocked by stands above what allows the name, the name is blocked as well.
public struct SafeSearch: Sendable {
    /// What the engine is called, such as `google`.
    public var engine: String
    /// The source of its names.
    public var source: SourceID
    /// The host that answers in their place.
    public var target: DomainName
    /// The number of the host's category set.
    public var targetSet: UInt32
    /// The groups (places in `Policy.groups`) for which it is, each by itself: whoever inherits
    /// from one of them is named, too, or not meant.
    public var groups: [Int]
    /// What it does, in plain words.
    public var reason: String

    /// Takes the parts.
    public init(
        engine: String, source: SourceID, target: DomainName, targetSet: UInt32 = 0,
        groups: [Int], reason: String = ""
    ) {
        self.engine = engine
        self.source = source
        self.target = target
        self.targetSet = targetSet
        self.groups = groups
        self.reason = reason
    }

    /// What the log and `explain` call the rule of every rewrite.
    public static let ruleID = "safe-search"

    /// The category that the record shows, such as `safe-search/google`.
    public var category: String { "\(Self.ruleID)/\(engine)" }

    /// The rule that puts it into effect; it decides nothing by itself.
    var rule: Rule {
        var rule = Rule(
            id: Self.ruleID, action: .rewrite, target: .listed([source: category]),
            operands: [category], groups: groups, reason: reason, origin: .safeSearch)
        rule.rewriteTarget = target
        return rule
    }
}

/// The rewrites of a program: the last of its clauses.
struct Rewrites: Sendable {
    /// The first of them, as a place among the clauses; their count where there is none.
    let first: Int
    /// The clauses that are no rewrites, one bit a clause.
    let deciding: [UInt64]
    /// The category set of each one's target.
    let targetSets: [Int]
    /// The sources of the names that are rewritten for somebody. Such a name belongs to no list by
    /// that, and no category is recorded for it where it is not rewritten.
    let sources: Set<UInt16>

    init(_ clauses: [Clause], safeSearch: [SafeSearch], wordCount: Int) {
        let first = clauses.firstIndex { $0.rule.origin == .safeSearch } ?? clauses.count
        self.first = first
        deciding = (0..<wordCount).map { word in
            let left = max(0, min(64, first - word * 64))
            return left == 64 ? .max : (1 << UInt64(left)) - 1
        }
        targetSets = safeSearch.prefix(clauses.count - first).map { Int($0.targetSet) }
        sources = Set(safeSearch.map(\.source.rawValue))
    }
}
