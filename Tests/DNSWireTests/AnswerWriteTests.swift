import DNSWire
import LDNSBridge
import Testing

/// What a kept answer looks like to a client.
@Suite struct AnswerWriteTests {
    static func distilled(
        _ answers: [String], authority: [String] = [], _ type: RecordType = .a,
        flags: UInt16 = 0x8180, dnssecOK: Bool = false
    ) throws -> Distilled {
        let packet = try Packet.answer(
            "www.example.com", type, answers, authority: authority, flags: flags)
        return Distilled(packet.octets, "www.example.com", type, dnssecOK: dnssecOK)
    }

    /// Each record's TTL is aged, then cut to what is left of the verdict.
    @Test(arguments: [
        (0, UInt32.max, [300, 60], 60), (10, .max, [290, 50], 50), (60, .max, [240, 0], 0),
        (90, .max, [210, 0], 0), (1000, .max, [0, 0], 0), (0, 100, [100, 60], 60),
        (0, 30, [30, 30], 30), (50, 30, [30, 10], 10), (0, 0, [0, 0], 0),
        (UInt32.max, 5, [0, 0], 0),
    ])
    func ttls(_ row: (age: UInt32, limit: UInt32, ttls: [UInt32], least: UInt32)) throws {
        let distilled = try Self.distilled([
            "www.example.com. 300 IN CNAME web.example.net.", "web.example.net. 60 IN A 192.0.2.1",
        ])
        let written = try distilled.write(
            for: .query("www.example.com"), age: row.age, limit: row.limit)
        #expect(try SecondOpinion(written.octets).lines.map(\.ttlSeconds) == row.ttls)
        #expect(written.least == row.least)
    }

    /// The MINIMUM is cut as well, but not where a signature covers it.
    @Test(arguments: [
        (false, UInt32.max, 0, 600, 600), (false, 100, 0, 100, 100), (false, 100, 550, 50, 100),
        (false, 100, 50, 100, 100), (true, 100, 0, 100, 600), (true, 0, 0, 0, 600),
    ])
    func soaMinimum(
        _ row: (isSigned: Bool, limit: UInt32, age: UInt32, ttl: UInt32, minimum: UInt32)
    ) throws {
        var authority = [DistillerTests.soa]
        if row.isSigned {
            authority.append("example.com. 900 IN RRSIG SOA \(DistillerTests.signature)")
        }
        let distilled = try Self.distilled(
            [], authority: authority, flags: 0x8183, dnssecOK: row.isSigned)
        let written = try distilled.write(
            for: .query("www.example.com", opt: opt(dnssecOK: row.isSigned)), age: row.age,
            limit: row.limit)
        let soa = try #require(try SecondOpinion(written.octets).authorities.first)
        #expect(soa.ttlSeconds == row.ttl)
        #expect(soa.rest.hasSuffix(" 1 2 3 4 \(row.minimum)"))
        #expect(written.least == row.ttl)
    }

    /// AD goes to those who say that they know it (RFC 6840 section 5.7), and only if it came.
    @Test(arguments: [
        (0x81A0, 0x0100, nil, false), (0x81A0, 0x0120, nil, true), (0x8180, 0x0120, nil, false),
        (0x81A0, 0x0100, true, true), (0x81A0, 0x0100, false, false), (0x8180, 0x0100, true, false),
    ])
    func authenticData(_ row: (upstream: Int, client: Int, dnssecOK: Bool?, isSet: Bool)) throws {
        let distilled = try Self.distilled(
            ["www.example.com. 300 IN A 192.0.2.1"], flags: UInt16(row.upstream))
        let written = try distilled.write(
            for: .query(
                "www.example.com", opt: row.dnssecOK.map { opt(dnssecOK: $0) },
                flags: UInt16(row.client)))
        #expect((written.flags & Query.authenticDataFlag != 0) == row.isSet)
        #expect(written.flags & 0x8400 == 0x8000, "never authoritative")
    }

    /// The question comes back as the client wrote it; so do ID, RD and CD.
    @Test func repeatsTheQuestion() throws {
        let distilled = try Self.distilled(["www.example.com. 300 IN A 192.0.2.1"])
        var client = Packet.query("wwW.EXample.com", flags: 0x0010)
        client.id = 0xABCD
        let written = try distilled.write(for: client)
        #expect(written.octets.prefix(4) == [0xAB, 0xCD, 0x80, 0x90])
        #expect(Array(written.octets[12..<33]) == question(wireName("wwW.EXample.com")))
    }

    static let sizes: [(records: Int, dnssecOK: Bool?)] = [
        (1, nil), (1, false), (20, nil), (20, true), (100, nil), (100, true),
    ]

    /// In every room: whole where it fits, else cut and empty, with OPT if the client had one.
    @Test(arguments: sizes) func everyRoom(_ row: (records: Int, dnssecOK: Bool?)) throws {
        let answers = (0..<row.records).map { "www.example.com. 300 IN A 192.0.2.\($0)" }
        let distilled = try Self.distilled(answers)
        let client = Packet.query("www.example.com", opt: row.dnssecOK.map { opt(dnssecOK: $0) })
        let whole = try distilled.write(for: client)
        #expect(!whole.overflowed && !whole.isTruncated)
        let optOctets = row.dnssecOK == nil ? 0 : 11
        #expect(whole.octets.count == 33 + 16 * row.records + optOctets)
        for capacity in 12...2000 {
            let written = try distilled.write(for: client, capacity: capacity)
            if capacity >= whole.octets.count {
                #expect(written.octets == whole.octets)
                continue
            }
            guard capacity >= 33 + optOctets else {
                #expect(written.overflowed, "room of \(capacity)")
                continue
            }
            #expect(!written.overflowed && written.isTruncated, "room of \(capacity)")
            #expect(written.least == 0)
            #expect(written.octets.count == 33 + optOctets)
            #expect(
                Array(written.octets[4..<12]) == [0, 1, 0, 0, 0, 0, 0, row.dnssecOK == nil ? 0 : 1])
            // Reading each of two thousand the slow way would take long and show nothing more.
            if capacity % 64 == 0 {
                let given = try SecondOpinion(written.octets)
                #expect(given.lines.isEmpty)
                #expect(given.hasOPT == (row.dnssecOK != nil))
            }
        }
    }

    /// A failure says why, to clients with EDNS (RFC 8914 sections 4.23 and 4.24).
    @Test(arguments: [ExtendedErrorCode.noReachableAuthority, .networkError])
    func failures(_ code: ExtendedErrorCode) throws {
        let failure = Distilled(block: AnswerView.failure(code, ttlSeconds: 2))
        #expect(try failure.withView { $0.rcode } == .servFail)
        #expect(try failure.withView { $0.ttlSeconds } == 2)
        #expect(try failure.withView { $0.extendedError } == code)
        let plain = try failure.write(for: .query("www.example.com"))
        #expect(plain.octets.count == 33 && plain.flags & 15 == 2)
        let extended = try failure.write(for: .query("www.example.com", opt: opt()))
        let option: [UInt8] = [0, 15, 0, 2] + big16(code.rawValue)
        let expected: [UInt8] = [0, 0, 41] + big16(1232) + [0, 0, 0, 0, 0, 6] + option
        #expect(Array(extended.octets.dropFirst(33)) == expected)
        #expect(try SecondOpinion(extended.octets).lines.isEmpty)
    }
}
