import PolicyEngine
import Testing

@Suite struct ExplanationTests {
    @Test func saysWhyEachRuleDidNotMatch() {
        let during = College.program.explain(
            audience: 2, set: 1, at: College.at("2026-11-23 10:29:59"))
        #expect(during.rule?.id == "staff-breaks-only")
        #expect(during.why == "during college-hours, not during break or lunch")
        #expect(during.category == "social/chatrooms")
        #expect(during.listName == "services")
        #expect(during.period == "college-hours")
        #expect(during.considered.map(\.id) == ["harm", "wikis-for-teaching", "phones-at-break"])
        #expect(
            during.considered.map(\.why) == [
                "none of harm covers the name", "none of wikipedia.example.org covers the name",
                "is for learner-phone, not staff",
            ])
    }

    @Test(arguments: [
        (2, "2026-11-23 10:30", "staff-breaks-only", "excepted during break"),
        (3, "2026-11-23 12:15", "staff-breaks-only", "excepted during lunch"),
        (2, "2026-11-23 17:00", "staff-breaks-only", "not during college-hours"),
        (1, "2026-11-23 12:30", "phones-at-break", "excepted during lunch"),
        (0, "2026-11-23 09:30", "staff-breaks-only", "is for staff, not learner"),
        (-1, "2026-11-23 09:30", "staff-breaks-only", "is for staff, not unknown devices"),
    ])
    func saysWhyNot(_ group: Int, _ at: String, _ rule: String, _ why: String) {
        let explanation = College.program.explain(audience: group, set: 1, at: College.at(at))
        #expect(explanation.rule == nil)
        #expect(explanation.why == "no rule matches, so the default decides")
        #expect(explanation.considered.first { $0.id == rule }?.why == why)
    }

    @Test func namesABuiltInRuleOnlyWhereItDecides() {
        let essential = College.program.explain(
            audience: 1, set: 4, at: College.at("2026-11-23 09:30"))
        #expect(essential.rule?.id == "essentials")
        #expect(essential.why == "at all times")
        #expect(essential.considered.map(\.id) == ["harm"])
        let other = College.program.explain(audience: 1, set: 0, at: College.at("2026-11-23 09:30"))
        #expect(!other.considered.contains { $0.id == "essentials" })
    }

    @Test func joinsNamesAsOneSpeaksThem() {
        let policy = Policy(
            periods: ["a", "b", "c"].map { period($0, 0...6, "09:00-10:00") },
            groups: ["x", "y", "z"].map { Group(name: $0) },
            rules: [
                Rule(id: "1", action: .block, target: .everything, groups: [0, 1]),
                Rule(id: "2", action: .block, target: .everything, groups: []),
                Rule(id: "3", action: .block, target: .listed([:]), operands: ["k", "l"]),
                Rule(id: "4", action: .block, target: .everything, exceptDuring: [0, 1, 2]),
                Rule(id: "5", action: .block, target: .everything, during: [0, 1, 2]),
            ])
        let program = PolicyProgram(policy: policy, sets: [])
        let during = program.explain(audience: 2, set: 0, at: instant("2026-11-23 09:30"))
        #expect(
            during.considered.map(\.why) == [
                "is for x and y, not z", "is for no group, not z", "none of k, l covers the name",
                "excepted during a, b and c",
            ])
        #expect(during.why == "during a, b and c")
    }
}
