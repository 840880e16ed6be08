import DNSWire
import Dice
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("2001:DB8::1", "2001:db8::1"), ("::", "::"), ("::1", "::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::ffff:ffff:ffff:ffff", "fe80::ffff:ffff:ffff:ffff"),
    ])
    func reads(_ row: (String, String)) throws {
        let address = try #require(IPAddress(row.0))
        #expect(address.description == row.1)
        #expect(IPAddress(row.1) == address)
        #expect(address.isV4 == !row.1.contains(":"))
    }

    @Test(arguments: [
        "", "192.0.2", "192.0.2.256", "192.0.2.1.", "192.0.2.01", " 192.0.2.1", "192.0.2.1 ",
        "2001:db8", "2001:db8::1::", "::g", "[::1]", "fe80::1%eth0", "192.0.2.1\u{0}",
        "::1\u{0}junk", "٣.0.0.1",
    ])
    func refuses(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test func numbers() throws {
        let address = try #require(IPAddress("192.0.2.1"))
        #expect(address.v4 == 0xC000_0201)
        #expect(IPAddress(v4: 0xC000_0201) == address)
        #expect(address.high == 0 && address.low == 0xFFFF_C000_0201)
        let six = try #require(IPAddress("2001:db8::ff"))
        #expect(six.high == 0x2001_0DB8_0000_0000 && six.low == 0xFF)
        #expect(address < six && !(six < address) && !(six < six))
    }

    @Test(arguments: [
        ("10.20.0.0/16", "10.20.0.0/16", "10.20.255.255"), ("10.0.0.1", "10.0.0.1/32", "10.0.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"),
        ("2001:db8::/32", "2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65", "2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:db8::/64", "2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"),
        ("::1", "::1/128", "::1"),
    ])
    func networks(_ row: (String, String, String)) throws {
        let network = try #require(IPNetwork(row.0))
        #expect(network.description == row.1)
        #expect(network.lastAddress.description == row.2)
        #expect(network.contains(network.address) && network.contains(network.lastAddress))
        #expect(IPNetwork(row.1) == network)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
        "10.0.0.1/8", "2001:db8::/129", "2001:db8::1/64", "example.com/8", "10.0.0.0/8 ",
        "10.0.0.0/99999999999999999999",
    ])
    func notNetworks(_ text: String) { #expect(IPNetwork(text) == nil) }

    /// A length has one spelling: in another, octal is near.
    @Test(arguments: ["10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8/8", "::/00"])
    func aLengthHasOneSpelling(_ text: String) { #expect(IPNetwork(text) == nil) }

    @Test func hostBits() throws {
        #expect(IPNetwork("10.20.3.4/16", hostBitsAllowed: true) == IPNetwork("10.20.0.0/16"))
    }

    /// Bit by bit, the slow way.
    @Test func membership() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<3000 {
            let address = IPAddress(high: random.next(), low: random.next())
            let length = Int.random(in: 0...128, using: &random)
            let network = IPNetwork(address: address, prefixLength: length)
            var other = address
            let flipped = Int.random(in: 0..<128, using: &random)
            if flipped < 64 {
                other.high ^= 1 << UInt64(63 - flipped)
            } else {
                other.low ^= 1 << UInt64(127 - flipped)
            }
            #expect(network.contains(address))
            #expect(network.contains(other) == (flipped >= length))
        }
    }
}
