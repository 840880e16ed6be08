import Dice
import Foundation
import Testing

/// Lists of every format decide through the real server, and `explain` points at their lines.
@Suite(.scenario) struct ListTests {
    private static let formats: [(format: String, text: String, line: Int, covers: Bool)] = [
        ("hosts", "# hosts\n0.0.0.0 bad.example.net\n", 2, false),
        ("domains", "; names\n\nbad.example.net\r\n", 3, true),
        ("wildcard", "*.bad.example.net\n", 1, true),
        (
            "adblock", "! title\n[Adblock Plus]\n||bad.example.net^\n@@||good.bad.example.net^\n",
            3, true
        ),
        ("dnsmasq", "# dnsmasq\naddress=/bad.example.net/#\n", 2, true),
        (
            "rpz",
            "$TTL 60\n@ SOA localhost. root.localhost. 1 1 1 1 1\n@ NS localhost.\n"
                + "bad.example.net CNAME .\n*.bad.example.net CNAME .\n", 4, true
        ),
    ]

    private static func policy(lists: String, block: String) -> String {
        policyHead + """
            groups:
              everyone: { networks: [127.0.0.0/8] }
            unknown-devices: everyone
            lists:
            \(lists)
            rules:
              - { id: listed, block: [\(block)], reason: It is on a list. }
            default: allow

            """
    }

