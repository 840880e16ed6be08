import DNSWire
import LDNSBridge
import Testing

/// Which records of an upstream's message are kept, and for how long.
@Suite struct DistillerTests {
    struct Kept: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var qname = "www.example.com"
        var qtype = RecordType.a
        var dnssecOK = false
        var flags: UInt16 = 0x8180
        var answers: [String] = []
        var authority: [String] = []
        var additional: [String] = []
        /// The numbers of the answers and of the authority records that are kept.
        var kept: [Int] = []
        var keptAuthority: [Int] = []
        var chain: [String] = []
        var ttl: UInt32
    }

    static let soa = "example.com. 900 IN SOA ns.example.com. h.example.com. 1 2 3 4 600"
    static let signature =
        "8 3 300 20301231235959 20201231235959 12345 example.com. c2lnbmF0dXJl"

    static let cases: [Kept] = [
        Kept(
            testDescription: "an address", answers: ["www.example.com. 300 IN A 192.0.2.1"],
            kept: [0], ttl: 300),
        Kept(
            testDescription: "letter case of the owner does not matter",
            answers: ["WWW.eXample.com. 300 IN A 192.0.2.1"], kept: [0], ttl: 300),
        Kept(
            testDescription: "several addresses: the least TTL",
            answers: [
                "www.example.com. 300 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2",
                "www.example.com. 100 IN A 192.0.2.3",
            ], kept: [0, 1, 2], ttl: 60),
        Kept(
            testDescription: "another name",
            answers: [
                "www.example.com. 300 IN A 192.0.2.1", "bank.example.net. 9 IN A 192.0.2.66",
            ],
            kept: [0], ttl: 300),
        Kept(
            testDescription: "another type",
            answers: [
                "www.example.com. 300 IN A 192.0.2.1", "www.example.com. 9 IN TXT \"x\"",
                "www.example.com. 9 IN AAAA 2001:db8::1",
            ], kept: [0], ttl: 300),
        Kept(
            testDescription: "another class",
            answers: ["www.example.com. 9 CH A 192.0.2.1", "www.example.com. 300 IN A 192.0.2.2"],
            kept: [1], ttl: 300),
        Kept(
            testDescription: "authority and additional records of a full answer",
            answers: ["www.example.com. 300 IN A 192.0.2.1"],
            authority: ["example.com. 5 IN NS ns.example.com.", soa],
            additional: ["ns.example.com. 5 IN A 192.0.2.53"], kept: [0], ttl: 300),
        Kept(
            testDescription: "an alias",
            answers: [
                "www.example.com. 300 IN CNAME web.example.net.",
                "web.example.net. 60 IN A 192.0.2.1",
            ], kept: [0, 1], chain: ["web.example.net"], ttl: 60),
        Kept(
            testDescription: "a chain out of order, other names between",
            answers: [
                "c.example.org. 60 IN A 192.0.2.1", "x.example.org. 1 IN A 192.0.2.9",
                "b.example.net. 70 IN CNAME C.example.org.",
                "x.example.org. 1 IN CNAME y.example.org.",
                "www.example.com. 80 IN CNAME B.example.net.",
            ], kept: [0, 2, 4], chain: ["b.example.net", "c.example.org"], ttl: 60),
        Kept(
            testDescription: "an alias asked for leads one step and no further", qtype: .cname,
            answers: [
                "www.example.com. 300 IN CNAME web.example.net.",
                "web.example.net. 60 IN CNAME other.example.net.",
            ], kept: [0], chain: ["web.example.net"], ttl: 300),
        Kept(
            testDescription: "an alias of itself, asked for", qtype: .cname,
            answers: ["www.example.com. 300 IN CNAME www.example.com."], kept: [0],
            chain: ["www.example.com"], ttl: 300),
        Kept(
            testDescription: "a second alias of one name, and the first one twice",
            answers: [
                "www.example.com. 300 IN CNAME web.example.net.",
                "www.example.com. 300 IN CNAME other.example.net.",
                "www.example.com. 300 IN CNAME web.example.net.",
                "other.example.net. 60 IN A 192.0.2.66", "web.example.net. 60 IN A 192.0.2.1",
            ], kept: [0, 4], chain: ["web.example.net"], ttl: 60),
        Kept(
            testDescription: "two aliases of one name, asked for", qtype: .cname,
            answers: [
                "www.example.com. 300 IN CNAME web.example.net.",
                "www.example.com. 300 IN CNAME other.example.net.",
            ], kept: [0], chain: ["web.example.net"], ttl: 300),
        Kept(
            testDescription: "an alias that leads nowhere is not kept in the cache",
            answers: ["www.example.com. 300 IN CNAME web.example.net."], kept: [0],
            chain: ["web.example.net"], ttl: 0),
        Kept(
            testDescription: "an alias of a name that does not exist", flags: 0x8183,
            answers: ["www.example.com. 300 IN CNAME web.example.net."],
            authority: ["example.net. 900 IN SOA ns.example.net. h.example.net. 1 2 3 4 60"],
            kept: [0], keptAuthority: [0], chain: ["web.example.net"], ttl: 60),
        Kept(
            testDescription: "an alias, and the SOA of the asked name's zone instead of the last's",
            flags: 0x8183, answers: ["www.example.com. 300 IN CNAME web.example.net."],
            authority: [soa], kept: [0], chain: ["web.example.net"], ttl: 0),
        Kept(
            testDescription: "DNAME with the alias made from it",
            answers: [
                "example.com. 300 IN DNAME example.net.",
                "www.example.com. 300 IN CNAME www.example.net.",
                "www.example.net. 60 IN A 192.0.2.1",
            ], kept: [0, 1, 2], chain: ["www.example.net", "example.net"], ttl: 60),
        Kept(
            testDescription: "DNAME of another name",
            answers: [
                "example.org. 5 IN DNAME example.net.", "www.example.com. 60 IN A 192.0.2.1",
            ], kept: [1], ttl: 60),
        Kept(
            testDescription: "no such name", flags: 0x8183, authority: [soa], keptAuthority: [0],
            ttl: 600),
        Kept(
            testDescription: "no such record; SOA TTL below its MINIMUM",
            authority: ["example.com. 30 IN SOA ns.example.com. h.example.com. 1 2 3 4 600"],
            keptAuthority: [0], ttl: 30),
        Kept(
            testDescription: "a negative answer for days is kept three hours", flags: 0x8183,
            authority: ["com. 99999 IN SOA ns.example.com. h.example.com. 1 2 3 4 99999"],
            keptAuthority: [0], ttl: 10800),
        Kept(testDescription: "no such name, no SOA", flags: 0x8183, ttl: 0),
        Kept(
            testDescription: "SOA of a foreign zone", flags: 0x8183,
            authority: ["example.net. 900 IN SOA ns.example.net. h.example.net. 1 2 3 4 600"],
            ttl: 0),
        Kept(
            testDescription: "SOA of a name below", flags: 0x8183,
            authority: ["a.www.example.com. 900 IN SOA ns.example.net. h.example.net. 1 2 3 4 600"],
            ttl: 0),
        Kept(
            testDescription: "SOA of another class", flags: 0x8183,
            authority: ["example.com. 900 CH SOA ns.example.net. h.example.net. 1 2 3 4 600"],
            ttl: 0),
        Kept(
            testDescription: "NS records of a referral",
            authority: [
                "example.com. 900 IN NS ns.example.net."
            ], ttl: 0),
        Kept(
            testDescription: "SOA asked for", qname: "example.com", qtype: .soa, answers: [soa],
            kept: [0], ttl: 900),
        Kept(
            testDescription: "signatures for a client that did not ask for them",
            answers: [
                "www.example.com. 300 IN A 192.0.2.1",
                "www.example.com. 200 IN RRSIG A \(signature)",
            ],
            authority: ["www.example.com. 100 IN NSEC z.example.com. A RRSIG"], kept: [0], ttl: 300),
        Kept(
            testDescription: "signatures for one who did", dnssecOK: true,
            answers: [
                "www.example.com. 300 IN A 192.0.2.1",
                "www.example.com. 200 IN RRSIG A \(signature)",
            ], kept: [0, 1], ttl: 200),
        Kept(
            testDescription: "signatures asked for by type", qtype: .rrsig,
            answers: ["www.example.com. 200 IN RRSIG A \(signature)"], kept: [0], ttl: 200),
        Kept(
            testDescription: "the signature of a DNAME", dnssecOK: true,
            answers: [
                "example.com. 300 IN DNAME example.net.",
                "example.com. 300 IN RRSIG DNAME \(signature)",
                "example.com. 300 IN RRSIG TXT \(signature)",
                "www.example.com. 300 IN CNAME www.example.net.",
                "www.example.net. 60 IN A 192.0.2.1",
            ], kept: [0, 1, 3, 4], chain: ["www.example.net", "example.net"], ttl: 60),
        Kept(
            testDescription: "proofs of a negative answer", dnssecOK: true, flags: 0x8183,
            authority: [
                soa, "example.com. 900 IN RRSIG SOA \(signature)",
                "a.example.com. 600 IN NSEC z.example.com. A RRSIG",
                "a.example.com. 600 IN RRSIG NSEC \(signature)",
                "example.com. 5 IN NS ns.example.com.", "example.com. 5 IN RRSIG NS \(signature)",
            ], keptAuthority: [0, 1, 2, 3], ttl: 600),
        Kept(
            testDescription: "the proof of a wildcard", dnssecOK: true,
            answers: ["www.example.com. 300 IN A 192.0.2.1"],
            authority: [
                "a.example.com. 100 IN NSEC z.example.com. A RRSIG",
                "a.example.com. 100 IN RRSIG NSEC \(signature)", soa,
                "example.com. 5 IN RRSIG SOA \(signature)",
            ], kept: [0], keptAuthority: [0, 1], ttl: 100),
        Kept(
            testDescription: "SVCB and the like pass through", qtype: .https,
            answers: [
                "www.example.com. 300 IN HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1"
            ], kept: [0], ttl: 300),
        Kept(
            testDescription: "a type that nobody knows", qtype: RecordType(65280),
            answers: ["www.example.com. 300 IN TYPE65280 \\# 4 C00C0102"], kept: [0], ttl: 300),
        Kept(
            testDescription: "the root", qname: ".", qtype: .ns,
            answers: [". 518400 IN NS a.example.net."], kept: [0], ttl: 86400),
    ]

    @Test(arguments: cases) func keeps(_ row: Kept) throws {
        let packet = try Packet.answer(
            row.qname, row.qtype, row.answers, authority: row.authority,
            additional: row.additional, flags: row.flags)
        let upstream = try SecondOpinion(packet.octets)
        let distilled = Distilled(packet.octets, row.qname, row.qtype, dnssecOK: row.dnssecOK)
        #expect(distilled.outcome == .answer)
        #expect(try distilled.chain() == row.chain)
        #expect(try distilled.withView { $0.ttlSeconds } == row.ttl)
        #expect(try distilled.withView { $0.rcode.rawValue } == row.flags & 15)

        let client = Packet.query(row.qname, row.qtype, opt: opt(dnssecOK: row.dnssecOK))
        let given = try SecondOpinion(distilled.write(for: client).octets)
        #expect(given.answerTexts == row.kept.map { upstream.answerTexts[$0] })
        #expect(given.authorityTexts == row.keptAuthority.map { upstream.authorityTexts[$0] })
        #expect(given.lines.count == row.kept.count + row.keptAuthority.count)
        #expect(given.hasOPT)
    }

    /// A TTL with the top bit set means 0 (RFC 2181 section 8); a day is the most.
    @Test(arguments: [
        (0, 0), (1, 1), (86399, 86399), (86400, 86400), (86401, 86400), (0x7FFF_FFFF, 86400),
        (0x8000_0000, 0), (0xFFFF_FFFF, 0),
    ])
    func ttlLimits(_ row: (given: Int, kept: Int)) throws {
        let owner = wireName("www.example.com")
        let packet = Packet(
            flags: 0x8180, questions: [question(owner)],
            answers: [record(owner, .a, [192, 0, 2, 1], ttl: UInt32(row.given))])
        let distilled = Distilled(packet.octets, "www.example.com")
        #expect(try distilled.withView { $0.ttlSeconds } == UInt32(row.kept))
        let written = try distilled.write(for: .query("www.example.com"))
        #expect(written.least == UInt32(row.kept))
        #expect(try SecondOpinion(written.octets).lines.first?.ttlSeconds == UInt32(row.kept))
    }

    static func chain(hops: Int, loop: Bool = false) throws -> Packet {
        func name(_ hop: Int) -> String { hop == 0 ? "www.example.com" : "h\(hop).example.net" }
        var answers = (0..<hops).map { "\(name($0)). 60 IN CNAME \(name($0 + 1))." }
        answers.append(
            loop
                ? "\(name(hops)). 60 IN CNAME \(name(hops / 2))."
                : "\(name(hops)). 60 IN A 192.0.2.1")
        return try .answer("www.example.com", .a, answers.reversed())
    }

    @Test(arguments: [1, 2, 15, 16]) func longChains(_ hops: Int) throws {
        let distilled = Distilled(try Self.chain(hops: hops).octets, "www.example.com")
        #expect(try distilled.chain().count == hops)
        let written = try distilled.write(for: .query("www.example.com"))
        #expect(try SecondOpinion(written.octets).lines.count == hops + 1)
    }

    @Test func chainsThatAreTooLong() throws {
        for hops in [17, 18, 40] {
            let message = try Self.chain(hops: hops).octets
            #expect(Distilled(message, "www.example.com").outcome == .malformed)
        }
    }

    @Test(arguments: 0...15) func loops(_ hops: Int) throws {
        let message = try Self.chain(hops: hops, loop: true).octets
        #expect(Distilled(message, "www.example.com").outcome == .malformed)
    }

    @Test(arguments: [(2047, true), (2048, true), (2049, false), (4000, false)])
    func manyRecords(_ row: (count: Int, isFine: Bool)) throws {
        let answers = (0..<row.count).map { number in
            record(pointer(12), .a, [10] + big16(number) + [1])
        }
        let packet = Packet(
            flags: 0x8180, questions: [question(wireName("www.example.com"))], answers: answers)
        let distilled = Distilled(packet.octets, "www.example.com")
        guard row.isFine else {
            #expect(distilled.outcome == .malformed)
            return
        }
        let written = try distilled.write(for: .query("www.example.com"))
        #expect(!written.isTruncated)
        #expect(try SecondOpinion(written.octets).lines.count == row.count)
    }

    /// One distiller reads many messages; nothing of one is left in the next.
    @Test func usedAgain() throws {
        let distiller = AnswerDistiller()
        let long = try Self.chain(hops: 16).octets
        let short = try Packet.answer(
            "www.example.com", .a, ["www.example.com. 300 IN A 192.0.2.1"]
        ).octets
        let fresh = try Distilled(short, "www.example.com").write(for: .query("www.example.com"))
        for message in [long, [], Array(long.prefix(300)), short] {
            _ = Distilled(message, "www.example.com", by: distiller)
            let again = Distilled(short, "www.example.com", by: distiller)
            #expect(try again.write(for: .query("www.example.com")).octets == fresh.octets)
            #expect(try again.chain().isEmpty)
        }
    }
}
