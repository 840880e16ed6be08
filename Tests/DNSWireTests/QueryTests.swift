import DNSWire
import Dice
import LDNSBridge
import Testing

@Suite struct QueryTests {
    @Test func everyField() throws {
        var packet = Packet.query("WwW.Example.COM", .aaaa, opt: opt(size: 4000, dnssecOK: true))
        packet.id = 0xBEEF
        packet.flags = 0x0130
        let read = try ReadQuery(packet.octets)
        #expect(read.query.status == .fine)
        #expect(read.query.id == 0xBEEF)
        #expect(read.query.flags == 0x0130)
        #expect(read.query.nameLength == 17)
        #expect(read.query.labelCount == 3)
        #expect(read.query.qtype == .aaaa)
        #expect(read.query.qclass == 1)
        #expect(read.query.hasOPT)
        #expect(read.query.udpPayloadSize == 4000)
        #expect(read.query.dnssecOK)
        #expect(read.query.checkingDisabled)
        #expect(read.query.wantsAuthenticData)
        #expect(read.query.questionEnd == 12 + 17 + 4)
        #expect(read.name == wireName("www.example.com"))
    }

    @Test func withoutOPT() throws {
        let read = try ReadQuery(Packet.query(".", RecordType(65280)).octets)
        #expect(read.query.status == .fine)
        #expect(read.name == [0])
        #expect(read.query.labelCount == 0)
        #expect(read.query.qtype.rawValue == 65280)
        #expect(!read.query.hasOPT && !read.query.dnssecOK && read.query.udpPayloadSize == 0)
        #expect(!read.query.checkingDisabled && !read.query.wantsAuthenticData)
    }

    /// Octets that are no letters stay, those beside the letters in ASCII among them.
    @Test func onlyLettersAreLowered() throws {
        let label = (0...255).map { UInt8($0) }
        var name: [UInt8] = []
        for start in stride(from: 0, to: 189, by: 63) { name += [63] + label[start..<start + 63] }
        let read = try ReadQuery(Packet(questions: [question(name + [0])]).octets)
        #expect(read.query.status == .fine)
        for (index, octet) in read.name.enumerated() {
            let isLetter = (0x41...0x5A).contains(name.count > index ? name[index] : 0)
            #expect(octet == (name + [0])[index] + (isLetter ? 0x20 : 0))
        }
    }

    /// Whole words and what is left of them, at every length.
    @Test func lettersAreLoweredAtEveryLength() throws {
        var random = SeededGenerator(seed: 5)
        for length in 1...63 {
            for _ in 0..<20 {
                let label = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                let name = [UInt8(length)] + label + [0]
                let read = try ReadQuery(Packet(questions: [question(name)]).octets)
                #expect(read.query.status == .fine)
                #expect(read.name == [UInt8(length)] + label.map(\.asciiLowercased) + [0])
            }
        }
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var status: Query.Status
        var octets: [UInt8]

        init(_ name: String, _ status: Query.Status, _ octets: [UInt8]) {
            testDescription = name
            self.status = status
            self.octets = octets
        }

        init(_ name: String, _ status: Query.Status, _ change: (inout Packet) -> Void) {
            var packet = Packet.query("www.example.com")
            change(&packet)
            self.init(name, status, packet.octets)
        }
    }

    static let www = wireName("www.example.com")
    static let address = record(www, .a, [192, 0, 2, 1])

