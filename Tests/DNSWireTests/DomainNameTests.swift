import DNSWire
import Dice
import LDNSBridge
import Testing

@Suite struct DomainNameTests {
    struct Spelling: Sendable, CustomTestStringConvertible {
        var text: String
        var wire: [UInt8]
        var canonical: String
        var testDescription: String { text }
    }

    static let spellings = [
        Spelling(text: ".", wire: [0], canonical: "."),
        Spelling(text: "com", wire: [3] + "com".utf8 + [0], canonical: "com"),
        Spelling(
            text: "WWW.Example.COM.", wire: wireName("www.example.com"),
            canonical: "www.example.com"),
        Spelling(
            text: "_dns._udp.example.com", wire: wireName("_dns._udp.example.com"),
            canonical: "_dns._udp.example.com"),
        Spelling(
            text: "-a-.example.net", wire: wireName("-a-.example.net"), canonical: "-a-.example.net"
        ),
        Spelling(
            text: #"a\.b.example.com"#, wire: [3, 0x61, 0x2E, 0x62] + wireName("example.com"),
            canonical: #"a\.b.example.com"#),
        Spelling(text: #"a\046b"#, wire: [3, 0x61, 0x2E, 0x62, 0], canonical: #"a\.b"#),
        Spelling(text: #"\065\090"#, wire: [2, 0x61, 0x7A, 0], canonical: "az"),
        Spelling(text: #"\\"#, wire: [1, 0x5C, 0], canonical: #"\\"#),
        Spelling(text: #"\000\255\032"#, wire: [3, 0, 255, 32, 0], canonical: #"\000\255\032"#),
        Spelling(text: #"\a.\B"#, wire: wireName("a.b"), canonical: "a.b"),
        Spelling(
            text: #"*.example.org"#, wire: wireName("*.example.org"), canonical: "*.example.org"),
        Spelling(text: #"\ x"#, wire: [2, 32, 0x78, 0], canonical: #"\032x"#),
    ]

    @Test(arguments: spellings) func reads(_ row: Spelling) throws {
        let name = try DomainName(parsing: row.text)
        #expect(name.wire == row.wire)
        #expect(name.description == row.canonical)
        #expect(try DomainName(parsing: row.canonical) == name)
        #expect(DomainName(wire: row.wire) == name)
    }

    static let refusals: [(String, NameError)] = [
        ("", .emptyLabel), ("..", .emptyLabel), (".com", .emptyLabel), ("a..b", .emptyLabel),
        ("a.b..", .emptyLabel), (#"a\"#, .badEscape), (#"a\25"#, .badEscape),
        (#"a\256"#, .badEscape), (#"a\999"#, .badEscape), (#"a\2x5"#, .badEscape),
        ("a b", .unusableCharacter), ("a\tb", .unusableCharacter), ("a\u{0}", .unusableCharacter),
        ("é.example.com", .unusableCharacter), ("a\u{7F}", .unusableCharacter),
        (String(repeating: "a", count: 64), .labelTooLong),
        (String(repeating: #"\097"#, count: 64) + ".com", .labelTooLong),
        (String(repeating: "a.", count: 128), .nameTooLong),
    ]

    @Test(arguments: refusals) func refuses(_ row: (String, NameError)) {
        #expect(throws: row.1) { try DomainName(parsing: row.0) }
    }

    @Test func limits() throws {
        let label = String(repeating: "a", count: 63)
        #expect(try DomainName(parsing: label).wire.count == 65)
        // 3 × 64 + 62 + 1 = 255
        let longest = [label, label, label, String(label.prefix(61))].joined(separator: ".")
        #expect(try DomainName(parsing: longest).wire.count == 255)
        #expect(try DomainName(parsing: longest + ".").wire.count == 255)
        #expect(throws: NameError.nameTooLong) { try DomainName(parsing: longest + "a") }
        #expect(try DomainName(parsing: String(repeating: "a.", count: 127)).labelCount == 127)
    }

    @Test(
        arguments: [
            [], [0, 0], [1], [1, 0x61], [1, 0x61, 0, 0], [64] + [UInt8](repeating: 0x61, count: 65),
            [0xC0, 0x0C], [1, 0x61, 0xC0, 0x0C], [0x41, 0x61, 0], [2, 0x61, 0],
        ] as [[UInt8]])
    func notOneWholeName(_ octets: [UInt8]) { #expect(DomainName(wire: octets) == nil) }

    @Test func parts() throws {
        let name = try DomainName(parsing: "a.bc.example.com")
        #expect(name.labelCount == 4)
        #expect(name.labelOffsets == [0, 2, 5, 13])
        #expect(name.parent?.description == "bc.example.com")
        #expect(DomainName.root.parent == nil)
        #expect(try DomainName(parsing: "com").parent == .root)
        for (count, text) in [(0, "."), (1, "com"), (2, "example.com"), (4, "a.bc.example.com")] {
            #expect(name.suffix(labels: count).description == text)
        }
        #expect(name.suffix(labels: 9) == name)
        #expect(name.suffix(labels: -1) == .root)
    }

    static let ancestry: [(String, String, Bool)] = [
        ("example.com", "example.com", true), ("a.example.com", "example.com", true),
        ("example.com", "a.example.com", false), ("anexample.com", "example.com", false),
        ("example.com", ".", true), (".", ".", true), (".", "com", false),
        // The octets of `\003com` end with those of `com`, but no label begins there.
        (#"x\003com"#, "com", false),
    ]

    @Test(arguments: ancestry) func isUnder(_ row: (String, String, Bool)) throws {
        let name = try DomainName(parsing: row.0)
        let other = try DomainName(parsing: row.1)
        #expect(name.isEqualOrUnder(other) == row.2)
    }

    @Test func presentationOfAnything() {
        #expect(DomainName.presentation(of: []) == ".")
        #expect(DomainName.presentation(of: [3, 0x61]) == "a")
        #expect(DomainName.presentation(of: [1, 0x61, 0xC0, 0]) == "a")
    }

    /// Any octets at all in the labels come back through text, and mean the same to ldns.
    @Test func randomRoundTrips() throws {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            var wire: [UInt8] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let length = UInt8.random(in: 1...40, using: &random)
                wire.append(length)
                for _ in 0..<length { wire.append(.random(in: 0...255, using: &random)) }
            }
            let name = try #require(DomainName(wire: wire + [0]))
            #expect(try DomainName(parsing: name.description) == name)
            let theirs = try rdataText(name.wire, type: .ptr)
            #expect(try DomainName(parsing: theirs) == name)
            #expect(theirs == ldnsEscapes(name.description) + ".")
            #expect(name.wire.allSatisfy { !(0x41...0x5A).contains($0) })
        }
    }

    @Test func order() throws {
        let names = try ["b", "a.b", "a", "."].map { try DomainName(parsing: $0) }
        #expect(names.sorted().first == .root)
        #expect(!(names[0] < names[0]))
        #expect(Set(names).count == 4)
    }
}

@Suite struct CodeTests {
    @Test(arguments: [
        ("A", 1), ("aaaa", 28), ("Https", 65), ("TYPE65", 65), ("type65280", 65280), ("TYPE0", 0),
        ("ANY", 255), ("SVCB", 64), ("CAA", 257), ("TYPE65535", 65535),
    ])
    func types(_ row: (String, Int)) {
        #expect(RecordType(parsing: row.0)?.rawValue == UInt16(row.1))
    }

    @Test(arguments: [
        "", "TYPE", "TYPE65536", "TYPE-1", "TYPE+65", "TYPE 65", "TYPE1x", "AAAAA", "65",
    ])
    func notTypes(_ text: String) { #expect(RecordType(parsing: text) == nil) }

    @Test func everyTypeReadsBack() {
        for number in 0...UInt16.max {
            #expect(RecordType(parsing: "\(RecordType(number))") == RecordType(number))
        }
    }

    @Test func responseCodes() {
        #expect("\(ResponseCode.nxDomain)" == "NXDOMAIN")
        #expect("\(ResponseCode.badVers)" == "BADVERS")
        #expect("\(ResponseCode(rawValue: 77))" == "RCODE77")
    }
}
