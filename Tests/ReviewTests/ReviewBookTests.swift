import DecisionLog
import Foundation
import PolicyEngine
import Testing

@testable import Review

/// Section 6: review "at least annually", and what calls for one before.
@Suite struct ReviewBookTests {
    private let log: TestLog
    private let today = CivilDate(daysSinceEpoch: 20_781)  // 2026-11-24

    init() throws { log = try TestLog() }

    private var directory: String { log.directory.path }

    private func fingerprint(_ change: (inout ReviewFingerprint) -> Void = { _ in })
        -> ReviewFingerprint
    {
        var value = ReviewFingerprint(
            policyHash: "first", groups: ["learner": ["10.20.0.0/16"], "staff": []],
            upstreams: ["9.9.9.9:53"], lists: ["malware"], rules: ["harm": "block harm for all"])
        change(&value)
        return value
    }

    @Test func theBookIsKeptAndInTheAuditTrail() throws {
        #expect(try ReviewBook.read(directory).book.last == nil)
        try ReviewBook.update(directory, today: today) { book, today in
            book.record(by: "principal", notes: "All in order.", on: today, fingerprint())
        }
        let id = try ReviewBook.update(directory, today: today) { book, today in
            book.open(
                issue: "Guests", owner: "it", due: today.advanced(byDays: 3), today: today)
        }
        #expect(id == 1)
        let (book, problem) = try ReviewBook.read(directory)
        #expect(problem == nil)
        #expect(book.last?.date == "2026-11-24" && book.last?.by == "principal")
        #expect(book.last?.fingerprint == fingerprint())
        #expect(book.actions.map(\.due) == ["2026-11-27"])
        let entries = try AuditTrail.read(directory: directory).entries.filter {
            $0.kind == .review
        }
        #expect(entries.count == 2 && entries.first?.reason == "All in order.")
        let mode = try FileManager.default.attributesOfItem(atPath: directory + "/review.json")
        #expect(mode[.posixPermissions] as? Int == 0o600)
    }

    @Test func whatWasChangedByHandShows() throws {
        try ReviewBook.update(directory, today: today) { book, today in
            book.record(by: "dsl", notes: nil, on: today, fingerprint())
        }
        let path = directory + "/review.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing("2026-11-24", with: "2027-11-24")
            .write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try ReviewBook.read(directory).problem?.contains("not as it was written") == true)
        try FileManager.default.removeItem(atPath: path)
        #expect(try ReviewBook.read(directory).problem?.contains("missing") == true)
        try "no json".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: ReviewBookError.self) { _ = try ReviewBook.read(directory) }
    }

    @Test func oneSourceHasOneOpenAction() throws {
        func probe() throws -> Int? {
            try ReviewBook.update(directory, today: today) { book, today in
                book.open(
                    issue: "It differs", owner: "it", due: today, source: "probe", today: today)
            }
        }
        #expect(try probe() == 1)
        #expect(try probe() == nil)
        let isClosed = try ReviewBook.update(directory, today: today) { book, today in
            book.close(1, outcome: "Mended", today: today)
        }
        #expect(isClosed)
        #expect(try probe() == 2, "it failed again after it was closed")
        let again = try ReviewBook.update(directory, today: today) { book, today in
            book.close(1, outcome: "Again", today: today)
        }
        #expect(!again)
        let action = try #require(try ReviewBook.read(directory).book.actions.last)
        #expect(action.overdueDays(today: today) == nil)
        #expect(action.overdueDays(today: today.advanced(byDays: 9)) == 9)
    }

    @Test func changesSinceTheLastReviewAreNamed() {
        let now = fingerprint {
            $0.groups["learner"]?.append("10.22.0.0/16")
            $0.groups["guest"] = ["10.40.0.0/16"]
            $0.groups["staff"] = nil
            $0.upstreams = ["1.1.1.1:53"]
            $0.lists = ["malware", "adult"]
        }
        #expect(
            now.triggers(since: fingerprint()).map(\.description) == [
                "review trigger: infrastructure: new group guest",
                "review trigger: infrastructure: new network 10.40.0.0/16 in group guest",
                "review trigger: infrastructure: new network 10.22.0.0/16 in group learner",
                "review trigger: infrastructure: group staff is gone",
                "review trigger: infrastructure: new upstream 1.1.1.1:53",
                "review trigger: infrastructure: no more upstream 9.9.9.9:53",
                "review trigger: infrastructure: new list adult",
            ])
        #expect(fingerprint().triggers(since: fingerprint()).isEmpty)
        let edited = fingerprint {
            $0.policyHash = "second"
            $0.rules = ["harm": "allow harm for all", "breaks": "block social for staff"]
        }
        #expect(
            edited.triggers(since: fingerprint()).map(\.description) == [
                "review trigger: policy: updated from first to second: new rule breaks; rule harm "
                    + "says \"allow harm for all\" now"
            ])
    }

    @Test func aReviewIsDueAfterTwelveMonthsOrByThePolicysDate() throws {
        var policy = College.policy
        policy.reviewBy = nil
        policy.approvedOn = nil
        #expect(ReviewDue(last: nil, policy: policy) == nil)
        let due = try #require(ReviewDue(last: today, policy: policy))
        #expect(due.date == CivilDate(parsing: "2027-11-24"))
        #expect(due.overdueDays(today: today.advanced(byDays: 365)) == nil)
        #expect(due.overdueDays(today: today.advanced(byDays: 366)) == 1)
        policy.reviewBy = CivilDate(parsing: "2027-08-31")
        #expect(ReviewDue(last: today, policy: policy)?.date == policy.reviewBy)
        policy.reviewBy = CivilDate(parsing: "2026-08-31")
        #expect(ReviewDue(last: today, policy: policy)?.date == due.date, "that one is done")
        policy.reviewBy = nil
        policy.approvedOn = CivilDate(parsing: "2024-02-29")
        #expect(ReviewDue(last: nil, policy: policy)?.date == CivilDate(parsing: "2025-02-28"))
    }
}
