import DNSWire
import DecisionLog
import LogStore
public import PolicyEngine
import PolicyFile

/// Works out the figures of a week from the log.
///
/// Reads roll-ups where these tell and rows where only rows do: of concerns, and of the two days of
/// UTC that the week shares with its neighbours. Holds the week's distinct names, and of rows one
/// chunk of the store at a time.
public struct Reviewer {
    let policy: ReviewPolicy
    let week: ReviewWeek
    let now: Instant
    let group: String?
    let identifiedBecause: String?
    let device: (ReviewDevice, Int64) -> String
    let reader: StoreReader
    let zone: ZoneRules
    let bounds: Range<Instant>

    /// Opens the log for the week and those before it.
    ///
    /// - Parameters:
    ///   - logDirectory: the log's.
    ///   - now: when the log is read. Of a week that is not over by then, days that have not begun
    ///     count as neither empty nor college days, and weeks before are compared up to the same time.
    ///   - group: the only group; `nil` for the whole college, where small counts are hidden.
    ///   - identifiedBecause: why devices are named by their addresses; `nil` if they are not.
    ///   - device: what a device is called: its pseudonym for an instant (microseconds since 1970
    ///     UTC), or its name or address.
    /// - Throws: `JournalError` where the log cannot be read.
    public init(
        logDirectory: String, policy: ReviewPolicy, week: ReviewWeek, now: Instant,
        group: String? = nil, identifiedBecause: String? = nil,
        device: @escaping (ReviewDevice, Int64) -> String
    ) throws {
        self.policy = policy
        self.week = week
        self.now = now
        self.group = group
        self.identifiedBecause = identifiedBecause
        self.device = device
        zone = policy.policy.zone
        bounds = week.instants(in: zone)
        var filter = RowFilter()
        filter.sinceMicros =
            week.advanced(byWeeks: -ReviewLimits.weeksBefore).instants(in: zone).lowerBound.micros
        // No end: what the week lacks is noted when the log can be written again.
        reader = try StoreReader(directory: logDirectory, filter: filter)
    }

    /// Works out the figures; small counts are hidden unless they are of one group.
    public func figures() throws -> ReviewFigures {
        let exact = try exactFigures()
        var figures = group == nil ? exact.hidingSmallCounts() : exact
        // Only now: what is beyond a ranking's end still counts as a neighbour of what is hidden.
        figures.categories = Array(figures.categories.prefix(ReviewLimits.categories))
        for place in figures.groups.indices {
            figures.groups[place].categories = Array(
                figures.groups[place].categories.prefix(ReviewLimits.categoriesOfGroup))
        }
        return figures
    }

    /// The figures with every count as it is.
    func exactFigures() throws -> ReviewFigures {
        let names = try NameFinder(self)
        let counts = try WeekCounts(self, without: names.essentials[week] ?? [])
        let clients = try ClientCounts(self)
        let concerns = try ConcernFinder(self, rules: counts.concernRules).concerns()
        return ReviewFigures(
            scope: scope, policy: facts, totals: counts.totals(devices: clients.seen.count),
            weeks: try weeks(counts, clients, names), bells: week.bells(of: policy.policy),
            groups: counts.groups(devices: clients.countByGroup),
            categories: counts.categories,
            concerns: concerns, use: try UseFinder(self).use(), newNames: try names.newNames(),
            bypass: try names.bypass(),
            outsideHours: counts.outsideHours, coverage: try coverage(counts, clients),
            limits: ReviewText.limits)
    }

    /// The rows of a week.
    func filter(_ week: ReviewWeek) -> RowFilter {
        let bounds = week.instants(in: zone)
        var filter = RowFilter()
        filter.sinceMicros = bounds.lowerBound.micros
        filter.untilMicros = bounds.upperBound.micros
        filter.group = group
        return filter
    }

    /// Counts a week's rows by rule, category and further keys, without those of support services.
    ///
    /// - Parameters:
    ///   - names: names of support services that something else decided about.
    ///   - until: the instant to stop before; the week's end where `nil`.
    func counted(
        by more: [TallyKey], in week: ReviewWeek, until: Instant? = nil, without names: Set<String>
    ) throws -> [Tally] {
        var whole = filter(week)
        if let until { whole.untilMicros = until.micros }
        struct Cell: Hashable {
            var texts: [String?]
            var startMicros: Int64
        }
        let keys = [.rule, .category] + more
        var others: [Cell: UInt64] = [:]
        for name in names {
            var filter = whole
            filter.name = try? NameFilter(parsing: "=\(name)")
            guard filter.name != nil else { continue }
            for tally in try reader.tally(by: keys, filter) {
                let cell = Cell(texts: tally.texts, startMicros: tally.startMicros)
                others[cell, default: 0] += tally.count
            }
        }
        return try reader.tally(by: keys, whole).compactMap { tally in
            guard !Catalogue.isEssential(rule: tally.texts[0], category: tally.texts[1]) else {
                return nil
            }
            var tally = tally
            let cell = Cell(texts: tally.texts, startMicros: tally.startMicros)
            tally.count -= min(tally.count, others[cell] ?? 0)
            return tally.count > 0 ? tally : nil
        }
    }

