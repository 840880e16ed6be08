import DomainLists
import Testing

/// What one line covers: `e` the name itself, `b` the names below it, `-` nothing.
@Suite struct LineTests {
    struct Line: CustomTestStringConvertible {
        var format: ListFormat
        var text: String
        var name: String
        var reach: String
        var isUnusable = false

        init(_ format: ListFormat, _ text: String, _ name: String, _ reach: String) {
            (self.format, self.text, self.name, self.reach) = (format, text, name, reach)
        }

        /// A line that is refused.
        init(_ format: ListFormat, refused text: String, _ name: String = "example.com") {
            (self.format, self.text, self.name, self.reach) = (format, text, name, "-")
            isUnusable = true
        }

        var testDescription: String { "\(format) \(text)" }
    }

    private static let label63 = String(repeating: "a", count: 63)

    static let hosts = [
        Line(.hosts, "0.0.0.0 example.com", "example.com", "e"),
        Line(.hosts, "127.0.0.1\texample.com", "example.com", "e"),
        Line(.hosts, "  ::1   example.com  ", "example.com", "e"),
        Line(.hosts, ":: EXAMPLE.com.", "example.com", "e"),
        Line(.hosts, "fe80::1%lo0 example.com", "example.com", "e"),
        Line(.hosts, "203.0.113.9 example.com", "example.com", "e"),
        Line(.hosts, "0.0.0.0 a.example b.example # c.example", "b.example", "e"),
        Line(.hosts, "0.0.0.0 a.example b.example # c.example", "c.example", "-"),
        Line(.hosts, "0.0.0.0 example.com#comment", "example.com", "e"),
        Line(.hosts, "0.0.0.0 example.com  #[other]", "example.com", "e"),
        Line(.hosts, "example.com", "example.com", "e"),
        Line(.hosts, "127.0.0.1 localhost", "localhost", "-"),
        Line(.hosts, "127.0.0.1 localhost.localdomain", "localhost.localdomain", "-"),
        Line(.hosts, "255.255.255.255 broadcasthost", "broadcasthost", "-"),
        Line(.hosts, "::1 ip6-localhost ip6-loopback", "ip6-loopback", "-"),
        Line(.hosts, "127.0.0.1 local", "local", "-"),
        Line(.hosts, "0.0.0.0 0.0.0.0", "example.com", "-"),
        Line(.hosts, "# 0.0.0.0 example.com", "example.com", "-"),
        Line(.hosts, "! comment", "example.com", "-"),
        Line(.hosts, "; comment", "example.com", "-"),
        Line(.hosts, "0.0.0.0 müller.example", "xn--mller-kva.example", "e"),
        Line(.hosts, refused: "0.0.0.0"),
        Line(.hosts, refused: "192.0.2.1 # example.com"),
        Line(.hosts, refused: "203.0.113.9 198.51.100.7"),
        Line(.hosts, refused: "invalidIP example.com"),
        Line(.hosts, refused: "1.2.3.4.5 example.com"),
        Line(.hosts, refused: "1.2.3.256 example.com"),
        Line(.hosts, refused: "0.0.0.0 exa*mple.com"),
        Line(.hosts, refused: "0.0.0.0 exa\u{7}mple.com"),
    ]

    static let domains = [
        Line(.domains, "example.com", "example.com", "eb"),
        Line(.domains, "example.com.", "example.com", "eb"),
        Line(.domains, "Example.COM # why", "example.com", "eb"),
        Line(.domains, "example.com ; why", "example.com", "eb"),
        Line(.domains, "example.com#why", "example.com", "eb"),
        Line(.domains, "\u{FEFF}example.com", "example.com", "eb"),
        Line(.domains, "=example.com", "example.com", "e"),
        Line(.domains, "*.example.com", "example.com", "eb"),
        Line(.domains, ".example.com", "example.com", "eb"),
        Line(.domains, "_dmarc.example.com", "_dmarc.example.com", "eb"),
        Line(.domains, "-start.example.com", "-start.example.com", "eb"),
        Line(.domains, "müller.example", "xn--mller-kva.example", "eb"),
        Line(.domains, "xn--mller-kva.example", "xn--mller-kva.example", "eb"),
        Line(.domains, "한국.example", "xn--3e0b707e.example", "eb"),
        Line(.domains, "zip", "zip", "eb"),
        Line(.domains, "1.2.3.4.example", "1.2.3.4.example", "eb"),
        Line(.domains, "1-2.3.4.5", "1-2.3.4.5", "eb"),
        Line(.domains, "_728x90.", "localhost", "-"),
        Line(.domains, "\(label63).example", "\(label63).example", "eb"),
        Line(.wildcard, "*.example.com", "example.com", "eb"),
        Line(.wildcard, "example.com", "example.com", "eb"),
        Line(.domains, "! comment", "example.com", "-"),
        Line(.domains, "; comment", "example.com", "-"),
        Line(.domains, refused: "\(label63)a.example"),
        Line(.domains, refused: "203.0.113.9"),
        Line(.domains, refused: "0.0.0.0 example.com"),
        Line(.domains, refused: "example..com"),
        Line(.domains, refused: "."),
        Line(.domains, refused: "*"),
        Line(.domains, refused: "*."),
        Line(.domains, refused: "="),
        Line(.domains, refused: "example.*"),
        Line(.domains, refused: "*.example.*"),
        Line(.domains, refused: "a.*.example.com"),
        Line(.domains, refused: "http://example.com/"),
        Line(.domains, refused: "example.com other.example"),
        Line(.domains, refused: "a\u{2026}b.example"),
        Line(.domains, refused: String(repeating: "a.", count: 127) + "bb"),
    ]

