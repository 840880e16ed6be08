import DNSWire
import Foundation
import FoundationXML
import PolicyEngine
import Testing

@testable import BlockPage

/// What the page says: decided now, for the client that came.
@Suite struct PageTests {
    private let college: College

    init() throws { college = try College() }

    /// Section 5: learners know how to block and report; section 7: whom to ask.
    @Test func saysWhichRuleWhyUntilWhenAndWhomToAsk() throws {
        let page = try college.get("www.social.example.net")
        #expect(page.status == 451)
        for words in [
            "www.social.example.net is blocked", "Lessons &lt;first&gt;.", "<dd>lessons</dd>",
            "Policy &lt;of&gt; 2026 (P-1)", "until <b>10:30, when break begins</b>",
            "mailto:dsl@college.example", "Safeguarding Lead", "help.example.org", "0800 1111",
        ] { #expect(page.body.contains(words), "\(words)") }
        #expect(!page.body.contains("union.example.org"))
        #expect(
            try college.get("www.social.example.net", from: College.staff).body.contains("union"))
    }

    @Test(arguments: [
        (0, "10:30, when break begins"), (4600, "16:15, when college hours ends"),
        // Friday 27 November 10:50, and then the weekend.
        (4 * 86_400 + 4800, "16:15, when college hours ends"),
    ])
    func untilWhen(_ row: (seconds: Int64, words: String)) throws {
        college.pass(row.seconds)
        let page = try college.get("social.example.net").body
        #expect(page.contains("until <b>\(row.words)</b>"), "\(page)")
    }

    /// At 15:59 in break nothing; the day is named where it is another.
    @Test func anotherDayIsNamed() throws {
        let night = try College(
            College.policy.replacing(
                "break: { mon-fri: 10:30-10:45 }", with: "break: { tue: 10:30-10:45 }"
            )
            .replacing("08:45-16:15", with: "00:00-24:00").replacing("mon-fri", with: "mon-sun"))
        let page = try night.get("social.example.net").body
        #expect(page.contains("until <b>tomorrow, 10:30, when break begins</b>"), "\(page)")
        let never = try night.get("harm.example.net").body
        #expect(never.contains("No time is set at which it opens."))
    }

    /// As for a query: who is known by a card or a login is not judged by the network alone.
    @Test(arguments: [
        Presence(hardware: HardwareAddress("02:00:5e:10:00:01")),
        Presence(identity: "ann@staff.example"),
    ])
    func whoIsKnownByCardOrLoginGetsTheirOwnDecision(_ presence: Presence) throws {
        let policy = College.policy
            .replacing(
                "staff: { networks: [127.0.30.0/24] }",
                with: "staff: { networks: [127.0.30.0/24], identities: [\"*@staff.example\"] }"
            )
            .replacing(
                "devices: [",
                with: "devices: [{ name: tablet, mac: \"02:00:5e:10:00:01\", group: staff }, ")
        for (presence, status) in [(presence, 200), (Presence(), 451)] {
            let college = try College(policy, presence: presence)
            college.pass(3700)
            #expect(try college.get("break.example.net").status == status)
        }
    }

    @Test func anotherClientGetsItsOwnDecision() throws {
        college.pass(3700)
        #expect(try college.get("break.example.net").status == 451)
        let open = try college.get("break.example.net", from: College.staff)
        #expect(open.status == 200)
        #expect(open.body.contains("break.example.net is open now"))
        #expect(open.body.contains("a minute"))
        let unknown = try college.get("www.example.com", from: "127.0.99.1")
        #expect(unknown.status == 451)
        #expect(unknown.body.contains("none of the networks"))
    }

    @Test func thePageWithoutANameTakesReportsToo() throws {
        for host in [nil, "127.0.80.1", "[::1]:80", "10.0.0.54:8080", "", "a..b", "<script>"] {
            let page = try college.get(host)
            #expect(page.status == 200, "\(host ?? "none")")
            #expect(page.body.contains("Ask, or tell somebody"))
            #expect(page.body.contains("name=\"site\""))
        }
    }

    /// `Host` is whatever somebody sends.
    @Test(arguments: [
        "\"><script>alert(1)</script>", "x' onload='a", "a&b.example.net", "\u{1}.example.net",
        "%3Cscript%3E.example.net", "social.example.net\r\nSet-Cookie: a=b",
        String(repeating: "a", count: 5000),
    ])
    func aHostileHostIsOnlyText(_ host: String) throws {
        let page = try college.get(host)
        for word in ["<script", "onload", "alert", "%3C", "Set-Cookie", "aaaaaaaaa", "\u{1}"] {
            #expect(!page.body.contains(word), "\(word)")
        }
    }

    @Test func everyPageIsWhole() throws {
        let pages = [
            try college.get("social.example.net"), try college.get("www.example.com"),
            try college.get(nil), try college.send("worry", nil, ["text": "a <b>"]),
            try college.send("worry", nil, ["text": ""]),
        ]
        for page in pages {
            #expect(XMLParser(data: Data(page.body.utf8)).parse(), "\(page.body)")
            for word in ["<script", "src=", "style=\"", "onclick"] {
                #expect(!page.body.contains(word))
            }
        }
    }

    /// A program that looks whether this is the Internet must find neither that nor a log-in page.
    @Test func aConnectivityCheckGetsNoPage() throws {
        let check = try college.get("captive.example.org", path: "/hotspot-detect.html")
        #expect(check.status == 503)
        #expect(!check.isHTML)
        #expect(try college.get("social.example.net", path: "/favicon.ico").status == 404)
        #expect(try college.get("social.example.net", method: .other).status == 405)
        #expect(try college.get("social.example.net", method: .post).status == 405)
        #expect(try college.get("social.example.net", method: .head).status == 451)
    }

    @Test func theStyleIsTheOneThatThePolicyAllows() throws {
        let policy = try #require(
            PageLook.headers.first { $0.name == "Content-Security-Policy" }?.value)
        #expect(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"))
        #expect(PageLook.headers.contains { $0.name == "Cache-Control" && $0.value == "no-store" })
        let page = try college.get("social.example.net").body
        let start = try #require(page.range(of: "<style>")).upperBound
        let end = try #require(page.range(of: "</style>")).lowerBound
        let style = NSTemporaryDirectory() + "style-" + UUID().uuidString
        try String(page[start..<end]).write(toFile: style, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: style) }
        let digest = try shell("openssl dgst -sha256 -binary '\(style)' | base64")
        #expect(policy.contains("'sha256-\(digest)'"), "\(digest)")
    }

    private func shell(_ line: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", line]
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}
