import DNSWire
import PolicyEngine
import Testing

@testable import PolicyFile

private let groups = "groups: { learner: { networks: [10.20.0.0/16] }, staff: {} }\n"

@Test func aDevicesAddressBeatsNetworks() throws {
    let load = try TemporaryFolder().load(
        header + groups + """
            devices:
              - { name: head-laptop, address: 10.20.4.7, kind: college, group: staff }
              - { name: twin, address: [10.20.4.8, "2001:db8::8"], group: staff }
            unknown-devices: refuse
            rules:
              - { id: chat, for: [staff], block: [chat.example.com], reason: R }
            tests:
              - { client: 10.20.4.7, at: 2026-11-23 10:00, ask: chat.example.com, expect: block, by: chat }
              - { client: "2001:db8::8", at: 2026-11-23 10:00, ask: chat.example.com, expect: block }
              - { client: 10.20.4.6, at: 2026-11-23 10:00, ask: chat.example.com, expect: allow }
            """)
    #expect(load.diagnostics.map(\.description) == [])
    let loaded = try #require(load.loaded)
    #expect(loaded.policy.devices.map(\.name) == ["head-laptop", "twin"])
    #expect(loaded.policy.devices.map(\.kind) == [.college, nil])
    #expect(load.counts.devices == 2)
    let name = try #require(domainName(typed: "chat.example.com"))
    let address = try #require(IPAddress("10.20.4.7"))
    let decision = loaded.decide(name, for: .client(address), at: monday)
    #expect(decision.device == "head-laptop")
    #expect(decision.group == "staff")
}

@Test(arguments: [
    Mistake(
        "no name", "\(groups)devices: [‸{ address: 10.0.0.1, group: staff }]\n",
        "the device has no \"name\""),
    Mistake(
        "no address", "\(groups)devices: [‸{ name: a, group: staff }]\n",
        "the device has no \"address\"", "write address: 10.30.4.7"),
    Mistake(
        "hardware address",
        "\(groups)devices: [{ name: a, mac: ‸\"02:00:5e:10:00\", group: staff }]\n",
        "\"02:00:5e:10:00\" is no hardware address", "write six octets"),
    Mistake(
        "everybody's hardware address",
        "\(groups)devices: [{ name: a, mac: ‸\"ff:ff:ff:ff:ff:ff\", group: staff }]\n",
        "ff:ff:ff:ff:ff:ff is the hardware address of no single card"),
    Mistake(
        "hardware address of two",
        "\(groups)devices:\n  - { name: a, mac: 02-00-5E-10-00-01, group: staff }\n"
            + "  - { name: b, mac: ‸0200.5e10.0001, group: staff }\n",
        "hardware address 02:00:5e:10:00:01 is that of device \"a\" (line 7) and of \"b\"",
        "give each device a hardware address of its own"),
    Mistake(
        "identity of two",
        "\(groups)devices:\n  - { name: a, identity: Alice, group: staff }\n"
            + "  - { name: b, identity: ‸alice, group: staff }\n",
        "identity alice is that of device \"a\" (line 7) and of \"b\""),
    Mistake(
        "identity in two groups",
        "groups: { learner: { identities: [\"*@kite.example\", bob] }, "
            + "staff: { identities: [‸Bob] } }\n",
        "identity bob is in two groups, \"learner\" (line 5) and \"staff\""),
    Mistake(
        "pattern in two groups",
        "groups: { learner: { identities: [\"*@kite.example\"] }, "
            + "staff: { identities: [‸\"*@KITE.example\"] } }\n",
        "identity *@kite.example is in two groups"),
    Mistake(
        "identity of a device and of another group",
        "groups: { learner: { identities: [‸alice] }, staff: {} }\n"
            + "devices: [{ name: a, identity: alice, group: staff }]\n",
        "identity alice is in two groups, \"staff\" (line 6) and \"learner\""),
    Mistake(
        "a device for many",
        "\(groups)devices: [{ name: a, identity: ‸\"*@kite.example\", group: staff }]\n",
        "stands for several people, and a device is one", "under identities: of a group"),
    Mistake(
        "a network", "\(groups)devices: [{ name: a, address: ‸10.0.0.0/8, group: staff }]\n",
        "is no address"),
    Mistake(
        "unknown group", "\(groups)devices: [{ name: a, address: 10.0.0.1, group: ‸staf }]\n",
        "there is no group \"staf\"", "did you mean \"staff\"?"),
    Mistake(
        "kind", "\(groups)devices: [{ name: a, address: 10.0.0.1, kind: ‸phne, group: staff }]\n",
        "is no value of \"kind\"", "did you mean \"phone\"?"),
    Mistake(
        "in two groups",
        "\(groups)devices:\n  - { name: a, address: 10.0.0.1, group: staff }\n"
            + "  - { name: ‸a, address: 10.0.0.2, group: learner }\n",
        "device \"a\" is in two groups, \"staff\" (line 7) and \"learner\""),
    Mistake(
        "given twice",
        "\(groups)devices:\n  - { name: a, address: 10.0.0.1, group: staff }\n"
            + "  - { name: ‸a, address: 10.0.0.2, group: staff }\n",
        "device \"a\" is there already, on line 7"),
    Mistake(
        "address of two",
        "\(groups)devices:\n  - { name: a, address: 10.0.0.1, group: staff }\n"
            + "  - { name: b, address: ‸10.0.0.1, group: staff }\n",
        "address 10.0.0.1 is that of device \"a\" (line 7) and of \"b\""),
    Mistake(
        "address twice",
        "\(groups)devices: [{ name: a, address: [10.0.0.1, ‸10.0.0.1], group: staff }]\n",
        "address 10.0.0.1 is given twice for device \"a\""),
])
func findsMistakesOfDevices(_ mistake: Mistake) throws { try findsMistake(mistake) }

