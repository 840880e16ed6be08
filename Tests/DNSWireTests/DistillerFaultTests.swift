import DNSWire
import LDNSBridge
import Testing

/// Messages that are refused whole, and what they are taken for.
@Suite struct DistillerFaultTests {
    static let www = wireName("www.example.com")
    static let address = record(www, .a, [192, 0, 2, 1])
    /// Where the first answer begins.
    static let start = 12 + www.count + 4

    static func packet(
        _ answers: [[UInt8]] = [address], flags: UInt16 = 0x8180, type: RecordType = .a,
        counts: [Int]? = nil
    ) -> Packet {
        Packet(
            flags: flags, questions: [question(www, type)], answers: answers, counts: counts)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var outcome: AnswerDistiller.Outcome
        var message: [UInt8]
        var type: RecordType

        init(
            _ name: String, _ outcome: AnswerDistiller.Outcome, _ message: [UInt8],
            _ type: RecordType = .a
        ) {
            testDescription = name
            self.outcome = outcome
            self.message = message
            self.type = type
        }

        init(
            _ name: String, _ outcome: AnswerDistiller.Outcome, _ packet: Packet,
            _ type: RecordType = .a
        ) {
            self.init(name, outcome, packet.octets, type)
        }
    }

    static let headers: [Case] = [
        Case("fine", .answer, packet()),
        Case("nothing", .malformed, []),
        Case("part of a header", .malformed, Array(packet().octets.prefix(11))),
        Case("a header alone", .malformed, Packet(flags: 0x8180).octets),
        Case("a query", .malformed, packet(flags: 0x0100)),
        Case("another opcode", .malformed, packet(flags: 0xA180)),
        Case("a header of failure alone", .failed(.formErr), Packet(flags: 0x8181).octets),
        Case("a query's header of failure", .malformed, Packet(flags: 0x0101).octets),
        Case("server failure", .failed(.servFail), packet([], flags: 0x8182)),
        Case("refused", .failed(.refused), packet([], flags: 0x8185)),
        Case("not implemented", .failed(.notImp), packet([], flags: 0x8184)),
        Case("cut", .truncated, packet([], flags: 0x8380)),
        Case("cut, with records", .truncated, packet(flags: 0x8380)),
        Case(
            "cut in a record", .truncated, Array(packet(flags: 0x8380).octets.dropLast(3))),
        Case(
            "another name", .otherQuestion,
            Packet(flags: 0x8180, questions: [question(wireName("wwx.example.com"))])),
        Case("another type", .otherQuestion, packet([], type: .aaaa)),
        Case(
            "another class", .otherQuestion,
            Packet(flags: 0x8180, questions: [question(www, .a, 3)])),
        Case(
            "another case", .otherCase,
            Packet(flags: 0x8180, questions: [question(wireName("www.eXample.com"))])),
        Case(
            "another case, failed", .otherCase,
            Packet(flags: 0x8182, questions: [question(wireName("www.eXample.com"))])),
        Case(
            "a type that differs by what is a letter's case", .otherQuestion,
            Packet(flags: 0x8180, questions: [question(www, RecordType(0x61))]), RecordType(0x41)),
        Case(
            "no question, a full answer", .malformed, Packet(flags: 0x8180, answers: [address])),
        Case(
            "two questions", .malformed,
            Packet(flags: 0x8180, questions: [question(www), question(www)])),
        Case("a shorter question", .malformed, Packet(flags: 0x8180, questions: [question([0])])),
        Case(
            "the extended part of a response code", .failed(.badVers),
            Packet(
                flags: 0x8180, questions: [question(www)], additionals: [opt(extendedCode: 1)])),
    ]

    @Test(arguments: headers) func header(_ row: Case) {
        #expect(Distilled(row.message, "www.example.com", row.type).outcome == row.outcome)
    }

