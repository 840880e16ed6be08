import Foundation
import Glibc
import Testing

/// A block that says why, in a browser: the running server and its page.
@Suite(.scenario) struct BlockPageTests {
    static let policy =
        collegePolicy.replacingOccurrences(
            of: "    ttl: 1h\n", with: "    ttl: 1h\n    answer: page\n"
        )
        .replacingOccurrences(
            of: "    except-during: [break]\n    reason: Personal",
            with: "    except-during: [break]\n    answer: page\n    reason: Personal"
        )
        .replacingOccurrences(
            of: "  - id: never\n", with: "  - id: never\n    answer: page\n")

    static func server(
        _ policy: String = policy, at: String? = nil, settings: String = "", log: String = "log"
    ) throws -> (TestServer, Browser) {
        let port = try FreePort.next()
        let server = try TestServer(
            policy, upstreams: ["demo"],
            settings: """
                block-page: { listen: "127.0.80.1:\(port)", address: ["10.0.0.54", "2001:db8::54"] }

                """ + settings, log: log, at: at)
        return (server, Browser(address: "127.0.30.1", port: port))
    }

    /// A and AAAA lead to the page, other types to nothing; the block keeps its reason, its TTL and
    /// its end at the bell.
    @Test func theAnswerIsThePagesAddressUntilTheBell() throws {
        let (server, _) = try Self.server(at: "2026-11-23 10:29:30")
        let a = try server.ask("www.social.example.com", from: "127.0.30.1")
        let left = server.mostSecondsLeft(until: "2026-11-23 10:30:00")
        #expect(a.rcode == 0 && a.addresses == ["10.0.0.54"])
        #expect(try #require(a.greatestTTL) <= left)
        #expect(a.extendedError?.code == 15)
        #expect(a.extendedError?.text.hasPrefix("Personal use is for breaks. [SP-7]") == true)
        let aaaa = try server.ask("www.social.example.com", 28, from: "127.0.30.1")
        #expect(aaaa.answers.map(\.type) == [28])
        #expect(
            aaaa.answers.first?.data == [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [
                0x54
            ])
        for type: UInt16 in [65, 64, 16, 15, 255] {
            let other = try server.ask("www.social.example.com", type, from: "127.0.30.1")
            #expect(other.rcode == 0 && other.answers.isEmpty, "\(type)")
            #expect(other.authorities.first?.type == 6 && other.extendedError?.code == 15)
        }
        // One without EDNS gets it too.
        let plain = try #require(
            try server.client("127.0.30.1").ask("www.social.example.com", ednsSize: nil))
        #expect(plain.addresses == ["10.0.0.54"])
        let rows = try server.rows(of: "www.social.example.com")
        #expect(rows.allSatisfy { $0["verdict"] as? String == "block" })
        #expect(rows.allSatisfy { $0["rcode"] as? String == "NOERROR" })
        server.wait(until: "2026-11-23 10:30:00")
        let open = try server.ask("www.social.example.com", from: "127.0.30.1")
        #expect(open.addresses != ["10.0.0.54"] && !open.addresses.isEmpty)
    }

    /// The page decides as the server does, also when the bell has rung and the policy was edited.
    @Test func thePageFollowsTheBellAndThePolicy() throws {
        let (server, browser) = try Self.server(at: "2026-11-23 10:29:50")
        let blocked = try #require(try browser.get("www.social.example.com", "/a/path?q=1"))
        #expect(blocked.status == 451)
        #expect(blocked.body.contains("staff-breaks-only"))
        #expect(blocked.body.contains("until <b>10:30, when break begins</b>"))
        #expect(blocked.body.contains("Sample policy (SP-7)"))
        #expect(blocked.head.lowercased().contains("cache-control: no-store"))
        server.wait(until: "2026-11-23 10:30:00")
        let open = try #require(try browser.get("www.social.example.com"))
        #expect(open.status == 200 && open.body.contains("is open now"))
        let learner = Browser(address: "127.0.20.1", port: browser.port)
        let talk = try #require(try learner.get("www.social.example.com"))
        #expect(talk.body.contains("quiet-break") && talk.body.contains("10:45, when break ends"))
        try server.folder.replace(
            Self.policy.replacingOccurrences(of: "Talk to each other", with: "Eat something"),
            at: "policy.yaml")
        #expect(try server.run(["reload"]).status == 0)
        let edited = try #require(try learner.get("www.social.example.com"))
        #expect(edited.body.contains("Eat something."))
        // Without the page in bellgate.yaml nobody could follow: such a pair is refused.
        let configuration = server.folder.read("bellgate.yaml")
        try server.folder.write(
            configuration.split(separator: "\n").filter { !$0.hasPrefix("block-page") }
                .joined(separator: "\n") + "\n", to: "without.yaml")
        let check = try Run(
            Program.bellgate(), ["check", "--config", "without.yaml"], in: server.folder.path)
        #expect(check.status == 1)
        #expect(check.errors.contains("policy.yaml:") && check.errors.contains("block-page:"))
        let alone = try Run(
            Program.bellgate(), ["check", "--policy", "policy.yaml"], in: server.folder.path)
        #expect(alone.status == 0)
    }

    @Test func aReloadThatNeedsAPageIsRefusedWithoutOne() throws {
        let server = try TestServer(upstreams: ["demo"])
        try server.folder.replace(Self.policy, at: "policy.yaml")
        let reload = try server.run(["reload"])
        #expect(reload.status == 1)
        #expect((reload.output + reload.errors).contains("block-page:"))
        #expect(try server.ask("never.example.com", from: "127.0.20.1").rcode == 3)
    }

    /// Whatever is sent, the page answers it or hangs up, and names go on being answered.
    @Test func hostileRequestsAreBounded() throws {
        let (server, browser) = try Self.server()
        let script = try #require(try browser.get("<script>alert(1)</script>"))
        #expect(!script.body.contains("<script"))
        #expect(try browser.get("never.example.com", method: "HEAD")?.body == "")
        #expect(try browser.get("never.example.com", method: "HEAD")?.status == 451)
        for method in ["PUT", "DELETE", "OPTIONS", "TRACE"] {
            #expect(
                try browser.get("never.example.com", method: method)?.status == 405, "\(method)")
        }
        #expect(try browser.get("never.example.com", "/favicon.ico")?.status == 404)
        let long = "X: " + String(repeating: "a", count: 20_000)
        let head = try browser.exchange(
            Array("GET / HTTP/1.1\r\nHost: a.example\r\n\(long)\r\n\r\n".utf8))
        #expect(head == nil || head?.status == 431)
        let body = try browser.exchange(
            Array(
                "POST /.bellgate/report HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9999999\r\n\r\n"
                    .utf8))
        #expect(body?.status == 413)
        let chunk = "8000\r\n" + String(repeating: "a", count: 0x8000) + "\r\n"
        let chunks = try browser.exchange(
            Array("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
                + Array(String(repeating: chunk, count: 8).utf8))
        #expect(chunks == nil || chunks?.status == 413)
        for garbage in ["\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", "GET\r\n\r\n", "\r\n\r\n\r\n"] {
            #expect(try browser.exchange(Array(garbage.utf8)).map { $0.status >= 400 } ?? true)
        }
        #expect(try browser.get("never.example.com")?.status == 451)
        #expect(try server.ask("never.example.com", from: "127.0.20.1").addresses == ["10.0.0.54"])
    }

    /// Who sends a request octet by octet is let go, and holds up nobody else meanwhile.
    @Test func aSlowClientIsLetGo() throws {
        let (server, browser) = try Self.server()
        var slow: [Socket] = []
        // More than one client may have: the last are turned away at once.
        for _ in 0..<20 {
            let socket = try browser.connect()
            socket.send(Array("GET / HT".utf8))
            slow.append(socket)
        }
        let begun = ContinuousClock.now
        let other = Browser(address: "127.0.30.2", port: browser.port)
        #expect(try other.get("never.example.com")?.status == 451)
        #expect(ContinuousClock.now - begun < .seconds(3))
        let first = try #require(slow.first)
        first.setPatience(20)
        for letter in "TP/1.1\r\nX: ".utf8 {
            first.send([letter])
            pause(0.1)
        }
        #expect(first.receive() == nil)
        let lasted = ContinuousClock.now - begun
        #expect(lasted > .seconds(5) && lasted < .seconds(15), "\(lasted)")
        slow.removeAll()
        #expect(try browser.get("never.example.com")?.status == 451)
        withExtendedLifetime(server) {}
    }

    /// A worry is on the disk before the page says thank you, and is told once, killed or not.
    @Test func aWorryIsKeptAndToldAcrossKills() throws {
        let script = try Folder()
        try script.write("#!/bin/sh\ncat >> \(script.path)/told\n", to: "tell")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700], ofItemAtPath: script.path + "/tell")
        let (server, browser) = try Self.server(
            settings: "alerts: { command: [\(script.path)/tell] }\n")
        let thanks = try #require(
            try browser.report("worry", "never.example.com", text: "A secret & \"more\""))
        #expect(thanks.status == 200 && thanks.body.contains("told at once"))
        try server.restart(by: SIGKILL)
        let told = { script.read("told").split(separator: "\n").map(String.init) }
        #expect(eventually(within: 20) { !told().isEmpty })
        // A kill in the middle of a delivery repeats that one.
        #expect(
            eventually(within: 20) {
                server.folder.read("log/alerts.json").contains("\"outbox\":[]")
            })
        let before = told().count
        #expect(before <= 2)
        try server.restart(by: SIGKILL)
        _ = try #require(try browser.report("wrongly-blocked", "never.example.com", text: "Mine"))
        pause(2)
        #expect(told().count == before)
        #expect(told().first?.contains("\"kind\":\"report\"") == true)
        #expect(told().first?.contains("secret") == false)
        let kept = server.folder.read("log/reports.jsonl")
        #expect(kept.contains("A secret & \\\"more\\\"") && kept.contains("\"rule\":\"never\""))
        #expect(try server.run(["log", "verify"]).status == 0)
        try server.folder.write(
            kept.replacingOccurrences(of: "secret", with: "trifle"), to: "log/reports.jsonl")
        let verify = try server.run(["log", "verify"])
        #expect(verify.status == 1 && (verify.output + verify.errors).contains("reports.jsonl"))
    }

    /// Nobody is thanked for what a full disk does not take.
    @Test func aFullDiskIsSaid() throws {
        guard let disk = try SmallDisk(megabytes: 12) else { return }
        let (server, browser) = try Self.server(log: disk.folder.path + "/log")
        #expect(try browser.report("worry", "never.example.com", text: "First")?.status == 200)
        disk.fill()
        let text = String(repeating: "word ", count: 390)
        // What is left of the last page of the file may still take one.
        var pages: [Browser.Page] = []
        for number in 0..<4 {
            let other = Browser(address: "127.0.30.\(number + 2)", port: browser.port)
            pages.append(try #require(try other.report("worry", "never.example.com", text: text)))
        }
        let refused = try #require(pages.last)
        #expect(refused.status == 503)
        #expect(
            refused.body.contains("could not be kept") && refused.body.contains("dsl@example.org"))
        disk.clear()
        #expect(
            eventually(within: 10) {
                (try? Browser(address: "127.0.30.99", port: browser.port)
                    .report("worry", "never.example.com", text: "After"))??.status == 200
            })
        #expect(try server.run(["log", "verify"]).output.contains("reports.jsonl") == false)
    }

    /// The page's own addresses say so where they cannot be served.
    @Test func anAddressThatIsTakenEndsTheStart() throws {
        let (server, browser) = try Self.server()
        let folder = try Folder()
        try folder.write(Self.policy, to: "policy.yaml")
        let port = try FreePort.next()
        try folder.write(
            """
            policy: policy.yaml
            listen: { dns: ["127.0.0.1:\(port)"] }
            upstreams: [demo]
            block-page: { listen: "127.0.80.1:\(browser.port)" }

            """, to: "bellgate.yaml")
        let second = try Run(
            Program.bellgate(), ["serve", "--config", "bellgate.yaml"], in: folder.path)
        #expect(second.status == 1)
        #expect(second.errors.contains("change block-page.listen"))
        withExtendedLifetime(server) {}
    }
}
