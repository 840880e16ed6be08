/// What a client asks, read from its message where it lies.
///
///      0  1  2  3  4  5  6  7  8  9  A  B  C  D  E  F
///     |                      ID                       |
///     |QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
///     |  QDCOUNT  |  ANCOUNT  |  NSCOUNT  |  ARCOUNT  |
///
/// (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6.) Only one shape of query is let through: one
/// question with an uncompressed name, nothing in the answer and authority sections, at most one
/// additional record, which is OPT, and not an octet behind it. Every other shape is a way to show
/// the filter one name and the upstream another, so it is refused and never forwarded.
///
/// Making one allocates nothing and costs one pass over the name.
@frozen public struct Query: Sendable {
    /// What is to be done with the message.
    @frozen public enum Status: UInt8, Sendable {
        /// A query that may be decided and answered.
        case fine
        /// Too short for a header, or itself an answer: silence is the only safe reply.
        case drop
        /// Not a shape that is let through: FORMERR.
        case formErr
        /// An opcode other than QUERY: NOTIMP.
        case notImp
        /// An EDNS version other than 0: BADVERS (RFC 6891 section 6.1.3).
        case badVers
    }

    /// What is to be done; the fields below hold what was read before a fault was found.
    public var status: Status = .drop
    /// The message's ID, which the answer repeats.
    public var id: UInt16 = 0
    /// The second 16 bits of the header as they came.
    public var flags: UInt16 = 0
    /// The length of the qname in octets, the root's zero included; 0 if it was not read.
    public var nameLength = 0
    /// The number of labels of the qname, the root not counted.
    public var labelCount = 0
    /// The type asked for.
    public var qtype = RecordType(0)
    /// The class asked for; 1 is IN.
    public var qclass: UInt16 = 0
    /// Whether the query has an OPT record, so that the answer must have one (RFC 6891, 6.1.1).
    public var hasOPT = false
    /// The greatest UDP answer that the client takes, as it says; 0 without OPT.
    public var udpPayloadSize: UInt16 = 0
    /// Whether the client wants DNSSEC records (RFC 3225).
    public var dnssecOK = false

    /// The length of the header in octets.
    @inlinable public static var headerLength: Int { 12 }
    /// The header's QR bit: the message is a response.
    @inlinable public static var responseFlag: UInt16 { 0x8000 }
    /// The header's TC bit: the answer was cut.
    @inlinable public static var truncatedFlag: UInt16 { 0x0200 }
    /// The header's RD bit: recursion desired.
    @inlinable public static var recursionDesiredFlag: UInt16 { 0x0100 }
    /// The header's RA bit: recursion available.
    @inlinable public static var recursionAvailableFlag: UInt16 { 0x0080 }
    /// The header's AD bit: authentic data.
    @inlinable public static var authenticDataFlag: UInt16 { 0x0020 }
    /// The header's CD bit: checking disabled.
    @inlinable public static var checkingDisabledFlag: UInt16 { 0x0010 }

    /// Where the question ends in the message; meaningless unless the name was read.
    @inlinable public var questionEnd: Int { Self.headerLength + nameLength + 4 }
    /// Whether the client asked for answers that have not been validated (RFC 4035, 3.2.2).
    @inlinable public var checkingDisabled: Bool { flags & Self.checkingDisabledFlag != 0 }
    /// Whether the client understands the AD bit (RFC 6840 section 5.7).
    @inlinable public var wantsAuthenticData: Bool {
        dnssecOK || flags & Self.authenticDataFlag != 0
    }

    /// Makes an empty value, as if nothing had been read.
    @inlinable public init() {}

    /// Reads a message.
    ///
    /// - Parameters:
    ///   - message: the whole message as it was received.
    ///   - lowercaseName: room for 255 octets; gets the qname in wire format and lower case.
    @inlinable public init(
        _ message: Span<UInt8>, lowercaseName: UnsafeMutablePointer<UInt8>
    ) {
        self.init()
        unsafe read(message, lowercaseName: lowercaseName)
    }

    /// Reads a message into an empty value, where it lies.
    ///
    /// - Parameters: as above.
    @inlinable public mutating func read(
        _ message: Span<UInt8>, lowercaseName: UnsafeMutablePointer<UInt8>
    ) {
        guard message.count >= Self.headerLength else { return }
        id = message.bigEndian16(at: 0)
        flags = message.bigEndian16(at: 2)
        guard flags & Self.responseFlag == 0 else { return }
        guard flags & 0x7800 == 0 else {
            status = .notImp
            return
        }
        status = .formErr
        guard message.bigEndian16(at: 4) == 1, message.bigEndian16(at: 6) == 0,
            message.bigEndian16(at: 8) == 0
        else { return }
        let additionalCount = message.bigEndian16(at: 10)
        // SAFETY: `readName` writes at most 255 octets, which the caller has promised.
        guard unsafe readName(message, into: lowercaseName) else { return }
        let end = questionEnd
        if additionalCount == 0 {
            if message.count == end { status = .fine }
        } else if additionalCount == 1 {
            readOPT(message, at: end)
        }
    }

