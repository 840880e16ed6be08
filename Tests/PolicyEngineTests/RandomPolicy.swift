import DNSWire
import Dice
import DomainLists
import PolicyEngine

extension SeededGenerator {
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}

/// Policies of every shape, small enough to be looked at.
struct RandomPolicy {
    let policy: Policy
    let sets: [CategorySet]
    /// All windows begin and end at a multiple of this.
    let minuteStep: Int
    /// The days within which things change.
    let firstDay: CivilDate
    let dayCount: Int

    static let sourceCount = 8

    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        minuteStep = random.chance(70) ? 15 : 5
        let zone = Zones.all[random.below(Zones.all.count)]
        // Around a clock change more often than not.
        let centres = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25"]
        firstDay = date(centres[random.below(centres.count)]).advanced(byDays: -random.below(25))
        dayCount = 35
        let step = minuteStep
        let periods = (0..<random.below(5) + 1).map { number in
            Self.period(number, step: step, using: &random)
        }
        let groups = (0..<4).map { place in
            Group(
                name: "g\(place)",
                parent: place > 0 && random.chance(60) ? random.below(place) : nil,
                networks: [Self.network("10.\(place).0.0/16")],
                age: random.chance(40) ? AgeBand.allCases[random.below(3)] : nil)
        }
        let devices = (0..<2).map { place in
            Device(
                name: "d\(place)", addresses: [Self.network("10.\(place).0.7").address],
                group: random.chance(20) ? nil : random.below(4))
        }
        let first = zone.instant(of: CivilTime(date: firstDay, secondOfDay: 0))
        let span = Int64(dayCount) * 86_400
        let rules = (0..<random.below(9)).map { number in
            Self.rule(
                number, periods: periods.count, groups: groups.count, from: first, span: span,
                using: &random)
        }
        let suspensions = (0..<random.below(3)).map { _ in
            Suspension(
                device: random.chance(50) ? random.below(2) : nil,
                networks: [Self.network("10.\(random.below(5)).0.7")],
                window: Self.window(from: first, span: span, using: &random))
        }
        let sources = (0..<Self.sourceCount).map { place in
            SourceInfo(
                defaultCategory: place % 3 == 0 ? "" : "c\(place % 4)",
                minimumAges: place < 5 ? [] : Self.ages(from: first, span: span, using: &random))
        }
        policy = Policy(
            zone: zone,
            calendar: Self.calendar(from: firstDay, days: dayCount, using: &random),
            periods: periods, groups: groups, devices: devices,
            unknownDevices: random.chance(50) ? random.below(4) : nil, rules: rules,
            suspensions: suspensions,
            officialChannels: random.chance(50) ? [:] : [SourceID(rawValue: 1): "official"],
            safeSearch: Self.safeSearch(using: &random),
            defaultAction: random.chance(50) ? .allow : .block, sources: sources)
        sets = [CategorySet(tiers: [])] + (0..<5).map { _ in Self.set(using: &random) }
    }

    /// Clients of every kind: those that devices, exceptions and suspensions are about, others of
    /// the same networks, and one of no group's.
    let clients = (0..<5).flatMap { network in
        ["7", "9", "128"].map { RandomPolicy.network("10.\(network).0.\($0)").address }
    }

    static func network(_ text: String) -> IPNetwork {
        IPNetwork(text) ?? IPNetwork(address: IPAddress(v4: 0), prefixLength: 128)
    }

    /// A stretch of time to the second.
    private static func window(
        from first: Instant, span: Int64, using random: inout SeededGenerator
    ) -> Range<Instant> {
        let ends = (0..<2).map { _ in first + Int64.random(in: 0..<span, using: &random) }.sorted()
        return ends[0]..<ends[1]
    }

    private static func ages(
        from first: Instant, span: Int64, using random: inout SeededGenerator
    ) -> [DatedAge] {
        (0..<random.below(4)).map { _ in
            DatedAge(
                age: [13, 16, 18][random.below(3)],
                from: first + Int64.random(in: 0..<span, using: &random))
        }
    }

    /// Up to five safe modes of three engines, some in two modes, whose hosts are in any set.
    private static func safeSearch(using random: inout SeededGenerator) -> [SafeSearch] {
        guard let host = try? DomainName(parsing: "safe.example.com") else { return [] }
        return (0..<random.below(6)).map { number in
            SafeSearch(
                engine: "e\(number % 3)",
                source: SourceID(rawValue: UInt16([0, 3, 4][random.below(3)])), target: host,
                targetSet: UInt32(random.below(6)),
                groups: (0..<4).filter { _ in random.chance(50) }, reason: "\(number)")
        }
    }

    private static func period(
        _ number: Int, step: Int, using random: inout SeededGenerator
    ) -> Period {
        let steps = 1440 / step
        let windows = (0..<7).map { _ -> [Window] in
            guard random.chance(70) else { return [] }
            return (0..<random.below(3)).map { _ in
                if random.chance(10) { return Window(startMinute: 0, endMinute: 1440) }
                // Small hours are where the clocks change.
                let bound = random.chance(50) ? 180 / step : steps
                return Window(
                    startMinute: random.below(bound) * step,
                    endMinute: (random.below(bound) + 1) * step)
            }
        }
        let when = DayKind.allCases[random.below(3)]
        return Period(name: "p\(number)", when: when, windows: windows)
    }

    private static func rule(
        _ number: Int, periods: Int, groups: Int, from first: Instant, span: Int64,
        using random: inout SeededGenerator
    ) -> Rule {
        var listed: [SourceID: String] = [:]
        for source in 0..<sourceCount where random.chance(35) {
            listed[SourceID(rawValue: UInt16(source))] = random.chance(80) ? "r\(source % 3)" : ""
        }
        let pick = { (bound: Int, most: Int, random: inout SeededGenerator) -> [Int] in
            (0..<random.below(most + 1)).map { _ in random.below(bound) }
        }
        var rule = Rule(
            id: "rule-\(number)", action: random.chance(50) ? .allow : .block,
            target: random.chance(25) ? .everything : .listed(listed),
            groups: random.chance(40) ? nil : pick(groups, 2, &random),
            during: random.chance(30) ? [] : pick(periods, 2, &random),
            exceptDuring: random.chance(50) ? [] : pick(periods, 2, &random),
            isLocked: random.chance(15),
            origin: random.chance(10)
                ? .product : random.chance(25) ? .exception : random.chance(15) ? .bypass : .file)
        if rule.origin == .exception {
            rule.isLocked = false
            rule.devices = random.chance(50) ? [] : [random.below(2)]
            rule.networks = random.chance(50) ? [] : [network("10.\(random.below(5)).0.0/25")]
        }
        if rule.origin == .exception || random.chance(15) {
            rule.window = window(from: first, span: span, using: &random)
        }
        return rule
    }

    private static func calendar(
        from first: CivilDate, days: Int, using random: inout SeededGenerator
    ) -> AcademicCalendar {
        let ranges = { (count: Int, longest: Int, random: inout SeededGenerator) in
            (0..<count).map { _ in
                let start = first.advanced(byDays: random.below(days))
                return start...start.advanced(byDays: random.below(longest))
            }
        }
        return AcademicCalendar(
            terms: ranges(random.below(3), 20, &random),
            closed: ranges(random.below(3), 4, &random))
    }

    private static func set(using random: inout SeededGenerator) -> CategorySet {
        var sources = (0..<sourceCount).filter { _ in random.chance(35) }
        sources.shuffle(using: &random)
        var tiers: [[SourceID]] = []
        for source in sources {
            let identifier = SourceID(rawValue: UInt16(source))
            if tiers.isEmpty || random.chance(60) {
                tiers.append([identifier])
            } else {
                tiers[tiers.count - 1].append(identifier)
                tiers[tiers.count - 1].sort()
            }
        }
        return CategorySet(tiers: tiers)
    }

    /// An instant within the days in question, often next to something that happens.
    func instant(using random: inout SeededGenerator) -> Instant {
        let day = firstDay.advanced(byDays: random.below(dayCount + 20) - 10)
        let minute = random.below(1440 / minuteStep) * minuteStep
        let local = CivilTime(date: day, secondOfDay: minute * 60)
        var instant = policy.zone.instant(of: local)
        if random.chance(30), let change = policy.zone.nextTransition(after: instant) {
            instant = change
        } else if random.chance(40) {
            return instant + Int64(random.below(minuteStep * 60))
        }
        return instant + Int64(random.below(3) - 1)
    }
}
