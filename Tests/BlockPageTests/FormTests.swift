import DNSWire
import DecisionLog
import Foundation
import Testing

@testable import BlockPage

/// What is written on the page is kept, once, and only if it came from there.
@Suite struct FormTests {
    private let college: College
    private let host = "www.social.example.net"

    init() throws { college = try College() }

    /// Section 7: "all informed of the need to report": request → entry with name, group, rule id.
    @Test func aReportIsKeptWithNameGroupAndRule() throws {
        let text = "I need it & more: \"<b>\" é 日本\r\nsecond line"
        let page = try college.send(
            "wrongly-blocked", host, ["text": text, "reply": " Room 4 "])
        #expect(page.status == 200)
        #expect(page.body.contains("Thank you") && page.body.contains("<b>1</b>"))
        #expect(page.body.contains("help.example.org"))
        let report = try #require(try college.reports.first)
        #expect(report.kind == .wronglyBlocked)
        #expect(report.name == host)
        #expect(report.group == "learner")
        #expect(report.rule == "lessons")
        #expect(report.client == College.learner)
        #expect(report.text == text.replacing("\r\n", with: "\n"))
        #expect(report.replyTo == "Room 4")
        #expect(report.queue == .dsl && report.state == .new)
        #expect(report.dueSeconds - report.timeMicros / 1_000_000 == 7 * 86_400)
        _ = try college.send("worry", nil, ["text": "Somebody writes to me at night."])
        let worry = try #require(try college.reports.last)
        #expect(worry.kind == .worry && worry.name == nil && worry.rule == nil)
        #expect(worry.dueSeconds - worry.timeMicros / 1_000_000 == 86_400)
    }

    @Test func whatIsFromStaffOrAboutStaffIsForThePrincipalAlone() throws {
        _ = try college.send("worry", host, ["text": "a", "staff": "yes"])
        let own = try college.send("wrongly-blocked", host, from: "127.0.30.9")
        #expect(own.body.contains("Only the Principal reads it"))
        #expect(try college.reports.map(\.queue) == [.principal, .principal])
        #expect(try college.reports.last?.device == "head-laptop")
    }

    /// A second press of the button is not a second report.
    @Test func aFormCountsOnce() throws {
        let form = try college.get(host)
        for _ in 0..<3 {
            let page = try college.send("worry", host, ["text": "a"], form: form)
            #expect(page.status == 200 && page.body.contains("<b>1</b>"))
        }
        #expect(try college.reports.count == 1)
        // The other form of the same page is another one.
        #expect(try college.send("wrongly-blocked", host, form: form).body.contains("<b>2</b>"))
    }

    @Test func aFormComesFromThisPageAndThisClient() throws {
        let form = try college.get(host)
        let refused: [(String, PageResponse)] = [
            (
                "no token",
                try college.send("worry", host, ["text": "kept", "token": ""], form: form)
            ),
            (
                "made up",
                try college.send("worry", host, ["text": "kept", "token": "1.2.ab"], form: form)
            ),
            (
                "another rule",
                try college.send("worry", host, ["text": "kept", "rule": "harm"], form: form)
            ),
            (
                "another client",
                try college.send("worry", host, ["text": "kept"], form: form, sender: "127.0.20.6")
            ),
            (
                "another name",
                try college.send(
                    "worry", host, ["text": "kept"], form: form, toHost: "harm.example.net")
            ),
            (
                "another site",
                try college.send(
                    "worry", host, ["text": "kept"], form: form, origin: "http://evil.example.org")
            ),
            (
                "a hidden site",
                try college.send("worry", host, ["text": "kept"], form: form, origin: "null")
            ),
            (
                "fetched from elsewhere",
                try college.send(
                    "worry", host, ["text": "kept"], form: form, fetchSite: "cross-site")
            ),
        ]
        for (what, page) in refused {
            #expect(page.status == 403, "\(what)")
            #expect(page.body.contains("kept</textarea>"), "what was written is not lost: \(what)")
        }
        #expect(try college.reports.isEmpty)
        let own = try college.send(
            "worry", host, ["text": "kept"], form: form, origin: "http://\(host)",
            fetchSite: "same-origin")
        #expect(own.status == 200)
    }

