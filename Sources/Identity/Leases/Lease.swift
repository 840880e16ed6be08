import DNSWire
import PolicyEngine
import PolicyFile

/// What a DHCP server has given to a device.
struct Lease: Hashable {
    /// The address.
    var address: IPAddress
    /// The device's hardware address, where the server knows it.
    var hardware: HardwareAddress?
    /// What the device calls itself, made fit for the record.
    var hostName: String?
    /// The first second in which it holds no more, in seconds since 1970 UTC; `nil` for never.
    var endSeconds: Int64?

    /// Whether it holds at an instant.
    func holds(atSeconds seconds: Int64) -> Bool { endSeconds.map { seconds < $0 } ?? true }

    /// What a device calls itself, as letters, digits, `-`, `_` and `.`: other octets become `-`, so
    /// that no name looks like an identity, or breaks out of a line. `nil` where nothing is left.
    static func fit(hostName: String) -> String? {
        let octets = hostName.utf8.prefix(IdentityLimits.hostNameOctets).map { octet -> UInt8 in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                octet
            default: UInt8(ascii: "-")
            }
        }
        let name = String(decoding: octets, as: UTF8.self)
        return name.contains { $0.isLetter || $0.isNumber } ? name : nil
    }
}

/// What was read of a lease file.
struct LeaseReading {
    /// By address; the last entry of each counts. `nil` stands for a lease that has ended.
    var leases: [IPAddress: Lease?] = [:]
    /// What could not be read, the first of it in words; `nil` where all could.
    var problem: String?

    /// Notes a lease, or with `nil` the end of one.
    mutating func put(_ lease: Lease?, at address: IPAddress) {
        guard leases[address] != nil || leases.count < IdentityLimits.leases else {
            note("there are more than \(IdentityLimits.leases) leases")
            return
        }
        leases[address] = .some(lease)
    }

    /// Notes what could not be read; the first of several is told.
    mutating func note(_ problem: String) { self.problem = self.problem ?? problem }

    /// Reads the text of a lease file; never traps, whatever it holds.
    init(_ octets: [UInt8], format: IdentityConfiguration.LeaseFormat) {
        guard !octets.isEmpty else {
            note("it is empty")
            return
        }
        switch format {
        case .dnsmasq: readDnsmasq(octets)
        case .isc: readISC(octets)
        case .kea: readKea(octets)
        }
    }

    /// The lines of a text that end; a last one without its end is still being written.
    static func lines(_ octets: [UInt8]) -> (whole: [Substring], isCut: Bool) {
        let text = String(decoding: octets, as: UTF8.self)
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        let rest = lines.popLast() ?? ""
        return (lines, !rest.isEmpty)
    }

    static let cut = "its last line is cut short"
}

extension IdentityConfiguration.LeaseFormat {
    /// Whose file a text seems to be.
    static func guess(_ octets: [UInt8], path: String) -> Self {
        let start = String(decoding: octets.prefix(4096), as: UTF8.self)
        let first = start.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        if first.hasPrefix("address,") { return .kea }
        if let digit = first.first, digit.isNumber || first.hasPrefix("duid ") { return .dnsmasq }
        let words = [
            "lease ", "lease{", "server-duid", "authoring-byte-order", "ia-na ", "# The f",
        ]
        if words.contains(where: start.contains) { return .isc }
        let name = path.lowercased()
        return name.contains("kea") ? .kea : name.contains("dhcpd") ? .isc : .dnsmasq
    }
}

/// DHCPv6 unique identifiers (RFC 8415 section 11), of which two kinds hold a hardware address.
enum DUID {
    /// The hardware address within; `nil` where there is none.
    static func hardware(_ octets: [UInt8]) -> HardwareAddress? {
        guard octets.count >= 4, octets[0] == 0, octets[2] == 0, octets[3] == 1 else { return nil }
        let start = octets[1] == 1 ? 8 : octets[1] == 3 ? 4 : Int.max
        guard start < octets.count, octets.count - start == 6 else { return nil }
        let address = HardwareAddress(
            value: octets[start...].reduce(0) { $0 << 8 | UInt64($1) })
        return address.isOfOneCard ? address : nil
    }

    /// Octets written as `00:01:00:01`.
    static func octets(_ text: some StringProtocol) -> [UInt8] {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let octets = parts.compactMap { $0.utf8.count <= 2 ? UInt8($0, radix: 16) : nil }
        return octets.count == parts.count ? octets : []
    }
}
