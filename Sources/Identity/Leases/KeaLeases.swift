import DNSWire
import PolicyEngine

extension LeaseReading {
    /// Kea's memfile: a CSV with a head; the last line of an address counts.
    mutating func readKea(_ octets: [UInt8]) {
        let (lines, isCut) = Self.lines(octets)
        guard let head = lines.first.map(Self.fields), head.first == "address" else {
            note(lines.isEmpty ? Self.cut : "line 1 is no head of Kea's (address,hwaddr,...)")
            return
        }
        var columns: [Substring: Int] = [:]
        for (place, name) in head.enumerated() { columns[name] = place }
        // Several files that Kea has cut its log into may follow each other, each with its head.
        for (number, line) in lines.enumerated().dropFirst()
        where !line.isEmpty && !line.hasPrefix("address,") {
            let fields = Self.fields(line)
            let field = { (name: Substring) -> Substring in
                columns[name].flatMap { $0 < fields.count ? fields[$0] : nil } ?? ""
            }
            guard let address = IPAddress(String(fields.first ?? "")),
                let lifetime = Int64(field("valid_lifetime")), let end = Int64(field("expire"))
            else {
                note("line \(number + 1) is no lease of Kea")
                continue
            }
            // A prefix that was given to a router is no device's address.
            if field("lease_type") == "2" { continue }
            // A lifetime of zero stands for a lease that was deleted.
            let isHeld = lifetime > 0 && (field("state").isEmpty || field("state") == "0")
            let hardware =
                HardwareAddress(String(field("hwaddr")))
                ?? DUID.hardware(DUID.octets(field("duid")))
            let lease = Lease(
                address: address, hardware: hardware.flatMap { $0.isOfOneCard ? $0 : nil },
                hostName: Lease.fit(hostName: String(field("hostname")).keaUnescaped),
                endSeconds: lifetime == Self.keaForever ? nil : end)
            put(isHeld ? lease : nil, at: address)
        }
        if isCut { note(Self.cut) }
    }

    private static let keaForever: Int64 = 0xFFFF_FFFF

    private static func fields(_ line: Substring) -> [Substring] {
        line.split(separator: ",", omittingEmptySubsequences: false)
    }
}

extension String {
    /// Kea writes a comma as `&#x2c`, and fully qualified names with a final dot.
    fileprivate var keaUnescaped: String {
        var text = split(separator: "&#x2c", omittingEmptySubsequences: false)
            .joined(separator: ",")
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
