import Foundation
import Testing

/// The rules of `deploy/firewall` between a client, a router with the built binary, and an internet:
/// real network namespaces. `Tests/Support/Firewall/network` builds them and tries everything.
@Suite(.scenario) struct FirewallTests {
    @Test func devicesAreKeptWithBellgate() throws {
        let run = try Run(
            "\(packageFolder)/Tests/Support/Firewall/network",
            [try Program.bellgate(), packageFolder], patience: 240)
        if run.status == 77 {
            print("FirewallTests: \(run.output)")
            return
        }
        #expect(run.status == 0, "\(run.errors)")
        var found: [String: String] = [:]
        for line in run.lines {
            guard let colon = line.range(of: ": ") ?? line.range(of: ":") else { continue }
            found[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
        }
        for (name, result) in Self.expected {
            #expect(found[name] == result, "\(name); \(run.output) \(run.errors)")
        }
    }

    private static let expected: [(String, String)] = {
        let questions = ["udp 53", "tcp 53", "ipv6 udp 53", "ipv6 tcp 53"]
        let resolvers = ["203.0.113.53", "2001:db8:113::53"]
        let secret = ["203.0.113.80", "2001:db8:113::80"]
        let sites = ["203.0.113.90", "2001:db8:113::90"]
        func knocks(_ state: String, _ port: Int, _ addresses: [String], _ result: String)
            -> [(String, String)]
        {
            ["tcp", "udp"].flatMap { kind in
                addresses.map { ("\(state) \(kind) \(port) at \($0)", result) }
            }
        }
        // Without the rules everything is open: only so does it say something that it is not later.
        var expected = ["without", "removed"].flatMap { state in
            questions.map { ("\(state) \($0)", "internet") } + knocks(state, 853, resolvers, "open")
                + knocks(state, 443, secret + sites, "open")
        }
        for (state, answers) in [("redirecting", "bellgate"), ("refusing", "nobody")] {
            expected += questions.map { ("\(state) \($0)", answers) }
            expected += knocks(state, 853, resolvers, "refused")
            expected += knocks(state, 443, secret, "refused") + knocks(state, 443, sites, "open")
        }
        for state in ["without", "redirecting", "refusing", "removed"] {
            expected.append(("\(state) bellgate itself", "bellgate"))
            expected.append(("\(state) upstream", "203.0.113.90"))
        }
        return expected + [
            ("check", "0"), ("load", "0"), ("again", "same"), ("addresses again", "same"),
            ("addresses, none", "1 2"), ("a person on the router", "refused"),
            ("the system on the router", "203.0.113.90"),
            // Who asks is known also where the question was led here.
            ("bellgate saw", "\"client\":\"10.1.0.2\" \"client\":\"fd01::2\" "),
            ("left after removal", "tableinetothers"),
        ]
    }()
}
