import DNSWire
import PolicyEngine

/// What an Accounting-Request says (RFC 2866).
struct AccountingRequest {
    enum Status: UInt32 {
        case start = 1
        case stop = 2
        case interim = 3
        case on = 7
        case off = 8
    }

    let status: Status
    /// Who has logged in, folded; `nil` where it does not say.
    let identity: String?
    /// Where, in networks of one address each or wider ones for IPv6.
    let networks: [IPNetwork]
    /// The device's hardware address.
    let hardware: HardwareAddress?
    /// The session's name at its access point; `nil` of On and Off.
    let session: String?
    /// The access point, where the packet names it: a proxy speaks for several.
    let station: String?
    /// How long ago it happened by the sender's account, in seconds.
    let delaySeconds: Int64
    /// When it happened by the access point's clock, in seconds since 1970; `nil` where it has none.
    let eventSeconds: Int64?

    /// Reads the attributes.
    ///
    /// - Throws: `RadiusFault.malformed` where one has a value that cannot be, or is missing.
    init(_ packet: RadiusPacket) throws(RadiusFault) {
        guard let status = try packet.number(.statusType).flatMap(Status.init) else {
            throw .malformed
        }
        self.status = status
        session = try packet.text(.sessionID)
        guard session != nil || status == .on || status == .off else { throw .malformed }
        identity = try packet.text(.userName).map(Identity.folded)
        station = try Self.station(packet)
        delaySeconds = Int64(try packet.number(.delayTime) ?? 0)
        eventSeconds = try packet.number(.eventTimestamp).flatMap {
            // A clock that was never set says 1970.
            Int64($0) >= Self.plausibleSeconds ? Int64($0) : nil
        }
        networks = try Self.networks(packet)
        // Access points write it in many ways, some with the network's name behind it.
        hardware = try packet.text(.callingStation).flatMap {
            HardwareAddress($0) ?? HardwareAddress(String($0.prefix(17)))
        }.flatMap { $0.isOfOneCard ? $0 : nil }
    }

    /// 2020-01-01, before which nothing here ran.
    private static let plausibleSeconds: Int64 = 1_577_836_800

    private static func station(_ packet: RadiusPacket) throws(RadiusFault) -> String? {
        if let name = try packet.text(.nasIdentifier) { return name }
        if let address = try packet.address(.nasAddress) { return "\(address)" }
        return try packet.address(.nasAddressV6).map { "\($0)" }
    }

    private static func networks(_ packet: RadiusPacket) throws(RadiusFault) -> [IPNetwork] {
        var networks: [IPNetwork] = []
        for type in [RadiusAttribute.framedAddress, .framedAddressV6] {
            guard let address = try packet.address(type) else { continue }
            // 255.255.255.255 and .254 let the device or the access point choose.
            guard !address.isV4 || address.v4 < 0xFFFF_FFFE, address.v4 != 0 || !address.isV4
            else { continue }
            networks.append(IPNetwork(address: address, prefixLength: 128))
        }
        for type in [RadiusAttribute.framedPrefixV6, .delegatedPrefixV6] {
            for value in packet.values(type) {
                networks.append(try prefix(Array(value)))
            }
        }
        return networks
    }

    /// A reserved octet, the length in bits, and as many octets as that takes (RFC 3162 2.3).
    private static func prefix(_ value: [UInt8]) throws(RadiusFault) -> IPNetwork {
        guard value.count >= 2, value.count <= 18, value[1] <= 128,
            (value.count - 2) * 8 >= Int(value[1])
        else { throw .malformed }
        let octets = value.dropFirst(2) + [UInt8](repeating: 0, count: 18 - value.count)
        let network = IPNetwork(
            address: IPAddress(
                high: octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: octets.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }),
            prefixLength: Int(value[1]))
        // Wider than any device or household gets (RFC 6177), or IPv4 in disguise.
        guard network.prefixLength >= 48, !network.address.isV4 else { throw .malformed }
        return network
    }
}

extension RadiusPacket {
    /// A value of four octets.
    fileprivate func number(_ type: RadiusAttribute) throws(RadiusFault) -> UInt32? {
        guard let value = value(type) else { return nil }
        guard value.count == 4 else { throw .malformed }
        return value.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// An address of four or sixteen octets, as its attribute has it.
    fileprivate func address(_ type: RadiusAttribute) throws(RadiusFault) -> IPAddress? {
        guard let value = value(type) else { return nil }
        let isV4 = type == .framedAddress || type == .nasAddress
        guard value.count == (isV4 ? 4 : 16) else { throw .malformed }
        if isV4 { return IPAddress(v4: value.reduce(0) { $0 << 8 | UInt32($1) }) }
        return IPAddress(
            high: value.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            low: value.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// A text, without what could break out of a line: UTF-8, no control characters, not empty.
    fileprivate func text(_ type: RadiusAttribute) throws(RadiusFault) -> String? {
        guard let value = value(type) else { return nil }
        guard let text = String(validating: value, as: UTF8.self), !text.isEmpty,
            !text.unicodeScalars.contains(where: {
                [.control, .format, .lineSeparator, .paragraphSeparator].contains(
                    $0.properties.generalCategory)
            })
        else { throw .malformed }
        return text
    }
}
