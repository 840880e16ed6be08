import DecisionLog
import Dice
import Testing

@testable import Review

/// What so few did that it might be one person is not told.
@Suite struct DiscretionTests {
    @Test(
        arguments: [
            ([10, 20, 30], [10, 20, 30]), ([0, 20, 30], [0, 20, 30]), ([5, 20], [5, 20]),
            // One small part beside a total: the next smallest goes as well.
            ([4, 20, 30], [nil, nil, 30]), ([4, 0, 30], [nil, 0, nil]),
            // Two whose sum tells what each is.
            ([1, 1, 9, 30], [nil, nil, nil, 30]), ([3, 4, 9], [nil, nil, 9]), ([3], [nil]),
        ] as [([UInt64], [UInt64?])])
    func smallPartsAreHidden(_ row: (counts: [UInt64], shown: [UInt64?])) {
        var counts = row.counts.map { ReviewCount($0) }
        Discretion.hide(&counts, of: ReviewCount(row.counts.reduce(0, +)))
        #expect(counts.map(\.value) == row.shown)
    }

    /// No hidden cell is alone in its row or column, where both have totals.
    @Test func cellsOfATableAreNotLeftAlone() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            let table = (0..<4).map { _ in
                (0..<5).map { _ in UInt64.random(in: 0...12, using: &generator) }
            }
            var isHidden = table.map { $0.map { _ in false } }
            Discretion.hide(table, &isHidden)
            let turned = (0..<5).map { column in isHidden.map { $0[column] } }
            let values = (0..<5).map { column in table.map { $0[column] } }
            for (marks, counts) in zip(isHidden + turned, table + values) {
                let hidden = zip(marks, counts).filter(\.0).map(\.1)
                let isAll = zip(marks, counts).allSatisfy { $0 || $1 == 0 }
                #expect(hidden.isEmpty || isAll || (hidden.count > 1 && hidden.reduce(0, +) >= 5))
                #expect(zip(marks, counts).allSatisfy { $0 || $1 == 0 || $1 >= 5 })
            }
        }
    }

    /// What a rule of certain times blocked, taken from all blocks, leaves no small rest.
    @Test func theRestOfAGroupsBlocksIsNotToBeFound() throws {
        let log = try log()
        let start = College.at("2026-11-18 09:00")
        log.write(
            (0..<50).map {
                Row(at: start + $0, group: "learner", verdict: .block, rule: "breaks")
            })
        let figures = try log.reviewer().figures()
        #expect(figures.groups[1].totals.blocked == ReviewCount(53))
        #expect(figures.outsideHours.map(\.blocked) == [.hidden])
        #expect(figures.groups[1].categories.allSatisfy { $0.blocked == .hidden })
    }

    /// The trend shows how many decisions of the week were concerns, so one severity's are not hidden
    /// alone.
    @Test func aSeverityIsNotToBeFoundFromTheWeeksConcerns() throws {
        let log = try TestLog()
        let start = College.at("2026-11-17 10:00")
        func rows(_ count: Int64, _ rule: String) -> [Row] {
            (0..<count).map {
                Row(
                    at: start + $0, name: "a.example.com", verdict: .block, rule: rule,
                    category: "harm/adult")
            }
        }
        log.write(rows(1, "harm") + rows(20, "dating"))
        let figures = try log.reviewer().figures()
        #expect(figures.weeks.last?.concerns == ReviewCount(21))
        #expect(figures.concerns.severities.map(\.hits) == [.hidden, ReviewCount(0), .hidden])
        #expect(figures.concerns.list.map(\.hits) == [.hidden, .hidden])
    }

    @Test func partsOfAHiddenTotalAreHidden() {
        var counts = [ReviewCount(0), ReviewCount(50), ReviewCount(2)]
        Discretion.hide(&counts, of: .hidden)
        #expect(counts == [ReviewCount(0), .hidden, .hidden])
    }

    /// A week in which one learner was blocked three times.
    private func log() throws -> TestLog {
        let log = try TestLog()
        let start = College.at("2026-11-17 09:00")
        func rows(_ count: Int, _ group: String, _ verdict: RecordVerdict, _ rule: String?) -> [Row]
        {
            (0..<count).map {
                Row(
                    at: start + Int64($0) * 1_000_000, client: "10.20.0.\($0 % 9)", group: group,
                    name: "\(group)\($0 % 2).example.com", verdict: verdict, rule: rule,
                    category: rule == nil ? nil : "harm/adult")
            }
        }
        log.write(rows(100, "learner", .allow, nil) + rows(3, "learner", .block, "harm"))
        log.write(rows(60, "staff", .allow, nil) + rows(40, "staff", .block, "dating"))
        log.write(rows(70, "guest", .allow, nil) + rows(80, "guest", .block, nil))
        return log
    }

    @Test func aWholeCollegeReportHidesThem() throws {
        let log = try log()
        let figures = try log.reviewer().figures()
        #expect(figures.scope.hidesSmallCounts)
        let learner = figures.groups[1]
        #expect(learner.totals.blocked == .hidden && learner.totals.asked == .hidden)
        #expect(learner.totals.allowed == ReviewCount(100))
        // Staff have the next fewest: 3 is not to be found by subtraction.
        #expect(figures.groups[2].totals.blocked == .hidden)
        #expect(figures.groups[2].totals.asked == .hidden)
        #expect(figures.groups[0].totals.blocked == ReviewCount(80))
        #expect(learner.week.blocked.allSatisfy { $0.value == 0 || $0 == .hidden })
        #expect(learner.day.blocked.contains(.hidden))
        #expect(figures.concerns.list.filter { $0.severity == "high" }.count == 3)
        #expect(figures.concerns.severities[0].hits == .hidden)
        #expect(
            figures.concerns.list.filter { $0.severity == "high" }.allSatisfy { $0.hits == .hidden }
        )
        #expect(figures.totals.blocked == ReviewCount(123))
    }

    @Test func aReportOnOneGroupShowsThem() throws {
        let log = try log()
        let figures = try log.reviewer(group: "learner").figures()
        #expect(!figures.scope.hidesSmallCounts)
        #expect(figures.totals.blocked == ReviewCount(3))
        #expect(figures.concerns.severities[0].hits == ReviewCount(3))
        #expect(!(try figures.json()).contains("\"hidden\""))
    }

    /// No count from 1 to 4 stands anywhere in a report on the whole college.
    @Test func noSmallCountIsLeft() throws {
        let log = try log()
        let json = try log.reviewer().figures().json()
        #expect(json.contains("\"hidden\""))
        let plain: Set = [
            "weekday", "fromMinute", "untilMinute", "names", "unlisted", "gapsUnlisted",
        ]
        for line in json.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            let key = parts[0].filter { $0.isLetter }
            let value = parts.last?.filter { $0 != "," && $0 != " " } ?? ""
            guard let count = Int(value), !plain.contains(String(key)), key != "reviewOverdueDays"
            else { continue }
            #expect(count == 0 || count >= 5, "\(line)")
        }
    }
}
