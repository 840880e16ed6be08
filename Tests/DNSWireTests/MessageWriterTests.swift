import DNSWire
import LDNSBridge
import Testing

@Suite struct MessageWriterTests {
    /// Every kind of write, into every room up to the one in which it fits.
    @Test(arguments: [1, 2, 4, 5]) func overflowChangesNothing(_ octets: Int) throws {
        for capacity in 0...(octets + 3) {
            for before in 0...min(3, capacity) {
                let written = try Written(capacity: capacity) { writer in
                    for _ in 0..<before { writer.put8(0x11) }
                    switch octets {
                    case 1: writer.put8(0x22)
                    case 2: writer.put16(0x2222)
                    case 4: writer.put32(0x2222_2222)
                    default: writer.put([UInt8](repeating: 0x22, count: octets))
                    }
                    return 0
                }
                let fits = before + octets <= capacity
                #expect(written.overflowed == !fits)
                #expect(
                    written.octets == [UInt8](repeating: 0x11, count: before)
                        + [UInt8](repeating: 0x22, count: fits ? octets : 0))
            }
        }
    }

    @Test func orderOfOctets() throws {
        let written = try Written(capacity: 64) { writer in
            writer.put8(0x01)
            writer.put16(0x0203)
            writer.put32(0x0405_0607)
            writer.put([8, 9].span)
            writer.patch16(0xAABB, at: 1)
            writer.patch32(0xCCDD_EEFF, at: 3)
            return 0
        }
        #expect(written.octets == [1, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 8, 9])
    }

    /// A patch of what was not written is none; half of one neither.
    @Test(arguments: [-1, 3, 4, 100, Int.max - 4]) func patchOutside(_ offset: Int) throws {
        let written = try Written(capacity: 4) { writer in
            writer.put32(0)
            writer.patch16(0xFFFF, at: offset)
            return 0
        }
        #expect(written.octets == [0, 0, 0, 0])
        #expect(!written.overflowed)
    }

    @Test func rewinding() throws {
        let written = try Written(capacity: 4) { writer in
            writer.put16(0x0102)
            writer.put32(0)
            writer.rewind(to: 9)
            writer.put16(0x0304)
            writer.rewind(to: 3)
            return 0
        }
        #expect(written.octets == [1, 2, 3])
        #expect(!written.overflowed)
    }

    /// The header repeats ID, opcode, RD and CD and nothing else of the query's flags.
    @Test(arguments: [
        (0x0000, 0x8083), (0x0100, 0x8183), (0x0110, 0x8193), (0x0130, 0x8193), (0x07FF, 0x8193),
        (0x1000, 0x9083), (0x7800, 0xF883),
    ])
    func header(_ row: (query: Int, answer: Int)) throws {
        var query = Query()
        query.id = 0xCAFE
        query.flags = UInt16(row.query)
        let written = try Written(capacity: 12) { writer in
            writer.putHeader(answering: query, rcode: .nxDomain)
            writer.finishHeader(questions: 1, answers: 2, authorities: 3, additionals: 4)
            return 0
        }
        #expect(written.octets == [0xCA, 0xFE] + big16(row.answer) + [0, 1, 0, 2, 0, 3, 0, 4])
    }

    @Test func questionKeepsItsCase() throws {
        let message = Packet.query("wWw.eXaMpLe.com", .mx, opt: opt()).octets
        let read = try ReadQuery(message)
        let written = try Written(capacity: 100) { writer in
            writer.putQuestion(message.span, of: read.query)
            return 0
        }
        #expect(written.octets == question(wireName("wWw.eXaMpLe.com"), .mx))
    }

    @Test func negativeSOA() throws {
        let message = Packet.query("www.example.com").octets
        let read = try ReadQuery(message)
        let written = try Written(capacity: 512) { writer in
            writer.putHeader(answering: read.query, rcode: .nxDomain)
            writer.putQuestion(message.span, of: read.query)
            writer.putNegativeSOA(ttlSeconds: 17)
            writer.finishHeader(questions: 1, authorities: 1)
            return 0
        }
        let lines = try SecondOpinion(written.octets).lines
        #expect(
            lines.map(\.description) == [
                "authority: www.example.com. 17 in soa bellgate.invalid. "
                    + "hostmaster.bellgate.invalid. 1 3600 600 86400 17"
            ])
    }

    static let text = "Nicht während des Unterrichts 🎓 – frag das Büro"

    /// In every room: the code where it fits, as much text as fits, cut at a character.
    @Test(arguments: [nil, "", "a", "é", "🎓", text]) func extendedErrorInEveryRoom(
        _ text: String?
    ) throws {
        let read = try ReadQuery(
            Packet.query("www.example.com", opt: opt(dnssecOK: true)).octets)
        let octets = Array((text ?? "").utf8)
        for room in 0...(octets.count + 20) {
            let written = try Written(capacity: room) { writer in
                unsafe octets.withUnsafeBytes {
                    unsafe writer.putOPT(
                        answering: read.query, payloadSize: 1232, rcode: .badVers,
                        extendedError: .blocked, text: text == nil ? nil : $0)
                }
                return 0
            }
            #expect(written.overflowed == (room < 11))
            guard room >= 11 else { continue }
            let head: [UInt8] = [0, 0, 41] + big16(1232) + [1, 0, 0x80, 0]
            guard room >= 17 else {
                #expect(written.octets == head + [0, 0])
                continue
            }
            var length = min(octets.count, room - 17)
            while String(validating: octets[..<length], as: UTF8.self) == nil { length -= 1 }
            #expect(
                written.octets == head + big16(6 + length) + [0, 15] + big16(2 + length) + [0, 15]
                    + octets[..<length])
        }
    }

    /// A continuation octet at the cut of a text that is no UTF-8 ends the search at the front.
    @Test func textOfContinuationsOnly() throws {
        let read = try ReadQuery(Packet.query("a.example.com", opt: opt()).octets)
        let octets = [UInt8](repeating: 0x80, count: 40)
        let written = try Written(capacity: 30) { writer in
            unsafe octets.withUnsafeBytes {
                unsafe writer.putOPT(
                    answering: read.query, payloadSize: 1232, rcode: .noError,
                    extendedError: .filtered, text: $0)
            }
            return 0
        }
        #expect(written.octets.suffix(8) == [0, 6, 0, 15, 0, 2, 0, 17])
    }
}