    @Test(arguments: formats.indices) func everyFormatDecides(index: Int) throws {
        let (format, text, line, covers) = Self.formats[index]
        let fake = try FakeUpstream()
        let server = try TestServer(
            Self.policy(lists: "  feed: { file: feed.txt, format: \(format) }", block: "feed"),
            files: ["feed.txt": text], upstreams: ["127.0.0.1:\(fake.port)"])
        let expected: [(String, Bool)] = [
            ("BAD.example.net", true), ("sub.bad.example.net", covers),
            ("good.bad.example.net", covers && format != "adblock"), ("notbad.example.net", false),
            ("example.net", false),
        ]
        for (name, isBlocked) in expected {
            #expect(
                (try server.ask(name, from: "127.0.0.1").rcode == 3) == isBlocked,
                "\(name) by \(format)")
            let explained = try server.run(["explain", name, "--group", "everyone", "--json"]).json
            #expect(explained["verdict"] as? String == (isBlocked ? "block" : "allow"))
            guard isBlocked else { continue }
            #expect(explained["rule"] as? String == "listed")
            #expect(explained["list"] as? String == "feed")
            #expect((explained["listFile"] as? String)?.hasSuffix("feed.txt") == true)
            let isOther = format == "rpz" && !name.hasPrefix("BAD")
            #expect(
                explained["listLine"] as? Int == (isOther ? line + 1 : line), "\(name) \(format)")
            #expect((explained["matched"] as? String)?.hasSuffix("bad.example.net") == true)
        }
        let row = try #require(try server.rows(of: "bad.example.net").first)
        #expect(row["list"] as? String == "feed")
    }

    @Test func anUnusableLineIsShownAndSpoilsNothing() throws {
        let folder = try Folder()
        try folder.write(
            "good.example.net\n/(wrong/\nbad name\nalso-good.example.net\n", to: "feed.txt")
        try folder.write(
            Self.policy(lists: "  feed: { file: feed.txt, format: domains }", block: "feed"),
            to: "policy.yaml")
        let program = try Program.bellgate()
        let check = try Run(program, ["check", "--policy", "policy.yaml"], in: folder.path)
        #expect(check.status == 0)
        #expect(check.output.contains("2 unusable lines"))
        #expect(check.output.contains("feed.txt:2:"))
        let json = try Run(
            program, ["check", "--policy", "policy.yaml", "--json"], in: folder.path
        ).json
        let list = try #require((json["lists"] as? [[String: Any]])?.first)
        let lines = (list["unusable"] as? [[String: Any]] ?? []).compactMap { $0["line"] as? Int }
        #expect(lines == [2, 3])
        #expect(list["names"] as? Int == 2)
    }

    @Test func aMissingListIsAnErrorWithItsLine() throws {
        let folder = try Folder()
        let policy = Self.policy(
            lists: "  feed: { file: nowhere.txt, format: domains }", block: "feed")
        try folder.write(policy, to: "policy.yaml")
        let check = try Run(
            Program.bellgate(), ["check", "--policy", "policy.yaml"], in: folder.path)
        #expect(check.status == 1)
        let line = 1 + policy.components(separatedBy: "\n").prefix { !$0.contains("nowhere") }.count
        #expect(check.errors.contains("policy.yaml:\(line):"))
        #expect(check.errors.contains("nowhere.txt"))
    }

    @Test func internationalNamesMatchInBothForms() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(
            Self.policy(
                lists:
                    "  u: { file: u.txt, format: domains }\n  a: { file: a.txt, format: domains }",
                block: "u, a, bücher.example"),
            files: ["u.txt": "müller.example.net\n", "a.txt": "xn--strae-oqa.example.net\n"],
            upstreams: ["127.0.0.1:\(fake.port)"])
        for name in [
            "xn--mller-kva.example.net", "www.xn--strae-oqa.example.net", "xn--bcher-kva.example",
        ] {
            #expect(try server.ask(name, from: "127.0.0.1").rcode == 3, "\(name)")
        }
        for name in ["müller.example.net", "straße.example.net", "bücher.example"] {
            let run = try server.run(["explain", name, "--group", "everyone", "--json"])
            #expect(run.json["verdict"] as? String == "block", "\(name)")
        }
    }

    /// The same published list in four formats decides alike, but that hosts lines are exact.
    @Test func oneListInFourFormatsDecidesAlike() throws {
        guard realData("corpora/lists/formats/blp-tiktok.txt.xz") != nil else { return }
        var files: [String: String] = [:]
        for kind in ["", "-nl", "-ags", "-dnsmasq"] {
            let path = try #require(realData("corpora/lists/formats/blp-tiktok\(kind).txt.xz"))
            files["list\(kind).txt"] = try Run("xz", ["-dc", path]).output
        }
        let policy =
            policyHead + """
                groups:
                  hosts: { networks: [127.0.1.0/24] }
                  names: { networks: [127.0.2.0/24] }
                  adblock: { networks: [127.0.3.0/24] }
                  dnsmasq: { networks: [127.0.4.0/24] }
                unknown-devices: refuse
                lists:
                  hosts-list: { file: list.txt }
                  names-list: { file: list-nl.txt }
                  adblock-list: { file: list-ags.txt }
                  dnsmasq-list: { file: list-dnsmasq.txt }
                rules:
                  - { id: h, for: [hosts], block: [hosts-list], reason: Listed. }
                  - { id: n, for: [names], block: [names-list], reason: Listed. }
                  - { id: a, for: [adblock], block: [adblock-list], reason: Listed. }
                  - { id: d, for: [dnsmasq], block: [dnsmasq-list], reason: Listed. }
                default: allow

                """
        let listed = (files["list-nl.txt"] ?? "").split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        #expect(listed.count > 100)
        let fake = try FakeUpstream()
        let server = try TestServer(
            policy, files: files, upstreams: ["127.0.0.1:\(fake.port)"])
        var generator = SeededGenerator(seed: 11)
        for name in listed.shuffled(using: &generator).prefix(60) {
            for group in 1...4 {
                let answer = try server.ask(name, from: "127.0.\(group).7")
                #expect(answer.rcode == 3, "\(name), group \(group)")
                let below = try server.ask("some-other.\(name)", from: "127.0.\(group).7")
                #expect((below.rcode == 3) == (group > 1), "under \(name), group \(group)")
            }
        }
        for name in ["example.com", "www.example.org"] {
            for group in 1...4 {
                #expect(try server.ask(name, from: "127.0.\(group).7").rcode == 0)
            }
        }
    }
}
