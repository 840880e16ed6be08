import DomainLists
import PolicyEngine
import Testing

/// The engine against the slow evaluator, on random policies at random instants.
@Suite struct PlanePropertyTests {
    private static let policyCount: UInt64 = 200

    @Test func verdictsAreWhatTheSlowEvaluatorSays() {
        for seed in 0..<Self.policyCount {
            var random = SeededGenerator(state: seed &* 7919)
            let given = RandomPolicy(seed: seed)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let slow = SlowEvaluator(policy: given.policy, sets: given.sets)
            for _ in 0..<6 {
                let at = given.instant(using: &random)
                let plane = program.plane(at: at)
                for group in given.policy.groups.indices {
                    for set in given.sets.indices {
                        let verdict = plane.verdict(group: group, set: UInt32(set))
                        let expected = slow.outcome(group: group, set: set, at: at)
                        let found = program.outcome(verdict)
                        guard found == expected else {
                            Issue.record("seed \(seed) at \(at): \(found), not \(expected)")
                            return
                        }
                        // Once more, from the cell.
                        #expect(plane.verdict(group: group, set: UInt32(set)) == verdict)
                    }
                }
            }
        }
    }

    @Test func untilIsTheFirstChangeOfTheDecidingRule() {
        var checked = 0
        var never = 0
        for seed in 0..<Self.policyCount {
            var random = SeededGenerator(state: seed &* 104_729)
            let given = RandomPolicy(seed: seed &+ 10_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let slow = SlowEvaluator(policy: given.policy, sets: given.sets)
            for _ in 0..<2 {
                let at = given.instant(using: &random)
                let group = random.below(given.policy.groups.count)
                let set = random.below(given.sets.count)
                let verdict = program.plane(at: at).verdict(group: group, set: UInt32(set))
                let until = slow.firstChange(
                    group: group, set: set, after: at, stepSeconds: Int64(given.minuteStep) * 60,
                    before: at + 50 * 86_400)
                if let until {
                    checked += 1
                    #expect(verdict.until == until.seconds, "seed \(seed) at \(at)")
                } else {
                    never += 1
                    #expect(verdict.until >= (at + 50 * 86_400).seconds, "seed \(seed) at \(at)")
                }
            }
        }
        #expect(checked > 100)
        #expect(never > 30)
    }

    /// Where the engine says "never", nothing changes in the whole calendar and after it.
    @Test func neverMeansNever() {
        var checked = 0
        for seed in 0..<Self.policyCount where checked < 40 {
            var random = SeededGenerator(state: seed &* 15_485_863)
            let given = RandomPolicy(seed: seed &+ 20_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let slow = SlowEvaluator(policy: given.policy, sets: given.sets)
            let at = given.instant(using: &random)
            let set = random.below(given.sets.count)
            let verdict = program.plane(at: at).verdict(group: 0, set: UInt32(set))
            guard verdict.until == .max,
                given.policy.rules.contains(where: { !$0.during.isEmpty })
            else { continue }
            checked += 1
            #expect(
                slow.firstChange(
                    group: 0, set: set, after: at, stepSeconds: Int64(given.minuteStep) * 60,
                    before: at + 120 * 86_400) == nil, "seed \(seed)")
        }
        #expect(checked >= 20)
    }

    @Test func aPlaneHoldsUpToItsBell() {
        for seed in 0..<Self.policyCount {
            var random = SeededGenerator(state: seed &* 32_452_843)
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
            var random = SeededGenerator(state: seed)
            let given = RandomPolicy(seed: seed &+ 40_000)
            let program = PolicyProgram(policy: given.policy, sets: given.sets)
            let at = given.instant(using: &random)
            let plane = program.plane(at: at)
            for set in given.sets.indices {
                let explanation = program.explain(group: 2, set: UInt32(set), at: at)
                #expect(explanation.verdict == plane.verdict(group: 2, set: UInt32(set)))
                let before = Int(min(explanation.verdict.rule, UInt16(program.rules.count)))
                #expect(
                    explanation.considered.map(\.rule)
                        == (0..<before).filter { !program.rules[$0].isBuiltIn })
            }
        }
    }
}

extension RandomPolicy {
    func table(of plane: Plane) -> [Verdict] {
        policy.groups.indices.flatMap { group in
            sets.indices.map { plane.verdict(group: group, set: UInt32($0)) }
        }
    }
}

extension SlowEvaluator {
    /// The first later instant at which another rule decides, found by trying every step of the
    /// clock; then the seconds just before it are tried as well.
    func firstChange(
        group: Int, set: Int, after: Instant, stepSeconds: Int64, before: Instant
    ) -> Instant? {
        let rules = matching(group: group, set: set)
        let now = decider(among: rules, at: after)
        // Every offset here is a whole number of quarters, so all bells ring on this grid.
        var at = Instant(seconds: (after.seconds / stepSeconds + 1) * stepSeconds)
        while at < before {
            if decider(among: rules, at: at) != now {
                for second in max(after.seconds, at.seconds - 70)..<at.seconds
                where decider(among: rules, at: Instant(seconds: second)) != now {
                    return Instant(seconds: second)
                }
                return at
            }
            at = at + stepSeconds
        }
        return nil
    }
}
