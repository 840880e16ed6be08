import Dice
import DomainLists
import PolicyEngine
import Testing

@Suite struct PlaneTests {
    /// More groups, rules and sets than a college has.
    private static let large: PolicyProgram = {
        var random = SeededGenerator(seed: 4)
        let windows = (0..<50).map { number in
            period("p\(number)", 0...4, "\(8 + number % 8):\(10 + number)-\(17 + number % 4):00")
        }
        let rules = (0..<500).map { number in
            let sources = (0..<4).map { _ in SourceID(rawValue: UInt16(random.below(300))) }
            return Rule(
                id: "r\(number)", action: number % 2 == 0 ? .block : .allow,
                target: .listed(Dictionary(sources.map { ($0, "c") }, uniquingKeysWith: { $1 })),
                groups: [random.below(200), random.below(200)], during: [random.below(50)],
                exceptDuring: [random.below(50)])
        }
        let sets = (0..<20_000).map { _ in
            CategorySet(tiers: [[SourceID(rawValue: UInt16(random.below(300)))]])
        }
        let term = date("2026-09-01")
        let calendar = AcademicCalendar(terms: [term...term.advanced(byDays: 1826)])
        let policy = Policy(
            zone: Zones.london, calendar: calendar, periods: windows,
            groups: (0..<200).map { Group(name: "g\($0)") }, rules: rules,
            sources: Array(repeating: SourceInfo(), count: 300))
        return PolicyProgram(policy: policy, sets: sets)
    }()

    @Test func aLargePlaneIsMadeWithoutFillingIt() {
        let plane = Self.large.plane(at: instant("2026-11-23 09:30"))
        let slow = SlowEvaluator(
            policy: Self.large.policy,
            sets: (0..<300).map { number in
                CategorySet(tiers: [[SourceID(rawValue: UInt16(number))]])
            })
        #expect(plane.until > plane.from)
        // One set a source is enough to know the others by.
        for group in stride(from: 0, to: 200, by: 17) {
            for set in stride(from: 0, to: 20_000, by: 997) {
                let verdict = plane.verdict(audience: group, set: UInt32(set))
                guard verdict.source != Verdict.none else { continue }
                let expected = slow.outcome(
                    .init(group: group), set: Int(verdict.source), at: Instant(seconds: plane.from))
                #expect(Self.large.outcome(verdict) == expected)
            }
        }
    }

    @Test func manyThreadsFillTheSameCells() async {
        let plane = Self.large.plane(at: instant("2026-11-23 09:30"))
        let expected = Self.large.plane(at: instant("2026-11-23 09:30"))
        let differing = await withTaskGroup(of: Int.self) { tasks in
            for task in 0..<8 {
                tasks.addTask {
                    var random = SeededGenerator(seed: UInt64(task % 2))
                    return (0..<3000).count { _ in
                        let group = random.below(200)
                        let set = UInt32(random.below(500))
                        return plane.verdict(audience: group, set: set)
                            != expected.verdict(audience: group, set: set)
                    }
                }
            }
            return await tasks.reduce(0, +)
        }
        #expect(differing == 0)
    }

    @Test func theViewIsThePlane() {
        let plane = Self.large.plane(at: instant("2026-11-23 09:30"))
        withExtendedLifetime(plane) {
            let view = plane.view
            #expect(view.from == plane.from && view.until == plane.until)
            for group in 0..<200 {
                #expect(
                    view.verdict(audience: group, set: 7) == plane.verdict(audience: group, set: 7))
            }
        }
    }
}