    /// RFC 9267: what resolvers got wrong about names and lengths.
    static let bodies: [Case] = [
        Case(
            "a pointer to the question", .answer, packet([record(pointer(12), .a, [1, 2, 3, 4])])),
        Case(
            "a pointer to itself", .malformed, packet([record(pointer(start), .a, [1, 2, 3, 4])])),
        Case(
            "a pointer to its own label", .malformed,
            packet([record([1, 0x61] + pointer(start), .a, [1, 2, 3, 4])])),
        Case(
            "a pointer to its own pointer", .malformed,
            packet([record([1, 0x61] + pointer(start + 2), .a, [1, 2, 3, 4])])),
        Case(
            "a pointer forward", .malformed,
            packet([record(pointer(start + 16), .a, [1, 2, 3, 4]), address])),
        Case(
            "two pointers in a circle", .malformed,
            packet([
                record(pointer(start + 12), .ns, pointer(start)), record(www, .a, [1, 2, 3, 4]),
            ])),
        Case("a pointer beyond the end", .malformed, packet([record(pointer(0x3FFF), .a, [0])])),
        Case("half a pointer", .malformed, packet([[0xC0]], counts: [1, 1, 0, 0])),
        Case("label type 0x40", .malformed, packet([record([0x41] + www, .a, [1, 2, 3, 4])])),
        Case("label type 0x80", .malformed, packet([record([0x80] + www, .a, [1, 2, 3, 4])])),
        Case("a label beyond the end", .malformed, packet([[60, 0x61]], counts: [1, 1, 0, 0])),
        Case("a name without end", .malformed, packet([[1, 0x61]], counts: [1, 1, 0, 0])),
        Case(
            "a name of 256 octets", .malformed,
            packet([record(name(octets: 256), .a, [1, 2, 3, 4]), address])),
        Case(
            "a name of 255 octets", .answer,
            packet([record(name(octets: 255), .a, [1, 2, 3, 4]), address])),
        Case(
            "a name that a pointer makes too long", .malformed,
            packet([record(Array(name(octets: 241).dropLast()) + pointer(12), .a, [1, 2, 3, 4])])),
        Case(
            "RDLENGTH beyond the end", .malformed,
            packet([record(www, .a, [1, 2, 3, 4], dataLength: 5)])),
        Case(
            "RDLENGTH 65535", .malformed,
            packet([record(www, .a, [1, 2, 3, 4], dataLength: 65535)])),
        Case(
            "RDLENGTH before the end", .malformed,
            packet([record(www, .a, [1, 2, 3, 4], dataLength: 3)])),
        Case("an octet behind", .malformed, packet().octets + [0]),
        Case("ANCOUNT beyond the content", .malformed, packet(counts: [1, 2, 0, 0])),
        Case("ANCOUNT 65535", .malformed, packet(counts: [1, 65535, 0, 0])),
        Case("NSCOUNT beyond the content", .malformed, packet(counts: [1, 1, 1, 0])),
        Case("ARCOUNT beyond the content", .malformed, packet(counts: [1, 1, 0, 1])),
        Case("counts that leave content over", .malformed, packet(counts: [1, 0, 0, 0])),
        Case("an address of five octets", .malformed, packet([record(www, .a, [1, 2, 3, 4, 5])])),
        Case("an address of none", .malformed, packet([record(www, .a, [])])),
        Case(
            "an IPv6 address of four", .malformed,
            packet([record(www, .aaaa, [1, 2, 3, 4])], type: .aaaa), .aaaa),
        Case("a name in no data", .malformed, packet([record(www, .cname, [])])),
        Case(
            "a name that leaves the data", .malformed,
            packet([record(www, .cname, www, dataLength: 5)])),
        Case(
            "octets behind a name", .malformed, packet([record(www, .ptr, www + [1])], type: .ptr),
            .ptr),
        Case(
            "octets behind an alias", .malformed, packet([record(www, .cname, wireName("a") + [0])])
        ),
        Case(
            "a pointer in HTTPS", .malformed,
            packet([record(www, .https, [0, 1] + pointer(12))], type: .https), .https),
        Case(
            "HTTPS without a name", .malformed,
            packet([record(www, .https, [0, 1])], type: .https), .https),
        Case(
            "a pointer in a signature", .malformed,
            packet(
                [record(www, .rrsig, [UInt8](repeating: 0, count: 18) + pointer(12))], type: .rrsig),
            .rrsig),
        Case(
            "a name of 256 octets in HTTPS", .malformed,
            packet([record(www, .https, [0, 1] + name(octets: 256))], type: .https), .https),
        Case(
            "a name of 255 octets in HTTPS", .answer,
            packet([record(www, .https, [0, 1] + name(octets: 255))], type: .https), .https),
        Case("MX without a name", .malformed, packet([record(www, .mx, [0, 10])], type: .mx), .mx),
        Case("MX of one octet", .malformed, packet([record(www, .mx, [0])], type: .mx), .mx),
        Case(
            "SRV of five octets", .malformed,
            packet([record(www, .srv, [0, 1, 0, 1, 0])], type: .srv), .srv),
        Case(
            "SOA without its numbers", .malformed, packet([record(www, .soa, [0, 0])], type: .soa),
            .soa),
        Case(
            "SOA with an octet more", .malformed,
            packet([record(www, .soa, [0, 0] + [UInt8](repeating: 1, count: 21))], type: .soa), .soa
        ),
        Case(
            "a pointer into the data of an earlier record", .answer,
            packet(
                [
                    record(www, .mx, [0, 10] + wireName("mail.example.net")),
                    record(www, .mx, [0, 20] + pointer(start + 17 + 12)),
                ], type: .mx), .mx),
        Case(
            "a pointer beyond the data in the data", .malformed,
            packet([record(www, .ns, pointer(start + 17 + 10)), address], type: .ns), .ns),
    ]