    /// The rows of the week of the report.
    var weekFilter: RowFilter { filter(week) }

    /// Where what is read of the week ends: its end, or now.
    var readEnd: Instant { min(now, bounds.upperBound) }

    /// Whether the week is not over.
    var isRunning: Bool { now < bounds.upperBound }

    /// The day of now, where the week is not over; else the one after its last. Days before are over.
    var today: CivilDate {
        isRunning ? zone.civilTime(at: now).date : week.monday.advanced(byDays: 7)
    }

    /// The weeks before, oldest first.
    var weeksBefore: [ReviewWeek] {
        (1...ReviewLimits.weeksBefore).reversed().map { week.advanced(byWeeks: -$0) }
    }

    /// An instant as the policy's wall clock shows it, to the second.
    func text(_ micros: Int64) -> String {
        zone.iso8601(Instant(seconds: floorDivide(micros, 1_000_000)))
    }

    private var scope: ReviewFigures.Scope {
        ReviewFigures.Scope(
            week: week.description, from: zone.iso8601(bounds.lowerBound),
            until: zone.iso8601(bounds.upperBound),
            lastDay: week.monday.advanced(byDays: 6).description,
            readAt: isRunning ? zone.iso8601(now) : nil, timeZone: zone.name, group: group,
            hidesSmallCounts: false, identifiedBecause: identifiedBecause)
    }

    private var facts: ReviewFigures.PolicyFacts {
        let policy = policy.policy
        // Whoever reads the report of a week that is over reads it as at the week's end: so the same
        // log gives the same report.
        let lastDay = min(today, week.monday.advanced(byDays: 6))
        let overdue = policy.reviewBy.map { lastDay.daysSinceEpoch - $0.daysSinceEpoch } ?? 0
        return ReviewFigures.PolicyFacts(
            name: policy.name, reference: policy.reference, hash: self.policy.hash,
            approvedBy: policy.approvedBy, approvedOn: policy.approvedOn?.description,
            reviewBy: policy.reviewBy?.description, reviewOverdueDays: overdue > 0 ? overdue : nil,
            contact: policy.contact, safeguardingLead: policy.roles["dsl"])
    }

    private func weeks(
        _ counts: WeekCounts, _ clients: ClientCounts, _ names: NameFinder
    ) throws -> [ReviewFigures.WeekTotals] {
        let before = try weeksBefore.map { week in
            var totals = ReviewFigures.Totals()
            var concerns = ReviewCount(0)
            for tally in try counted(
                by: [.verdict, .concern], in: week, without: names.essentials[week] ?? [])
            {
                totals.add(tally.count, verdict: tally.texts[2])
                if tally.texts[3] != nil { concerns += tally.count }
            }
            let devices = clients.before[week]?.count ?? 0
            totals.devices = ReviewCount(UInt64(devices))
            return ReviewFigures.WeekTotals(
                week: week.description, collegeDays: week.days.count(where: isCollegeDay),
                totals: totals, concerns: concerns, isRecorded: devices > 0,
                byThen: try partOfWeek(week, without: names.essentials[week] ?? []))
        }
        return before + [
            ReviewFigures.WeekTotals(
                week: week.description,
                collegeDays: week.days(begunBy: now, in: zone).count(where: isCollegeDay),
                totals: counts.totals(devices: clients.seen.count),
                concerns: counts.concernHits, isRecorded: !clients.seen.isEmpty)
        ]
    }
}

extension Reviewer {
    /// What a week before had by now's time of the week; `nil` where the week of the report is over,
    /// or has not begun.
    private func partOfWeek(
        _ before: ReviewWeek, without names: Set<String>
    ) throws -> ReviewFigures.PartOfWeek? {
        guard isRunning, now >= bounds.lowerBound else { return nil }
        let time = zone.civilTime(at: now)
        let days = before.monday.daysSinceEpoch - week.monday.daysSinceEpoch
        let then = zone.instant(
            of: CivilTime(date: time.date.advanced(byDays: days), secondOfDay: time.secondOfDay))
        let blocked = try counted(by: [.verdict], in: before, until: then, without: names)
            .filter { $0.texts[2] == "block" }.reduce(0) { $0 + $1.count }
        return ReviewFigures.PartOfWeek(
            collegeDays: before.days(begunBy: then, in: zone).count(where: isCollegeDay),
            blocked: ReviewCount(blocked))
    }

    /// Whether a day is in a term, not closed, and has a period of the timetable.
    private func isCollegeDay(_ date: CivilDate) -> Bool {
        policy.policy.calendar.isTermDay(date)
            && policy.policy.periods.contains {
                $0.when == .term && !$0.windows[date.weekday].isEmpty
            }
    }
}

extension ReviewFigures.Totals {
    /// Counts questions of one verdict.
    mutating func add(_ count: UInt64, verdict: String?) {
        asked += count
        if verdict == "block" { blocked += count } else { allowed += count }
        if verdict == "rewrite" { madeSafe += count }
    }
}

extension Instant {
    /// Microseconds since 1970 UTC.
    var micros: Int64 { seconds * 1_000_000 }
}

/// Division that rounds down, as time does.
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}
