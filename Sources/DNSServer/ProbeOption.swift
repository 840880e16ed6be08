public import DNSWire
import DecisionLog

/// The EDNS option by which a probe says for whom and when it asks (RFC 6891, of the codes for local
/// use).
///
///     | code 65184 | length 41 | version 1 | client, 16 octets | instant, 8 octets | code of 16 octets |
///
/// The code is the first half of the HMAC-SHA-256 (RFC 2104), with the key that the server handed out,
/// over all before it from the version on and over the question: nobody without the key can ask as
/// somebody else, and no question can be put under another's option.
public enum ProbeOption {
    /// The option's code, of those for local and experimental use.
    static let code: UInt16 = 65_184
    private static let version: UInt8 = 1
    private static let bodyOctets = 25
    private static let codeOctets = 16
    /// The option's octets behind code and length.
    static let octets = bodyOctets + codeOctets

    /// For whom and when a probe asks.
    public struct Claim: Equatable, Sendable {
        /// Who.
        public var client: IPAddress
        /// When, in seconds since 1970 UTC.
        public var atSeconds: Int64

        /// Takes both.
        public init(client: IPAddress, atSeconds: Int64) {
            self.client = client
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
        for word in [claim.client.high, claim.client.low, UInt64(bitPattern: claim.atSeconds)] {
            body += bigEndian(word, octets: 8)
        }
        return bigEndian(UInt64(code), octets: 2) + bigEndian(UInt64(octets), octets: 2) + body
            + mac(body, key, name, type)
    }

    /// What a query's option claims; `nil` where it has none, or one that does not fit the key.
    ///
    /// - Parameter options: the octets of the OPT record's options, known to be whole.
    static func read(
        _ options: [UInt8], key: [UInt8], name: [UInt8], type: RecordType
    ) -> Claim? {
        guard let value = value(in: options), value.count == octets, value.first == version
        else { return nil }
        let body = Array(value.prefix(bodyOctets))
        let given = value.dropFirst(bodyOctets)
        // Every octet is compared, however many differ.
        let difference = zip(given, mac(body, key, name, type)).reduce(UInt8(0)) {
            $0 | ($1.0 ^ $1.1)
        }
        guard difference == 0 else { return nil }
        func word(_ offset: Int) -> UInt64 {
            body[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        return Claim(
            client: IPAddress(high: word(1), low: word(9)), atSeconds: Int64(bitPattern: word(17)))
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
        return Array(KeyedDigest(key).digest(of: text).prefix(codeOctets))
    }

    private static func bigEndian(_ value: UInt64, octets: Int) -> [UInt8] {
        (0..<octets).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
}
