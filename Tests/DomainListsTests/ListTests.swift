import DNSWire
import DomainLists
import Testing

/// Lists as wholes: what their lines say together, what is counted, what format they are in.
@Suite struct ListTests {
    @Test(arguments: [
        ("@@||www.example.com^\n||example.com^", "www.example.com", false),
        ("@@||www.example.com^\n||example.com^", "x.www.example.com", false),
        ("@@||www.example.com^\n||example.com^", "example.com", true),
        // However specific the block.
        ("@@||example.com^\n||www.example.com^", "www.example.com", false),
        ("@@||example.com^\n0.0.0.0 example.com", "example.com", false),
        ("@@|example.com^\n||example.com^", "example.com", false),
        ("@@|example.com^\n||example.com^", "www.example.com", true),
        ("@@||*.example.com^\n||example.com^", "www.example.com", false),
        ("@@||*.example.com^\n||example.com^", "example.com", true),
        // Important beats exceptions, and an important exception beats that.
        ("@@||example.com^\n||example.com^$important", "example.com", true),
        ("@@||example.com^\n||www.example.com^$important", "www.example.com", true),
        ("@@||example.com^$important\n||example.com^$important", "example.com", false),
        // A rule that is switched off, and one that is not quite it.
        ("||example.com^\n||example.com^$badfilter", "example.com", false),
        ("||example.com^$important\n||example.com^$badfilter", "example.com", true),
        ("||example.com^$important\n||example.com^$badfilter,important", "example.com", false),
        ("@@||example.com^\n@@||example.com^$badfilter\n||example.com^", "example.com", true),
        ("||other.example^$badfilter\n||example.com^", "example.com", true),
        // A modifier that cannot be honoured takes its line away, not its neighbours.
        ("||example.com^$client=192.0.2.1\n||example.com^", "example.com", true),
        ("@@||example.com^$client=192.0.2.1\n||example.com^", "example.com", true),
    ])
    func adblock(_ text: String, _ name: String, _ isCovered: Bool) throws {
        #expect(try OneList(text, .adblock).covers(name) == isCovered)
        #expect(try OneList(text).covers(name) == isCovered, "format guessed")
    }

    @Test(arguments: [
        ("ok.example.com CNAME rpz-passthru.\n*.example.com CNAME .", "ok.example.com", false),
        ("ok.example.com CNAME rpz-passthru.\n*.example.com CNAME .", "x.ok.example.com", true),
        ("*.ok.example.com CNAME rpz-passthru.\n*.example.com CNAME .", "x.ok.example.com", false),
        // In such a zone, unlike adblock, the longest name decides.
        ("*.example.com CNAME rpz-passthru.\nbad.example.com CNAME .", "bad.example.com", true),
    ])
    func zones(_ text: String, _ name: String, _ isCovered: Bool) throws {
        #expect(try OneList(text, .rpz).covers(name) == isCovered)
    }

    @Test func dnsmasqUsualServersAreAnException() throws {
        let list = OneList("address=/example.com/\nserver=/ok.example.com/#\n", .dnsmasq)
        #expect(try !list.covers("ok.example.com"))
        #expect(try !list.covers("x.ok.example.com"))
        #expect(try list.covers("example.com"))
        #expect(list.summary.exceptions == 1)
    }

    @Test func counts() {
        let list = OneList(
            """
            ||example.com^
            ||EXAMPLE.com^
            ||www.example.com^
            |www.example.com^
            @@||ok.example.com^
            @@||ok.example.com^
            ||example.com^$third-party
            /regex/
            """)
        let summary = list.summary
        #expect(summary.format == .adblock)
        #expect(summary.formatWasGuessed)
        #expect(summary.names == 2)
        #expect(summary.duplicates == 3)
        #expect(summary.exceptions == 1)
        #expect(summary.unusableCount == 2)
        #expect(summary.unusable.map(\.line) == [7, 8])
        #expect(summary.unusable.map(\.text) == ["||example.com^$third-party", "/regex/"])
        #expect(list.index.nameCount == 2)
    }

    /// A reason may quote the line: it must not fill a report, nor speak to a terminal.
    @Test func aReasonIsShortAndPlain() throws {
        let long = String(repeating: "x", count: 1_000_000)
        let list = OneList("||example.com^$\(long)\n||example.com^$\u{1B}[2Jgone\n", .adblock)
        let reasons = list.summary.unusable.map(\.reason)
        #expect(reasons.count == 2)
        #expect(reasons.allSatisfy { $0.count <= 120 })
        #expect(reasons[1].hasSuffix("$\u{FFFD}[2Jgone"))
    }