    static let adblock = [
        Line(.adblock, "||example.com^", "example.com", "eb"),
        Line(.adblock, "||EXAMPLE.com^", "example.com", "eb"),
        Line(.adblock, "||example.com", "example.com", "eb"),
        Line(.adblock, "||example.com|", "example.com", "eb"),
        Line(.adblock, "||example.com^|", "example.com", "eb"),
        Line(.adblock, "||example.com/", "example.com", "eb"),
        Line(.adblock, "||example.com/*", "example.com", "eb"),
        Line(.adblock, "||example.com^$all", "example.com", "eb"),
        Line(.adblock, "||example.com^$important", "example.com", "eb"),
        Line(.adblock, "||müller.example^", "xn--mller-kva.example", "eb"),
        Line(.adblock, "|example.com^", "example.com", "e"),
        Line(.adblock, "|example.com|", "example.com", "e"),
        Line(.adblock, "://example.com", "example.com", "e"),
        Line(.adblock, "://example.com^", "example.com", "e"),
        Line(.adblock, "||*.example.com^", "example.com", "b"),
        Line(.adblock, "*.example.com^", "example.com", "b"),
        Line(.adblock, "*.example.com", "example.com", "b"),
        Line(.adblock, ".example.com^", "example.com", "b"),
        Line(.adblock, "example.com", "example.com", "e"),
        Line(.adblock, "0.0.0.0 example.com # why", "example.com", "e"),
        Line(.adblock, "127.0.0.1 localhost", "localhost", "-"),
        Line(.adblock, "[Adblock Plus 2.0]", "example.com", "-"),
        Line(.adblock, "! comment", "example.com", "-"),
        Line(.adblock, "# comment", "example.com", "-"),
        Line(.adblock, "## Heading", "example.com", "-"),
        Line(.adblock, "#############", "example.com", "-"),
        Line(.adblock, "@@||example.com^", "example.com", "-"),
        Line(.adblock, "||example.com^$badfilter", "example.com", "-"),
        Line(.adblock, refused: "example.com##.ad"),
        Line(.adblock, refused: "##.ad"),
        Line(.adblock, refused: "example.com#@#.ad"),
        Line(.adblock, refused: "example.com#?#.ad"),
        Line(.adblock, refused: "example.com#$#.ad { }"),
        Line(.adblock, refused: "example.com$$script"),
        Line(.adblock, refused: "/exam[p]le/"),
        Line(.adblock, refused: "/?/"),
        Line(.adblock, refused: "@@/exam[p]le/"),
        Line(.adblock, refused: "/banner.gif"),
        Line(.adblock, refused: "||example.com/banner.gif"),
        Line(.adblock, refused: "||example.com:8080^"),
        Line(.adblock, refused: "||example.com^path"),
        Line(.adblock, refused: "||exam*ple.com^"),
        Line(.adblock, refused: "||example.*^"),
        Line(.adblock, refused: "||*^"),
        Line(.adblock, refused: "||^"),
        Line(.adblock, refused: "||"),
        Line(.adblock, refused: "@@"),
        Line(.adblock, refused: "example.com^"),
        Line(.adblock, refused: "-banner-" + "/"),
        Line(.adblock, refused: "||203.0.113.9^"),
        Line(.adblock, refused: "|https://example.com^"),
        Line(.adblock, refused: "||example.com^$third-party"),
        Line(.adblock, refused: "||example.com^$dnstype=A"),
        Line(.adblock, refused: "||example.com^$client=192.0.2.1"),
        Line(.adblock, refused: "||example.com^$ctag=pc"),
        Line(.adblock, refused: "||example.com^$dnsrewrite=192.0.2.1"),
        Line(.adblock, refused: "||example.com^$denyallow=a.example"),
        Line(.adblock, refused: "||example.com^$important,dnsrewrite=192.0.2.1"),
        Line(.adblock, refused: "||example.com^$"),
        Line(.adblock, refused: "||example.com^$important,"),
    ]

