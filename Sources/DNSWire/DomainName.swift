/// A domain name in canonical form: uncompressed wire format, ASCII letters in lower case.
///
/// This is the name of the cold paths (lists, policies, reports). The query path never makes one:
/// it works on the bytes of the message.
///
/// Wire format (RFC 1035 section 3.1): each label is a length octet (1...63) and that many octets;
/// the name ends with the zero octet of the root. At most 255 octets in all.
public struct DomainName: Hashable, Sendable {
    /// The octets, the root's zero included. Lower case (RFC 4034 section 6.2).
    public let wire: [UInt8]

    /// The longest name, the root's zero octet included (RFC 1035 section 2.3.4).
    public static let maximumOctets = 255
    /// The longest label (RFC 1035 section 2.3.4).
    public static let maximumLabelOctets = 63

    /// The root, `.`.
    public static let root = DomainName(checkedWire: [0])

    /// Takes octets that are known to be a canonical name.
    private init(checkedWire: [UInt8]) { wire = checkedWire }

    /// Reads an uncompressed name in wire format; compression pointers are refused.
    ///
    /// - Returns: `nil` unless `octets` is exactly one whole name.
    public init?(wire octets: some Collection<UInt8>) {
        var canonical: [UInt8] = []
        canonical.reserveCapacity(octets.count)
        guard octets.count <= Self.maximumOctets else { return nil }
        var remaining = 0
        var ended = false
        for octet in octets {
            guard !ended else { return nil }
            if remaining > 0 {
                canonical.append(octet.asciiLowercased)
                remaining -= 1
            } else {
                guard octet <= Self.maximumLabelOctets else { return nil }
                canonical.append(octet)
                remaining = Int(octet)
                ended = octet == 0
            }
        }
        guard ended else { return nil }
        wire = canonical
    }

    /// Reads a name in presentation format (RFC 1035 section 5.1): labels by dots, `\.` and `\DDD`
    /// escapes, with or without the final dot. ASCII only: Unicode names are converted before this.
    ///
    /// Underscores and leading hyphens are taken as they come, since real names have them.
    public init(parsing text: some StringProtocol) throws(NameError) {
        var canonical: [UInt8] = []
        canonical.reserveCapacity(text.utf8.count + 2)
        var label: [UInt8] = []
        var octets = text.utf8.makeIterator()
        var endedWithDot = false
        if text.utf8.elementsEqual(".".utf8) {
            self = .root
            return
        }
        while let octet = octets.next() {
            endedWithDot = false
            switch octet {
            case UInt8(ascii: "."):
                try Self.close(&label, into: &canonical)
                endedWithDot = true
            case UInt8(ascii: "\\"):
                label.append(try Self.escaped(&octets).asciiLowercased)
            case 0x21...0x7E:
                label.append(octet.asciiLowercased)
            default:
                throw .unusableCharacter
            }
        }
        if !endedWithDot { try Self.close(&label, into: &canonical) }
        canonical.append(0)
        guard canonical.count <= Self.maximumOctets else { throw .nameTooLong }
        wire = canonical
    }

    private static func close(_ label: inout [UInt8], into wire: inout [UInt8]) throws(NameError) {
        guard !label.isEmpty else { throw .emptyLabel }
        guard label.count <= maximumLabelOctets else { throw .labelTooLong }
        wire.append(UInt8(label.count))
        wire.append(contentsOf: label)
        label.removeAll(keepingCapacity: true)
    }

    private static func escaped(
        _ octets: inout some IteratorProtocol<UInt8>
    ) throws(NameError) -> UInt8 {
        guard let first = octets.next() else { throw .badEscape }
        guard let hundreds = first.decimalDigit else { return first }
        guard let tens = octets.next()?.decimalDigit, let ones = octets.next()?.decimalDigit
        else { throw .badEscape }
        let value = hundreds * 100 + tens * 10 + ones
        guard value <= 255 else { throw .badEscape }
        return UInt8(value)
    }

