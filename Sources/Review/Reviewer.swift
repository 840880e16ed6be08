public import DNSWire
import DecisionLog
import LogStore
import PolicyEngine

/// Works out the figures of a week from the log.
///
/// Reads roll-ups where these tell and rows where only rows do: of concerns, and of the two days of
/// UTC that the week shares with its neighbours. Holds the week's distinct names, and of rows one
/// chunk of the store at a time.
public struct Reviewer {
    let policy: ReviewPolicy
    let week: ReviewWeek
    let group: String?
    let identifiedBecause: String?
    let device: (IPAddress, Int64) -> String
    let reader: StoreReader
    let zone: ZoneRules
    let bounds: Range<Instant>

    /// Opens the log for the week and those before it.
    ///
    /// - Parameters:
    ///   - logDirectory: the log's.
    ///   - group: the only group; `nil` for the whole college, where small counts are hidden.
    ///   - identifiedBecause: why devices are named by their addresses; `nil` if they are not.
    ///   - device: what a device is called: its pseudonym for an instant (microseconds since 1970
    ///     UTC), or its address.
    /// - Throws: `JournalError` where the log cannot be read.
    public init(
        logDirectory: String, policy: ReviewPolicy, week: ReviewWeek, group: String? = nil,
        identifiedBecause: String? = nil, device: @escaping (IPAddress, Int64) -> String
    ) throws {
        self.policy = policy
        self.week = week
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
        let counts = try WeekCounts(self)
        let clients = try ClientCounts(self)
        let concerns = try ConcernFinder(self, rules: counts.concernRules).concerns()
        let names = try NameFinder(self)
        return ReviewFigures(
            scope: scope, policy: facts, totals: counts.totals(devices: clients.seen.count),
            weeks: try weeks(counts, clients), bells: week.bells(of: policy.policy),
            groups: counts.groups(devices: clients.countByGroup),
            categories: counts.categories,
            concerns: concerns, newNames: try names.newNames(), bypass: try names.bypass(),
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

    /// The rows of the week of the report.
    var weekFilter: RowFilter { filter(week) }

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
            lastDay: week.monday.advanced(byDays: 6).description, timeZone: zone.name, group: group,
            hidesSmallCounts: false, identifiedBecause: identifiedBecause)
    }

    private var facts: ReviewFigures.PolicyFacts {
        let policy = policy.policy
        // Whoever reads the report reads it at the week's end: so the same log gives the same report.
        let lastDay = week.monday.advanced(byDays: 6)
        let overdue = policy.reviewBy.map { lastDay.daysSinceEpoch - $0.daysSinceEpoch } ?? 0
        return ReviewFigures.PolicyFacts(
            name: policy.name, reference: policy.reference, hash: self.policy.hash,
            approvedBy: policy.approvedBy, approvedOn: policy.approvedOn?.description,
            reviewBy: policy.reviewBy?.description, reviewOverdueDays: overdue > 0 ? overdue : nil,
            contact: policy.contact, safeguardingLead: policy.roles["dsl"])
    }

    private func weeks(
        _ counts: WeekCounts, _ clients: ClientCounts
    ) throws -> [ReviewFigures.WeekTotals] {
        let before = try weeksBefore.map { week in
            var totals = ReviewFigures.Totals()
            var concerns = ReviewCount(0)
            for tally in try reader.tally(
                by: [.verdict, .rule, .category, .concern], filter(week))
            where !policy.isEssential(rule: tally.texts[1], category: tally.texts[2]) {
                totals.add(tally.count, isBlocked: tally.texts[0] == "block")
                if tally.texts[3] != nil { concerns += tally.count }
            }
            let devices = clients.before[week]?.count ?? 0
            totals.devices = ReviewCount(UInt64(devices))
            return ReviewFigures.WeekTotals(
                week: week.description, totals: totals, concerns: concerns,
                isRecorded: devices > 0)
        }
        return before + [
            ReviewFigures.WeekTotals(
                week: week.description, totals: counts.totals(devices: clients.seen.count),
                concerns: counts.concernHits, isRecorded: !clients.seen.isEmpty)
        ]
    }
}

extension ReviewFigures.Totals {
    /// Counts questions of one verdict.
    mutating func add(_ count: UInt64, isBlocked: Bool) {
        asked += count
        if isBlocked { blocked += count } else { allowed += count }
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
