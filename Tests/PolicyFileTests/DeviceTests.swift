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
        "no group", "\(groups)devices: [‸{ name: a, address: 10.0.0.1 }]\n",
        "the device has no \"group\""),
    Mistake(
        "hardware address",
        "\(groups)devices: [{ name: a, ‸mac: \"02:00:5e:10:00:01\", group: staff }]\n",
        "\"mac\" (devices by hardware address) is not yet supported"),
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
