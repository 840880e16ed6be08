/// The secret of one index: without it nobody can craft names that fall into one bucket.
struct HashKey: Hashable, Sendable {
    let first: UInt64
    let second: UInt64

    /// A key of the system's randomness.
    static func random() -> HashKey {
        HashKey(first: .random(in: 1 ... .max), second: .random(in: 1 ... .max))
    }

    /// The hash of the root, from which every name's hash grows, label by label.
    @inline(__always) var root: UInt64 { first }

    /// The hash of a name from its parent's hash and its own label, length octet included.
    ///
    /// Folded multiplication over eight octets at a time; the last word may overlap the one before,
    /// so that no octet outside the label is ever read. Equal lengths cover equal octets, and the
    /// length is the first of them, so different labels give different words.
    ///
    /// - Parameters:
    ///   - label: the length octet and as many octets as it says.
    ///   - octets: the length octet's value plus one, 2 or more.
    @inline(__always)
    func extend(_ parent: UInt64, _ label: UnsafePointer<UInt8>, octets: Int) -> UInt64 {
        // SAFETY: every load lies within the `octets` octets at `label`, which the caller vouches
        // for: words start at 0, 8, … while more than eight octets remain, and the last load ends
        // with the label.
        let raw = unsafe UnsafeRawPointer(label)
        var hash = parent
        if octets >= 8 {
            var index = 0
            while index &+ 8 < octets {
                hash = fold(
                    hash ^ (unsafe raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)), first
                )
                index &+= 8
            }
            let last = unsafe raw.loadUnaligned(fromByteOffset: octets &- 8, as: UInt64.self)
            return fold(hash ^ last, second)
        }
        return unsafe fold(hash ^ Self.word(raw, octets), second)
    }

    /// The hash of a deep name from that of its ancestor of `shallowLabels` labels and all labels
    /// in between, the length octets included: of one suffix without those before it.
    ///
    /// Like `extend`, but sixteen octets at a time, and the length goes in first, since it is not
    /// the first octet here.
    ///
    /// - Parameter octets: of all the labels, 2 or more.
    @inline(__always)
    func extendDeep(
        _ ancestor: UInt64, _ labels: UnsafePointer<UInt8>, octets: Int
    ) -> UInt64 {
        // SAFETY: as in `extend`.
        let raw = unsafe UnsafeRawPointer(labels)
        var hash = fold(ancestor ^ UInt64(truncatingIfNeeded: octets), first)
        guard octets >= 8 else { return unsafe fold(hash ^ Self.word(raw, octets), second) }
        var index = 0
        while index &+ 16 < octets {
            let one = unsafe raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let other = unsafe raw.loadUnaligned(fromByteOffset: index &+ 8, as: UInt64.self)
            hash = fold(hash ^ one, first ^ other)
            index &+= 16
        }
        let one = unsafe raw.loadUnaligned(
            fromByteOffset: max(octets &- 16, 0), as: UInt64.self)
        let other = unsafe raw.loadUnaligned(fromByteOffset: octets &- 8, as: UInt64.self)
        return fold(hash ^ one, second ^ other)
    }

    /// All of 2 to 7 octets in one word.
    @inline(__always)
    private static func word(_ raw: UnsafeRawPointer, _ octets: Int) -> UInt64 {
        // SAFETY: the loads overlap but lie within the octets.
        if octets >= 4 {
            let low = unsafe raw.loadUnaligned(as: UInt32.self)
            let high = unsafe raw.loadUnaligned(fromByteOffset: octets &- 4, as: UInt32.self)
            return UInt64(low) | UInt64(high) << 32
        }
        let low = unsafe raw.loadUnaligned(as: UInt16.self)
        let high = unsafe raw.load(fromByteOffset: octets &- 1, as: UInt8.self)
        return UInt64(low) | UInt64(high) << 16
    }
}

/// The two halves of a product, folded into one.
@inline(__always)
func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
}

/// Whether two runs of octets are equal; for labels, where a call to memcmp costs more than it
/// saves.
@inline(__always)
func equalOctets(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
    // SAFETY: every load lies within `count` octets of either side, as in `extend`.
    if count >= 8 {
        var index = 0
        while index &+ 8 < count {
            let one = unsafe left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let other = unsafe right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if one != other { return false }
            index &+= 8
        }
        let one = unsafe left.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        let other = unsafe right.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        return one == other
    }
    var index = 0
    while index < count {
        let one = unsafe left.load(fromByteOffset: index, as: UInt8.self)
        let other = unsafe right.load(fromByteOffset: index, as: UInt8.self)
        if one != other { return false }
        index &+= 1
    }
    return true
}
