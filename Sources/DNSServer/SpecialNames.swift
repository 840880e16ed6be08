import DNSWire
import Glibc

/// Names that mean something to every resolver and are never sent on.
///
/// `localhost` is the machine itself, `invalid` never exists (RFC 6761 sections 6.3 and 6.4),
/// `onion` must not leak (RFC 7686), and what is under `resolver.arpa` speaks about this very
/// server, which says that it designates no other (NODATA, RFC 9462 sections 4 and 6.4).
enum SpecialName {
    /// An ordinary name.
    case none
    /// Loopback addresses.
    case localhost
    /// There is no such name.
    case nonexistent
    /// There is nothing under the name.
    case empty

    /// Looks at the last labels of a name in wire format and lower case.
    init(_ name: UnsafeRawBufferPointer) {
        self = .none
        if unsafe Self.isUnder(name, "\u{9}localhost\0") {
            self = .localhost
        } else if unsafe Self.isUnder(name, "\u{7}invalid\0") || Self.isUnder(name, "\u{5}onion\0")
        {
            self = .nonexistent
        } else if unsafe Self.isUnder(name, "\u{8}resolver\u{4}arpa\0") {
            self = .empty
        }
    }

    /// Whether a name is a zone's or lies under it.
    ///
    /// - Parameters:
    ///   - name: in wire format and lower case.
    ///   - zone: the same, of two labels or more, the root's among them.
    @inline(__always)
    fileprivate static func isUnder(_ name: UnsafeRawBufferPointer, _ zone: StaticString) -> Bool {
        let octets = zone.utf8CodeUnitCount
        let start = name.count - octets
        // SAFETY: the zone ends where the name does, so `start + index` stays below the name's
        // count, and so does `offset`. Most names differ in the last letter.
        guard start >= 0, let last = unsafe name.baseAddress?.advanced(by: start),
            unsafe name[name.count - 2] == zone.utf8Start[octets - 2],
            unsafe memcmp(last, zone.utf8Start, octets) == 0
        else { return false }
        var offset = 0
        while offset < start { unsafe offset += Int(name[offset]) + 1 }
        return offset == start
    }
}

/// Names by which programs ask, by themselves, whether to stay with this resolver.
///
/// However a rule would have its blocks answered, these get a negative answer: Firefox takes any
/// address, 0.0.0.0 too, for leave to use its own resolver, and Safari hangs where a Private Relay name
/// is not answered with "no such name" or "no such record".
enum DeviceSignal {
    private static let names: [StaticString] = [
        "\u{13}use-application-dns\u{3}net\0", "\u{4}mask\u{6}icloud\u{3}com\0",
        "\u{7}mask-h2\u{6}icloud\u{3}com\0", "\u{8}mask-api\u{6}icloud\u{3}com\0",
        "\u{B}mask-canary\u{6}icloud\u{3}com\0",
    ]

    /// Whether a name in wire format and lower case is such a name, or lies under one.
    static func isOne(_ name: UnsafeRawBufferPointer) -> Bool {
        for signal in names where unsafe SpecialName.isUnder(name, signal) { return true }
        return false
    }
}
