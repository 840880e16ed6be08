import DomainLists
import PolicyEngine
import Testing

@Suite struct VerdictTests {
    private static let learner = 0
    private static let phone = 1
    private static let staff = 2
    private static let guest = 3

    @Test(arguments: [
        // Staff: chatrooms at break and lunch, and out of hours.
        (staff, 1, "2026-11-23 08:44:59", "allow - college-hours", "2026-11-23 08:45:00"),
        (staff, 1, "2026-11-23 10:29:59", "block staff-breaks-only", "2026-11-23 10:30:00"),
        (staff, 1, "2026-11-23 10:30:00", "allow -", "2026-11-23 10:45:00"),
        (staff, 1, "2026-11-23 10:44:59", "allow -", "2026-11-23 10:45:00"),
        (staff, 1, "2026-11-23 10:45:00", "block staff-breaks-only", "2026-11-23 12:15:00"),
        (staff, 1, "2026-11-27 12:00:00", "allow -", "2026-11-27 13:00:00"),
        (staff, 1, "2026-11-27 16:15:00", "allow -", "2026-11-30 08:45:00"),
        (staff, 1, "2026-10-23 16:15:00", "allow -", "2026-11-02 08:45:00"),
        (staff, 1, "2026-12-18 16:15:00", "allow -", nil),
        // The guests inherit it; the learners have no such rule.
        (guest, 1, "2026-11-23 10:29:59", "block staff-breaks-only", "2026-11-23 10:30:00"),
        (learner, 1, "2026-11-23 10:29:59", "allow -", nil),
        // Phones: everything but at break and lunch; also unlisted names.
        (phone, 0, "2026-11-23 09:30:00", "block phones-at-break", "2026-11-23 10:30:00"),
        (phone, 0, "2026-11-23 10:31:00", "allow -", "2026-11-23 10:45:00"),
        (phone, 0, "2026-11-23 12:59:59", "allow -", "2026-11-23 13:00:00"),
        (phone, 4, "2026-11-23 09:30:00", "allow essentials", nil),
        // A wiki that a rule above carves out.
        (staff, 2, "2026-11-23 09:30:00", "allow wikis-for-teaching", nil),
        (phone, 2, "2026-11-23 09:30:00", "allow wikis-for-teaching", nil),
        // Locked: above everything, essentials included.
        (staff, 3, "2026-11-23 10:30:00", "block harm", nil),
        (phone, 5, "2026-11-23 09:30:00", "block harm", nil),
    ])
    func decides(_ group: Int, _ set: Int, _ at: String, _ expected: String, _ until: String?) {
        let program = College.program
        let verdict = program.plane(at: College.at(at)).verdict(audience: group, set: UInt32(set))
        let words = expected.split(separator: " ")
        #expect(verdict.action == (words[0] == "block" ? .block : .allow))
        let rule = verdict.rule == Verdict.none ? "-" : program.rules[Int(verdict.rule)].id
        #expect(rule == words[1])
        #expect(verdict.until == until.map { College.at($0).seconds } ?? .max)
    }

    @Test(arguments: [
        (staff, 1, "2026-11-23 09:30", "social/chatrooms", 2, 0, "college-hours"),
        // The rule that an exception keeps away says which.
        (staff, 1, "2026-11-23 10:30", "social/chatrooms", 2, 0, "break"),
        (phone, 0, "2026-11-23 12:30", nil, nil, nil, "lunch"),
        (staff, 1, "2026-11-23 17:00", "social/chatrooms", 2, 0, nil),
        (staff, 3, "2026-11-23 09:30", "harm/adult", 0, 0, nil),
        // The longest name that belongs to the deciding rule, not the longest of all.
        (staff, 5, "2026-11-23 09:30", "harm", 1, 1, nil),
        // Where everything is meant, the longest name with a category.
        (phone, 1, "2026-11-23 09:30", "social/chatrooms", 2, 0, "college-hours"),
        (learner, 2, "2026-11-23 09:30", "wiki", 4, 0, nil),
        (learner, 0, "2026-11-23 09:30", nil, nil, nil, nil),
    ])
    func records(
        _ group: Int, _ set: Int, _ at: String, _ category: String?, _ source: Int?, _ tier: Int?,
        _ period: String?
    ) {
        let program = College.program
        let verdict = program.plane(at: College.at(at)).verdict(audience: group, set: UInt32(set))
        let outcome = program.outcome(verdict)
        #expect(outcome.category == category)
        #expect(outcome.source.map(Int.init) == source)
        #expect(outcome.tier == tier)
        #expect(outcome.period == period)
    }

