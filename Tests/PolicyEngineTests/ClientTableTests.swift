import DNSWire
import Dice
import PolicyEngine
import Testing

@Suite struct ClientTableTests {
    @Test(arguments: [
        ("10.20.3.4", 0), ("10.21.0.0", 1), ("10.21.255.255", 1), ("10.22.0.0", 3),
        ("10.30.0.1", 2), ("10.255.255.255", 3), ("11.0.0.0", nil), ("9.255.255.255", nil),
        ("2001:db8:20::1", 0), ("2001:db8:20:1::", nil), ("2001:db8:1f:ffff::", nil), ("::", nil),
        ("::ffff:10.20.3.4", 0), ("0.0.0.0", nil), ("255.255.255.255", nil),
    ])
    func findsTheMostSpecific(_ address: String, _ group: Int?) throws {
        let address = try #require(IPAddress(address))
        #expect(College.program.clients.place(of: address) == group)
    }

    @Test(arguments: [
        ("0.0.0.0/0", "::/0"), ("::/0", "0.0.0.0/0"), ("::/0", "::/0"),
        ("255.255.255.255", "ffff::/16"), ("0.0.0.0", "::"), ("::ffff:0:0/95", "128.0.0.0/1"),
    ])
    func holdsAtTheEdges(_ first: String, _ second: String) {
        let networks = [College.networks(first), College.networks(second)]
        let addresses = [
            "0.0.0.0", "0.0.0.1", "127.255.255.255", "128.0.0.0", "255.255.255.254",
            "255.255.255.255", "::", "::1", "::fffe:ffff:ffff", "::1:0:0:0", "fffe::", "ffff::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ]
        for address in addresses.compactMap({ IPAddress($0) }) {
            #expect(
                ClientTable(networks).place(of: address) == mostSpecific(address, networks),
                "\(address)")
        }
    }

    @Test func agreesWithALinearSearch() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<150 {
            let isV4 = random.chance(50)
            let networks = (0..<random.below(6) + 1).map { _ in
                (0..<random.below(5)).map { _ in
                    IPNetwork(
                        address: address(isV4, using: &random),
                        prefixLength: isV4 ? 96 + random.below(33) : random.below(129))
                }
            }
            let table = ClientTable(networks)
            let edges = networks.joined().flatMap { [$0.address, $0.lastAddress] }
            for edge in edges {
                for address in [edge, next(edge, by: 1), next(edge, by: -1)] {
                    #expect(table.place(of: address) == mostSpecific(address, networks))
                }
            }
            for _ in 0..<40 {
                let address = address(isV4, using: &random)
                #expect(table.place(of: address) == mostSpecific(address, networks))
            }
        }
    }

    /// Addresses close together, so that networks nest and touch.
    private func address(_ isV4: Bool, using random: inout SeededGenerator) -> IPAddress {
        let bits = UInt64(random.below(256))
        if isV4 {
            let high = UInt32(random.chance(50) ? 0x0A00_0000 : 0xFF00_0000)
            return IPAddress(v4: high | UInt32(bits) << UInt32(random.below(17)))
        }
        let shift = UInt64(random.below(57))
        return random.chance(50)
            ? IPAddress(high: 0x2001_0DB8 << 32 | bits, low: bits << shift)
            : IPAddress(high: bits << shift, low: bits)
    }

    private func next(_ address: IPAddress, by step: Int) -> IPAddress {
        step > 0
            ? IPAddress(
                high: address.low == .max ? address.high &+ 1 : address.high, low: address.low &+ 1)
            : IPAddress(
                high: address.low == 0 ? address.high &- 1 : address.high, low: address.low &- 1)
    }

    /// Looks at every network; of equal ones the first group has it.
    private func mostSpecific(_ address: IPAddress, _ networks: [[IPNetwork]]) -> Int? {
        var best: (length: Int, group: Int)?
        for (group, networks) in networks.enumerated() {
            for network in networks where network.contains(address) {
                if best.map({ $0.length < network.prefixLength }) ?? true {
                    best = (network.prefixLength, group)
                }
            }
        }
        return best?.group
    }
}