    @Test(arguments: bodies) func body(_ row: Case) throws {
        let distilled = Distilled(row.message, "www.example.com", row.type)
        #expect(distilled.outcome == row.outcome)
        guard row.outcome == .answer else { return }
        _ = try SecondOpinion(
            distilled.write(for: .query("www.example.com", row.type)).octets)
    }

    @Test(arguments: 0..<12) func pointersIntoTheHeader(_ offset: Int) {
        // With an ID of 0 each of these octets could be a name.
        var packet = Self.packet([record(pointer(offset), .a, [1, 2, 3, 4])])
        packet.id = 0
        #expect(Distilled(packet.octets, "www.example.com").outcome == .malformed)
    }

    /// Pointer after pointer is no name's way: each costs time and says nothing.
    @Test(arguments: [(1, true), (100, true), (200, false), (8000, false)])
    func ladders(_ row: (rungs: Int, isFine: Bool)) {
        // The first record's data: a ladder whose lowest rung is the root.
        var data: [UInt8] = [0]
        for rung in 0..<row.rungs { data += pointer(Self.start + 12 + max(0, rung * 2 - 1)) }
        let top = pointer(Self.start + 12 + row.rungs * 2 - 1)
        let packet = Self.packet([record(pointer(12), .txt, data), record(top, .a, [1, 2, 3, 4])])
        let outcome = Distilled(packet.octets, "www.example.com").outcome
        #expect(outcome == (row.isFine ? .answer : .malformed))
    }

    @Test func cutAtEveryLength() throws {
        let whole = try Packet.answer(
            "www.example.com", .mx,
            [
                "www.example.com. 300 IN CNAME web.example.net.",
                "web.example.net. 60 IN MX 10 mail.example.net.",
            ], authority: [DistillerTests.soa]
        ).octets
        #expect(Distilled(whole, "www.example.com", .mx).outcome == .answer)
        for length in 0..<whole.count {
            let outcome = Distilled(Array(whole[..<length]), "www.example.com", .mx).outcome
            #expect(outcome == .malformed, "cut at \(length)")
        }
    }

    /// Names in the data of the types of RFC 1035 may come compressed; the names that go out are
    /// compressed in those alone (RFC 3597 section 4).
    @Test(
        arguments: [
            (.ns, 0, 1, true), (.cname, 0, 1, true), (.ptr, 0, 1, true), (.soa, 0, 2, true),
            (.mx, 2, 1, true), (.srv, 6, 1, false), (.dname, 0, 1, false),
            (RecordType(17), 0, 2, false), (RecordType(18), 2, 1, false),
        ] as [(RecordType, Int, Int, Bool)])
    func namesInData(_ row: (type: RecordType, skip: Int, names: Int, isCompressed: Bool)) throws {
        let target = [4] + Array("mail".utf8) + pointer(16)
        var data = [UInt8](repeating: 1, count: row.skip)
        for _ in 0..<row.names { data += target }
        if row.type == .soa { data += [UInt8](repeating: 0, count: 20) }
        let packet = Self.packet([record(pointer(12), row.type, data)], type: row.type)
        let upstream = try SecondOpinion(packet.octets)
        let distilled = Distilled(packet.octets, "www.example.com", row.type)
        let written = try distilled.write(for: .query("www.example.com", row.type))
        #expect(try SecondOpinion(written.octets).answerTexts == upstream.answerTexts)
        let plain = wireName("mail.example.com")
        let occurrences = written.octets.indices.count { written.octets[$0...].starts(with: plain) }
        #expect(occurrences == (row.isCompressed ? 0 : row.names))
    }
}