    @Test func anOldFormIsGivenAnew() throws {
        let form = try college.get(host)
        college.pass(BlockPageLimits.formSeconds + 1)
        let old = try college.send("worry", host, ["text": "written slowly"], form: form)
        #expect(old.status == 403)
        let again = try college.send("worry", host, ["text": "written slowly"], form: old)
        #expect(again.status == 200)
        #expect(try college.reports.count == 1)
    }

    @Test func whatCannotBeTakenSaysWhy() throws {
        for (kind, fields, words) in [
            ("worry", ["text": " \n "], "nothing is written"),
            ("worry", ["text": String(repeating: "é", count: 2003)], "3 characters too long"),
            ("worry", ["text": "a", "reply": String(repeating: "n", count: 201)], "at most 200"),
            ("wrongly-blocked", ["text": "a"], "which site"),
        ] as [(String, [String: String], String)] {
            let page = try college.send(kind, nil, fields)
            #expect(page.status == 400)
            #expect(page.body.contains(words), "\(words)")
        }
        #expect(try college.reports.isEmpty)
        let longest = String(repeating: "日", count: 2000)
        #expect(try college.send("worry", nil, ["text": longest]).status == 200)
        #expect(try college.send("wrongly-blocked", nil, ["site": "www.example.org"]).status == 200)
        #expect(try college.reports.map(\.name) == [nil, "www.example.org"])
        #expect(try college.reports.first?.text == longest)
    }

    @Test func oneClientSendsFewInTenMinutes() throws {
        for _ in 0..<BlockPageLimits.reportsPerClient {
            #expect(try college.send("worry", host, ["text": "a"]).status == 200)
        }
        college.pass(100)
        let refused = try college.send("worry", host, ["text": "the sixth"])
        #expect(refused.status == 429)
        #expect(refused.body.contains("in 9 minutes") && refused.body.contains("the sixth"))
        #expect(refused.body.contains("dsl@college.example"))
        #expect(try college.send("worry", host, ["text": "a"], from: "127.0.20.6").status == 200)
        college.pass(501)
        #expect(try college.send("worry", host, ["text": "later"]).status == 200)
        #expect(try college.reports.count == BlockPageLimits.reportsPerClient + 2)
    }

    @Test func tooManyOfADayAreRefused() throws {
        let limiter = ReportLimiter()
        let client = try #require(IPAddress("127.0.0.1"))
        for number in 0..<UInt32(BlockPageLimits.reportsPerDay) {
            #expect(limiter.refusal(client, nowSeconds: 0) == nil || number >= 5)
            limiter.count(IPAddress(v4: number), nowSeconds: 0)
        }
        #expect(limiter.refusal(IPAddress(v4: 9999), nowSeconds: 86_399) == .everybody)
        #expect(limiter.refusal(IPAddress(v4: 9999), nowSeconds: 86_400) == nil)
    }

    /// Nobody is thanked for what is not on the disk.
    @Test func whatCannotBeKeptIsSaid() throws {
        let form = try college.get(host)
        try FileManager.default.removeItem(atPath: college.folder + "/log")
        let page = try college.send("worry", host, ["text": "Do not lose me"], form: form)
        #expect(page.status == 503)
        #expect(page.body.contains("could not be kept") && page.body.contains("Do not lose me"))
        #expect(page.body.contains("dsl@college.example"))
        #expect(college.news.all.first?.contains("could not be kept") == true)
    }

    @Test func thePageSaysThatSomebodyIsToldOnlyWhereThatIsSo() throws {
        #expect(try !college.send("worry", nil, ["text": "a"]).body.contains("told at once"))
        let told = try College(tellsAtOnce: true)
        #expect(try told.send("worry", nil, ["text": "a"]).body.contains("told at once"))
    }
}
