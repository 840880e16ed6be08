/// A record or query type (RFC 1035 section 3.2.2; IANA "Resource Record (RR) TYPEs").
@frozen public struct RecordType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt16

    /// Takes the number on the wire.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Takes the number on the wire.
    @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// An IPv4 address (RFC 1035).
    @inlinable public static var a: Self { Self(1) }
    /// A name server (RFC 1035).
    @inlinable public static var ns: Self { Self(2) }
    /// The canonical name of an alias (RFC 1035).
    @inlinable public static var cname: Self { Self(5) }
    /// The start of a zone of authority (RFC 1035).
    @inlinable public static var soa: Self { Self(6) }
    /// A pointer to a name (RFC 1035).
    @inlinable public static var ptr: Self { Self(12) }
    /// Host information; also the minimal answer to ANY (RFC 8482).
    @inlinable public static var hinfo: Self { Self(13) }
    /// A mail exchange (RFC 1035).
    @inlinable public static var mx: Self { Self(15) }
    /// Text (RFC 1035).
    @inlinable public static var txt: Self { Self(16) }
    /// An IPv6 address (RFC 3596).
    @inlinable public static var aaaa: Self { Self(28) }
    /// A service location (RFC 2782).
    @inlinable public static var srv: Self { Self(33) }
    /// An alias of a subtree (RFC 6672).
    @inlinable public static var dname: Self { Self(39) }
    /// The EDNS pseudo record (RFC 6891).
    @inlinable public static var opt: Self { Self(41) }
    /// A signature (RFC 4034).
    @inlinable public static var rrsig: Self { Self(46) }
    /// A proof of what is not there (RFC 4034).
    @inlinable public static var nsec: Self { Self(47) }
    /// A proof of what is not there, by hashes (RFC 5155).
    @inlinable public static var nsec3: Self { Self(50) }
    /// A service binding (RFC 9460).
    @inlinable public static var svcb: Self { Self(64) }
    /// A service binding for HTTPS (RFC 9460).
    @inlinable public static var https: Self { Self(65) }
    /// An incremental zone transfer (RFC 1995).
    @inlinable public static var ixfr: Self { Self(251) }
    /// A zone transfer (RFC 5936).
    @inlinable public static var axfr: Self { Self(252) }
    /// All types that the server cares to give (RFC 8482).
    @inlinable public static var any: Self { Self(255) }

    private static let names: [UInt16: String] = [
        1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 11: "WKS", 12: "PTR", 13: "HINFO", 14: "MINFO",
        15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC",
        33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS",
        44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID",
        50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS",
        60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS",
        99: "SPF", 108: "EUI48", 109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR",
        252: "AXFR", 255: "ANY", 256: "URI", 257: "CAA",
    ]
    private static let numbers: [String: UInt16] = Dictionary(
        uniqueKeysWithValues: names.map { ($0.value, $0.key) })

    /// Reads a mnemonic (`AAAA`, in any case) or `TYPE65` (RFC 3597 section 5).
    public init?(parsing text: String) {
        let upper = text.uppercased()
        if let number = Self.numbers[upper] {
            rawValue = number
        } else if upper.hasPrefix("TYPE"),
            upper.utf8.dropFirst(4).allSatisfy({ $0.decimalDigit != nil }),
            let number = UInt16(upper.dropFirst(4))
        {
            rawValue = number
        } else {
            return nil
        }
    }
}

extension RecordType: CustomStringConvertible {
    /// The mnemonic, or `TYPE1000` where there is none (RFC 3597 section 5).
    public var description: String { Self.names[rawValue] ?? "TYPE\(rawValue)" }
}

/// A response code, extended codes included (RFC 1035 section 4.1.1, RFC 6895 section 2.3).
@frozen public struct ResponseCode: RawRepresentable, Hashable, Sendable {
    /// The number: 0...15 in the header, up to 4095 with EDNS.
    public var rawValue: UInt16

    /// Takes the number.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The answer stands; it may be empty.
    @inlinable public static var noError: Self { Self(rawValue: 0) }
    /// The query could not be read.
    @inlinable public static var formErr: Self { Self(rawValue: 1) }
    /// No answer could be had.
    @inlinable public static var servFail: Self { Self(rawValue: 2) }
    /// The name does not exist.
    @inlinable public static var nxDomain: Self { Self(rawValue: 3) }
    /// The kind of query is not served.
    @inlinable public static var notImp: Self { Self(rawValue: 4) }
    /// The policy of the server forbids an answer.
    @inlinable public static var refused: Self { Self(rawValue: 5) }
    /// The EDNS version is not served (RFC 6891 section 6.1.3).
    @inlinable public static var badVers: Self { Self(rawValue: 16) }

    private static let names: [UInt16: String] = [
        0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
        6: "YXDOMAIN", 7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS",
        23: "BADCOOKIE",
    ]
}

extension ResponseCode: CustomStringConvertible {
    /// The mnemonic, or `RCODE77` where there is none.
    public var description: String { Self.names[rawValue] ?? "RCODE\(rawValue)" }
}
