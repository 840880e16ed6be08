import DNSWire

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

    private static let localhostName: [UInt8] = [9] + Array("localhost".utf8) + [0]
    private static let invalidName: [UInt8] = [7] + Array("invalid".utf8) + [0]
    private static let onionName: [UInt8] = [5] + Array("onion".utf8) + [0]
    private static let resolverName: [UInt8] =
        [8] + Array("resolver".utf8) + [4] + Array("arpa".utf8) + [0]

    /// Looks at the last labels of a name in wire format and lower case.
    init(_ name: UnsafeRawBufferPointer) {
        // All four end in one of these letters before the root; most names end the question here.
        self = .none
        guard name.count >= 7 else { return }
        if unsafe Self.isUnder(name, Self.localhostName) {
            self = .localhost
        } else if unsafe Self.isUnder(name, Self.invalidName) || Self.isUnder(name, Self.onionName)
        {
            self = .nonexistent
        } else if unsafe Self.isUnder(name, Self.resolverName) {
            self = .empty
        }
    }

    fileprivate static func isUnder(_ name: UnsafeRawBufferPointer, _ zone: [UInt8]) -> Bool {
        let start = name.count - zone.count
        guard start >= 0 else { return false }
        // SAFETY: `start + index` stays below the name's count, and so does `offset`.
        for index in 0..<zone.count where unsafe name[start + index] != zone[index] { return false }
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
    private static let names: [[UInt8]] = [
        ["use-application-dns", "net"], ["mask", "icloud", "com"], ["mask-h2", "icloud", "com"],
        ["mask-api", "icloud", "com"], ["mask-canary", "icloud", "com"],
    ].map { labels in
        labels.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + $0.utf8 } + [0]
    }

    /// Whether a name in wire format and lower case is such a name, or lies under one.
    static func isOne(_ name: UnsafeRawBufferPointer) -> Bool {
        for signal in names where unsafe SpecialName.isUnder(name, signal) { return true }
        return false
    }
}
