import Dice
import DomainLists
import PolicyEngine
import Testing

/// The engine against the slow evaluator, on random policies at random instants.
@Suite struct PlanePropertyTests {
    private static let policyCount: UInt64 = 200

    @Test func verdictsAreWhatTheSlowEvaluatorSays() {
        for seed in 0..<Self.policyCount {
            var random = SeededGenerator(seed: seed &* 7919)
            let given = RandomPolicy(seed: seed)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let slow = SlowEvaluator(policy: given.policy, sets: given.sets)
            for _ in 0..<6 {
                let at = given.instant(using: &random)
                let plane = program.plane(at: at)
                for (audience, asker) in given.askers(slow, program).shuffled(using: &random)
                    .prefix(8)
                {
                    for set in given.sets.indices {
                        let verdict = plane.verdict(audience: audience, set: UInt32(set))
                        let expected = slow.outcome(asker, set: set, at: at)
                        let found = program.outcome(verdict)
                        guard found == expected else {
                            Issue.record("seed \(seed) at \(at): \(found), not \(expected)")
                            return
                        }
                        // Once more, from the cell.
                        #expect(plane.verdict(audience: audience, set: UInt32(set)) == verdict)
                    }
                }
            }
        }
    }

    @Test func untilIsTheFirstChangeOfTheDecidingRule() {
        var checked = 0
        var never = 0
        var toTheSecond = 0
        for seed in 0..<Self.policyCount {
            var random = SeededGenerator(seed: seed &* 104_729)
            let given = RandomPolicy(seed: seed &+ 10_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let slow = SlowEvaluator(policy: given.policy, sets: given.sets)
            for _ in 0..<2 {
                let at = given.instant(using: &random)
                let askers = given.askers(slow, program)
                let (audience, asker) = askers[random.below(askers.count)]
                let set = random.below(given.sets.count)
                let verdict = program.plane(at: at).verdict(audience: audience, set: UInt32(set))
                let until = slow.firstChange(
                    asker, set: set, after: at, stepSeconds: Int64(given.minuteStep) * 60,
                    before: at + 50 * 86_400)
                if let until {
                    checked += 1
                    if until.seconds % 60 != 0 { toTheSecond += 1 }
                    #expect(verdict.until == until.seconds, "seed \(seed) at \(at)")
                } else {
                    never += 1
                    #expect(verdict.until >= (at + 50 * 86_400).seconds, "seed \(seed) at \(at)")
                }
            }
        }
        #expect(checked > 100)
        #expect(toTheSecond > 20)
        #expect(never > 30)
    }

    /// Where the engine says "never", nothing changes in the whole calendar and after it.
    @Test func neverMeansNever() {
        var checked = 0
        for seed in 0..<Self.policyCount where checked < 40 {
            var random = SeededGenerator(seed: seed &* 15_485_863)
            let given = RandomPolicy(seed: seed &+ 20_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let slow = SlowEvaluator(policy: given.policy, sets: given.sets)
            let at = given.instant(using: &random)
            let set = random.below(given.sets.count)
            let verdict = program.plane(at: at).verdict(audience: 0, set: UInt32(set))
            guard verdict.until == .max,
                given.policy.rules.contains(where: { !$0.during.isEmpty })
            else { continue }
            checked += 1
            #expect(
                slow.firstChange(
                    .init(group: 0), set: set, after: at, stepSeconds: Int64(given.minuteStep) * 60,
                    before: at + 120 * 86_400) == nil, "seed \(seed)")
        }
        #expect(checked >= 20)
    }

    @Test func aPlaneHoldsUpToItsBell() {
        for seed in 0..<Self.policyCount {
            var random = SeededGenerator(seed: seed &* 32_452_843)
            let given = RandomPolicy(seed: seed &+ 30_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let first = program.plane(at: given.instant(using: &random))
            let end = min(first.until, first.from + 40 * 86_400)
            let inside = (0..<6).map { _ in Int64.random(in: first.from..<end, using: &random) }
            for seconds in inside + [end - 1] {
                let later = program.plane(at: Instant(seconds: seconds))
                #expect(later.until == first.until, "seed \(seed)")
                #expect(given.table(of: later) == given.table(of: first), "seed \(seed)")
            }
        }
    }

    @Test func explanationsAgreeWithPlanes() {
        for seed in 0..<60 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let given = RandomPolicy(seed: seed &+ 40_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let at = given.instant(using: &random)
            let plane = program.plane(at: at)
            for set in given.sets.indices {
                let explanation = program.explain(audience: 2, set: UInt32(set), at: at)
                #expect(explanation.verdict == plane.verdict(audience: 2, set: UInt32(set)))
                let ruled = program.rules.count { $0.origin != .safeSearch }
                let before = Int(min(explanation.verdict.rank, UInt16(ruled)))
                let decider = before < ruled ? program.ruleOrder[before] : -1
                let places = (0..<before).filter {
                    program.rules[$0].origin != .product
                        && program.rules[$0].origin != .suspension
                }.map { program.ruleOrder[$0] }.filter { $0 != decider }
                #expect(
                    explanation.considered.map { program.ruleOrder[$0.rule] }
                        == places.reduce(into: []) { if $0.last != $1 { $0.append($1) } })
            }
        }
    }
}

extension RandomPolicy {
    func table(of plane: Plane) -> [Verdict] {
        plane.program.audiences.indices.flatMap { audience in
            sets.indices.map { plane.verdict(audience: audience, set: UInt32($0)) }
        }
    }