    @Test func ordersLockedRulesThenItsOwnThenTheOthers() {
        #expect(
            College.program.rules.map(\.id) == [
                "harm", "essentials", "wikis-for-teaching", "phones-at-break", "staff-breaks-only",
            ])
        #expect(College.program.ruleOrder == [3, 4, 0, 1, 2])
        #expect(
            College.program.categoryNames == [
                "essentials", "harm", "harm/adult", "social/chatrooms", "social/wikis", "wiki",
            ])
    }

    /// A period of the record may change where no rule's condition does: a bell all the same.
    @Test func aBellRingsForEveryPeriodThatARecordNames() {
        let policy = Policy(
            periods: [
                period("first", 0...6, "09:00-10:00"), period("second", 0...6, "10:00-11:00"),
            ],
            groups: [Group(name: "g")],
            rules: [Rule(id: "r", action: .block, target: .everything, during: [0, 1])])
        let program = PolicyProgram(policy: policy, sets: [])
        let plane = program.plane(at: instant("2026-11-23 09:30"))
        #expect(plane.until == instant("2026-11-23 10:00").seconds)
        #expect(plane.verdict(audience: 0, set: 0).until == instant("2026-11-23 11:00").seconds)
        #expect(plane.verdict(audience: 0, set: 0).period == 0)
        let next = program.plane(at: Instant(seconds: plane.until))
        #expect(next.verdict(audience: 0, set: 0).period == 1)
        #expect(next.verdict(audience: 0, set: 0).rule == 0)
    }

    @Test func anInactiveRuleBeforeTheDecidingOneEndsItsVerdict() {
        let policy = Policy(
            periods: [period("early", 0...6, "09:00-10:00"), period("late", 0...6, "08:00-20:00")],
            groups: [Group(name: "g")],
            rules: [
                Rule(id: "a", action: .allow, target: .everything, during: [0]),
                Rule(id: "b", action: .block, target: .everything, during: [1]),
                // What stands after the deciding rule has no say.
                Rule(id: "c", action: .allow, target: .everything, exceptDuring: [0]),
            ])
        let program = PolicyProgram(policy: policy, sets: [])
        let before = program.plane(at: instant("2026-11-23 08:30")).verdict(audience: 0, set: 0)
        #expect(before.rule == 1 && before.until == instant("2026-11-23 09:00").seconds)
        let after = program.plane(at: instant("2026-11-23 10:00")).verdict(audience: 0, set: 0)
        #expect(after.rule == 1 && after.until == instant("2026-11-23 20:00").seconds)
    }

    @Test func whatDoesNotExistMatchesNothing() {
        let plane = College.program.plane(at: College.at("2026-11-23 09:30"))
        for group in [-1, 4, Int.max, Int.min] {
            #expect(plane.verdict(audience: group, set: 0).rule == Verdict.none)
            #expect(plane.verdict(audience: group, set: 3).rule == 0)
        }
        #expect(plane.verdict(audience: 1, set: .max) == plane.verdict(audience: 1, set: 0))
        let odd = Policy(
            groups: [Group(name: "g", parent: 7), Group(name: "h", parent: 1)],
            rules: [
                Rule(id: "a", action: .block, target: .everything, groups: [0, 99], during: [5]),
                Rule(
                    id: "b", action: .block, target: .listed([SourceID(rawValue: 9): "x"]),
                    exceptDuring: [5]),
            ])
        let program = PolicyProgram(
            policy: odd, sets: [CategorySet(tiers: [[SourceID(rawValue: 60_000)]])])
        let verdict = program.plane(at: Instant(seconds: 0)).verdict(audience: 0, set: 0)
        #expect(verdict.rule == Verdict.none && verdict.source == 60_000)
        #expect(program.plane(at: Instant(seconds: 0)).verdict(audience: 1, set: 0).until == .max)
    }

    @Test func anEmptyPolicyHasItsDefault() {
        let program = PolicyProgram(policy: Policy(defaultAction: .block), sets: [])
        let plane = program.plane(at: Instant(seconds: 0))
        #expect(plane.until == .max)
        let verdict = plane.verdict(audience: 0, set: 0)
        #expect(verdict.action == .block && verdict.until == .max && verdict.rule == Verdict.none)
    }
}