    /// Reads the question; false where its octets are not a whole uncompressed question.
    @inlinable mutating func readName(
        _ message: Span<UInt8>, into lowercaseName: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        var index = Self.headerLength
        var labels = 0
        while true {
            guard index < message.count else { return false }
            let length = Int(message[index])
            // A length of 64 or more is a pointer or a reserved label type (RFC 6891, 5).
            guard length <= DomainName.maximumLabelOctets else { return false }
            if length == 0 { break }
            labels &+= 1
            index &+= length &+ 1
            guard index &- Self.headerLength < DomainName.maximumOctets else { return false }
        }
        let length = index + 1 - Self.headerLength
        guard message.count >= Self.headerLength + length + 4 else { return false }
        nameLength = length
        labelCount = labels
        unsafe message.withUnsafeBytes { octets in
            // SAFETY: the name's octets lie within the message, as was just checked.
            if let name = unsafe octets.baseAddress?.advanced(by: Self.headerLength) {
                unsafe Self.copyLowercase(name, length, into: lowercaseName)
            }
        }
        qtype = RecordType(message.bigEndian16(at: index + 1))
        qclass = message.bigEndian16(at: index + 3)
        return true
    }

    /// Copies a name, letters in lower case, eight octets at a time; the last eight may overlap those
    /// before. Length octets are below 64 and stay what they are.
    @inlinable @inline(__always) static func copyLowercase(
        _ name: UnsafeRawPointer, _ count: Int, into lowercaseName: UnsafeMutablePointer<UInt8>
    ) {
        // SAFETY: every load and store lies within `count` octets of either side.
        let target = UnsafeMutableRawPointer(lowercaseName)
        guard count >= 8 else {
            for index in 0..<count {
                let octet = unsafe name.load(fromByteOffset: index, as: UInt8.self)
                unsafe target.storeBytes(
                    of: octet.asciiLowercased, toByteOffset: index, as: UInt8.self)
            }
            return
        }
        var index = 0
        while true {
            let word = unsafe name.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            unsafe target.storeBytes(
                of: lowercased(word), toByteOffset: index, as: UInt64.self)
            if index == count &- 8 { return }
            index = min(index &+ 8, count &- 8)
        }
    }

    /// Eight octets as `asciiLowercased` makes each of them.
    @inlinable @inline(__always) static func lowercased(_ word: UInt64) -> UInt64 {
        // In each octet the highest bit: of `fromA` where its other bits are `A` or more, of `behindZ`
        // where they are more than `Z`. No sum reaches the next octet.
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        let fromA = low &+ 0x3F3F_3F3F_3F3F_3F3F
        let behindZ = low &+ 0x2525_2525_2525_2525
        let isLetter = fromA & ~behindZ & ~word & 0x8080_8080_8080_8080
        return word | isLetter &>> 2
    }

    /// Reads the OPT record (RFC 6891 section 6.1.2), which must be all that is left.
    ///
    ///     | NAME 0 | TYPE 41 | CLASS: payload size | TTL: rcode, version, DO, Z | RDLEN | options |
    @inlinable mutating func readOPT(_ message: Span<UInt8>, at start: Int) {
        guard message.count >= start + 11, message[start] == 0,
            message.bigEndian16(at: start + 1) == RecordType.opt.rawValue
        else { return }
        let optionsEnd = start + 11 + Int(message.bigEndian16(at: start + 9))
        guard optionsEnd == message.count else { return }
        var index = start + 11
        while index < optionsEnd {
            guard index + 4 <= optionsEnd else { return }
            index += 4 + Int(message.bigEndian16(at: index + 2))
        }
        guard index == optionsEnd else { return }
        hasOPT = true
        udpPayloadSize = message.bigEndian16(at: start + 3)
        dnssecOK = message[start + 7] & 0x80 != 0
        status = message[start + 6] == 0 ? .fine : .badVers
    }
}

extension Span<UInt8> {
    /// The 16-bit number at an offset, in network byte order; the caller has checked the bounds.
    @inlinable public func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset &+ 1])
    }

    /// The 32-bit number at an offset, in network byte order; the caller has checked the bounds.
    @inlinable public func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian16(at: offset)) << 16 | UInt32(bigEndian16(at: offset &+ 2))
    }
}
