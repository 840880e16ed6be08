import DomainLists
import PolicyEngine
import Testing

@Suite struct PolicyWarningsTests {
    @Test func aSoundPolicyHasNone() { #expect(College.program.warnings() == []) }

    @Test(arguments: [
        (period("p", 0...6), NeverHappeningReason.noWindows),
        (period("p", 5...6, "09:00-10:00", when: .term), .noSuchDays),
        (period("p", 1...1, "09:00-10:00", when: .holiday), nil),
        (period("p", 0...4, "22:00-06:00", when: .term), nil),
    ])
    func findsPeriodsThatNeverHappen(_ period: Period, _ reason: NeverHappeningReason?) {
        // A term of five working days.
        let calendar = AcademicCalendar(terms: [date("2026-11-23")...date("2026-11-27")])
        let policy = Policy(calendar: calendar, periods: [period])
        let expected = reason.map { [PolicyWarning.periodNeverHappens(period: 0, $0)] } ?? []
        #expect(PolicyProgram(policy: policy, sets: []).warnings() == expected)
    }

    @Test func findsTermPeriodsWithoutTerms() {
        let days = date("2026-11-23")...date("2026-11-27")
        let calendar = AcademicCalendar(terms: [days], closed: [days])
        let policy = Policy(
            calendar: calendar, periods: [period("p", 0...4, "09:00-10:00", when: .term)])
        #expect(
            PolicyProgram(policy: policy, sets: []).warnings()
                == [.periodNeverHappens(period: 0, .noTermDays)])
    }

    private static func block(
        _ id: String, _ sources: [UInt16]?, for groups: [Int]? = nil, during: [Int] = [],
        except: [Int] = [], locked: Bool = false
    ) -> Rule {
        let target = sources.map { sources in
            RuleTarget.listed(
                Dictionary(
                    sources.map { (SourceID(rawValue: $0), "") }, uniquingKeysWith: { $1 }))
        }
        return Rule(
            id: id, action: .block, target: target ?? .everything, groups: groups, during: during,
            exceptDuring: except, isLocked: locked)
    }

    struct Case: Sendable {
        let rules: [Rule]
        let rule: Int?
        let reason: NeverMatchingReason

        init(_ rules: [Rule], _ rule: Int? = nil, _ reason: NeverMatchingReason = .noNames) {
            self.rules = rules
            self.rule = rule
            self.reason = reason
        }
    }

    private static let cases: [Case] = [
        // Covered by one rule: the same or more names, groups and hours.
        Case([block("a", nil), block("b", [1])], 1, .shadowed(by: [0])),
        Case([block("a", [1, 2]), block("b", [2])], 1, .shadowed(by: [0])),
        Case([block("a", [1], for: [0]), block("b", [1], for: [1])], 1, .shadowed(by: [0])),
        Case([block("a", [1], during: [0]), block("b", [1], during: [1])], 1, .shadowed(by: [0])),
        Case([block("a", [1], during: [0]), block("b", [1], during: [0])], 1, .shadowed(by: [0])),
        // A locked rule stands before those above it in the file.
        Case([block("a", [1]), block("b", nil, locked: true)], 0, .shadowed(by: [1])),
        // Covered by several together.
        Case([block("a", [1]), block("b", [2]), block("c", [1, 2])], 2, .shadowed(by: [0, 1])),
        Case(
            [block("a", nil, during: [0]), block("b", nil, except: [0]), block("c", [1])], 2,
            .shadowed(by: [0, 1])),
        // Not covered: fewer names, groups or hours.
        Case([block("a", [1]), block("b", [1, 2])]),
        Case([block("a", [1]), block("b", nil)]),
        Case([block("a", [1], for: [1]), block("b", [1], for: [0])]),
        Case([block("a", [1], during: [1]), block("b", [1], during: [0])]),
        Case([block("a", nil, except: [1]), block("b", [1])]),
        // Without anything to match.
        Case([block("a", [])], 0, .noNames),
        Case([block("a", [1], for: [])], 0, .noGroups),
        Case([block("a", [1], during: [2])], 0, .duringNeverHappens),
        Case([block("a", [1], during: [1], except: [0])], 0, .alwaysExcepted),
        Case([block("a", [1], except: [0, 3])], 0, .alwaysExcepted),
    ]

    @Test(arguments: cases)
    func findsRulesThatNeverMatch(_ given: Case) {
        let policy = Policy(
            periods: [
                period("day", 0...6, "08:00-17:00"), period("break", 0...6, "10:30-10:45"),
                period("nothing", 0...6), period("night", 0...6, "17:00-08:00"),
            ],
            groups: [Group(name: "g"), Group(name: "h", parent: 0)], rules: given.rules)
        let found = PolicyProgram(policy: policy, sets: []).warnings().filter { warning in
            if case .ruleNeverMatches = warning { true } else { false }
        }
        #expect(found == (given.rule.map { [.ruleNeverMatches(rule: $0, given.reason)] } ?? []))
    }

    /// A rule is found dead just when no case of group, single source and minute brings it out.
    @Test func agreesWithTryingEveryMinute() {
        for seed in 0..<16 as Range<UInt64> {
            let given = RandomPolicy(seed: seed &+ 50_000)
            let sources = (0..<RandomPolicy.sourceCount).map { number in
                CategorySet(tiers: [[SourceID(rawValue: UInt16(number))]])
            }
            var policy = given.policy
            policy.zone = .utc
            // What ends at a date is no case of minute and day.
            policy.suspensions = []
            for place in policy.rules.indices { policy.rules[place].window = nil }
            for place in policy.sources.indices { policy.sources[place].minimumAges = [] }
            policy.devices = []
            policy.rules = policy.rules.map { rule in
                var rule = rule
                (rule.devices, rule.networks) = ([], [])
                return rule
            }
            let slow = SlowEvaluator(policy: policy, sets: [CategorySet(tiers: [])] + sources)
            var deciding: Set<String> = []
            for group in policy.groups.indices {
                for set in slow.sets.indices {
                    let asker = SlowEvaluator.Asker(group: group)
                    let rules = slow.candidates(asker, set: set)
                    guard !rules.allSatisfy({ deciding.contains(slow.ordered[$0].id) })
                    else { continue }
                    // Two weeks on either side show the days outside the calendar.
                    var at = instant("\(given.firstDay.advanced(byDays: -14)) 00:00")
                    let end = instant("\(given.firstDay.advanced(byDays: 75)) 00:00")
                    while at < end {
                        if let place = slow.decider(among: rules, asker, set: set, at: at) {
                            deciding.insert(slow.ordered[place].id)
                        }
                        at = at + Int64(given.minuteStep) * 60
                    }
                }
            }
            let dead = PolicyProgram(policy: policy, sets: slow.sets).warnings().compactMap {
                if case .ruleNeverMatches(let rule, _) = $0 { policy.rules[rule].id } else { nil }
            }
            let expected = policy.rules.filter { !$0.isBuiltIn && !deciding.contains($0.id) }
            #expect(dead == expected.map(\.id), "seed \(seed)")
        }
    }
}