@Suite struct IdentityPolicyTests {
    private static let policy =
        header + """
            groups:
              learner: { networks: [10.20.0.0/16], identities: ["*@kite.example"] }
              staff: { networks: [10.30.0.0/16], identities: ["*@staff.kite.example", "carol@kite.example"] }
              phone: {}
            devices:
              - { name: pc, mac: ["02:00:5e:10:00:01", 02-00-5E-10-00-02], kind: college, group: phone }
              - { name: cart, mac: "02:00:5e:10:00:03" }
              - { name: fixed, address: 10.20.0.9, group: staff }
              - { name: dan, identity: Dan@kite.example, group: staff }
            unknown-devices: refuse
            exceptions:
              - { id: pc-chat, devices: [pc], allow: [chat.example.com], until: 2027-01-01, reason: R, approved-by: dsl }
            rules:
              - { id: chat, block: [chat.example.com], reason: R }

            """

    /// Address, hardware address and identity, and what they come to: group, name, and the rule.
    @Test(
        arguments: [
            ("10.20.0.1", nil, nil, "learner", nil, "chat"),
            ("10.20.0.1", "02:00:5e:10:00:01", nil, "phone", "pc", "pc-chat"),
            ("2001:db8::1", "02:00:5e:10:00:02", nil, "phone", "pc", "pc-chat"),
            ("10.30.0.1", "02:00:5e:10:00:03", nil, "staff", "cart", "chat"),
            ("10.20.0.1", "02:00:5e:10:00:03", nil, "learner", "cart", "chat"),
            ("192.0.2.1", "02:00:5e:10:00:03", nil, nil, nil, nil),
            ("10.30.0.1", nil, "alice@kite.example", "learner", "alice@kite.example", "chat"),
            ("10.20.0.1", nil, "bob@staff.kite.example", "staff", "bob@staff.kite.example", "chat"),
            ("10.20.0.1", nil, "carol@kite.example", "staff", "carol@kite.example", "chat"),
            (
                "10.20.0.1", nil, "erin@elsewhere.example", "learner", "erin@elsewhere.example",
                "chat"
            ),
            ("10.20.0.1", nil, "dan@kite.example", "staff", "dan", "chat"),
            // A login beats the hardware address for the group, and what is about the device holds.
            (
                "10.20.0.1", "02:00:5e:10:00:01", "bob@staff.kite.example", "staff",
                "bob@staff.kite.example", "pc-chat"
            ),
            // A login that no group knows decides nothing.
            ("10.20.0.1", "02:00:5e:10:00:01", "erin@elsewhere.example", "phone", "pc", "pc-chat"),
            // A device's own address beats all.
            ("10.20.0.9", "02:00:5e:10:00:01", "alice@kite.example", "staff", "fixed", "pc-chat"),
        ] as [(String, String?, String?, String?, String?, String?)])
    func theMostSpecificKnowledgeDecides(
        _ client: String, _ hardware: String?, _ identity: String?, _ group: String?,
        _ device: String?, _ rule: String?
    ) throws {
        let load = try TemporaryFolder().load(Self.policy)
        #expect(load.diagnostics.map(\.description) == [])
        let loaded = try #require(load.loaded)
        let name = try #require(domainName(typed: "chat.example.com"))
        let decision = loaded.decide(
            name,
            for: .present(
                try #require(IPAddress(client)),
                Presence(hardware: hardware.flatMap { HardwareAddress($0) }, identity: identity)),
            at: monday)
        #expect(decision.group == group)
        #expect(decision.device == device)
        #expect(decision.rule == rule)
    }

    @Test func aPrivateAddressOfAPhoneIsWarnedOf() throws {
        let load = try TemporaryFolder().load(
            header + groups + """
                devices:
                  - { name: a, mac: "02:00:5e:10:00:01", kind: college, group: staff }
                  - { name: b, mac: "02:00:5e:10:00:02", kind: phone, group: staff }
                  - { name: c, mac: "00:00:5e:10:00:02", kind: phone, group: staff }
                """)
        let warnings = load.diagnostics.filter { $0.message.contains("private hardware address") }
        #expect(warnings.map(\.line) == [8])
    }

    @Test(arguments: [
        ("*@kite.example", "a@kite.example", true), ("*@kite.example", "@kite.example", true),
        ("*@kite.example", "a@kite.example.net", false), ("host/*", "host/pc.kite.example", true),
        ("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false), ("*", "anything", true),
        ("KITE\\*", "kite\\alice", true), ("alice", "alice", true), ("alice", "alice2", false),
    ])
    func aStarStandsForAnyLetters(_ pattern: String, _ identity: String, _ isMeant: Bool) {
        #expect(IdentityPattern(pattern).matches(identity) == isMeant)
    }

    @Test(arguments: [
        "02:00:5e:10:00:0A", "02-00-5E-10-00-0a", "0200.5e10.000a", "02005E10000a",
    ])
    func hardwareAddressesAreReadAsPeopleWriteThem(_ text: String) {
        #expect(HardwareAddress(text)?.description == "02:00:5e:10:00:0a")
    }

    @Test(arguments: [
        "", "02:00:5e:10:00", "02:00:5e:10:00:0g", "2:0:5e:10:0:1", "02:00-5e:10:00:01",
    ])
    func otherThingsAreNoHardwareAddress(_ text: String) {
        #expect(HardwareAddress(text) == nil)
    }
}
