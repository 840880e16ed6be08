import Foundation
import Testing

/// What a forger must guess, and what an upstream may not slip in (RFC 5452).
@Suite(.scenario) struct ForgeryTests {
    private static let forged = "203.0.113.66"

    @Test func portsIDsAndLetterCaseAreRandom() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for number in 0..<60 {
            _ = try server.ask("some-longer-name-\(number).example.com", from: "127.0.0.1")
        }
        let asked = fake.asked
        #expect(asked.count == 60)
        #expect(Set(asked.map(\.sourcePort)).count >= 40)
        #expect(Set(asked.map(\.message.id)).count >= 55)
        let mixed = asked.filter {
            $0.name != $0.name.lowercased() && $0.name != $0.name.uppercased()
        }
        #expect(mixed.count >= 58)
        #expect(
            asked.allSatisfy { $0.message.opt != nil && $0.message.options.isEmpty },
            "nothing of the client goes upstream")
    }

    @Test func anUpstreamThatLowersCaseStillServes() throws {
        let fake = try FakeUpstream { asked in
            var reply = asked.address()
            let question = Wire.name(asked.lowercaseName)
            reply.replaceSubrange(12..<12 + question.count, with: question)
            return .now(reply)
        }
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for number in 0..<5 {
            let time = try seconds {
                let answer = try server.ask("Name-\(number).Example.com", from: "127.0.0.1")
                #expect(answer.addresses == ["192.0.2.1"])
            }
            #expect(time < 1)
        }
        #expect(fake.asked.count <= 8)
    }

    /// Each before the true answer, from the upstream's own address.
    @Test(arguments: [
        "id", "name", "type", "question", "query", "empty", "short", "pointer", "counts",
    ])
    func whatDoesNotMatchIsNotTaken(kind: String) throws {
        let fake = try FakeUpstream { asked in
            var wrong = asked.address(Self.forged)
            switch kind {
            case "id": wrong[0] ^= 0x55
            case "name": wrong[13] ^= 1
            case "type": wrong[12 + Wire.name(asked.name).count + 1] = 28
            case "question":
                wrong = Wire.header(id: asked.message.id, flags: 0x8180, (0, 1, 0, 0))
                wrong += Wire.a(asked.name, Self.forged)
            case "query": wrong[2] &= 0x7F
            case "empty": wrong = []
            case "short": wrong = Array(wrong[..<11])
            case "pointer":
                wrong = asked.reply(answers: [
                    [0xC0, 0xFF] + Wire.number(1) + Wire.number(1) + Wire.number32(60)
                        + Wire.number(4) + [203, 0, 113, 66]
                ])
            default: wrong[7] = 9
            }
            return FakeUpstream.Response(messages: [wrong, asked.address()])
        }
        // What is from the upstream but broken may cost an attempt; another upstream steps in.
        let other = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)", "127.0.0.1:\(other.port)"])
        for _ in 0..<2 {
            let answer = try server.ask("www.example.com", from: "127.0.0.1")
            #expect(answer.addresses == ["192.0.2.1"])
        }
    }

    @Test func anAnswerFromElsewhereIsNotTaken() throws {
        let fake = try FakeUpstream { asked in
            // The right ID and question, from another port.
            if let forger = try? Socket("127.0.0.1"),
                (try? forger.connect(to: "127.0.0.1", port: asked.sourcePort)) != nil
            {
                forger.send(asked.address(Self.forged))
            }
            return .after(0.2, asked.address())
        }
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        #expect(
            try server.ask("www.example.com", from: "127.0.0.1").addresses == ["192.0.2.1"])
    }

    @Test func whatWasNotAskedIsNeitherPassedOnNorKept() throws {
        let fake = try FakeUpstream { asked in
            guard asked.lowercaseName == "www.example.com" else { return .now(asked.address()) }
            return .now(
                asked.reply(
                    answers: [
                        Wire.a(asked.name, "192.0.2.7"), Wire.a("bank.example.net", Self.forged),
                        Wire.cname("shop.example.net", "www.example.com"),
                    ],
                    authorities: [
                        Wire.record(
                            "example.net", RR.ns, ttl: 9999, Wire.name("evil.example.org"))
                    ],
                    additionals: [
                        Wire.a("bank.example.net", Self.forged),
                        Wire.a("evil.example.org", Self.forged),
                    ]))
        }
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for _ in 0..<2 {
            let answer = try server.ask("www.example.com", from: "127.0.0.1")
            #expect(answer.addresses == ["192.0.2.7"])
            #expect(answer.records.count == 1)
        }
        for name in ["bank.example.net", "evil.example.org", "shop.example.net"] {
            #expect(try server.ask(name, from: "127.0.0.1").addresses == ["192.0.2.1"])
            #expect(fake.asked(name).count == 1)
        }
    }

    /// A chain that the answer does not lead along is no chain.
    @Test func aLooseOrEndlessChainAnswersNothing() throws {
        let fake = try FakeUpstream { asked in
            switch asked.lowercaseName {
            case "loose.example.com":
                .now(
                    asked.reply(answers: [
                        Wire.cname("other.example.com", "x.example.com"),
                        Wire.a("x.example.com", Self.forged),
                    ]))
            default:
                .now(
                    asked.reply(answers: [
                        Wire.cname(asked.name, "b.example.com"),
                        Wire.cname("b.example.com", asked.name),
                    ]))
            }
        }
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        #expect(try server.ask("loose.example.com", from: "127.0.0.1").records.isEmpty)
        #expect(try server.ask("a.example.com", from: "127.0.0.1").rcode == 2)
    }
}
