import DNSWire
import DecisionLog
import Dice
import DomainLists
import PolicyEngine
import Replay
import Testing

/// Replaying against the slow evaluator: two random policies, random lists, random rows.
@Suite struct ReplayPropertyTests {
    @Test func countsAreWhatTheSlowEvaluatorSays() throws {
        var differing: UInt64 = 0
        var unknown: UInt64 = 0
        for seed in 0..<120 as Range<UInt64> {
            var random = SeededGenerator(seed: seed &* 6007)
            let today = try TrialPolicy(seed: seed, using: &random)
            let new = try TrialPolicy(seed: seed &+ 5000, using: &random)
            let rows = try TrialRow.rows(around: today.given, using: &random)
            let replayer = Replayer(
                today: today.replayed, new: new.replayed,
                allowFrom: [try #require(IPNetwork("10.0.0.0/8"))], examples: 5)
            rows.forEach { replayer.take($0.row) }
            let expected = SlowReplay(today, new, rows)
            let result = replayer.result
            #expect(result.queries == expected.judged, "seed \(seed)")
            #expect(result.unknownChains == expected.unknown, "seed \(seed)")
            #expect(result.refused == expected.refused, "seed \(seed)")
            #expect(result.differingFromRecord == expected.differingFromRecord, "seed \(seed)")
            #expect(
                result.policies.reduce(0) { $0 + $1.differing } == expected.differingFromToday,
                "seed \(seed)")
            for kind in [ChangeKind.allowToBlock, .blockToAllow, .rewrite, .rule] {
                let sums = result.rules.filter { $0.kind == kind }.map {
                    SlowReplay.Pair(from: $0.from, to: $0.to, queries: $0.queries)
                }
                #expect(Set(sums) == expected.pairs(kind), "seed \(seed)")
                #expect(result.groups.reduce(0) { $0 + $1.changes[kind] } == result.changes[kind])
                #expect(
                    result.categories.reduce(0) { $0 + $1.changes[kind] } == result.changes[kind])
            }
            #expect(result.examples.count <= 5)
            #expect(result.examples.map(\.seq) == result.examples.map(\.seq).sorted())
            differing += result.changes.total
            unknown += result.unknownChains
        }
        // Otherwise nothing was tried.
        #expect(differing > 5000 && unknown > 100)
    }
}

/// A random policy whose groups have networks and whose sources have names.
private struct TrialPolicy {
    let given: RandomPolicy
    let slow: SlowEvaluator
    let index: DomainIndex
    let program: PolicyProgram
    let replayed: ReplayPolicy

    init(seed: UInt64, using random: inout SeededGenerator) throws {
        given = RandomPolicy(seed: seed)
        var builder = DomainIndexBuilder(
            helpers: ListHelpers(idnToASCII: { $0 }, readRPZ: { _, _ in }))
        for _ in 0..<30 {
            builder.add(
                try DomainName(parsing: TrialRow.name(&random)),
                coverage: random.chance(70) ? .subtree : .exact,
                source: SourceID(rawValue: UInt16(random.below(RandomPolicy.sourceCount))))
        }
        index = builder.build()
        program = PolicyProgram(policy: given.policy, sets: index.sets)
        slow = SlowEvaluator(policy: given.policy, sets: index.sets)
        replayed = ReplayPolicy(program: program, index: index)
    }

    /// What the slow evaluator decides about a row; `nil` where the record does not tell enough.
    func decision(_ row: TrialRow) -> ReplayDecision? {
        guard let asker = slow.asker(row.row.record.client) else {
            return ReplayDecision(action: .block, rule: ReplayRule.refusal)
        }
        let own = outcome(row.name, asker, row)
        guard own.action != .block, let via = row.via else { return Self.inWords(own) }
        let other = outcome(via, asker, row)
        guard other.action == .block, place(other) < place(own) else { return nil }
        return Self.inWords(other)
    }

    private func outcome(
        _ name: DomainName, _ asker: SlowEvaluator.Asker, _ row: TrialRow
    ) -> SlowEvaluator.Outcome {
        slow.outcome(
            asker, set: Int(index.match(name).set), at: Instant(seconds: row.seconds))
    }

    /// Where a rule stands in the order of evaluation; the default comes last.
    private func place(_ outcome: SlowEvaluator.Outcome) -> Int {
        let rule = outcome.action == .rewrite ? outcome.allowedBy : outcome.rule
        return program.rules.firstIndex { $0.id == rule } ?? .max
    }

