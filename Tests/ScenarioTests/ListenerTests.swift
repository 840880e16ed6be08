import Dice
import Foundation
import Glibc
import Testing

/// How queries come in and answers go out.
@Suite(.scenario) struct ListenerTests {
    @Test(arguments: ["127.0.0.1", "::1"], [false, true])
    func bothFamiliesAndBothTransports(address: String, byTCP: Bool) throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], listen: ["127.0.0.1", "::1"])
        let client = Client(address: address, server: address, port: server.port)
        let ask = { (name: String) in
            try #require(try byTCP ? client.askByTCP(name) : client.ask(name))
        }
        #expect(try ask("www.example.com").addresses == ["192.0.2.1"])
        #expect(try ask("never.example.com").rcode == 3)
        #expect(try server.rows().map { $0["client"] as? String } == [address, address])
    }

    @Test func aWildcardListenerAnswersFromTheAddressThatWasAsked() throws {
        let upstream = try FakeUpstream { .after(0.1, $0.address()) }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], listen: ["0.0.0.0", "::"])
        for address in ["127.0.0.3", "127.9.8.7", "127.0.0.1"] {
            // A connected socket takes datagrams from the address that it asked alone.
            let client = Client(address: "127.0.0.1", server: address, port: server.port)
            #expect(try client.ask("a\(address).example.com")?.addresses.count == 1)
            #expect(try client.ask("never.example.com")?.rcode == 3)
            #expect(try client.askByTCP("never.example.com")?.rcode == 3)
        }
        let client = Client(address: "::1", server: "::1", port: server.port)
        #expect(try client.ask("six.example.com")?.addresses.count == 1)
    }

    // MARK: - TCP (RFC 7766)

    @Test func manyQueriesOnOneConnectionAreAnsweredAsTheyFinish() throws {
        let upstream = try FakeUpstream { asked in
            asked.lowercaseName.hasPrefix("slow")
                ? .after(0.5, asked.address()) : .now(asked.address())
        }
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let stream = try Stream(server.client())
        // All in one segment, or as few as the kernel makes of it.
        var octets: [UInt8] = []
        for number in 0..<150 {
            let name =
                number % 10 == 0
                ? "slow\(number).example.com"
                : number % 3 == 0 ? "n\(number).never.example.com" : "fast\(number).example.com"
            octets += Wire.framed(Wire.query(name, id: UInt16(number)))
        }
        stream.socket.send(octets)
        var order: [String: Int] = [:]
        for place in 0..<150 {
            let answer = try #require(stream.next(), "only \(place) answers came")
            let name = try #require(answer.questions.first?.name)
            #expect(name.filter(\.isNumber) == "\(answer.id)")
            #expect(order.updateValue(place, forKey: name) == nil, "\(name) came twice")
        }
        let firstSlow = order.filter { $0.key.hasPrefix("slow") }.values.min() ?? 0
        let lastFast = order.filter { !$0.key.hasPrefix("slow") }.values.max() ?? 0
        #expect(firstSlow > lastFast)
        #expect(try server.rows().count == 150)
    }

    @Test func aMessageMayComeOctetByOctet() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let stream = try Stream(server.client())
        var on: Int32 = 1
        unsafe setsockopt(
            stream.socket.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on,
            socklen_t(MemoryLayout<Int32>.size))
        for octet in Wire.framed(Wire.query("www.example.com")) {
            stream.socket.send([octet])
            pause(0.003)
        }
        #expect(stream.next()?.addresses.count == 1)
        // And the second half of one with the first half of the next.
        let two =
            Wire.framed(Wire.query("a.example.com")) + Wire.framed(Wire.query("b.example.com"))
        stream.socket.send(Array(two[..<20]))
        pause(0.05)
        stream.socket.send(Array(two[20..<50]))
        pause(0.05)
        stream.socket.send(Array(two[50...]))
        let names = [stream.next(), stream.next()].map { $0?.questions.first?.name ?? "" }
        #expect(names.sorted() == ["a.example.com", "b.example.com"])
    }

    /// Past the number of questions that are in flight at once, too.
    @Test(arguments: [1, 100, 400])
    func aClientThatHasEndedSendingStillGetsAllAnswers(count: Int) throws {
        let upstream = try FakeUpstream { .after(0.3, $0.address()) }
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let stream = try Stream(server.client())
        for number in 0..<count {
            stream.send(Wire.query("n\(number).example.com", id: UInt16(number)))
        }
        stream.socket.endSending()
        var ids: Set<UInt16> = []
        while let answer = stream.next() { ids.insert(answer.id) }
        #expect(ids.count == count)
    }

    /// A burst of local answers while an upstream's answer for the same connection comes in.
    /// The embedded upstream answers while the message is still being taken.
    @Test(arguments: [false, true])
    func answersOfAllKindsMeetOnOneConnection(isEmbedded: Bool) throws {
        let upstream = try FakeUpstream { .now($0.address()) }
        let server = try TestServer(
            upstreams: [isEmbedded ? "demo" : "127.0.0.1:\(upstream.port)"],
            settings: "workers: 1\n")
        let stream = try Stream(server.client())
        var generator = SeededGenerator(seed: 7)
        var sent = 0
        var got: [UInt16: Int] = [:]
        for _ in 0..<40 {
            var octets: [UInt8] = []
            for _ in 0..<Int.random(in: 1...200, using: &generator) {
                let isBlocked = Int.random(in: 0..<10, using: &generator) < 9
                let name = isBlocked ? "never.example.com" : "n\(sent).example.com"
                octets += Wire.framed(Wire.query(name, id: UInt16(sent)))
                sent += 1
            }
            stream.socket.send(octets)
            while got.values.reduce(0, +) + 150 < sent, let answer = stream.next() {
                got[answer.id, default: 0] += 1
            }
        }
        while got.values.reduce(0, +) < sent, let answer = stream.next() {
            got[answer.id, default: 0] += 1
        }
        #expect(got.count == sent)
        #expect(got.values.allSatisfy { $0 == 1 })
        #expect(try server.rows().count == sent)
    }

    @Test func aSilentConnectionIsClosedInTheEnd() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let stream = try Stream(server.client(patience: 20))
        stream.send(Wire.query("www.example.com"))
        #expect(stream.next() != nil)
        let time = seconds { #expect(stream.next() == nil) }
        #expect(time > 5 && time < 15)
    }

    // MARK: - Sizes (RFC 6891)

    @Test(arguments: [
        (ednsSize: UInt16?.none, count: 20, isCut: false), (nil, 100, true), (512, 20, false),
        (512, 40, true), (1232, 60, false), (1232, 100, true), (4096, 60, false), (4096, 300, true),
        (100, 20, false),
    ])
    func anAnswerIsAsLongAsTheClientTakes(ednsSize: UInt16?, count: Int, isCut: Bool) throws {
        let names = try NameServer([
            "example.com": (0..<count).map { "www A 192.0.\($0 / 250).\($0 % 250)" }
                .joined(separator: "\n")
        ])
        let server = try TestServer(upstreams: ["127.0.0.1:\(names.port)"])
        let client = server.client()
        for round in 0..<2 {
            let answer = try #require(
                try client.ask("www.example.com", ednsSize: ednsSize), "round \(round)")
            let limit = max(512, min(1232, Int(ednsSize ?? 512)))
            #expect(answer.octets.count <= limit)
            #expect(answer.isTruncated == isCut)
            #expect((answer.opt != nil) == (ednsSize != nil))
            if !isCut { #expect(answer.addresses.count == count) }
        }
        let whole = try #require(try client.askByTCP("www.example.com"))
        #expect(Set(whole.addresses).count == count && !whole.isTruncated)
    }

    // MARK: - Kinds of query

    @Test func oddQueriesGetTheirOwnAnswers() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let any = try server.ask("www.example.com", RR.any, from: "127.0.0.1")
        #expect(any.answers.map(\.type) == [13])
        #expect(any.answers.first?.data == [7] + Array("RFC8482".utf8) + [0])
        #expect(upstream.asked.isEmpty)
        #expect(try server.ask("never.example.com", RR.any, from: "127.0.0.1").rcode == 3)
        let odd = try server.ask("www.example.com", 1000, from: "127.0.0.1")
        #expect(odd.rcode == 0 && odd.answers.isEmpty)
        #expect(upstream.asked("www.example.com", 1000).count == 1)
    }

    @Test(arguments: [4, 5, 15, 1, 2] as [UInt16], [false, true])
    func otherOpcodesAreNotImplemented(opcode: UInt16, byTCP: Bool) throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        var query = Wire.query("www.example.com", flags: opcode << 11)
        for round in 0..<2 {
            if round == 1 { query = Wire.header(id: 9, flags: opcode << 11, (0, 0, 0, 0)) }
            let answer: Message?
            if byTCP {
                let stream = try Stream(server.client())
                stream.send(query)
                answer = stream.next()
            } else {
                answer = try server.client().exchange(query)
            }
            let given = try #require(answer)
            #expect(given.rcode == 4)
            #expect(given.flags >> 11 & 15 == opcode)
            #expect(given.flags & 0x0400 == 0)
        }
        #expect(upstream.asked.isEmpty)
    }

    @Test func strangersAreRefusedWithAReason() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], settings: "allow-from: [127.0.30.0/24]\n")
        #expect(try server.ask("www.example.com", from: "127.0.30.5").rcode == 0)
        let stranger = try server.ask("other.example.com", from: "127.0.20.5")
        #expect(stranger.rcode == 5)
        #expect(stranger.extendedError?.code == 18)
        let plain = try #require(try server.client().ask("other.example.com", ednsSize: nil))
        #expect(plain.rcode == 5 && plain.opt == nil)
        #expect(try server.client().askByTCP("other.example.com")?.rcode == 5)
        #expect(upstream.asked("other.example.com").isEmpty)
        #expect(try server.rows(of: "other.example.com").count == 3)
    }

    @Test func unknownDevicesMayBeRefused() throws {
        let upstream = try FakeUpstream()
        let policy = collegePolicy.replacing(
            "guest: { networks: [127.0.0.0/8, \"::1/128\"] }",
            with: "guest: { networks: [10.0.0.0/8] }")
        let server = try TestServer(policy, upstreams: ["127.0.0.1:\(upstream.port)"])
        let unknown = try server.ask("www.example.com", from: "127.0.99.1")
        #expect(unknown.rcode == 5 && unknown.extendedError?.code == 18)
        #expect(try server.ask("www.example.com", from: "127.0.20.1").rcode == 0)
    }

    @Test func aBlockSaysWhyAndWhomToAsk() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(upstream.port)"])
        let blocked = try server.ask("www.never.example.com", from: "127.0.0.1")
        let told = try #require(blocked.extendedError)
        #expect(told.code == 15)
        #expect(told.text.contains("Harmful at every hour."))
        #expect(told.text.contains("SP-7"))
        #expect(told.text.contains("dsl@example.org"))
        let plain = try #require(try server.client().ask("never.example.com", ednsSize: nil))
        #expect(plain.rcode == 3 && plain.opt == nil)
        #expect(try server.client().askByTCP("never.example.com")?.extendedError?.code == 15)
        // As the common clients show it.
        let dig = try Run(
            "dig", ["-p", "\(server.port)", "@127.0.0.1", "-b", "127.0.0.7", "NEVER.example.com"])
        #expect(dig.output.contains("EDE: 15 (Blocked): (Harmful at every hour."))
        #expect(dig.output.contains("status: NXDOMAIN"))
        #expect(dig.output.contains(";NEVER.example.com."))
        let kdig = try Run(
            "kdig", ["+edns", "-p", "\(server.port)", "@127.0.0.1", "never.example.com"])
        #expect(kdig.output.contains("status: NXDOMAIN"))
        #expect(kdig.output.contains("EDE: 15"))
    }
}