    @Test func keepsAHundredUnusableLinesAndCountsAll() {
        let bad = String(repeating: "x", count: 300) + "?"
        let list = OneList(String(repeating: bad + "\n", count: 250) + "example.com", .domains)
        #expect(list.summary.unusableCount == 250)
        #expect(list.summary.unusable.count == ListSummary.maximumUnusableKept)
        #expect(list.summary.unusable.map(\.line) == Array(1...100))
        #expect(list.summary.unusable.allSatisfy { $0.text == bad.prefix(120) })
        #expect(list.summary.names == 1)
    }

    @Test func emptyAndBinary() throws {
        for octets: [UInt8] in [[], [0x0A], [0xEF, 0xBB, 0xBF], [0xFF, 0, 0xFE, 0x0A, 0xC3]] {
            for format in ListFormat.allCases {
                let list = OneList(octets: octets, format)
                #expect(list.index.nameCount == 0)
                #expect(try !list.covers("example.com"))
            }
            #expect(OneList(octets: octets).index.sets == [.empty])
        }
    }

    @Test func anyOctetsLoad() {
        var random = SplitMix(seed: 11)
        let alphabet = Array("ab.|^@$/*=#!; \t\r\n\n\n0:.,-_%[]()\"\\\u{00FC}".utf8) + [0, 255]
        for _ in 0..<400 {
            let octets = (0..<200).map { _ in alphabet[random.below(alphabet.count)] }
            for format in ListFormat.allCases {
                let list = OneList(octets: octets, format)
                #expect(list.summary.unusableCount >= list.summary.unusable.count)
            }
            _ = OneList(octets: octets)
        }
    }

    @Test(arguments: [
        ("0.0.0.0 a.example\n0.0.0.0 b.example", ListFormat.hosts),
        ("# 0.0.0.0\n::1 localhost\n0.0.0.0 a.example", .hosts),
        ("a.example\nb.example", .domains),
        ("! title\na.example\n=b.example", .domains),
        ("invalidIP localhost\ngood.test", .domains),
        ("*.a.example\n*.b.example", .wildcard),
        ("||a.example^\n||b.example^", .adblock),
        ("@@||a.example^\n127.0.0.1 a.example", .adblock),
        ("[Adblock Plus]\na.example\nb.example", .adblock),
        ("://a.example", .adblock),
        ("address=/a.example/0.0.0.0", .dnsmasq),
        ("server=/a.example/\nlocal=/b.example/", .dnsmasq),
        ("$TTL 60\n@ SOA a. b. 1 2 3 4 5\na.example CNAME .", .rpz),
        ("a.example CNAME .\n*.a.example CNAME .", .rpz),
        ("", .domains),
    ])
    func guesses(_ text: String, _ format: ListFormat) {
        #expect(OneList(text).summary.format == format)
        #expect(
            OneList(text.split(separator: "\n").joined(separator: "\r\n")).summary.format == format)
        #expect(OneList(text).summary.formatWasGuessed)
    }

    @Test func strayLinesDoNotChangeTheGuess() {
        let names = (0..<100).map { "n\($0).example" }
        #expect(
            OneList((names + ["||x.example^"]).joined(separator: "\n")).summary.format == .domains)
        let hosts = names.map { "0.0.0.0 \($0)" } + ["192.0.2.1", "plain.example"]
        #expect(OneList(hosts.joined(separator: "\n")).summary.format == .hosts)
    }

    @Test func findsTheLineThatLists() throws {
        let text = Array("# c\n||a.example^\n@@||b.example^\n\n||b.example^\n||b.example^\n".utf8)
        func line(_ name: String) throws -> Int? {
            let name = try DomainName(parsing: name)
            // SAFETY: the array outlives the call.
            return unsafe text.withUnsafeBytes {
                unsafe findLine(of: name, in: $0, format: .adblock, helpers: helpers)
            }
        }
        #expect(try line("a.example") == 2)
        #expect(try line("b.example") == 5)
        #expect(try line("x.a.example") == nil)
        #expect(try line("example") == nil)
        let zone = Array("$TTL 1\nx CNAME .\n*.y CNAME .\n".utf8)
        // SAFETY: the array outlives the call.
        let found = unsafe try zone.withUnsafeBytes {
            unsafe findLine(
                of: try DomainName(parsing: "y"), in: $0, format: .rpz, helpers: helpers)
        }
        #expect(found == 3)
    }
}

/// A small generator of the same numbers for the same seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
