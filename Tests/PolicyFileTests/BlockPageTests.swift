import DNSWire
import PolicyEngine
import PolicyFile
import Testing

/// `block-page:` and the rules that answer with it.
@Suite struct BlockPageTests {
    private func read(_ text: String) throws -> ConfigurationLoad {
        let folder = try TemporaryFolder()
        return loadConfiguration(at: try folder.write(text, to: "bellgate.yaml"))
    }

    @Test func itSaysWhereAndWhatClientsAreTold() throws {
        let one = try #require(
            try read("block-page: { listen: \"127.0.80.1:80\" }\n").configuration?.blockPage)
        #expect(one.listen.map(\.description) == ["127.0.80.1:80"])
        #expect(one.addresses.map(\.description) == ["127.0.80.1"])
        #expect(one.reportsToAlerts)
        let several = try read(
            """
            alerts: { command: [/bin/true] }
            block-page:
              listen: ["0.0.0.0:80", "[::]:80"]
              address: [10.0.0.54, "2001:db8::54"]
              report-to-alerts: false
            """)
        let page = try #require(several.configuration?.blockPage, "\(several.diagnostics)")
        #expect(several.diagnostics.isEmpty)
        #expect(page.addresses.map(\.description) == ["10.0.0.54", "2001:db8::54"])
        #expect(!page.reportsToAlerts)
        // Of a wildcard and an address, the address is told.
        let mixed = try read("block-page: { listen: [\"[::]:80\", 10.0.0.54] }\n")
        #expect(mixed.configuration?.blockPage?.addresses.map(\.description) == ["10.0.0.54"])
    }

    @Test(arguments: [
        ("block-page: { address: [10.0.0.54] }", "1:13", "has no \"listen\"", "write listen:"),
        ("block-page: { listen: \"0.0.0.0:80\" }", "1:23", "wildcard", "write address:"),
        ("block-page: { listen: nowhere }", "1:23", "no address with a port", "127.0.0.1:5300"),
        (
            "block-page: { listen: 10.0.0.54, address: [0.0.0.0] }", "1:44", "nobody can come",
            "address of this server"
        ),
        (
            "block-page: { listen: 10.0.0.54, report-to-alerts: true }", "1:52", "is told",
            "write alerts:"
        ),
        (
            "block-page: { listen: 10.0.0.54, adress: [10.0.0.54] }", "1:34", "no key",
            "did you mean \"address\"?"
        ),
        (
            "block-page: { listen: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5] }", "1:23",
            "more than 4", "leave some out"
        ),
    ])
    func mistakesAreFound(_ row: (text: String, place: String, what: String, cure: String)) throws {
        let load = try read(row.text + "\n")
        #expect(load.configuration == nil)
        let found = try #require(load.diagnostics.first { $0.severity == .error })
        #expect("\(found.line):\(found.column)" == row.place)
        #expect(found.message.contains(row.what) && found.hint.contains(row.cure), "\(found)")
    }

    @Test func anotherPortIsWarnedOf() throws {
        #expect(try read("block-page: { listen: \"127.0.80.1:8080\" }\n").diagnostics.isEmpty)
        let load = try read("block-page: { listen: \"10.0.0.54:8080\" }\n")
        #expect(load.configuration != nil)
        #expect(load.diagnostics.map(\.severity) == [.warning])
        #expect(load.diagnostics.first?.message.contains("port 80") == true)
    }

    private static let policy =
        header + """
            groups: { learner: { networks: [10.20.0.0/16] } }
            unknown-devices: learner
            rules:
              - { id: games, block: [games.example.net], answer: page, reason: Later. }
              - { id: open, allow: [open.example.net], reason: Open. }
            default: allow
            """

    /// Without a page such a rule would send people to nobody.
    @Test func aRuleThatAnswersWithAPageNeedsOne() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy, to: "policy.yaml")
        let refused = loadPolicy(at: path, now: monday, hasBlockPage: false)
        #expect(refused.loaded == nil)
        let found = try #require(refused.diagnostics.first)
        #expect(found.line == 8 && found.severity == .error)
        #expect(found.message.contains("\"games\"") && found.hint.contains("block-page:"))
        #expect(loadPolicy(at: path, now: monday, hasBlockPage: true).loaded != nil)
        // By itself the policy cannot know.
        let alone = loadPolicy(at: path, now: monday)
        #expect(alone.loaded?.policy.rules.first?.answer == .page)
        #expect(alone.diagnostics.isEmpty)
    }
}
