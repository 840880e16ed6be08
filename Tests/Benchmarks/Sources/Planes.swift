import DNSWire
import DomainLists
import PolicyEngine

/// A policy as large as any: 200 groups, 500 rules, five years of calendar, a bell every few
/// minutes.
enum LargePolicy {
    static let groupCount = 200
    static let ruleCount = 500
    static let sourceCount = 40
    static let setCount = 64

    static func program() -> PolicyProgram {
        var dice = SeededGenerator(state: 21)
        func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &dice) }
        let groups = (0..<groupCount).map { place in
            Group(
                name: "group-\(place)", parent: place > 10 ? place % 10 : nil,
                networks: [IPNetwork("10.\(place).0.0/16")].compactMap { $0 })
        }
        let periods = (0..<60).map { place in
            let start = 480 + place * 8 % 480
            let window = Window(startMinute: start, endMinute: start + 5 + place)
            return Period(
                name: "period-\(place)", when: DayKind.allCases[place % DayKind.allCases.count],
                windows: Array(repeating: [window], count: 7))
        }
        let rules = (0..<ruleCount).map { place in
            var sources: [SourceID: String] = [:]
            for _ in 0..<3 {
                sources[SourceID(rawValue: UInt16(below(sourceCount)))] = "c\(place % 20)"
            }
            return Rule(
                id: "rule-\(place)", action: place.isMultiple(of: 3) ? .allow : .block,
                target: .listed(sources), groups: (0..<4).map { _ in below(groupCount) },
                during: (0..<3).map { _ in below(periods.count) },
                exceptDuring: (0..<2).map { _ in below(periods.count) })
        }
        let policy = Policy(
            name: "Large", zone: zone, calendar: calendar, periods: periods, groups: groups,
            unknownDevices: 0, rules: rules,
            sources: (0..<sourceCount).map { _ in SourceInfo(defaultCategory: "c0") })
        let sets =
            [CategorySet.empty]
            + (1..<setCount).map { _ in
                CategorySet(tiers: [
                    Array(Set((0..<3).map { _ in SourceID(rawValue: UInt16(below(sourceCount))) }))
                        .sorted()
                ])
            }
        return PolicyProgram(policy: policy, sets: sets)
    }

    /// Three terms a year from 2024 to 2028.
    private static var calendar: AcademicCalendar {
        func day(_ year: Int, _ month: Int, _ day: Int) -> CivilDate {
            CivilDate(year: year, month: month, day: day) ?? CivilDate(daysSinceEpoch: 0)
        }
        return AcademicCalendar(
            terms: (2024...2028).flatMap { year in
                [
                    day(year, 1, 5)...day(year, 3, 25), day(year, 4, 12)...day(year, 7, 20),
                    day(year, 9, 2)...day(year, 12, 18),
                ]
            },
            closed: (2024...2028).flatMap { year in
                [day(year, 2, 14)...day(year, 2, 18), day(year, 10, 24)...day(year, 10, 30)]
            })
    }

    /// Clock changes on the last days of March and October, as good as any for the cost.
    private static let zone = ZoneRules(
        name: "Europe/London", initialOffsetSeconds: 0,
        transitions: (2024...2028).flatMap { year -> [(Instant, Int)] in
            let spring = CivilDate(year: year, month: 3, day: 28)?.daysSinceEpoch ?? 0
            let autumn = CivilDate(year: year, month: 10, day: 27)?.daysSinceEpoch ?? 0
            return [
                (Instant(seconds: Int64(spring) * 86_400 + 3600), 3600),
                (Instant(seconds: Int64(autumn) * 86_400 + 3600), 0),
            ]
        })
}

/// What planes cost.
enum PlaneFigures {
    /// Processor time to make a plane, in milliseconds, over the bells of some days.
    static func making(_ program: PolicyProgram) -> Spread {
        var values: [Double] = []
        // 2026-11-20, a Friday in a term; 300 bells reach over the weekend.
        var seconds: Int64 = 1_795_132_800
        for _ in 0..<300 {
            let begun = Clock.cpu
            let plane = program.plane(at: Instant(seconds: seconds))
            values.append(Double(Clock.cpu - begun) / 1e6)
            Results.keep(plane.until)
            seconds = plane.until == .max ? seconds + 3600 : plane.until
        }
        return Spread(values)
    }

    /// What a bell costs the queries after it, in microseconds of processor time.
    struct Swap {
        /// The dearest of the look-ups after a bell, each by its median over all bells, so that
        /// what disturbs one now and then is left out.
        var dearest: Double
        /// The dearest of all look-ups of all bells, with what disturbed it.
        var worst: Double
        /// The same for look-ups to which no bell came: what the machine disturbs.
        var worstWithoutBell: Double
    }

    /// Look-ups just after a bell: a new plane's cells are filled by the first query for each. Old
    /// planes are kept, as the server's gate keeps them for its caretaker to let go.
    static func swapping(_ program: PolicyProgram) -> Swap {
        var costs = [[Double]](repeating: [], count: 4096)
        var undisturbed = 0.0
        var seconds: Int64 = 1_795_132_800
        var current = program.plane(at: Instant(seconds: seconds))
        var past: [Plane] = []
        for _ in 0..<41 {
            for number in costs.indices {
                undisturbed = max(undisturbed, lookUp(number, &current, next: nil, &past))
            }
            seconds = current.until == .max ? seconds + 3600 : current.until
            let next = program.plane(at: Instant(seconds: seconds))
            for number in costs.indices {
                costs[number].append(
                    lookUp(number, &current, next: number == 0 ? next : nil, &past))
            }
        }
        let spreads = costs.map { Spread($0) }
        return Swap(
            dearest: spreads.map(\.median).max() ?? .nan,
            worst: spreads.map(\.maximum).max() ?? .nan, worstWithoutBell: undisturbed)
    }

    /// One look-up; the first after a bell changes over, as a worker does between two batches.
    private static func lookUp(
        _ number: Int, _ current: inout Plane, next: Plane?, _ past: inout [Plane]
    ) -> Double {
        let begun = Clock.cpu
        if let next {
            past.append(current)
            current = next
        }
        let verdict = current.view.verdict(
            audience: number % LargePolicy.groupCount,
            set: UInt32(number / LargePolicy.groupCount % LargePolicy.setCount))
        let spent = Clock.cpu - begun
        Results.keep(verdict.rule)
        return Double(spent) / 1000
    }
}
