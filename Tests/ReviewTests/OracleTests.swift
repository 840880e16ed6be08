import DNSWire
import DecisionLog
import Dice
import PolicyEngine
import Testing

@testable import Review

/// The figures against the same figures, worked out slowly from plain rows.
@Suite struct OracleTests {
    /// Six weeks around a clock change; part of them in the store, part in the journal alone.
    private func randomLog(seed: UInt64, weekStart: String) throws -> TestLog {
        let log = try TestLog()
        var generator = SeededGenerator(seed: seed)
        let start = College.at(weekStart) - 30 * 86_400_000_000
        let span: Int64 = 40 * 86_400_000_000
        var times = (0..<4000).map { _ in start + Int64.random(in: 0..<span, using: &generator) }
        // Bursts, so that there is something to fold, and hits on the week's very edges.
        for _ in 0..<60 {
            let first = times[Int.random(in: 0..<4000, using: &generator)]
            times += (0..<20).map { first + $0 * 67_000_000 }
        }
        times += [0, -1, 604_800_000_000, 604_799_999_999].map { College.at(weekStart) + $0 }
        for (number, part) in stride(from: 0, to: times.count, by: 1500).enumerated() {
            let rows = times.sorted()[part..<min(part + 1500, times.count)].map {
                Self.row(at: $0, &generator)
            }
            log.write(rows, policy: number < 2 ? "first" : "second")
            if number < 2 { try log.follow() }
        }
        return log
    }

    private static func row(at micros: Int64, _ generator: inout SeededGenerator) -> Row {
        func one(_ texts: [String]) -> String? {
            Int.random(in: 0..<6, using: &generator) == 0
                ? nil : texts.randomElement(using: &generator)
        }
        let rule = one(TestLog.rules.map(\.id))
        return Row(
            at: micros,
            client: "10.\([20, 30, 99][Int(generator.next() % 3)]).0.\(generator.next() % 9)",
            group: one(TestLog.groups), name: "n\(generator.next() % 400).example.com",
            verdict: [.allow, .block, .block, .rewrite][Int(generator.next() % 4)], rule: rule,
            category: one(TestLog.categories), period: one(TestLog.periods),
            device: generator.next() % 4 == 0 ? one(TestLog.devices) : nil)
    }

    @Test(
        arguments: [
            (1, "2026-W47", "2026-11-16 00:00", nil), (2, "2026-W43", "2026-10-19 00:00", nil),
            (3, "2026-W13", "2026-03-23 00:00", "learner"),
            (4, "2026-W47", "2026-11-16 00:00", "staff"),
        ] as [(UInt64, String, String, String?)])
    func figuresAreThoseOfPlainRows(
        _ row: (seed: UInt64, week: String, start: String, group: String?)
    ) throws {
        let log = try randomLog(seed: row.seed, weekStart: row.start)
        let figures = try log.reviewer(row.week, group: row.group).exactFigures()
        let slow = SlowReview(
            rows: try log.plainRows, week: try ReviewWeek(parsing: row.week), group: row.group)
        #expect(figures.totals == slow.totals)
        #expect(figures.totals.asked.drawn > 100)
        #expect(figures.weeks.map(\.totals) == slow.weekTotals)
        #expect(
            Set(figures.groups.filter { $0.totals.asked.value != 0 }.map(\.group)) == slow.groups)
        for group in figures.groups {
            #expect(group.totals.asked == slow.asked(in: group.group))
            let courses = slow.courses(of: group.group)
            #expect(group.day.blocked.map(\.value) == courses.blocked)
            #expect(group.week.allowed.map(\.value) == courses.allowed)
        }
        #expect(figures.categories == slow.categories)
        #expect(figures.outsideHours.map(\.blocked).reduce(0) { $0 + $1.drawn } == slow.outside)
        let list = figures.concerns.list
        #expect(list.map(\.attempts).reduce(0) { $0 + $1.drawn } == slow.attempts)
        #expect(list.map(\.hits).reduce(0) { $0 + $1.drawn } == slow.concernHits)
        #expect(figures.concerns.severities.map(\.severity) == ["high", "medium", "low"])
        #expect(figures.newNames.count == slow.newNames)
        #expect(figures.coverage.devicesSeen == slow.devicesSeen)
        #expect(figures.coverage.devicesSilent == slow.devicesSilent)
        #expect(figures.coverage.devicesUnknown == slow.devicesUnknown)
        #expect(
            figures.bypass.list.reduce(0) { $0 + $1.allowed.drawn + $1.blocked.drawn }
                == slow.bypass)
    }
}

/// Goes through all rows for each figure.
struct SlowReview {
    private let week: ReviewWeek
    /// All rows of the group, by the week in which the wall clock stood.
    private let byWeek: [ReviewWeek: [DecisionRow]]

