#if canImport(Glibc)
    import Glibc
#endif

/// An IPv4 or IPv6 address as one 128-bit number; IPv4 lies in `::ffff:0:0/96` (RFC 4291, 2.5.5.2).
@frozen public struct IPAddress: Hashable, Sendable {
    /// The first eight octets, as a number.
    public var high: UInt64
    /// The last eight octets, as a number.
    public var low: UInt64

    /// Takes the two halves of an IPv6 address.
    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes an IPv4 address as a number in host byte order: 127.0.0.1 is `0x7F00_0001`.
    @inlinable public init(v4 address: UInt32) {
        high = 0
        low = 0xFFFF_0000_0000 | UInt64(address)
    }

    /// Whether this is an IPv4 address.
    @inlinable public var isV4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The IPv4 address as a number in host byte order; meaningless unless `isV4`.
    @inlinable public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// Reads `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1` (which is the IPv4 address).
    public init?(_ text: String) {
        // The C library would stop reading there.
        guard !text.utf8.contains(0) else { return nil }
        // SAFETY: the library writes 4 octets into the one value, or 16 into the other.
        var four = in_addr()
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            self.init(v4: UInt32(bigEndian: four.s_addr))
            return
        }
        var six: (UInt64, UInt64) = (0, 0)
        guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        self.init(high: UInt64(bigEndian: six.0), low: UInt64(bigEndian: six.1))
    }
}

extension IPAddress: Comparable, CustomStringConvertible {
    /// Orders as the 128-bit numbers do.
    @inlinable public static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// The usual text form (RFC 5952); IPv4 addresses in dotted form.
    public var description: String {
        if isV4 {
            return [24, 16, 8, 0].map { String(v4 >> UInt32($0) & 0xFF) }.joined(separator: ".")
        }
        var octets = (high.bigEndian, low.bigEndian)
        // SAFETY: the longest text has 46 octets, its NUL included; 64 are given and named.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard
                let base = buffer.baseAddress,
                unsafe inet_ntop(AF_INET6, &octets, base, 64) != nil
            else { return "?" }
            return unsafe String(cString: base)
        }
    }
}

/// A range of addresses written as `10.20.0.0/16` or `2001:db8::/32`.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The first address.
    public let address: IPAddress
    /// How many leading bits are fixed, counted in 128 (an IPv4 /16 is 112).
    public let prefixLength: Int

    /// Takes an address and a prefix length in 128 bits; host bits are cleared.
    ///
    /// - Parameter prefixLength: 0...128.
    public init(address: IPAddress, prefixLength: Int) {
        let mask = Self.mask(prefixLength)
        self.address = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
        self.prefixLength = prefixLength
    }

    /// Reads `ADDRESS/LENGTH`, or a single address.
    ///
    /// - Parameter hostBitsAllowed: whether `10.20.3.4/16` is taken (as 10.20.0.0/16).
    public init?(_ text: String, hostBitsAllowed: Bool = false) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        let bits = address.isV4 ? 32 : 128
        var length = bits
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ $0.decimalDigit != nil }),
                let given = Int(parts[1]), given <= bits,
                "\(given)".utf8.count == parts[1].utf8.count
            else { return nil }
            length = given
        }
        self.init(address: address, prefixLength: length + (128 - bits))
        guard hostBitsAllowed || self.address == address else { return nil }
    }

    /// The last address.
    public var lastAddress: IPAddress {
        let mask = Self.mask(prefixLength)
        return IPAddress(high: address.high | ~mask.high, low: address.low | ~mask.low)
    }

    /// Whether `other` lies in the network.
    public func contains(_ other: IPAddress) -> Bool {
        let mask = Self.mask(prefixLength)
        return other.high & mask.high == address.high && other.low & mask.low == address.low
    }

    private static func mask(_ length: Int) -> IPAddress {
        let high: UInt64 = length <= 0 ? 0 : length >= 64 ? .max : ~(UInt64.max >> UInt64(length))
        let rest = length - 64
        let low: UInt64 = rest <= 0 ? 0 : rest >= 64 ? .max : ~(UInt64.max >> UInt64(rest))
        return IPAddress(high: high, low: low)
    }

    /// `10.20.0.0/16`, with the length counted as the address family does.
    public var description: String {
        "\(address)/\(address.isV4 && prefixLength >= 96 ? prefixLength - 96 : prefixLength)"
    }
}