    static let dnsmasq = [
        Line(.dnsmasq, "address=/example.com/0.0.0.0", "example.com", "eb"),
        Line(.dnsmasq, "address=/example.com/", "example.com", "eb"),
        Line(.dnsmasq, "address=/example.com/#", "example.com", "eb"),
        Line(.dnsmasq, "address=/example.com/203.0.113.9", "example.com", "eb"),
        Line(.dnsmasq, "address=/a.example/b.example/0.0.0.0", "a.example", "eb"),
        Line(.dnsmasq, "address=/a.example/b.example/0.0.0.0", "b.example", "eb"),
        Line(.dnsmasq, "address=/.example.com/::", "example.com", "eb"),
        Line(.dnsmasq, "server=/example.com/", "example.com", "eb"),
        Line(.dnsmasq, "local=/example.com/", "example.com", "eb"),
        Line(.dnsmasq, "local=/example.com/ # why", "example.com", "eb"),
        Line(.dnsmasq, "# address=/example.com/", "example.com", "-"),
        Line(.dnsmasq, "server=/example.com/#", "example.com", "-"),
        Line(.dnsmasq, refused: "server=/example.com/9.9.9.9"),
        Line(.dnsmasq, refused: "address=/#/0.0.0.0"),
        Line(.dnsmasq, refused: "address=//0.0.0.0"),
        Line(.dnsmasq, refused: "address=/"),
        Line(.dnsmasq, refused: "address=/example.com"),
        Line(.dnsmasq, refused: "conf-file=/etc/x"),
        Line(.dnsmasq, refused: "example.com"),
    ]

    static let zones = [
        Line(.rpz, "example.com CNAME .", "example.com", "e"),
        Line(.rpz, "*.example.com CNAME .", "example.com", "b"),
        Line(.rpz, "example.com CNAME *.", "example.com", "e"),
        Line(.rpz, "example.com A 0.0.0.0", "example.com", "e"),
        Line(.rpz, "example.com CNAME rpz-passthru.", "example.com", "-"),
        Line(.rpz, "; example.com CNAME .", "example.com", "-"),
        Line(.rpz, refused: "* CNAME ."),
        Line(.rpz, refused: "32.9.113.0.203.rpz-ip CNAME ."),
        Line(.rpz, refused: "example.com CNAME"),
    ]

    @Test(arguments: [hosts, domains, adblock, dnsmasq, zones].flatMap { $0 })
    func covers(_ line: Line) throws {
        let list = OneList("\(line.text)\n", line.format)
        #expect(try list.reach(line.name) == line.reach)
        #expect(list.summary.unusableCount == (line.isUnusable ? 1 : 0))
        #expect(list.summary.unusable.first?.line == (line.isUnusable ? 1 : nil))
        #expect(list.summary.unusable.first?.reason.isEmpty != true)
    }

    /// One bad line, in the midst of good ones and whatever the line ends are.
    @Test(arguments: [hosts, domains, adblock, dnsmasq, zones].flatMap { $0 }, ["\n", "\r\n"])
    func neverLosesTheOthers(_ line: Line, _ newline: String) throws {
        let good = Self.goodLine(line.format)
        let text = [good("first.test"), line.text, "", good("last.test")]
            .joined(separator: newline)
        let list = OneList(text, line.format)
        #expect(try list.covers("first.test"))
        #expect(try list.covers("last.test"))
        #expect(list.summary.unusable.first?.line == (line.isUnusable ? 2 : nil))
    }

    private static func goodLine(_ format: ListFormat) -> (String) -> String {
        switch format {
        case .hosts: { "0.0.0.0 \($0)" }
        case .domains: { $0 }
        case .wildcard: { "*.\($0)" }
        case .adblock: { "||\($0)^" }
        case .dnsmasq: { "local=/\($0)/" }
        case .rpz: { "\($0) CNAME ." }
        }
    }

    @Test(arguments: [
        (ListFormat.hosts, "0.0.0.0 example.com", Coverage.subtree, "eb"),
        (.domains, "example.com", .exact, "e"),
        (.wildcard, "*.example.com", .exact, "e"),
        (.domains, "=example.com", .subtree, "e"),
        (.adblock, "||example.com^", .exact, "e"),
        (.dnsmasq, "local=/example.com/", .exact, "e"),
        (.rpz, "*.example.com CNAME .", .subtree, "eb"),
        (.rpz, "example.com CNAME .", .subtree, "eb"),
    ])
    func matchOverrides(_ format: ListFormat, _ text: String, _ match: Coverage, _ reach: String)
        throws
    {
        #expect(try OneList(text, format, match: match).reach("example.com") == reach)
    }
}