    private static func inWords(_ outcome: SlowEvaluator.Outcome) -> ReplayDecision {
        ReplayDecision(action: outcome.action, rule: outcome.rule ?? ReplayRule.byDefault)
    }
}

/// A row with what the slow way needs to know of it.
private struct TrialRow {
    var row: DecisionRow
    var seconds: Int64
    /// Of the client's address; 4 is nobody's, 5 may not ask at all.
    var network: Int
    var name: DomainName
    var via: DomainName?
    var recorded: ReplayDecision

    static func name(_ random: inout SeededGenerator) -> String {
        let labels = (0..<random.below(3)).map { _ in ["a", "b", "www"][random.below(3)] }
        return (labels + ["n\(random.below(6))", "example"]).joined(separator: ".")
    }

    static func rows(
        around given: RandomPolicy, using random: inout SeededGenerator
    ) throws -> [TrialRow] {
        // Mostly in order, as a log is.
        let instants = (0..<200).map { _ in given.instant(using: &random).seconds }.sorted()
        return try instants.enumerated().map { number, seconds in
            try TrialRow(
                seq: UInt64(number) + 1,
                seconds: random.chance(5) ? seconds - 7200 : seconds, using: &random)
        }
    }

    init(seq: UInt64, seconds: Int64, using random: inout SeededGenerator) throws {
        self.seconds = seconds
        network = random.below(6)
        name = try DomainName(parsing: Self.name(&random))
        let isBlock = random.chance(50)
        let isRewrite = !isBlock && random.chance(20)
        let rule = random.chance(20) ? UInt16.max : UInt16(random.below(9))
        via = isBlock && random.chance(40) ? try DomainName(parsing: Self.name(&random)) : nil
        let second = network == 5 ? 192 : 10
        var record = DecisionRecord(
            timeMicros: seconds * 1_000_000 + Int64(random.below(1_000_000)),
            client: IPAddress(
                v4: UInt32(second) << 24 | UInt32(network) << 16
                    | UInt32([7, 9, 128][random.below(3)])),
            group: 0, rule: rule, verdict: isBlock ? .block : isRewrite ? .rewrite : .allow,
            source: isBlock ? .policy : .upstream, qtype: 1)
        recorded = ReplayDecision(
            action: isBlock ? .block : isRewrite ? .rewrite : .allow,
            rule: rule == .max ? ReplayRule.byDefault : "rule-\(rule)")
        if network == 5 || (network == 4 && random.chance(30)) {
            via = nil
            (record.verdict, record.source, record.rule, record.group) = (
                .block, .error, .max, .max
            )
            recorded = ReplayDecision(action: .block, rule: ReplayRule.refusal)
        }
        row = DecisionRow(
            seq: seq, record: record, gap: nil, name: name.wire.map { $0 },
            via: via?.wire.map { $0 } ?? [], dictionary: Self.dictionary)
    }

    private static let dictionary =
        ResolvedDictionary.decoded(
            RecordDictionary(
                policyHash: "recorded", groups: ["g0"], rules: (0..<9).map { ("rule-\($0)", nil) },
                categories: [], lists: [], periods: []
            ).encoded) ?? .unknown
}

/// The same figures by going through the rows with pencil and paper.
private struct SlowReplay {
    struct Pair: Hashable {
        var from: ReplayDecision
        var to: ReplayDecision
        var queries: UInt64
    }

    private(set) var judged: UInt64 = 0
    private(set) var unknown: UInt64 = 0
    private(set) var refused: UInt64 = 0
    private(set) var differingFromRecord: UInt64 = 0
    private(set) var differingFromToday: UInt64 = 0
    private var counts: [[ReplayDecision]: UInt64] = [:]

    init(_ today: TrialPolicy, _ new: TrialPolicy, _ rows: [TrialRow]) {
        for row in rows {
            if row.network == 5 {
                refused += 1
                continue
            }
            guard let from = today.decision(row), let to = new.decision(row) else {
                unknown += 1
                continue
            }
            judged += 1
            if from != row.recorded { differingFromToday += 1 }
            if to != row.recorded { differingFromRecord += 1 }
            if from != to { counts[[from, to], default: 0] += 1 }
        }
    }

    func pairs(_ kind: ChangeKind) -> Set<Pair> {
        Set(
            counts.compactMap { sides, queries in
                let (from, to) = (sides[0], sides[1])
                let found: ChangeKind =
                    if from.action == to.action {
                        .rule
                    } else if to.action == .block {
                        .allowToBlock
                    } else {
                        from.action == .block ? .blockToAllow : .rewrite
                    }
                return found == kind ? Pair(from: from, to: to, queries: queries) : nil
            })
    }
}
