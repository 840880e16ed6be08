public import DNSWire
import Glibc

/// What the cache knows an answer by: name, type, class, and the DO and CD bits of the query.
///
/// The octets are the qname in lower case, then one octet of bits, then class and type; they are
/// held in a buffer made once. Belongs to one thread.
@safe public final class QuestionKey {
    /// The longest key in octets.
    public static let maximumOctets = DomainName.maximumOctets + octetsBehindName
    /// Bits, class and type.
    static let octetsBehindName = 5

    let octets: UnsafeMutablePointer<UInt8>
    private(set) var count = 0
    private(set) var hash: UInt64 = 0
    private let seed: (UInt64, UInt64)

    /// Makes an empty key.
    ///
    /// - Parameter seed: the cache's secret, so that nobody can choose names that collide.
    init(seed: (UInt64, UInt64)) {
        unsafe octets = .allocate(capacity: Self.maximumOctets)
        self.seed = seed
    }

    /// Makes an empty one that is only ever set to what others hold.
    convenience init() { self.init(seed: (0, 0)) }

    deinit { unsafe octets.deallocate() }

    /// Sets the key.
    ///
    /// - Parameters:
    ///   - lowercaseName: at most 255 octets.
    ///   - hash: that of the same question, if the caller has it; 0 if not.
    public func set(
        lowercaseName: UnsafeRawBufferPointer, qtype: RecordType, qclass: UInt16, dnssecOK: Bool,
        checkingDisabled: Bool, hash known: UInt64 = 0
    ) {
        let length = min(lowercaseName.count, DomainName.maximumOctets)
        // SAFETY: `octets` holds 255 octets of name and five more.
        if let source = lowercaseName.baseAddress {
            unsafe UnsafeMutableRawPointer(octets).copyMemory(from: source, byteCount: length)
        }
        let rest = Self.behindName(
            qtype, qclass, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled)
        for place in 0..<Self.octetsBehindName {
            unsafe octets[length + place] = UInt8(truncatingIfNeeded: rest >> UInt64(8 * place))
        }
        count = length + Self.octetsBehindName
        hash =
            unsafe known != 0
            ? known
            : Self.hash(UnsafeRawBufferPointer(start: octets, count: length), rest, seed: seed)
    }

    /// Sets the key to what another one of the same cache holds.
    func set(_ other: QuestionKey) {
        // SAFETY: each holds the longest key.
        unsafe UnsafeMutableRawPointer(octets).copyMemory(
            from: other.octets, byteCount: other.count)
        count = other.count
        hash = other.hash
    }

    /// Whether both are of the same question.
    func equals(_ other: QuestionKey) -> Bool {
        // SAFETY: both hold `count` octets.
        unsafe hash == other.hash && count == other.count
            && memcmp(octets, other.octets, count) == 0
    }

    /// The qname in wire format and lower case; valid until the key is set anew.
    var lowercaseName: UnsafeRawBufferPointer {
        // SAFETY: what is behind the name is left out; an empty key has none.
        unsafe UnsafeRawBufferPointer(start: octets, count: max(0, count - Self.octetsBehindName))
    }

    /// A keyed hash: eight octets at a time, each folded in by a full 128-bit product.
    ///
    /// - Parameters:
    ///   - name: the qname in lower case.
    ///   - rest: what is behind the name, as `behindName` gives it.
    @inline(__always)
    static func hash(
        _ name: UnsafeRawBufferPointer, _ rest: UInt64, seed: (UInt64, UInt64)
    ) -> UInt64 {
        let count = name.count
        var state = seed.0
        var last: UInt64 = 0
        if count >= 8 {
            var index = 0
            // SAFETY: each load ends at or before `count`; the last may begin before the one
            // before it ends.
            while index &+ 8 < count {
                let word = unsafe name.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                state = fold(state ^ word, seed.1)
                index &+= 8
            }
            last = unsafe name.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else {
            for index in 0..<count { last = unsafe last &<< 8 | UInt64(name[index]) }
        }
        // Not before: a name's octets could then be chosen to make up for a type's or a length's.
        let behind = rest | UInt64(truncatingIfNeeded: count) &<< 40
        return fold(fold(state ^ last, seed.1) ^ behind, 0x9E37_79B9_7F4A_7C15 ^ seed.0)
    }

    /// Bits, class and type as a number of five octets, the bits lowest.
    @inline(__always)
    static func behindName(
        _ qtype: RecordType, _ qclass: UInt16, dnssecOK: Bool, checkingDisabled: Bool
    ) -> UInt64 {
        UInt64(qtype.rawValue) << 24 | UInt64(qclass) << 8 | (dnssecOK ? 1 : 0)
            | (checkingDisabled ? 2 : 0)
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right | 1)
        return product.high ^ product.low
    }
}