    init(rows: [DecisionRow], week: ReviewWeek, group: String?) {
        self.week = week
        let mine = rows.filter { !$0.isGap && (group ?? $0.group) == $0.group }
        byWeek = Dictionary(grouping: mine) { ReviewWeek(of: Self.clock($0).date) }
    }

    private static func clock(_ row: DecisionRow) -> CivilTime {
        College.zone.civilTime(at: Instant(seconds: floorDivide(row.timeMicros, 1_000_000)))
    }

    private func all(_ week: ReviewWeek) -> [DecisionRow] { byWeek[week] ?? [] }

    /// A device that has a name is one, wherever it asks from.
    private static func asker(_ row: DecisionRow) -> String {
        row.device ?? row.client?.description ?? ""
    }

    private func askers(_ week: ReviewWeek) -> Set<String> { Set(all(week).map(Self.asker)) }

    private func counted(_ week: ReviewWeek) -> [DecisionRow] {
        all(week).filter { $0.rule != "essentials" && $0.category != "essentials" }
    }

    private func totals(_ week: ReviewWeek) -> ReviewFigures.Totals {
        let rows = counted(week)
        var totals = ReviewFigures.Totals()
        totals.asked = ReviewCount(UInt64(rows.count))
        totals.blocked = ReviewCount(UInt64(rows.count { $0.verdict == .block }))
        totals.allowed = ReviewCount(UInt64(rows.count { $0.verdict != .block }))
        totals.madeSafe = ReviewCount(UInt64(rows.count { $0.verdict == .rewrite }))
        totals.devices = ReviewCount(UInt64(askers(week).count))
        return totals
    }

    var totals: ReviewFigures.Totals { totals(week) }
    var weekTotals: [ReviewFigures.Totals] { (-4...0).map { totals(week.advanced(byWeeks: $0)) } }
    var groups: Set<String> { Set(counted(week).map { $0.group ?? "no group" }) }

    /// Rows of a group by verdict.
    private func count(_ group: String, _ isWanted: (DecisionRow) -> Bool) -> ReviewCount {
        ReviewCount(
            UInt64(counted(week).count { ($0.group ?? "no group") == group && isWanted($0) }))
    }

    func asked(in group: String) -> ReviewCount { count(group) { _ in true } }

    /// Blocks by quarter of the day, and what was answered by hour of the week.
    func courses(of group: String) -> (blocked: [UInt64], allowed: [UInt64]) {
        var blocked = [UInt64](repeating: 0, count: 96)
        var allowed = [UInt64](repeating: 0, count: 168)
        for row in counted(week) where (row.group ?? "no group") == group {
            let shown = Self.clock(row)
            if row.verdict == .block {
                blocked[(shown.hour * 60 + shown.minute) / 15] += 1
            } else {
                allowed[shown.date.weekday * 24 + shown.hour] += 1
            }
        }
        return (blocked, allowed)
    }

    var categories: [ReviewFigures.CategoryCount] {
        let blocked = counted(week).filter { $0.verdict == .block }
        return Set(blocked.map { $0.category ?? "" }).map { category in
            ReviewFigures.CategoryCount(
                category: category,
                blocked: ReviewCount(UInt64(blocked.count { ($0.category ?? "") == category })))
        }.sorted {
            ($1.blocked.drawn, $0.category) < ($0.blocked.drawn, $1.category)
        }
    }

    var outside: UInt64 {
        UInt64(counted(week).count { $0.verdict == .block && $0.rule == "breaks" })
    }

    private var concernRows: [DecisionRow] { counted(week).filter { $0.concern != nil } }
    var concernHits: UInt64 { UInt64(concernRows.count) }

    var attempts: UInt64 {
        var open: [[String]: Int64] = [:]
        var attempts: UInt64 = 0
        for row in concernRows {
            let key = [row.rule, row.group ?? "", Self.asker(row)]
            if let first = open[key], row.timeMicros - first < 600_000_000 { continue }
            open[key] = row.timeMicros
            attempts += 1
        }
        return attempts
    }

    var newNames: ReviewCount {
        let before = (1...4).flatMap { all(week.advanced(byWeeks: -$0)) }.map(\.name)
        return ReviewCount(UInt64(Set(counted(week).map(\.name)).subtracting(before).count))
    }

    var devicesSeen: ReviewCount { ReviewCount(UInt64(askers(week).count)) }
    var devicesSilent: ReviewCount {
        let before = Set((1...4).flatMap { askers(week.advanced(byWeeks: -$0)) })
        return ReviewCount(UInt64(before.subtracting(askers(week)).count))
    }
    var devicesUnknown: ReviewCount {
        let unknown = askers(week).filter { $0.hasPrefix("10.99.") }
        return ReviewCount(UInt64(unknown.count))
    }
    var bypass: UInt64 { UInt64(counted(week).count { $0.category == "bypass" }) }
}
