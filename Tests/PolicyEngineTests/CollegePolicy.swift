import DNSWire
import DomainLists
import PolicyEngine

/// The policy of a college, as tests know it.
enum College {
    enum Source: UInt16 { case adult, malware, chatrooms, wikis, wikipedia, essentials }

    static let groups = ["learner", "learner-phone", "staff", "guest"]

    static let policy = Policy(
        name: "Example College", zone: Zones.london,
        calendar: AcademicCalendar(
            terms: [date("2026-09-01")...date("2026-12-18")],
            closed: [date("2026-10-26")...date("2026-10-30")]),
        periods: [
            period("college-hours", 0...4, "08:45-16:15", when: .term),
            period("break", 0...4, "10:30-10:45", when: .term),
            Period(
                name: "lunch",
                windows: (0..<5).map { [window($0 == 4 ? "12:00-13:00" : "12:15-13:00")] }),
        ],
        groups: [
            Group(name: "learner", networks: networks("10.20.0.0/16", "2001:db8:20::/64")),
            Group(name: "learner-phone", parent: 0, networks: networks("10.21.0.0/16")),
            Group(name: "staff", networks: networks("10.30.0.0/16")),
            Group(name: "guest", parent: 2, networks: networks("10.0.0.0/8")),
        ],
        unknownDevices: 3,
        rules: [
            Rule(
                id: "wikis-for-teaching", action: .allow, target: listed([(.wikipedia, "wiki")]),
                operands: ["wikipedia.example.org"]),
            Rule(
                id: "phones-at-break", action: .block, target: .everything,
                operands: ["everything"], groups: [1], during: [0], exceptDuring: [1, 2]),
            Rule(
                id: "staff-breaks-only", action: .block,
                target: listed([(.chatrooms, "social/chatrooms"), (.wikis, "social/wikis")]),
                operands: ["social"], groups: [2], during: [0], exceptDuring: [1, 2]),
            Rule(
                id: "harm", action: .block,
                target: listed([(.adult, "harm/adult"), (.malware, "harm")]),
                operands: ["harm"], isLocked: true, concern: .high),
            Rule(
                id: "essentials", action: .allow, target: listed([(.essentials, "essentials")]),
                origin: .product),
        ],
        sources: [
            SourceInfo(listName: "adult", defaultCategory: "harm"),
            SourceInfo(listName: "malware", defaultCategory: "harm"),
            SourceInfo(listName: "services", defaultCategory: "social/chatrooms"),
            SourceInfo(listName: "services", defaultCategory: "social/wikis"),
            SourceInfo(),
            SourceInfo(listName: "services", defaultCategory: "essentials"),
        ])

    /// 0: unlisted, 1: a chatroom, 2: a wiki of its own name, 3: harm within a wiki, 4: essential,
    /// 5: malware that is essential as well.
    static let sets = [
        set(), set([.chatrooms]), set([.wikipedia], [.wikis]), set([.adult], [.malware, .wikis]),
        set([.essentials]), set([.essentials], [.malware]),
    ]

    static let program = PolicyProgram(policy: policy, sets: sets)

    static func at(_ text: String) -> Instant { instant(text, in: Zones.london) }

    private static func set(_ tiers: [Source]...) -> CategorySet {
        CategorySet(tiers: tiers.map { $0.map { SourceID(rawValue: $0.rawValue) } })
    }

    private static func listed(_ sources: [(Source, String)]) -> RuleTarget {
        .listed(
            Dictionary(
                sources.map { (SourceID(rawValue: $0.0.rawValue), $0.1) }, uniquingKeysWith: { $1 }
            ))
    }

    static func networks(_ texts: String...) -> [IPNetwork] { texts.compactMap { IPNetwork($0) } }
}