    /// How many labels the name has, the root not counted.
    public var labelCount: Int { labelOffsets.count }

    /// Where each label's length octet lies in `wire`, leftmost label first, the root left out.
    public var labelOffsets: [Int] {
        var offsets: [Int] = []
        var index = 0
        while index < wire.count, wire[index] != 0 {
            offsets.append(index)
            index += Int(wire[index]) + 1
        }
        return offsets
    }

    /// The name without its leftmost label; `nil` for the root.
    public var parent: DomainName? {
        guard let length = wire.first, length > 0 else { return nil }
        return DomainName(checkedWire: Array(wire[(Int(length) + 1)...]))
    }

    /// The rightmost `count` labels of the name; the whole name where it has fewer.
    public func suffix(labels count: Int) -> DomainName {
        let offsets = labelOffsets
        guard count < offsets.count else { return self }
        guard count > 0 else { return .root }
        return DomainName(checkedWire: Array(wire[offsets[offsets.count - count]...]))
    }

    /// Whether this name is `other` or lies under it.
    public func isEqualOrUnder(_ other: DomainName) -> Bool {
        guard wire.count >= other.wire.count else { return false }
        let start = wire.count - other.wire.count
        guard wire[start...].elementsEqual(other.wire) else { return false }
        // Every name lies under the root, whose octet is no label of its own.
        return start == 0 || other.wire.count == 1 || labelOffsets.contains(start)
    }
}

extension DomainName: CustomStringConvertible, Comparable {
    /// The name in presentation format, without the final dot; `.` for the root.
    public var description: String { Self.presentation(of: wire) }

    /// Turns wire format into presentation format; stops where the octets stop being a name.
    ///
    /// Octets outside printable ASCII become `\DDD`, dots and backslashes within a label are
    /// escaped (RFC 4343 section 2.1), so that the text reads back as the same name.
    public static func presentation(of wire: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(wire.count)
        var remaining = 0
        for octet in wire {
            if remaining == 0 {
                if octet == 0 || octet > maximumLabelOctets { break }
                if !text.isEmpty { text.append(UInt8(ascii: ".")) }
                remaining = Int(octet)
                continue
            }
            remaining -= 1
            switch octet {
            case UInt8(ascii: "."), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(octet)
            case 0x21...0x7E:
                text.append(octet)
            default:
                text.append(UInt8(ascii: "\\"))
                for place in [octet / 100, octet / 10 % 10, octet % 10] {
                    text.append(UInt8(ascii: "0") + place)
                }
            }
        }
        return text.isEmpty ? "." : String(decoding: text, as: UTF8.self)
    }

    /// Orders by the octets of the wire format; only good for a stable order.
    public static func < (left: DomainName, right: DomainName) -> Bool {
        left.wire.lexicographicallyPrecedes(right.wire)
    }
}

/// Why a text is no domain name.
public enum NameError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Two dots in a row, or nothing at all.
    case emptyLabel
    /// A label of more than 63 octets.
    case labelTooLong
    /// More than 255 octets.
    case nameTooLong
    /// A backslash without its character or digits.
    case badEscape
    /// A space, a control character or something outside ASCII.
    case unusableCharacter

    /// One line for a person.
    public var description: String {
        switch self {
        case .emptyLabel: "a label is empty (two dots in a row, or nothing at all)"
        case .labelTooLong: "a label is longer than 63 octets"
        case .nameTooLong: "the name is longer than 255 octets"
        case .badEscape: "a backslash must be followed by a character or by three digits up to 255"
        case .unusableCharacter: "it has a character that no domain name has"
        }
    }
}

extension UInt8 {
    /// The octet with `A`...`Z` turned to `a`...`z`; every other value as it is (RFC 4343).
    @inlinable public var asciiLowercased: UInt8 {
        self &- 0x41 < 26 ? self | 0x20 : self
    }

    /// The value of an ASCII decimal digit.
    @inlinable public var decimalDigit: Int? {
        let value = self &- 0x30
        return value < 10 ? Int(value) : nil
    }
}
