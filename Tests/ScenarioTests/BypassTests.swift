import Foundation
import Testing

/// Ways round the filter, closed by one switch, before a real name server.
@Suite(.scenario) struct BypassTests {
    private static func policy(_ rest: String = "") -> String {
        policyHead + """
            calendar: { terms: [2026-09-01 to 2099-12-18] }
            groups:
              learner: { networks: [127.0.20.0/24] }
              staff: { networks: [127.0.30.0/24] }
              open: { networks: [127.0.40.0/24] }
              media: { networks: [127.0.50.0/24] }
            devices:
              - { name: media-pc, address: 127.0.20.9, group: learner }
            unknown-devices: refuse
            lists: { services: { catalogue: \(packageFolder)/blocklists/services } }
            bypass: { block-for: [learner, media], strip-ech: true }
            exceptions:
              - id: privacy-lesson
                devices: [media-pc]
                allow: [nordvpn.com]
                until: 2026-12-01
                reason: A lesson on privacy.
                approved-by: dsl
            rules:
              - { id: never, for: [learner, staff], block: [never.example.com], reason: Never. }
              - { id: vpn-for-all, allow: [bypass], reason: By accident. }

            """ + rest
    }

    /// SvcPriority 1, TargetName `.`: alpn h2, port 8443, ipv4hint, ech, ipv6hint.
    private static let keyed =
        "0001 00 0001 0003 026832 0003 0002 20fb 0004 0004 c0000201 0005 0006 0004fe0d0000 "
        + "0006 0010 20010db8000000000000000000000001"
    private static let unkeyed: [UInt8] =
        [0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32, 0, 3, 0, 2, 0x20, 0xFB]

    private static func generic(_ type: Int, _ hexadecimal: String) -> String {
        let octets = hexadecimal.filter { $0 != " " }
        return "TYPE\(type) \\# \(octets.count / 2) \(octets)"
    }

    private static func hexadecimal(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func nameServer() throws -> NameServer {
        let never = Self.hexadecimal(Wire.name("cdn.never.example.com"))
        return try NameServer([
            "example.com": """
            www \(Self.generic(65, Self.keyed))
            www 60 A 192.0.2.1
            svc \(Self.generic(64, Self.keyed))
            alias CNAME www
            alias-mode \(Self.generic(65, "0000" + never))
            service-mode \(Self.generic(65, "0001" + never + "0005 0002 0001"))
            old DNAME never.example.com.
            *.never A 192.0.2.66
            broken \(Self.generic(65, "0001 00 0005 0001 00 0001 0003 026832"))
            """,
            "icloud.com": "mask A 192.0.2.2\nmask-h2 A 192.0.2.3\n",
            "use-application-dns.net": "@ A 192.0.2.4\n",
            "nordvpn.com": "@ A 192.0.2.5\nwww A 192.0.2.5\n", "torproject.org": "@ A 192.0.2.6\n",
        ])
    }

    private func server(_ upstream: NameServer, _ rest: String = "") throws -> TestServer {
        try TestServer(
            Self.policy(rest), upstreams: ["127.0.0.1:\(upstream.port)"],
            at: "2026-11-18 09:30:00")
    }

    /// The cache has what the other group was given first, whichever that was.
    @Test(arguments: [["127.0.30.1", "127.0.20.1"], ["127.0.20.1", "127.0.30.1"]])
    func keysAndHintsGoToThoseAloneWhoAreNotBlockedByName(_ clients: [String]) throws {
        let upstream = try nameServer()
        let server = try server(upstream)
        for _ in 0..<2 {
            for client in clients {
                for (name, type) in [
                    ("www.example.com", RR.https), ("alias.example.com", RR.https),
                    ("svc.example.com", 64),
                ] {
                    let answer = try server.ask(name, type, from: client)
                    let data = try #require(answer.answers.last { $0.type == type }?.data)
                    if client == "127.0.30.1" {
                        #expect(Self.hexadecimal(data) == Self.keyed.filter { $0 != " " })
                    } else {
                        #expect(data == Self.unkeyed, "\(name)")
                    }
                }
            }
        }
        // What cannot be read is no way round either.
        #expect(try server.ask("broken.example.com", RR.https, from: "127.0.20.1").answers.isEmpty)
        #expect(
            try server.ask("broken.example.com", RR.https, from: "127.0.30.1").answers.count == 1)
        // As another program sees it.
        let dig = try Run(
            "dig",
            [
                "@127.0.0.1", "-p", "\(server.port)", "-b", "127.0.20.1", "www.example.com",
                "TYPE65", "+short",
            ])
        #expect(dig.status == 0 && !dig.output.isEmpty)
        #expect(!dig.output.contains("ech") && !dig.output.contains("hint"))
        #expect(!dig.output.lowercased().contains("fe0d"))
    }

