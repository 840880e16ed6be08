public import DNSWire
import DecisionLog
public import PolicyEngine

/// The EDNS option by which a probe says for whom and when it asks (RFC 6891, of the codes for local
/// use).
///
///     | code 65184 | length | version 2 | client, 16 octets | instant, 8 | card, 8
///     | identity's length, 1 | identity … | MAC, 16 |
///
/// The card is a hardware address and zero for none, the identity has no octets for none. The MAC is
/// the first half of the HMAC-SHA-256 (RFC 2104), with the key that the server handed out, over all
/// before it from the version on and over the question: nobody without the key can ask as somebody
/// else, and no question can be put under another's option.
public enum ProbeOption {
    /// The option's code, of those for local and experimental use.
    static let code: UInt16 = 65_184
    private static let version: UInt8 = 2
    /// From the version up to the identity.
    private static let headOctets = 34
    private static let macOctets = 16

    /// For whom and when a probe asks.
    public struct Claim: Equatable, Sendable {
        /// Who.
        public var client: IPAddress
        /// What the network tells of it; what it calls itself is left out.
        public var presence: Presence
        /// When, in seconds since 1970 UTC.
        public var atSeconds: Int64

        /// Takes the parts.
        public init(client: IPAddress, presence: Presence = Presence(), atSeconds: Int64) {
            self.client = client
            self.presence = presence
            self.atSeconds = atSeconds
        }
    }

    /// The option as it stands in an OPT record, for a question.
    ///
    /// - Parameters:
    ///   - key: 32 octets, from the server.
    ///   - name: in wire format and lower case.
    public static func make(
        _ claim: Claim, key: [UInt8], name: [UInt8], type: RecordType
    ) -> [UInt8] {
        var body = [version]
        for word in [
            claim.client.high, claim.client.low, UInt64(bitPattern: claim.atSeconds),
            claim.presence.hardware?.value ?? 0,
        ] {
            body += bigEndian(word, octets: 8)
        }
        // Its length is under the MAC too, so that none of it can pass for a part of the question.
        let identity = (claim.presence.identity ?? "").utf8.prefix(Identity.maximumOctets)
        body += [UInt8(identity.count)] + identity
        let value = body + mac(body, key, name, type)
        return bigEndian(UInt64(code), octets: 2) + bigEndian(UInt64(value.count), octets: 2)
            + value
    }

    /// What a query's option claims; `nil` where it has none, or one that does not fit the key.
    ///
    /// - Parameter options: the octets of the OPT record's options, known to be whole.
    static func read(
        _ options: [UInt8], key: [UInt8], name: [UInt8], type: RecordType
    ) -> Claim? {
        guard let value = value(in: options), value.first == version else { return nil }
        let body = Array(value.dropLast(macOctets))
        guard body.count >= headOctets, body.count == headOctets + Int(body[headOctets - 1])
        else { return nil }
        // Every octet is compared, however many differ.
        let difference = zip(value.suffix(macOctets), mac(body, key, name, type)).reduce(
            UInt8(0)
        ) { $0 | ($1.0 ^ $1.1) }
        guard difference == 0 else { return nil }
        func word(_ offset: Int) -> UInt64 {
            body[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        let card = word(25)
        let identity = body.dropFirst(headOctets)
        return Claim(
            client: IPAddress(high: word(1), low: word(9)),
            presence: Presence(
                hardware: card == 0 ? nil : HardwareAddress(value: card),
                identity: identity.isEmpty ? nil : String(decoding: identity, as: UTF8.self)),
            atSeconds: Int64(bitPattern: word(17)))
    }

    /// The value of the option, if there is one.
    static func value(in options: [UInt8]) -> ArraySlice<UInt8>? {
        var offset = 0
        while offset + 4 <= options.count {
            let found = UInt16(options[offset]) << 8 | UInt16(options[offset + 1])
            let length = Int(options[offset + 2]) << 8 | Int(options[offset + 3])
            let start = offset + 4
            guard start + length <= options.count else { return nil }
            if found == code { return options[start..<start + length] }
            offset = start + length
        }
        return nil
    }

    private static func mac(
        _ body: [UInt8], _ key: [UInt8], _ name: [UInt8], _ type: RecordType
    ) -> [UInt8] {
        let text = body + name + bigEndian(UInt64(type.rawValue), octets: 2)
        return Array(KeyedDigest(key).digest(of: text).prefix(macOctets))
    }

    private static func bigEndian(_ value: UInt64, octets: Int) -> [UInt8] {
        (0..<octets).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}
