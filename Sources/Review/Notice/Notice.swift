import DomainLists
public import PolicyEngine
public import PolicyFile

/// Whom a notice is written for.
public enum NoticeAudience: String, CaseIterable, Sendable {
    case learners, staff, guests, parents

    /// What the groups of this audience are usually called.
    var groupNames: Set<String> {
        switch self {
        case .learners, .parents: ["learner", "student", "pupil", "child"]
        case .staff: ["staff", "teacher"]
        case .guests: ["guest", "visitor"]
        }
    }
}

/// What people are told about the filter: what is filtered when, what is recorded, who sees it, for
/// how long, and whom to ask. Written from the policy in force, so that it cannot say anything else.
///
/// A pure function of the policy, its lists, the configuration and the day.
public struct Notice: Sendable {
    /// Its title.
    public var title: String
    /// What it goes by: another policy is another notice.
    public var version: String
    /// Who it is for, what it goes by, of which day.
    public var facts: [String]
    /// The parts, in order.
    public var sections: [Section]

    /// A part under a heading.
    public struct Section: Sendable {
        /// The heading.
        public var title: String
        /// What is said before the items.
        public var paragraphs: [String]
        /// Points, one under the other.
        public var items: [Item]

        init(_ title: String, _ paragraphs: [String] = [], _ items: [Item] = []) {
            self.title = title
            self.paragraphs = paragraphs
            self.items = items
        }
    }

    /// A point.
    public struct Item: Sendable {
        /// The point.
        public var text: String
        /// Why it is so; empty where nothing is said.
        public var reason: String
        /// The rule of the policy that it comes from; empty if from none.
        public var rule: String

        init(_ text: String, reason: String = "", rule: String = "") {
            self.text = text
            self.reason = reason
            self.rule = rule
        }
    }

    /// The groups of an audience, as places in the policy: those called so, and all that inherit from
    /// them and belong to no other audience.
    public static func groups(of audience: NoticeAudience, in policy: Policy) -> [Int] {
        policy.groups.indices.filter { place in
            var place: Int? = place
            // A group's own name counts before its parents': visitors may inherit from staff.
            while let current = place {
                let name = policy.groups[current].name.lowercased()
                let named = NoticeAudience.allCases.filter { audience in
                    audience.groupNames.contains { name == $0 || name == $0 + "s" }
                }
                if !named.isEmpty { return named.contains(audience) }
                place = policy.groups[current].parent
            }
            return false
        }
    }

    /// Writes a notice.
    ///
    /// - Parameters:
    ///   - groups: the groups that it is about, as places in the policy.
    ///   - keepSeconds: how long records are kept.
    ///   - hasBlockPage: whether there is a page that says why a name is blocked, and takes reports.
    ///   - now: when the notice is written.
    public init(
        _ audience: NoticeAudience, groups: [Int], policy loaded: LoadedPolicy, keepSeconds: Int64,
        hasBlockPage: Bool = false, now: Instant
    ) {
        let policy = loaded.policy
        let today = policy.zone.civilTime(at: now).date
        let writer = NoticeWriter(
            audience: audience, groups: groups, loaded: loaded, keepSeconds: keepSeconds,
            hasBlockPage: hasBlockPage, now: now)
        title = "What the network filters and what it records: for \(audience.rawValue)"
        version = loaded.hash
        let reference = policy.reference.isEmpty ? "" : " (\(policy.reference))"
        facts = ["\(policy.name)\(reference)"]
        if let approvedOn = policy.approvedOn {
            let by = policy.approvedBy.isEmpty ? "" : " by the \(policy.approvedBy)"
            facts.append("Approved on \(NoticeWords.date(approvedOn))\(by)")
        }
        if let reviewBy = policy.reviewBy {
            facts.append(
                "To be reviewed by \(NoticeWords.date(reviewBy))"
                    + (reviewBy < today ? ": the review is overdue" : ""))
        }
        facts.append(
            "Version \(loaded.hash) of this notice, as of \(NoticeWords.date(today)). "
                + "A change of the policy changes the version.")
        let all: [Section?] = [
            writer.filtered, writer.exceptions, writer.alwaysOpen, writer.recorded, writer.readers,
            writer.kept, writer.help, writer.limits,
        ]
        sections = all.compactMap { $0 }
    }
}
