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

    /// All of 2 to 7 octets in one word.
    @inline(__always)
    fileprivate static func word(_ raw: UnsafeRawPointer, _ octets: Int) -> UInt64 {
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

/// The hashes of a deep name's suffixes, each from that of the ancestor of `shallowLabels` labels
/// and the octets of all labels in between.
///
/// Goes to the left, sixteen octets at a time, and keeps how far it came: what suffixes share is
/// hashed once, in whatever order they are asked for.
@safe struct DeepHashes {
    private let key: HashKey
    /// The octet behind the labels.
    private let end: UnsafePointer<UInt8>
    /// After so many blocks of sixteen octets, counted from `end`: the hash of these.
    private let blocks: UnsafeMutablePointer<UInt64>
    private var blockCount = 0

    /// Words that the caller keeps room for: a name has 254 octets of labels.
    static let capacity = 16
    private static let blockOctets = 16

    /// - Parameters:
    ///   - ancestor: the ancestor's hash.
    ///   - end: where its labels start.
    ///   - room: for `capacity` words.
    @unsafe init(
        _ key: HashKey, ancestor: UInt64, end: UnsafePointer<UInt8>,
        room: UnsafeMutablePointer<UInt64>
    ) {
        self.key = key
        unsafe self.end = end
        unsafe blocks = room
        unsafe blocks[0] = ancestor
    }

    /// The hash of the suffix whose labels start so many octets before `end`: 2 to 254, all of which
    /// can be read. Its length goes in, since no octet of it says it.
    @inline(__always)
    mutating func hash(octets: Int) -> UInt64 {
        // SAFETY: every load lies within the octets, and no more than 15 blocks fit into them.
        let wanted = octets / Self.blockOctets
        while blockCount < wanted {
            let block = unsafe UnsafeRawPointer(
                end - (blockCount &+ 1) &* Self.blockOctets)
            let one = unsafe block.loadUnaligned(as: UInt64.self)
            let other = unsafe block.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            unsafe blocks[blockCount &+ 1] = fold(
                blocks[blockCount] ^ one, key.first ^ other)
            blockCount &+= 1
        }
        let start = unsafe UnsafeRawPointer(end - octets)
        let hash = unsafe fold(
            blocks[wanted] ^ UInt64(truncatingIfNeeded: octets), key.first)
        guard octets >= 8 else {
            return unsafe fold(hash ^ HashKey.word(start, octets), key.second)
        }
        // What is left of the blocks lies in the first sixteen octets; so may a part of a block.
        let one = unsafe start.loadUnaligned(as: UInt64.self)
        let other = unsafe start.loadUnaligned(
            fromByteOffset: min(8, octets &- 8), as: UInt64.self)
        return fold(hash ^ one, key.second ^ other)
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