    static let shapes: [Shape] = [
        Shape("plain", .fine) { _ in },
        Shape("with OPT", .fine) { $0.additionals = [opt()] },
        Shape("nothing", .drop, []),
        Shape("a header without its last octet", .drop, Array(Packet.query("a").octets.prefix(11))),
        Shape("a response", .drop) { $0.flags = 0x8180 },
        Shape("a response of another opcode", .drop) { $0.flags = 0xA000 },
        Shape("status", .notImp) { $0.flags = 0x1000 },
        Shape("notify", .notImp) { $0.flags = 0x2000 },
        Shape("update", .notImp) { $0.flags = 0x2800 },
        Shape("opcode 15, header only", .notImp, Packet(flags: 0x7800).octets),
        Shape("no question", .formErr, Packet().octets),
        Shape("no question but OPT", .formErr, Packet(additionals: [opt()]).octets),
        Shape("two questions", .formErr) {
            $0.questions.append(question(wireName("b.example.net")))
        },
        Shape("QDCOUNT 2, one question", .formErr) { $0.counts = [2, 0, 0, 0] },
        Shape("QDCOUNT 0, one question", .formErr) { $0.counts = [0, 0, 0, 0] },
        Shape("QDCOUNT 257", .formErr) { $0.counts = [257, 0, 0, 0] },
        Shape("an answer", .formErr) { $0.answers = [address] },
        Shape("ANCOUNT without an answer", .formErr) { $0.counts = [1, 1, 0, 0] },
        Shape("an authority record", .formErr) { $0.authorities = [address] },
        Shape("NSCOUNT 256 without any", .formErr) { $0.counts = [1, 0, 256, 0] },
        Shape("two OPT", .formErr) { $0.additionals = [opt(), opt()] },
        Shape("OPT, then another", .formErr) { $0.additionals = [opt(), address] },
        Shape("another, then OPT", .formErr) { $0.additionals = [address, opt()] },
        Shape("another record alone", .formErr) { $0.additionals = [address] },
        Shape("ARCOUNT 1 without a record", .formErr) { $0.counts = [1, 0, 0, 1] },
        Shape("ARCOUNT 0 with OPT", .formErr) {
            $0.additionals = [opt()]
            $0.counts = [1, 0, 0, 0]
        },
        Shape("a trailing octet", .formErr, Packet.query("a.example.com").octets + [0]),
        Shape(
            "an octet behind OPT", .formErr, Packet.query("a.example.com", opt: opt()).octets + [0]),
        Shape("OPT with a name", .formErr) {
            $0.additionals = [wireName("a") + opt().dropFirst()]
        },
        Shape("OPT with a pointer to the root", .formErr) {
            $0.additionals = [pointer(12 + 16) + opt().dropFirst()]
        },
        Shape("EDNS version 1", .badVers) { $0.additionals = [opt(version: 1)] },
        Shape("EDNS version 255, options", .badVers) {
            $0.additionals = [opt(version: 255, options: big16(100) + big16(0))]
        },
        Shape("an empty option", .fine) { $0.additionals = [opt(options: big16(3) + big16(0))] },
        Shape("two options", .fine) {
            $0.additionals = [opt(options: big16(3) + big16(0) + big16(10) + big16(2) + [1, 2])]
        },
        Shape("an option of three octets", .formErr) {
            $0.additionals = [opt(options: big16(3) + [0])]
        },
        Shape("an option longer than OPT", .formErr) {
            $0.additionals = [opt(options: big16(10) + big16(9) + [UInt8](repeating: 1, count: 8))]
        },
        Shape("an option shorter than OPT", .formErr) {
            $0.additionals = [opt(options: big16(10) + big16(7) + [UInt8](repeating: 1, count: 8))]
        },
        Shape("an option of 65535", .formErr) {
            $0.additionals = [opt(options: big16(10) + big16(65535))]
        },
        Shape("RDLENGTH beyond the end", .formErr) {
            $0.additionals = [opt(dataLength: 1)]
        },
        Shape("RDLENGTH before the end", .formErr) {
            $0.additionals = [opt(options: big16(3) + big16(0), dataLength: 0)]
        },
        Shape("a pointer to itself", .formErr) { $0.questions = [question(pointer(12))] },
        Shape("a pointer into the header", .formErr) { $0.questions = [question(pointer(0))] },
        Shape("a pointer behind a label", .formErr) {
            $0.questions = [question([1, 0x61] + pointer(12))]
        },
        Shape("a pointer forward", .formErr) {
            $0.questions = [question(pointer(20)) + wireName("a")]
        },
        Shape("label type 0x40", .formErr) { $0.questions = [question([0x41] + www)] },
        Shape("label type 0x80", .formErr) { $0.questions = [question([0x80] + www)] },
        Shape("a name without end", .formErr) { $0.questions = [[3, 0x77, 0x77, 0x77]] },
        Shape("a label beyond the end", .formErr) { $0.questions = [[63, 0x77, 0x77, 0x77]] },
    ]

