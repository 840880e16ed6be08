import Foundation
import Testing

/// One cache and one question in flight for all; a verdict of one's own for each.
@Suite(.scenario) struct SharingTests {
    @Test func anAnswerInTheCacheCarriesNoVerdict() throws {
        let upstream = try FakeUpstream { asked in
            asked.lowercaseName == "alias.example.com"
                ? .now(
                    asked.reply(answers: [
                        Wire.cname(asked.name, "chat.social.example.com"),
                        Wire.a("chat.social.example.com", "192.0.2.9"),
                    ])) : .now(asked.address())
        }
        // Within college hours and outside the break: learners may, staff may not.
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], at: "2026-11-23 09:30:00")
        for name in ["chat.social.example.com", "alias.example.com"] {
            #expect(try server.ask(name, from: "127.0.20.5").addresses.count == 1)
            let staff = try server.ask(name, from: "127.0.30.5")
            #expect(staff.rcode == 3 && staff.answers.isEmpty)
            #expect(try server.ask(name, from: "127.0.20.5").addresses.count == 1)
            #expect(upstream.asked(name).count == 1)
            let rows = try server.rows(of: name)
            #expect(rows.map { $0["verdict"] as? String } == ["allow", "block", "allow"])
            #expect(rows.map { $0["source"] as? String } == ["upstream", "policy", "cache"])
        }
    }

    @Test func aQuestionInFlightIsAnsweredToEachByHisOwnVerdict() throws {
        let upstream = try FakeUpstream { asked in
            .after(
                0.6,
                asked.reply(answers: [
                    Wire.cname(asked.name, "chat.social.example.com"),
                    Wire.a("chat.social.example.com", "192.0.2.9"),
                ]))
        }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], at: "2026-11-23 09:30:00")
        let port = server.port
        let answers = Shared<[Int: Message]>([:])
        together(8) { number in
            let client = Client(
                address: number % 2 == 0 ? "127.0.20.\(number + 1)" : "127.0.30.\(number + 1)",
                port: port)
            let answer = try? client.ask("alias.example.com")
            answers.change { $0[number] = answer }
        }
        #expect(upstream.asked.count == 1)
        let given = answers.value
        for number in 0..<8 {
            let answer = try #require(given[number])
            #expect(answer.rcode == (number % 2 == 0 ? 0 : 3))
            #expect(answer.addresses == (number % 2 == 0 ? ["192.0.2.9"] : []))
        }
        for row in try server.rows(["--client", "127.0.30.0/24"]) {
            #expect(row["via"] as? String == "chat.social.example.com")
            #expect(row["rule"] as? String == "staff-breaks-only")
        }
    }

    @Test func aBlockThatComesWhileTheQuestionIsInFlightHolds() throws {
        let upstream = try FakeUpstream { .after(1.5, $0.address()) }
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let port = server.port
        let answer = Shared<Message?>(nil)
        let group = DispatchGroup()
        group.enter()
        Thread.detachNewThread {
            let given = try? Client(address: "127.0.0.9", port: port).ask("new.example.com")
            answer.change { $0 = given }
            group.leave()
        }
        #expect(eventually(within: 2) { upstream.asked.count == 1 })
        try server.folder.write(
            collegePolicy.replacing("[never.example.com,", with: "[new.example.com,"),
            to: "policy.yaml")
        #expect(try server.run(["reload"]).status == 0)
        group.wait()
        #expect(try #require(answer.value).rcode == 3)
    }

    @Test(arguments: [
        (name: "a.example.com", blocked: true, via: "x.never.example.com"),
        (name: "deep.example.com", blocked: true, via: "tracker.example.net"),
        (name: "www.open.example.com", blocked: false, via: ""),
        (name: "fine.example.com", blocked: false, via: ""),
    ])
    func aNameLedThroughABlockedOneIsBlocked(name: String, blocked: Bool, via: String) throws {
        let names = try NameServer([
            "example.com": """
            a CNAME x.never
            x.never A 192.0.2.1
            deep CNAME middle
            middle CNAME tracker.example.net.
            www.open CNAME x.never
            fine CNAME other
            other A 192.0.2.2
            """,
            "example.net": "tracker CNAME end\nend A 192.0.2.3",
        ])
        let server = try TestServer(upstreams: ["127.0.0.1:\(names.port)"])
        for _ in 0..<2 {
            let answer = try server.ask(name, from: "127.0.0.1")
            #expect((answer.rcode == 3) == blocked)
            #expect(answer.answers.isEmpty == blocked)
        }
        for row in try server.rows(of: name) {
            #expect(row["verdict"] as? String == (blocked ? "block" : "allow"))
            #expect(row["via"] as? String == (blocked ? via : nil))
            #expect(
                row["rule"] as? String
                    == (blocked ? "never" : name.contains("open") ? "carve-out" : "default"))
        }
        #expect(try server.rows(of: name).count == 2)
    }

    @Test func anAliasAskedForItselfIsJudgedByWhereItLeads() throws {
        let names = try NameServer([
            "example.com": "a CNAME x.never\nx.never A 192.0.2.1\nfine CNAME other"
        ])
        let server = try TestServer(upstreams: ["127.0.0.1:\(names.port)"])
        for _ in 0..<2 {
            let answer = try server.ask("a.example.com", RR.cname, from: "127.0.0.1")
            #expect(answer.rcode == 3 && answer.answers.isEmpty)
        }
        let fine = try server.ask("fine.example.com", RR.cname, from: "127.0.0.1")
        #expect(fine.rcode == 0 && fine.answers.count == 1)
        let rows = try server.rows(of: "a.example.com")
        #expect(rows.count == 2)
        #expect(rows.allSatisfy { $0["via"] as? String == "x.never.example.com" })
    }
}
