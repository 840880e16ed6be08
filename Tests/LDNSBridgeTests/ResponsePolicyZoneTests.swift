import LDNSBridge
import Testing

@Suite struct ResponsePolicyZoneTests {
    private func read(_ text: String) -> [RPZLine] { readRPZ(Array(text.utf8)) }

    @Test func readsAZone() {
        let lines = read(
            """
            ; a comment
            $TTL 300
            $ORIGIN rpz.example.net.
            @ SOA localhost. hostmaster.localhost. (
                  1   ; serial
                  2 3 4 5 )
              NS localhost.
            nx.example.com      CNAME .            ; NXDOMAIN
            nodata.example.com  IN CNAME *.
            Drop.Example.com    60 IN CNAME rpz-drop.
            *.under.example.com CNAME .
            free.example.com    CNAME rpz-passthru.
            own.example.com     CNAME own.example.com.
            data.example.com    A 0.0.0.0
                                AAAA ::
            absolute.example.com.rpz.example.net. CNAME .
            $ORIGIN example.org.rpz.example.net.
            www                 CNAME .
            """)
        #expect(
            lines == [
                RPZLine(line: 8, owner: "nx.example.com", action: .block),
                RPZLine(line: 9, owner: "nodata.example.com", action: .block),
                RPZLine(line: 10, owner: "drop.example.com", action: .block),
                RPZLine(line: 11, owner: "*.under.example.com", action: .block),
                RPZLine(line: 12, owner: "free.example.com", action: .passthrough),
                RPZLine(line: 13, owner: "own.example.com", action: .passthrough),
                RPZLine(line: 14, owner: "data.example.com", action: .block),
                RPZLine(line: 15, owner: "data.example.com", action: .block),
                RPZLine(line: 16, owner: "absolute.example.com", action: .block),
                RPZLine(line: 18, owner: "www.example.org", action: .block),
            ])
    }

    @Test func withoutOriginTheOwnersAreTheNames() {
        let lines = read("\u{FEFF}@ SOA a. b. 1 2 3 4 5\r\n NS a.\r\nwww.example.com CNAME .\r\n")
        #expect(lines == [RPZLine(line: 3, owner: "www.example.com", action: .block)])
    }

    /// Lines of the plainest form are read without ldns; a pair of parentheses sends the same line
    /// to ldns, which must come to the same.
    @Test(arguments: [
        "", "$ORIGIN rpz.example.net.\n", "@ SOA a. b. 1 2 3 4 5\n",
        "$ORIGIN rpz.example.net.\n$ORIGIN sub\n",
        "$ORIGIN rpz.example.net.\n@ SOA a. b. 1 2 3 4 5\n$ORIGIN org.\n",
        "$ORIGIN \(String(repeating: "long.", count: 40))\n",
    ])
    func plainLinesAreReadAsByLDNS(_ head: String) {
        let label = String(repeating: "k", count: 63)
        let owners = [
            "a", "*.a", "www.Example.COM", "_x.-y.example", "1.2.3.4", "*", "*.", "a.", "a..b",
            ".a", "x.rpz-ip", "rpz-x", "x.rpz-ips.y", label, "k\(label)", "a.*.b", "a*b", "b@c",
            "\(label).\(label).\(label).\(label)", "a\\.b", "CNAME", "IN", "60", "A",
            "\(label).\(label)", "*.\(label)",
        ]
        let targets = [
            ".", "*.", "rpz-drop.", "rpz-passthru.", "rpz-passthru", "rpz-drop.x", "..", "*.x",
            "rpz-tcp-only.", "*", "host.example.",
        ]
        var plain = head
        var inParentheses = head
        for owner in owners {
            for target in targets {
                plain += "\(owner) CNAME \(target)\n A 192.0.2.1\n"
                inParentheses += "\(owner) ( CNAME \(target) )\n A 192.0.2.1\n"
            }
        }
        let lines = read(plain)
        #expect(lines.count > 100)
        for (one, other) in zip(lines, read(inParentheses)) where one != other {
            Issue.record("\(one) but by ldns \(other)")
        }
        #expect(lines.count == read(inParentheses).count)
    }

    @Test func unicodeOwners() {
        let lines = read("müller.example CNAME .")
        #expect(lines == [RPZLine(line: 1, owner: "xn--mller-kva.example", action: .block)])
    }

    @Test(arguments: [
        "32.1.2.0.192.rpz-ip CNAME .",
        "32.1.2.0.192.rpz-client-ip CNAME .",
        "ns.example.com.rpz-nsdname CNAME .",
        "32.1.2.0.192.rpz-nsip CNAME .",
        "x.example.com CNAME rpz-tcp-only.",
        "x.example.com CNAME rpz-passthru",
        "x.example.com CNAME",
        "x.example.com BOGUS .",
        "x..example.com CNAME .",
        "x.example.com A 1.2.3",
        "x.example.com CNAME ( .",
        "@ A 192.0.2.1",
        "outside.example.org. CNAME .",
        "$INCLUDE other",
        "$ORIGIN",
        "   \"",
    ])
    func oneBadLineLosesNothingElse(_ bad: String) throws {
        let lines = read(
            """
            $ORIGIN zone.example.
            before CNAME .
            \(bad)
            after.example.com CNAME .
            """)
        try #require(lines.count == 3)
        #expect(lines[0] == RPZLine(line: 2, owner: "before", action: .block))
        #expect(lines[1].line == 3)
        if case .unusable(let reason) = lines[1].action {
            #expect(!reason.isEmpty)
        } else {
            Issue.record("\(bad) was read as \(lines[1].action)")
        }
        #expect(lines[2] == RPZLine(line: 4, owner: "after.example.com", action: .block))
    }

    @Test func aBadOwnerIsNotInherited() {
        let lines = read("good CNAME .\nbad..owner A 192.0.2.1\n  A 192.0.2.2\nnext CNAME .\n")
        #expect(lines.map(\.line) == [1, 2, 3, 4])
        #expect(lines.filter { $0.action == .block }.map(\.owner) == ["good", "next"])
    }

    @Test(arguments: [1, 2, 5]) func linesAreHandedOnWhileTheyAreWanted(wanted: Int) {
        var lines: [String] = []
        readRPZ(Array("A CNAME rpz-passthru.\nb CNAME\n$ORIGIN o.\nC CNAME .\n".utf8)) {
            line, owner, isPassthrough, problem in
            let name = unsafe owner.withUnsafeBufferPointer {
                unsafe String(decoding: $0, as: UTF8.self)
            }
            lines.append("\(line) \(name) \(isPassthrough) \(problem == nil)")
            return lines.count < wanted
        }
        let all = ["1 A true true", "2 b false false", "4 C false true"]
        #expect(lines == Array(all.prefix(wanted)))
    }

    /// An owner that was taken as it stood is the next line's, in whatever zone that line is.
    @Test func aPlainOwnerIsInherited() {
        let lines = read(
            "$ORIGIN rpz.example.\n@ SOA a. b. 1 2 3 4 5\nWWW.one CNAME .\n  A 192.0.2.1\n"
                + "two CNAME .\n$ORIGIN sub.rpz.example.\n  A 192.0.2.2\nthree CNAME .\n"
                + "  A 192.0.2.3\n")
        #expect(
            lines.map(\.owner) == [
                "www.one", "www.one", "two", "two", "three.sub", "three.sub",
            ])
        #expect(lines.allSatisfy { $0.action == .block })
    }
}
