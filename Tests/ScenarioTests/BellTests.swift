import Testing

/// No answer outlives the bell, and a bell that has rung is heard at once.
@Suite(.scenario) struct BellTests {
    private static let zone = """
        *.social A 192.0.2.10
        empty.social TXT "nothing else"
        alias.social CNAME far
        far A 192.0.2.11
        into CNAME chat.social
        secure.social HTTPS 1 . alpn=h2
        """

    /// Names, types and what is expected of the answer that a learner gets before the bell.
    private static let questions: [(name: String, type: UInt16, rcode: UInt16, answers: Int)] = [
        ("chat.social.example.com", RR.a, 0, 1),
        ("empty.social.example.com", RR.aaaa, 0, 0),
        ("alias.social.example.com", RR.a, 0, 2),
        ("into.example.com", RR.a, 0, 2),
        ("secure.social.example.com", RR.https, 0, 1),
        ("no.such.far.example.com", RR.a, 3, 0),
    ]

    @Test func everyKindOfAnswerEndsWithTheBell() throws {
        // Everything that is asked here is social, so that the bell concerns it.
        let names = try NameServer(["example.com": Self.zone])
        let policy = collegePolicy.replacing(
            "social: [social.example.com,", with: "social: [social.example.com, far.example.com,")
        let server = try TestServer(
            policy, upstreams: ["127.0.0.1:\(names.port)"], at: "2026-11-23 10:29:52")
        let bell = "2026-11-23 10:30:00"
        for round in 0..<2 {
            for question in Self.questions {
                let most = server.mostSecondsLeft(until: bell)
                let answer = try server.ask(question.name, question.type, from: "127.0.20.5")
                #expect(answer.rcode == question.rcode, "\(question)")
                #expect(answer.answers.count == question.answers, "\(question)")
                let ttl = try #require(answer.greatestTTL, "\(question)")
                #expect(ttl <= most, "\(question), round \(round)")
                #expect(ttl + 5 > most, "\(question): cut more than needed")
            }
        }
        let most = server.mostSecondsLeft(until: bell)
        let blocked = try server.ask("chat.social.example.com", from: "127.0.30.5")
        #expect(blocked.rcode == 3)
        #expect(try #require(blocked.greatestTTL) <= most)
        // Nothing of it concerns the bell: it keeps its own time.
        let other = try server.ask("ns.example.com", from: "127.0.20.5")
        #expect(other.greatestTTL == 3600)

        server.wait(until: bell)
        for question in Self.questions {
            let learner = try server.ask(question.name, question.type, from: "127.0.20.5")
            #expect(learner.rcode == 3 && learner.answers.isEmpty, "\(question)")
            #expect(learner.extendedError?.code == 15, "\(question)")
            #expect(try #require(learner.greatestTTL) <= 900, "\(question)")
            let staff = try server.ask(question.name, question.type, from: "127.0.30.5")
            #expect(staff.rcode == question.rcode, "\(question)")
            #expect(staff.answers.count == question.answers, "\(question)")
            #expect(try #require(staff.greatestTTL) <= 900, "\(question)")
        }
        let staffRows = try server.rows(["--client", "127.0.30.5", "--verdict", "allow"])
        #expect(staffRows.count == Self.questions.count)
        #expect(staffRows.allSatisfy { $0["source"] as? String == "cache" })
    }

    @Test func halfAMinuteBeforeTheBellTheAnswerLivesHalfAMinute() throws {
        let names = try NameServer(["example.com": Self.zone])
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(names.port)"], at: "2026-11-23 10:44:30")
        let staff = try server.ask("chat.social.example.com", from: "127.0.30.5")
        let ttl = try #require(staff.greatestTTL)
        #expect(ttl <= 30 && ttl >= 20)
        let learner = try server.ask("chat.social.example.com", from: "127.0.20.5")
        #expect(learner.rcode == 3)
        #expect(try #require(learner.greatestTTL) <= 30)
        #expect(
            try #require(server.rows(["--client", "127.0.20.5"]).first)["ttl"] as? UInt32 ?? 99
                <= 30)
    }

    /// The hour that comes twice counts twice; the hour that is left out ends what was open.
    @Test(arguments: [
        (at: "2026-10-25 00:59:54", bell: "2026-10-25 01:00:00", before: false),
        (at: "2026-10-25 00:29:54", bell: "2026-10-25 00:30:00", before: true),
        (at: "2027-03-28 00:59:54", bell: "2027-03-28 01:00:00", before: true),
    ])
    func theClocksChange(at: String, bell: String, before: Bool) throws {
        let window = at.hasPrefix("2026") ? "01:00-01:30" : "00:30-01:30"
        let policy =
            policyHead + """
                periods:
                  small-hours: { when: always, sun: \(window) }
                groups:
                  staff: { networks: [127.0.0.0/8] }
                unknown-devices: refuse
                rules:
                  - { id: night, block: [social.example.com], during: [small-hours], reason: Sleep. }
                default: allow

                """
        let names = try NameServer(["example.com": Self.zone])
        let server = try TestServer(policy, upstreams: ["127.0.0.1:\(names.port)"], at: at)
        let most = server.mostSecondsLeft(until: bell)
        let first = try server.ask("chat.social.example.com", from: "127.0.0.1")
        #expect((first.rcode == 3) == before)
        #expect(try #require(first.greatestTTL) <= most)
        server.wait(until: bell)
        let second = try server.ask("chat.social.example.com", from: "127.0.0.1")
        #expect((second.rcode == 3) == !before)
    }
}