    @Test func stripEchFalseLeavesThemIn() throws {
        let upstream = try nameServer()
        let server = try TestServer(
            Self.policy().replacing("strip-ech: true", with: "strip-ech: false"),
            upstreams: ["127.0.0.1:\(upstream.port)"], at: "2026-11-18 09:30:00")
        let answer = try server.ask("www.example.com", RR.https, from: "127.0.20.1")
        #expect(
            Self.hexadecimal(answer.answers.first?.data ?? [])
                == Self.keyed.filter { $0 != " " })
    }

    /// An HTTPS record, alias or not, and a DNAME lead where a CNAME would.
    @Test(arguments: [
        ("alias-mode.example.com", RR.https, "cdn.never.example.com"),
        ("service-mode.example.com", RR.https, "cdn.never.example.com"),
        ("x.old.example.com", RR.a, "x.never.example.com"),
        ("old.example.com", 39, "never.example.com"),
    ])
    func whatLeadsToABlockedNameIsBlocked(_ row: (name: String, type: UInt16, via: String)) throws {
        let upstream = try nameServer()
        let server = try server(upstream)
        #expect(try server.ask(row.name, row.type, from: "127.0.40.1").answers.isEmpty == false)
        for client in ["127.0.30.1", "127.0.20.1"] {
            let answer = try server.ask(row.name, row.type, from: client)
            #expect(answer.rcode == 3 && answer.answers.isEmpty)
            #expect(answer.extendedError?.text.contains("Never.") == true)
        }
        let blocked = try server.rows(of: row.name).filter { $0["verdict"] as? String == "block" }
        #expect(blocked.count == 2)
        #expect(blocked.allSatisfy { $0["via"] as? String == row.via })
        #expect(blocked.allSatisfy { $0["rule"] as? String == "never" })
    }

    /// Firefox and Safari ask these by themselves; the answer is never an address, nor silence.
    @Test func signalsAreAnsweredWithNo() throws {
        let upstream = try nameServer()
        let server = try server(
            upstream,
            "  - { id: closed, for: [open], block: everything, answer: zero, reason: Closed. }\n"
                + "  - { id: shut, for: [staff], block: [signals], answer: refused, reason: Shut. }\n"
                + "categories: { signals: [mask-h2.icloud.com] }\n")
        let names = ["use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com"]
        for name in names {
            for type in [RR.a, RR.aaaa, RR.https, RR.txt] {
                // The switch; and a rule of another group that would answer with 0.0.0.0.
                for client in ["127.0.20.1", "127.0.40.1"] {
                    let answer = try server.ask(name, type, from: client)
                    #expect(answer.rcode == 3 && answer.answers.isEmpty, "\(name) \(type)")
                }
            }
        }
        #expect(try server.ask("other.example.com", from: "127.0.40.1").addresses == ["0.0.0.0"])
        #expect(try server.ask("mask-h2.icloud.com", from: "127.0.30.1").rcode == 3)
        // For whom it is not switched on these are names as any others.
        #expect(try server.ask("mask.icloud.com", from: "127.0.30.1").addresses == ["192.0.2.2"])
        let canary = try server.ask("use-application-dns.net", from: "127.0.30.1")
        #expect(canary.addresses == ["192.0.2.4"])
        // What speaks about this very server is never asked elsewhere.
        for client in ["127.0.20.1", "127.0.30.1"] {
            let answer = try server.ask("_dns.resolver.arpa", 64, from: client)
            #expect([0, 3].contains(answer.rcode) && answer.answers.isEmpty)
            #expect(answer.authorities.first?.type == RR.soa)
        }
    }

    @Test func attemptsAreConcernsAndSignalsAreNot() throws {
        let upstream = try nameServer()
        let server = try server(upstream)
        for name in ["nordvpn.com", "www.nordvpn.com", "dns.google", "torproject.org"] {
            let answer = try server.ask(name, from: "127.0.20.1")
            #expect(answer.rcode == 3, "\(name)")
            #expect(answer.extendedError?.text.contains("Ways round the filter") == true)
        }
        // An exception opens one name for one device.
        #expect(try server.ask("www.nordvpn.com", from: "127.0.20.9").addresses == ["192.0.2.5"])
        #expect(try server.ask("torproject.org", from: "127.0.20.9").rcode == 3)
        #expect(try server.ask("torproject.org", from: "127.0.30.1").addresses == ["192.0.2.6"])
        #expect(try server.ask("mask.icloud.com", from: "127.0.20.1").rcode == 3)
        #expect(
            try server.rows(["--rule", "bypass"]).map { $0["concern"] as? String }
                == [String](repeating: "medium", count: 5))
        #expect(
            try server.rows(["--rule", "bypass-signals"]).map { $0["concern"] as? String } == [nil])
        let explained = try server.run(
            ["explain", "nordvpn.com", "--client", "127.0.20.1", "--json"])
        #expect(explained.json["rule"] as? String == "bypass")
        let https = ["explain", "www.example.com", "--type", "HTTPS", "--client"]
        #expect(try server.run(https + ["127.0.20.1"]).output.contains("without ECH keys"))
        #expect(try !server.run(https + ["127.0.30.1"]).output.contains("without ECH keys"))

        // A policy without the switch would have let the attempts through.
        try server.folder.write(
            Self.policy().replacing(
                "bypass: { block-for: [learner, media], strip-ech: true }", with: ""),
            to: "new.yaml")
        let replay = try server.run([
            "replay", "--with", "new.yaml", "--since", "2026-11-18T00:00:00Z", "--until",
            "2026-11-19T00:00:00Z",
        ])
        #expect(replay.output.contains("5  block by bypass          ->  allow by vpn-for-all"))

        let report = try server.run(
            ["report", "--week", "2026-W47", "--group", "learner", "--format", "json"])
        let found = try #require(report.json["bypass"] as? [String: Any])
        let list = try #require(found["list"] as? [[String: Any]])
        let attempts = list.filter { $0["isAutomatic"] as? Bool == false }
        #expect(
            Set(attempts.compactMap { $0["service"] as? String })
                == ["vpn-providers", "public-encrypted-dns", "tor"])
        #expect(
            list.filter { $0["isAutomatic"] as? Bool == true }
                .compactMap { $0["service"] as? String } == ["icloud-private-relay"])
        let concerns = try #require(report.json["concerns"] as? [String: Any])
        let devices = try #require(concerns["list"] as? [[String: Any]])
        #expect(devices.count == 2)
        #expect(devices.allSatisfy { $0["rule"] as? String == "bypass" })
        #expect(devices.allSatisfy { $0["severity"] as? String == "medium" })
    }
}
