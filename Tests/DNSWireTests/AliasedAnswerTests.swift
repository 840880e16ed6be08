import DNSWire
import LDNSBridge
import Testing

/// What a kept answer looks like to a client that asked for another name.
@Suite struct AliasedAnswerTests {
    /// Whatever upstreams send: behind the alias stand the very records of the answer itself.
    @Test(arguments: ["a.example", "www.example.org", "search.a-long-label.example.net"])
    func theRecordsAreTheSame(asked: String) throws {
        var answers = RandomAnswers(21)
        var withPointers = 0
        for number in 0..<1500 {
            let (octets, qtype) = answers.next()
            let dnssecOK = number.isMultiple(of: 2)
            let distilled = Distilled(octets, "www.example.com", qtype, dnssecOK: dnssecOK)
            guard distilled.outcome == .answer else { continue }
            let option = opt(dnssecOK: dnssecOK)
            let own = try distilled.write(
                for: .query("www.example.com", qtype, opt: option), age: 7, limit: 90)
            let written = try distilled.write(
                behindAliasTo: "www.example.com", for: .query(asked, qtype, opt: option), age: 7,
                limit: 90)
            let lines = try SecondOpinion(written.octets).lines
            let expected = try SecondOpinion(own.octets).lines
            let alias = try #require(lines.first)
            #expect(alias.owner == asked + "." && alias.ttlSeconds == 90)
            #expect(alias.rest == "in cname www.example.com.")
            #expect(Array(lines.dropFirst()) == expected, "\(octets)")
            #expect(written.flags & 15 == own.flags & 15)
            if expected.count > 2 { withPointers += 1 }
        }
        #expect(withPointers > 100)
    }

    @Test(arguments: [
        (0, 300, UInt32.max, [300, 60], 60), (10, 300, .max, [300, 50], 50),
        (0, 30, .max, [30, 60], 30), (0, 300, 20, [20, 20], 20), (0, 300, 0, [0, 0], 0),
        (100, 300, .max, [300, 0], 0),
    ])
    func ttls(
        _ row: (age: UInt32, alias: UInt32, limit: UInt32, ttls: [UInt32], least: UInt32)
    ) throws {
        let distilled = try AnswerWriteTests.distilled(["www.example.com. 60 IN A 192.0.2.1"])
        let written = try distilled.write(
            behindAliasTo: "www.example.com", aliasTTL: row.alias, for: .query("a.example.org"),
            age: row.age, limit: row.limit)
        #expect(try SecondOpinion(written.octets).lines.map(\.ttlSeconds) == row.ttls)
        #expect(written.least == row.least)
    }

    /// Nobody vouches for the alias, whatever was vouched for behind it.
    @Test func neverAuthentic() throws {
        let distilled = try AnswerWriteTests.distilled(
            ["www.example.com. 60 IN A 192.0.2.1"], flags: 0x81A0)
        let query = Packet.query("a.example.org", opt: opt(dnssecOK: true), flags: 0x0120)
        let own = try distilled.write(
            for: .query("www.example.com", opt: opt(dnssecOK: true), flags: 0x0120))
        #expect(own.flags & Query.authenticDataFlag != 0)
        let written = try distilled.write(behindAliasTo: "www.example.com", for: query)
        #expect(written.flags & Query.authenticDataFlag == 0)
    }

    /// Where it does not fit it is cut whole, at every size.
    @Test func truncation() throws {
        let distilled = try AnswerWriteTests.distilled(
            (1...9).map { "www.example.com. 60 IN A 192.0.2.\($0)" })
        let query = Packet.query("a.example.org", opt: opt())
        let whole = try distilled.write(behindAliasTo: "www.example.com", for: query).octets.count
        for capacity in 60...whole + 2 {
            let written = try distilled.write(
                behindAliasTo: "www.example.com", for: query, capacity: capacity)
            #expect(written.isTruncated == (capacity < whole), "\(capacity)")
            #expect(try SecondOpinion(written.octets).lines.count == (capacity < whole ? 0 : 10))
        }
    }

    /// A pointer that would lead past what 14 bits can say makes no message at all.
    @Test func pointersThatHaveNoRoom() throws {
        // The last name is written near offset 16383, and the one behind it points there.
        let filler = (0..<63).map { _ in
            "www.example.com. 60 IN TXT \"\(String(repeating: "x", count: 230))\""
        }
        for spare in [0, 120, 230] {
            let records =
                filler + [
                    "www.example.com. 60 IN TXT \"\(String(repeating: "y", count: spare))\"",
                    "www.example.com. 60 IN RRSIG TXT \(DistillerTests.signature)",
                ]
            let distilled = try AnswerWriteTests.distilled(records, .txt, dnssecOK: true)
            let own = try distilled.write(for: .query("www.example.com", .txt, opt: opt()))
            let written = try distilled.write(
                behindAliasTo: "www.example.com", for: .query("a.example.org", .txt, opt: opt()))
            if written.isTruncated { continue }
            #expect(
                try SecondOpinion(written.octets).lines.dropFirst().map(\.description)
                    == SecondOpinion(own.octets).lines.map(\.description))
        }
    }
}
