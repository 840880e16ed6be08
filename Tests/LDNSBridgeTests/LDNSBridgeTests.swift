import DNSWire
import LDNSBridge
import Testing

@Suite struct IDNTests {
    @Test(arguments: [
        ("example.com", "example.com"),
        ("WWW.Example.COM.", "www.example.com."),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("-start.example.com", "-start.example.com"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.example", "xn--mller-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("belgië.example", "xn--belgi-rsa.example"),
        ("한국.example", "xn--3e0b707e.example"),
        ("www。한국。example", "www.xn--3e0b707e.example"),
        ("_x.müller.example", "_x.xn--mller-kva.example"),
        ("", ""),
    ])
    func ascii(_ text: String, _ expected: String) {
        #expect(idnToASCII(text) == expected)
    }

    @Test(arguments: [
        "a…b.example", "\u{200D}.example", "a\0b", "ü\0.example", "a\u{2044}b.example",
    ])
    func noASCIIForm(_ text: String) {
        #expect(idnToASCII(text) == nil)
    }

    @Test(arguments: [
        ("www.xn--mller-kva.example", "www.müller.example"),
        ("xn--3e0b707e.example.", "한국.example."),
        ("xn--\u{61}\u{61}\u{61}99999999.example", "xn--aaa99999999.example"),
        ("plain.example", "plain.example"),
    ])
    func unicode(_ text: String, _ expected: String) {
        #expect(idnToUnicode(text) == expected)
    }
}

@Suite struct DigestTests {
    /// The vectors of FIPS 180-4 and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func vectors(_ text: String, _ expected: String) {
        #expect(hexadecimal(sha256(Array(text.utf8))) == expected)
    }

    @Test func millionOctets() {
        let digest = sha256([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
        #expect(
            hexadecimal(digest)
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
}

@Suite struct MessageTests {
    /// A query for www.example.com A, identity 0x1234, recursion desired.
    static let query: [UInt8] =
        [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3] + Array("www".utf8) + [7]
        + Array("example".utf8) + [3] + Array("com".utf8) + [0, 0, 1, 0, 1]

    @Test func printsAQuery() throws {
        let text = try messageText(Self.query)
        #expect(text.contains("id: 4660"))
        #expect(text.contains("www.example.com."))
        #expect(messageProblem(Self.query) == nil)
    }

    @Test func refusesEveryPrefix() {
        for count in 0..<Self.query.count {
            #expect(messageProblem(Array(Self.query.prefix(count))) != nil, "\(count) octets")
        }
    }
}

@Suite struct RecordTests {
    @Test func textToWire() throws {
        let wire = try recordWire("www.example.com. 300 IN A 192.0.2.1")
        let expected: [UInt8] =
            [3] + Array("www".utf8) + [7] + Array("example".utf8) + [3] + Array("com".utf8)
            + [0, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1]
        #expect(wire == expected)
        #expect(try recordWire("www 300 IN A 192.0.2.1", origin: "example.com.") == expected)
    }

    @Test(arguments: ["", "www.example.com.", "x. IN A 1.2.3", "x. IN A 192.0.2.1\0", "$TTL 3"])
    func refusesText(_ text: String) {
        #expect(throws: LDNSError.self) { try recordWire(text) }
    }

    @Test(
        arguments: [
            ([192, 0, 2, 1], RecordType.a, "192.0.2.1"),
            ([0, 10, 1, 97, 0], .mx, "10 a."),
            ([3, 97, 32, 98], .txt, "\"a b\""),
        ] as [([UInt8], RecordType, String)])
    func dataToText(_ rdata: [UInt8], _ type: RecordType, _ expected: String) throws {
        #expect(try rdataText(rdata, type: type) == expected)
    }

    @Test func refusesData() {
        #expect(throws: LDNSError.self) { try rdataText([192, 0, 2], type: .a) }
        #expect(throws: LDNSError.self) { try rdataText([0, 10, 63, 97], type: .mx) }
    }
}
