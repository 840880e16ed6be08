import DNSWire
public import PolicyEngine
public import PolicyFile

/// What a review goes by: a change of it is a reason to review before the year is over.
public struct ReviewFingerprint: Codable, Hashable, Sendable {
    /// The hash of the policy file.
    public var policyHash: String
    /// The networks of each group.
    public var groups: [String: [String]]
    /// The upstreams, as the configuration has them.
    public var upstreams: [String]
    /// The lists and categories of catalogues, by name.
    public var lists: [String]
    /// What each rule says, by id.
    public var rules: [String: String]
}

extension ReviewFingerprint {
    /// Takes it of a policy and the upstreams' texts.
    public init(_ loaded: LoadedPolicy, upstreams: [String]) {
        let policy = loaded.policy
        policyHash = loaded.hash
        groups = Dictionary(
            policy.groups.map { ($0.name, $0.networks.map(\.description).sorted()) },
            uniquingKeysWith: { first, _ in first })
        self.upstreams = upstreams.sorted()
        lists = Set(
            loaded.lists.map { list in list.category.map { "\(list.name)/\($0)" } ?? list.name }
        ).union(loaded.webLists.map { "\($0.url)" }).sorted()
        rules = Dictionary(
            policy.rules.filter { $0.origin != .product }.map { ($0.id, Self.words($0, policy)) },
            uniquingKeysWith: { first, _ in first })
    }

    private static func words(_ rule: Rule, _ policy: Policy) -> String {
        func names(_ places: [Int]) -> String {
            places.map { policy.periods[$0].name }.joined(separator: ", ")
        }
        let groups = rule.groups.map { $0.map { policy.groups[$0].name }.joined(separator: ", ") }
        let what = rule.operands.isEmpty ? "everything" : rule.operands.joined(separator: ", ")
        return "\(rule.action) \(what) for \(groups ?? "all")"
            + (rule.during.isEmpty ? "" : " during \(names(rule.during))")
            + (rule.exceptDuring.isEmpty ? "" : " except during \(names(rule.exceptDuring))")
            + (rule.isLocked ? ", locked" : "")
    }

    /// What is different since an earlier one, in words, each a reason to review.
    public func triggers(since earlier: ReviewFingerprint) -> [ReviewTrigger] {
        var found: [ReviewTrigger] = []
        for group in groups.keys.sorted() {
            guard let before = earlier.groups[group] else {
                found.append(.infrastructure("new group \(group)"))
                found += (groups[group] ?? []).map {
                    .infrastructure("new network \($0) in group \(group)")
                }
                continue
            }
            found += Self.difference(before, groups[group] ?? []).map {
                .infrastructure("\($0.word) network \($0.item) in group \(group)")
            }
        }
        for group in earlier.groups.keys.sorted() where groups[group] == nil {
            found.append(.infrastructure("group \(group) is gone"))
        }
        found += Self.difference(earlier.upstreams, upstreams).map {
            .infrastructure("\($0.word) upstream \($0.item)")
        }
        found += Self.difference(earlier.lists, lists).map {
            .infrastructure("\($0.word) list \($0.item)")
        }
        guard policyHash != earlier.policyHash else { return found }
        let ids = Set(rules.keys).union(earlier.rules.keys).sorted()
        let changes = ids.compactMap { id -> String? in
            switch (earlier.rules[id], rules[id]) {
            case (nil, _?): "new rule \(id)"
            case (_?, nil): "rule \(id) is gone"
            case (let before?, let now?): before == now ? nil : "rule \(id) says \"\(now)\" now"
            case (nil, nil): nil
            }
        }
        let what = changes.isEmpty ? "no rule differs" : changes.joined(separator: "; ")
        return found + [.policy("updated from \(earlier.policyHash) to \(policyHash): \(what)")]
    }

    private static func difference(
        _ before: [String], _ now: [String]
    ) -> [(word: String, item: String)] {
        Set(now).subtracting(before).sorted().map { ("new", $0) }
            + Set(before).subtracting(now).sorted().map { ("no more", $0) }
    }
}

/// A reason to review before the year is over.
public enum ReviewTrigger: Hashable, Sendable, CustomStringConvertible {
    /// Networks, upstreams, lists or groups are others.
    case infrastructure(String)
    /// The policy file is another.
    case policy(String)
    /// There were high concerns.
    case concerns(String)

    /// Of which kind it is: the word before the colon.
    public var kind: String {
        switch self {
        case .infrastructure: "infrastructure"
        case .policy: "policy"
        case .concerns: "concerns"
        }
    }

    /// What it is.
    public var detail: String {
        switch self {
        case .infrastructure(let text), .policy(let text), .concerns(let text): text
        }
    }

    /// `review trigger: infrastructure: new network 10.22.0.0/16 in group learner`.
    public var description: String { "review trigger: \(kind): \(detail)" }
}

/// When a review is due.
public struct ReviewDue: Hashable, Sendable {
    /// The last day for it.
    public var date: CivilDate
    /// Why that day.
    public var why: String

    /// Twelve months after the last review, or the policy's own date where that comes first and was
    /// not passed by the last review.
    ///
    /// - Returns: `nil` where there was no review and the policy says neither when it was approved nor
    ///   when it is to be reviewed: then it is due at once.
    public init?(last: CivilDate?, policy: Policy) {
        var dates: [ReviewDue] = []
        if let from = last ?? policy.approvedOn {
            dates.append(
                ReviewDue(
                    date: from.nextYear,
                    why: last == nil
                        ? "12 months after it was approved" : "12 months after the last"))
        }
        if let own = policy.reviewBy, last.map({ $0 < own }) ?? true {
            dates.append(ReviewDue(date: own, why: "the policy's review-by"))
        }
        guard let first = dates.min(by: { $0.date < $1.date }) else { return nil }
        self = first
    }

    private init(date: CivilDate, why: String) { (self.date, self.why) = (date, why) }

    /// By how many days it is late; `nil` if it is not.
    public func overdueDays(today: CivilDate) -> Int? {
        let days = today.daysSinceEpoch - date.daysSinceEpoch
        return days > 0 ? days : nil
    }
}

extension CivilDate {
    /// The same day of the next year; of 29 February the 28th.
    fileprivate var nextYear: CivilDate {
        CivilDate(year: year + 1, month: month, day: day) ?? advanced(byDays: 365)
    }
}
