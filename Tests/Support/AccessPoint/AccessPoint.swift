import DNSWire
import LDNSBridge

/// An access point that reports logins, written by the RFCs and not by the room's own code.
public struct AccessPoint: Sendable {
    /// What it shares with the server.
    public var secret: [UInt8]
    /// Whether its reports carry a Message-Authenticator.
    public var hasMessageAuthenticator: Bool

    /// Takes both.
    public init(secret: String = "a-long-shared-secret", hasMessageAuthenticator: Bool = true) {
        self.secret = Array(secret.utf8)
        self.hasMessageAuthenticator = hasMessageAuthenticator
    }

    /// One attribute.
    public static func attribute(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [type, UInt8(value.count + 2)] + value
    }

    /// Four octets.
    public static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    /// A whole report.
    public func report(
        _ status: UInt32, session: String? = "s1", user: String? = nil, address: String? = nil,
        hardware: String? = nil, event: UInt32? = nil, delay: UInt32? = nil,
        more: [[UInt8]] = [], identifier: UInt8 = 7
    ) -> [UInt8] {
        var attributes = [Self.attribute(40, Self.number(status))]
        if let session { attributes.append(Self.attribute(44, Array(session.utf8))) }
        if let user { attributes.append(Self.attribute(1, Array(user.utf8))) }
        if let address = address.flatMap({ IPAddress($0) }) {
            attributes.append(
                address.isV4
                    ? Self.attribute(8, Self.number(address.v4))
                    : Self.attribute(
                        168,
                        Self.number(UInt32(truncatingIfNeeded: address.high >> 32))
                            + Self.number(UInt32(truncatingIfNeeded: address.high))
                            + Self.number(UInt32(truncatingIfNeeded: address.low >> 32))
                            + Self.number(UInt32(truncatingIfNeeded: address.low))))
        }
        if let hardware { attributes.append(Self.attribute(31, Array(hardware.utf8))) }
        if let event { attributes.append(Self.attribute(55, Self.number(event))) }
        if let delay { attributes.append(Self.attribute(41, Self.number(delay))) }
        return sign((attributes + more).flatMap { $0 }, identifier: identifier)
    }

    /// A packet with these attributes, signed.
    public func sign(_ attributes: [UInt8], code: UInt8 = 4, identifier: UInt8 = 7) -> [UInt8] {
        var attributes = attributes
        let zeros = [UInt8](repeating: 0, count: 16)
        if hasMessageAuthenticator { attributes += Self.attribute(80, zeros) }
        let length = attributes.count + 20
        let head = [code, identifier, UInt8(length >> 8), UInt8(length & 255)]
        if hasMessageAuthenticator {
            attributes.replaceSubrange(
                (attributes.count - 16)..., with: hmacMD5(head + zeros + attributes, key: secret))
        }
        return head + md5(head + zeros + attributes + secret) + attributes
    }
}
