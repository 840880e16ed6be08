import DNSWire
import DecisionLog
import DomainLists
import PolicyEngine
import Replay
import Testing

/// A small college: a lesson from nine to ten (UTC), chat and games, learners and staff.
struct SmallCollege {
    static let midnight: Int64 = 1_795_392_000  // 2026-11-23, a Monday
    static let chat = SourceID(rawValue: 0)
    static let games = SourceID(rawValue: 1)

    /// Every day, nine to ten.
    static let lesson = Period(
        name: "lesson", when: .always,
        windows: Array(repeating: [Window(startMinute: 540, endMinute: 600)], count: 7))

    /// A rule about chat.
    static func chatRule(
        _ id: String = "no-chat", _ action: RuleAction = .block, groups: [Int]? = nil,
        during: [Int] = [], answer: BlockAnswer = .nxdomain, reason: String = "Not now."
    ) -> Rule {
        Rule(
            id: id, action: action, target: .listed([chat: "social"]), groups: groups,
            during: during, answer: answer, reason: reason)
    }

    static func policy(
        _ rules: [Rule], unknownDevices: Int? = nil, byDefault: RuleAction = .allow,
        devices: [Device] = [], staff: [String] = []
    ) throws -> ReplayPolicy {
        var builder = DomainIndexBuilder(
            helpers: ListHelpers(idnToASCII: { $0 }, readRPZ: { _, _ in }))
        builder.add(
            try DomainName(parsing: "chat.example"), coverage: .subtree, source: chat)
        builder.add(
            try DomainName(parsing: "games.example"), coverage: .subtree, source: games)
        let index = builder.build()
        let policy = Policy(
            periods: [lesson],
            groups: [
                Group(name: "learner", networks: [try network("10.20.0.0/16")]),
                Group(
                    name: "staff", networks: [try network("10.30.0.0/16")],
                    identities: staff.map { IdentityPattern($0) }),
            ], devices: devices, unknownDevices: unknownDevices, rules: rules,
            defaultAction: byDefault,
            sources: [
                SourceInfo(defaultCategory: "social"), SourceInfo(defaultCategory: "games"),
            ])
        return ReplayPolicy(
            program: PolicyProgram(policy: policy, sets: index.sets), index: index)
    }

    static func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    static func replayer(
        _ today: ReplayPolicy, _ new: ReplayPolicy, examples: Int = 20
    ) throws -> Replayer {
        Replayer(
            today: today, new: new, allowFrom: [try network("10.0.0.0/8")], examples: examples)
    }

    /// A row of the log.
    static func row(
        seq: UInt64 = 1, _ name: String, from client: String = "10.30.0.5", at seconds: Int64,
        took micros: UInt32 = 20, _ verdict: RecordVerdict = .allow, rule: String = "default",
        source: RecordSource = .upstream, group: UInt16 = 0, groupName: String = "somebody",
        device: String? = nil, via: String? = nil
    ) throws -> DecisionRow {
        let dictionary = try #require(
            ResolvedDictionary.decoded(
                RecordDictionary(
                    policyHash: "recorded", groups: [groupName], rules: [(rule, nil)],
                    categories: [], lists: [], periods: [], devices: device.map { [$0] } ?? []
                ).encoded))
        let record = DecisionRecord(
            timeMicros: seconds * 1_000_000 + 999_000, client: try #require(IPAddress(client)),
            group: group, rule: rule == "default" ? .max : 0, device: device == nil ? .max : 0,
            verdict: verdict, source: source, micros: micros, qtype: 1)
        return DecisionRow(
            seq: seq, record: record, gap: nil,
            name: try DomainName(parsing: name).wire.map { $0 },
            via: try via.map { try DomainName(parsing: $0).wire.map { $0 } } ?? [],
            dictionary: dictionary)
    }
}
