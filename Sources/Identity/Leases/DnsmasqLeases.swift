import DNSWire
import PolicyEngine

extension LeaseReading {
    /// dnsmasq: `EXPIRY MAC ADDRESS NAME CLIENT-ID` a line; behind a line `duid ...` the same for
    /// IPv6 with an IAID in place of the hardware address.
    mutating func readDnsmasq(_ octets: [UInt8]) {
        let (lines, isCut) = Self.lines(octets)
        for (number, line) in lines.enumerated() {
            let words = line.split(separator: " ")
            if words.isEmpty || words.first == "duid" { continue }
            guard words.count >= 4, let end = Int64(words[0]), end >= 0,
                let address = IPAddress(String(words[2]))
            else {
                note("line \(number + 1) is no lease of dnsmasq")
                continue
            }
            let hardware =
                address.isV4
                ? Self.dnsmasqHardware(words[1])
                : DUID.hardware(DUID.octets(words.count > 4 ? words[4] : ""))
            put(
                Lease(
                    address: address, hardware: hardware,
                    hostName: words[3] == "*" ? nil : Lease.fit(hostName: String(words[3])),
                    endSeconds: end == 0 ? nil : end),
                at: address)
        }
        if isCut { note(Self.cut) }
    }

    /// A card that is no Ethernet has its kind before it, as `06-`.
    private static func dnsmasqHardware(_ text: Substring) -> HardwareAddress? {
        let bare = text.hasPrefix("01-") && text.contains(":") ? text.dropFirst(3) : text
        return HardwareAddress(String(bare)).flatMap { $0.isOfOneCard ? $0 : nil }
    }
}
