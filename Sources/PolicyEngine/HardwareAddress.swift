/// The hardware address of a network card: 48 bits (IEEE 802).
public struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    /// The six octets as a number, the first octet highest.
    public let value: UInt64

    /// Takes the lowest 48 bits of a number.
    public init(value: UInt64) { self.value = value & 0xFFFF_FFFF_FFFF }

    /// Reads `02:00:5e:10:00:01`, `02-00-5E-10-00-01`, `0200.5e10.0001` or `02005e100001`, in
    /// upper or lower case.
    public init?(_ text: String) {
        let octets = Array(text.utf8)
        let separators = octets.filter { $0.hexadecimalDigit == nil }
        let width: Int
        switch (separators.count, separators.first) {
        case (0, _): width = 12
        case (5, UInt8(ascii: ":")?), (5, UInt8(ascii: "-")?): width = 2
        case (2, UInt8(ascii: ".")?), (2, UInt8(ascii: "-")?), (2, UInt8(ascii: ":")?): width = 4
        default: return nil
        }
        guard Set(separators).count <= 1 else { return nil }
        let parts = octets.split(
            omittingEmptySubsequences: false, whereSeparator: { $0.hexadecimalDigit == nil })
        guard parts.allSatisfy({ $0.count == width }) else { return nil }
        value = octets.compactMap(\.hexadecimalDigit).reduce(0) { $0 << 4 | UInt64($1) }
    }

    /// Whether it stands for one card: neither for many (the broadcast address is such) nor for
    /// none.
    public var isOfOneCard: Bool { value != 0 && value >> 40 & 1 == 0 }

    /// Whether it was made up and not given by the card's maker (IEEE 802, the U/L bit).
    public var isMadeUp: Bool { value >> 41 & 1 == 1 }

    /// `02:00:5e:10:00:01`.
    public var description: String {
        stride(from: 40, through: 0, by: -8).map { shift in
            let octet = String(value >> UInt64(shift) & 0xFF, radix: 16)
            return octet.count == 1 ? "0" + octet : octet
        }.joined(separator: ":")
    }
}

extension UInt8 {
    fileprivate var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
