import Dice
import Foundation
import Testing

/// Packets that no honest client sends: FORMERR or silence, never forwarded, never an end.
@Suite(.scenario) struct MalformedTests {
    private static let question = Wire.name("www.example.com") + Wire.number(1) + Wire.number(1)

    private static func message(
        _ counts: (UInt16, UInt16, UInt16, UInt16), flags: UInt16 = 0x0100,
        _ body: [UInt8]
    ) -> [UInt8] {
        Wire.header(id: 4711, flags: flags, counts) + body
    }

    private static func one(_ body: [UInt8]) -> [UInt8] { message((1, 0, 0, 0), body) }

    private static func longName(_ octets: Int) -> [UInt8] {
        var name: [UInt8] = []
        while name.count < octets - 1 {
            let length = min(63, octets - name.count - 2)
            name += [UInt8(length)] + [UInt8](repeating: 0x61, count: length)
        }
        return name + [0] + Wire.number(1) + Wire.number(1)
    }

    private static let packets: [(what: String, octets: [UInt8])] = {
        let record = Wire.a("www.example.com", "192.0.2.1")
        var packets: [(String, [UInt8])] = [
            ("no question", message((0, 0, 0, 0), [])),
            ("two questions", message((2, 0, 0, 0), question + question)),
            ("two questions, one there", message((2, 0, 0, 0), question)),
            ("no question, but one there", message((0, 0, 0, 0), question)),
            ("65535 questions", message((65535, 0, 0, 0), question)),
            ("an answer", message((1, 1, 0, 0), question + record)),
            ("an authority", message((1, 0, 1, 0), question + record)),
            ("an additional that is no OPT", message((1, 0, 0, 1), question + record)),
            ("two OPT", message((1, 0, 0, 2), question + Wire.opt() + Wire.opt())),
            ("OPT not last", message((1, 0, 0, 2), question + Wire.opt() + record)),
            ("OPT behind another", message((1, 0, 0, 2), question + record + Wire.opt())),
            ("OPT as answer", message((1, 1, 0, 0), question + Wire.opt())),
            ("OPT with a name", message((1, 0, 0, 1), question + [1, 0x61] + Wire.opt())),
            ("OPT announced, absent", message((1, 0, 0, 1), question)),
            ("OPT there, not announced", message((1, 0, 0, 0), question + Wire.opt())),
            (
                "OPT's options too long",
                message((1, 0, 0, 1), question + Wire.opt().dropLast(2) + [0, 9])
            ),
            (
                "an option too long",
                message((1, 0, 0, 1), question + Wire.opt(options: [0, 10, 0, 9, 1, 2]))
            ),
            ("half an option", message((1, 0, 0, 1), question + Wire.opt(options: [0, 10, 0]))),
            ("an octet behind", one(question + [0])),
            ("an octet behind OPT", message((1, 0, 0, 1), question + Wire.opt() + [0])),
            ("a pointer to itself", one([0xC0, 12, 0, 1, 0, 1])),
            ("a pointer forward", one([0xC0, 14, 1, 0x61, 0, 0, 1, 0, 1])),
            ("a pointer into the header", one([0xC0, 0, 0, 1, 0, 1])),
            ("a pointer behind the end", one([0xFF, 0xFF, 0, 1, 0, 1])),
            ("a pointer behind a label", one([1, 0x61, 0xC0, 12, 0, 1, 0, 1])),
            ("label type 0x40", one([0x41, 0x61, 0, 0, 1, 0, 1])),
            ("label type 0x80", one([0x81, 0x61, 0, 0, 1, 0, 1])),
            ("no end of the name", one([3, 0x61, 0x62, 0x63])),
            ("a label behind the end", one([63, 0x61, 0x62])),
            ("a name of 256 octets", one(longName(256))),
            ("a name of 300 octets", one(longName(300))),
            ("a name of 1400 octets", one(longName(1400))),
            ("a response", message((1, 0, 0, 0), flags: 0x8180, question)),
            ("a response of another opcode", message((0, 0, 0, 0), flags: 0xA000, [])),
            ("nothing", []), ("one octet", [0]), ("11 octets", [UInt8](repeating: 0, count: 11)),
        ]
        let whole = Wire.query("www.example.com", id: 4711)
        packets += (0..<whole.count).map { ("cut at \($0)", Array(whole[..<$0])) }
        return packets
    }()

    @Test(arguments: [false, true]) func nothingMalformedIsForwarded(byTCP: Bool) throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for (what, octets) in Self.packets {
            let socket = try Socket("127.0.0.1", isStream: byTCP)
            socket.setPatience(6)
            try socket.connect(to: "127.0.0.1", port: server.port)
            // On the same socket, so that the same worker takes both in this order.
            let sentinel = Wire.query("never.example.com", id: 1)
            for message in [octets, sentinel] {
                socket.send(byTCP ? Wire.framed(message) : message)
            }
            var stream: [UInt8] = []
            var answers: [Message] = []
            while answers.last?.id != 1 {
                guard let more = socket.receive() else { break }
                if byTCP { stream += more } else { stream = Wire.framed(more) }
                while stream.count >= 2 {
                    let end = 2 + Int(stream[0]) << 8 + Int(stream[1])
                    guard stream.count >= end else { break }
                    answers.append(try #require(Message(Array(stream[2..<end]))))
                    stream.removeFirst(end)
                }
            }
            #expect(answers.last?.rcode == 3, "\(what): no answer to the next query")
            for answer in answers.dropLast() {
                #expect(answer.rcode == 1, "\(what)")
                #expect(answer.answers.isEmpty && answer.flags & 0x8000 != 0, "\(what)")
                let isResponse = octets.count > 2 && octets[2] & 0x80 != 0
                #expect(!isResponse && octets.count >= 12, "\(what): silence is right")
            }
        }
        #expect(fake.asked.isEmpty)
        #expect(try server.ask("www.example.com", from: "127.0.0.1").rcode == 0)
    }

    /// Queries with a few octets changed, and octets without any sense.
    @Test(arguments: [1, 2, 3] as [UInt64]) func anyOctetsAtAllAreSurvived(seed: UInt64) throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        var generator = SeededGenerator(seed: seed)
        for round in 0..<40 {
            let socket = try Socket("127.0.0.1")
            socket.setPatience(6)
            try socket.connect(to: "127.0.0.1", port: server.port)
            for _ in 0..<50 {
                var octets = Wire.query("n\(round).never.example.com", id: 2)
                if Int.random(in: 0..<4, using: &generator) == 0 {
                    octets = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                }
                for _ in 0..<Int.random(in: 1...6, using: &generator) where !octets.isEmpty {
                    let place = octets.indices.randomElement(using: &generator) ?? 0
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: octets[place] = UInt8.random(in: 0...255, using: &generator)
                    case 1: octets.remove(at: place)
                    case 2: octets.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                    default: octets[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                    }
                }
                socket.send(octets)
            }
            socket.send(Wire.query("never.example.com", id: 1))
            while let octets = socket.receive() {
                let answer = try #require(Message(octets), "an answer that cannot be read")
                #expect(answer.flags & 0x8000 != 0)
                if answer.id == 1, answer.questions.first?.name == "never.example.com" { break }
            }
            #expect(server.process.status == nil)
        }
        #expect(try server.ask("www.example.com", from: "127.0.0.1").rcode == 0)
        #expect(
            fake.asked.allSatisfy {
                $0.message.questions.count == 1 && $0.message.answers.isEmpty
                    && $0.message.additionals.count == 1
            })
        #expect(try server.run(["log", "verify"]).status == 0)
    }
}