    /// Any client of each group, and every client that is worth asking for.
    func askers(
        _ slow: SlowEvaluator, _ program: PolicyProgram
    ) -> [(audience: Int, asker: SlowEvaluator.Asker)] {
        let groups = policy.groups.indices.map { ($0, SlowEvaluator.Asker(group: $0)) }
        return groups
            + clients.compactMap { client in
                let asker = slow.asker(client)
                let audience = program.audience(of: client)
                #expect((asker == nil) == (audience == nil))
                return asker.flatMap { asker in audience.map { ($0, asker) } }
            }
    }
}

extension SlowEvaluator {
    /// The first later instant at which another rule decides, found by trying every step of the
    /// clock; then the seconds just before it are tried as well.
    func firstChange(
        _ asker: Asker, set: Int, after: Instant, stepSeconds: Int64, before: Instant
    ) -> Instant? {
        let rules = candidates(asker, set: set)
        let now = decider(among: rules, asker, set: set, at: after)
        let action = now.map { ordered[$0].action } ?? policy.defaultAction
        // Of what is rewritten the host is judged as well.
        let host = action == .allow ? safeMode(asker, set: set).map { Int($0.targetSet) } : nil
        let hostRules = host.map { candidates(asker, set: $0) } ?? []
        let hostDecider = { (at: Instant) -> Int? in
            host.flatMap { decider(among: hostRules, asker, set: $0, at: at) }
        }
        let hostNow = hostDecider(after)
        // Every offset here is a whole number of quarters, so all bells ring on this grid; the
        // rest begins and ends at any second.
        let grid = stride(
            from: (after.seconds / stepSeconds + 1) * stepSeconds, to: before.seconds,
            by: Int64.Stride(stepSeconds))
        let windows = policy.rules.compactMap(\.window) + policy.suspensions.map(\.window)
        let edges =
            windows.flatMap { [$0.lowerBound.seconds, $0.upperBound.seconds] }
            + policy.sources.flatMap { $0.minimumAges.map(\.from.seconds) }
        let instants = Set(grid).union(edges.filter { $0 > after.seconds && $0 < before.seconds })
        let differs = { (seconds: Int64) -> Bool in
            decider(among: rules, asker, set: set, at: Instant(seconds: seconds)) != now
                || hostDecider(Instant(seconds: seconds)) != hostNow
        }
        for at in instants.sorted() where differs(at) {
            for second in max(after.seconds, at - 70)..<at where differs(second) {
                return Instant(seconds: second)
            }
            return Instant(seconds: at)
        }
        return nil
    }
}
