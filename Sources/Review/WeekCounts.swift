import DecisionLog
import LogStore
import PolicyEngine

/// What can be counted of a week without looking at names or devices.
struct WeekCounts {
    private let reviewer: Reviewer
    private var total = ReviewFigures.Totals()
    private var byGroup: [String: ReviewFigures.GroupFigures] = [:]
    private var blockedByCategory: [String: UInt64] = [:]
    private var groupCategories: [String: [String: UInt64]] = [:]
    private var outside: [OutsideKey: UInt64] = [:]
    /// Questions that were safeguarding concerns.
    private(set) var concernHits = ReviewCount(0)
    /// The rules that made them.
    private(set) var concernRules: Set<String> = []
    /// Decisions of each day of the week, support services included.
    private(set) var byDay = [UInt64](repeating: 0, count: 7)

    private struct OutsideKey: Hashable {
        var group: String
        var rule: String
        var period: String
    }

    /// How a group is called that a record does not name.
    static let noGroup = "no group"

    /// - Parameter essentials: names that count for nothing, whatever decided about them.
    init(_ reviewer: Reviewer, without essentials: Set<String>) throws {
        self.reviewer = reviewer
        let timed = Set(
            reviewer.policy.policy.rules.filter { !$0.during.isEmpty || !$0.exceptDuring.isEmpty }
                .map(\.id))
        for group in reviewer.policy.policy.groups where reviewer.group ?? group.name == group.name
        {
            byGroup[group.name] = Self.empty(group.name)
        }
        for tally in try reviewer.reader.tally(by: [.quarter], reviewer.weekFilter) {
            byDay[clock(tally).date.weekday] += tally.count
        }
        for tally in try reviewer.counted(
            by: [.quarter, .group, .verdict, .period, .concern], in: reviewer.week,
            without: essentials)
        {
            add(tally, timed)
        }
    }

    /// The wall clock when a tally's quarter of an hour begins.
    private func clock(_ tally: Tally) -> CivilTime {
        reviewer.zone.civilTime(at: Instant(seconds: floorDivide(tally.startMicros, 1_000_000)))
    }

    private static func empty(_ group: String) -> ReviewFigures.GroupFigures {
        ReviewFigures.GroupFigures(
            group: group, totals: ReviewFigures.Totals(), day: ReviewFigures.Course(count: 96),
            week: ReviewFigures.Course(count: 168), categories: [])
    }

    private mutating func add(_ tally: Tally, _ timed: Set<String>) {
        let local = clock(tally)
        let (rule, category) = (tally.texts[0], tally.texts[1])
        let group = tally.texts[3] ?? Self.noGroup
        let isBlocked = tally.texts[4] == "block"
        total.add(tally.count, verdict: tally.texts[4])
        var figures = byGroup[group] ?? Self.empty(group)
        figures.totals.add(tally.count, verdict: tally.texts[4])
        figures.day.add(tally.count, at: local.secondOfDay / 900, isBlocked: isBlocked)
        figures.week.add(
            tally.count, at: local.date.weekday * 24 + local.hour, isBlocked: isBlocked)
        byGroup[group] = figures
        if tally.texts[6] != nil, let rule {
            concernHits += tally.count
            concernRules.insert(rule)
        }
        guard isBlocked else { return }
        blockedByCategory[category ?? "", default: 0] += tally.count
        groupCategories[group, default: [:]][category ?? "", default: 0] += tally.count
        if let rule, timed.contains(rule) {
            let key = OutsideKey(group: group, rule: rule, period: tally.texts[5] ?? "")
            outside[key, default: 0] += tally.count
        }
    }

    /// The totals of the week.
    func totals(devices: Int) -> ReviewFigures.Totals {
        var totals = total
        totals.devices = ReviewCount(UInt64(devices))
        return totals
    }

    /// The groups by name.
    func groups(devices: [String: Int]) -> [ReviewFigures.GroupFigures] {
        byGroup.values.map { figures in
            var figures = figures
            figures.totals.devices = ReviewCount(UInt64(devices[figures.group] ?? 0))
            figures.categories = Self.ranking(groupCategories[figures.group] ?? [:])
            return figures
        }.sorted { $0.group < $1.group }
    }

    /// All categories that were blocked, most first.
    var categories: [ReviewFigures.CategoryCount] { Self.ranking(blockedByCategory) }

    private static func ranking(_ counts: [String: UInt64]) -> [ReviewFigures.CategoryCount] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
            ReviewFigures.CategoryCount(category: $0.key, blocked: ReviewCount($0.value))
        }
    }

    /// What rules blocked that hold only at certain times.
    var outsideHours: [ReviewFigures.OutsideHours] {
        outside.map { key, count in
            ReviewFigures.OutsideHours(
                group: key.group, rule: key.rule,
                reason: reviewer.policy.policy.rules.first { $0.id == key.rule }?.reason ?? "",
                period: key.period, blocked: ReviewCount(count))
        }.sorted {
            ($0.group, $0.rule, $0.period) < ($1.group, $1.rule, $1.period)
        }
    }
}

extension ReviewFigures.Course {
    fileprivate mutating func add(_ count: UInt64, at place: Int, isBlocked: Bool) {
        if isBlocked { blocked[place] += count } else { allowed[place] += count }
    }
}

extension ReviewWeek {
    /// The periods as they lie in this week, by day and start; what passes midnight is cut there.
    func bells(of policy: Policy) -> [ReviewFigures.Bell] {
        var bells: [ReviewFigures.Bell] = []
        // The Sunday before, whose windows may reach into the week.
        for offset in -1..<7 {
            let date = monday.advanced(byDays: offset)
            let isTermDay = policy.calendar.isTermDay(date)
            for period in policy.periods where period.when.holds(onTermDay: isTermDay) {
                for window in period.windows[date.weekday] {
                    func add(_ weekday: Int, _ from: Int, _ until: Int) {
                        guard from < until, (0..<7).contains(weekday) else { return }
                        bells.append(
                            ReviewFigures.Bell(
                                period: period.name, weekday: weekday, fromMinute: from,
                                untilMinute: until))
                    }
                    add(offset, window.startMinute, window.passesMidnight ? 1440 : window.endMinute)
                    if window.passesMidnight { add(offset + 1, 0, window.endMinute) }
                }
            }
        }
        return bells.sorted {
            ($0.weekday, $0.fromMinute, $0.untilMinute, $0.period)
                < ($1.weekday, $1.fromMinute, $1.untilMinute, $1.period)
        }
    }
}

extension DayKind {
    fileprivate func holds(onTermDay isTermDay: Bool) -> Bool {
        switch self {
        case .term: isTermDay
        case .holiday: !isTermDay
        case .always: true
        }
    }
}