    @Test(arguments: shapes) func shape(_ shape: Shape) throws {
        let read = try ReadQuery(shape.octets)
        #expect(read.query.status == shape.status)
        if shape.status == .fine { #expect(messageProblem(shape.octets) == nil) }
    }

    /// What the answer must repeat is known even where the query is refused.
    @Test func refusedButReadable() throws {
        let read = try ReadQuery(Packet.query("www.example.com", opt: opt(version: 1)).octets)
        #expect(read.query.id == 0x1234)
        #expect(read.query.nameLength == 17)
        #expect(read.query.hasOPT)
    }

    /// RFC 1035 section 2.3.4: labels up to 63, names up to 255 octets.
    static let boundaries: [(label: Int, octets: Int, isFine: Bool)] = [
        (62, 65, true), (63, 65, true), (63, 66, true), (63, 127, true), (63, 128, true),
        (63, 254, true), (63, 255, true), (63, 256, false), (63, 257, false), (1, 255, true),
        (1, 257, false), (62, 255, true), (62, 256, false),
    ]

    @Test(arguments: boundaries)
    func nameLength(_ row: (label: Int, octets: Int, isFine: Bool)) throws {
        let name = name(octets: row.octets, label: row.label)
        try #require(name.count == row.octets)
        for extra in [nil, opt()] {
            let read = try ReadQuery(
                Packet(questions: [question(name)], additionals: extra.map { [$0] } ?? []).octets)
            #expect(read.query.status == (row.isFine ? .fine : .formErr))
            if row.isFine { #expect(read.name == name) }
        }
        #expect((DomainName(wire: name) != nil) == row.isFine)
    }

    @Test func labelOf64() throws {
        let label = [64] + [UInt8](repeating: 0x61, count: 64) + [0]
        #expect(try ReadQuery(Packet(questions: [question(label)]).octets).query.status == .formErr)
        #expect(DomainName(wire: label) == nil)
    }

    @Test(arguments: [nil, opt(), opt(options: big16(10) + big16(8) + Array(1...8))])
    func cutAtEveryLength(_ extra: [UInt8]?) throws {
        let whole = Packet.query("www.example.com", opt: extra).octets
        for length in 0..<whole.count {
            let status = try ReadQuery(Array(whole[..<length])).query.status
            #expect(status == (length < 12 ? .drop : .formErr), "cut at \(length)")
        }
        #expect(try ReadQuery(whole).query.status == .fine)
    }

    /// Messages with chance changes: no trap, no octet beside the room, nothing let through that
    /// ldns would not read, and what is let through says what ldns says.
    @Test func mutations() throws {
        var random = SeededGenerator(seed: 1)
        let seeds = Self.shapes.map(\.octets).filter { !$0.isEmpty }
        var fine = 0
        for _ in 0..<20_000 {
            guard var octets = seeds.randomElement(using: &random) else { continue }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                mutate(&octets, using: &random)
            }
            let read = try ReadQuery(octets)
            guard read.query.status == .fine else { continue }
            fine += 1
            let text = try messageText(octets)
            let type = read.query.qtype
            let name = DomainName.presentation(of: read.name)
            let line = try #require(
                text.split(separator: "\n").drop { !$0.hasPrefix(";; QUESTION") }.dropFirst().first)
            #expect(
                line.lowercased().hasPrefix(
                    ";; \(name == "." ? "" : ldnsEscapes(name)).\t".lowercased()),
                "\(octets)")
            #expect(line.hasSuffix("\t\(type)") || type.description.hasPrefix("TYPE"))
        }
        #expect(fine > 500)
    }
}

/// Changes, takes away or adds some octets.
func mutate(_ octets: inout [UInt8], using random: inout SeededGenerator) {
    guard !octets.isEmpty else {
        octets = [UInt8.random(in: 0...255, using: &random)]
        return
    }
    let index = Int.random(in: 0..<octets.count, using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: octets[index] = UInt8.random(in: 0...255, using: &random)
    case 1: octets[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
    case 2: octets[index] = [0, 1, 63, 64, 0xC0, 0xFF][Int.random(in: 0..<6, using: &random)]
    case 3: octets.remove(at: index)
    case 4: octets.insert(UInt8.random(in: 0...255, using: &random), at: index)
    case 5: octets.removeLast(min(octets.count, Int.random(in: 1...8, using: &random)))
    case 6: octets.insert(contentsOf: octets[index...].prefix(12), at: index)
    default:
        octets[index] = 0xC0
        if index + 1 < octets.count {
            octets[index + 1] = UInt8.random(in: 0...255, using: &random)
        }
    }
}
