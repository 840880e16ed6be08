import DNSWire

/// A name as the store orders it: its labels from the root's side, each with its length before it,
/// in lower case. All names under a name have its key as their beginning, and so lie side by side.
enum NameKey {
    /// Appends the key of a name in wire format (RFC 1035 section 3.1).
    ///
    /// A name that does not hold together is kept octet by octet behind a 0, so that nothing is
    /// lost.
    static func append(_ wire: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        var starts: [Int] = []
        var place = wire.startIndex
        while place < wire.endIndex, wire[place] != 0 {
            starts.append(place)
            place += Int(wire[place]) + 1
        }
        guard place < wire.endIndex, place == wire.endIndex - 1 else {
            bytes.append(0)
            bytes.append(contentsOf: wire)
            return
        }
        for start in starts.reversed() {
            bytes.append(wire[start])
            for octet in wire[start + 1..<start + 1 + Int(wire[start])] {
                bytes.append(octet.asciiLowercased)
            }
        }
    }

    /// The name in wire format that a key stands for.
    static func wire(_ key: some Collection<UInt8>) -> [UInt8] {
        let key = Array(key)
        if key.first == 0 { return Array(key.dropFirst()) }
        var starts: [Int] = []
        var place = 0
        while place < key.count {
            starts.append(place)
            place += Int(key[place]) + 1
        }
        var wire: [UInt8] = []
        wire.reserveCapacity(key.count + 1)
        for start in starts.reversed() {
            wire += key[start..<min(start + 1 + Int(key[start]), key.count)]
        }
        wire.append(0)
        return wire
    }

    /// Spreads keys over 64 bits (FNV-1a over words, mixed as SplitMix64 does). Part of the format.
    static func hash(_ key: ArraySlice<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var word: UInt64 = 0
        var filled: UInt64 = 0
        for octet in key {
            word |= UInt64(octet) << (filled &* 8)
            filled &+= 1
            if filled == 8 {
                hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
                word = 0
                filled = 0
            }
        }
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= UInt64(key.count)
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return hash ^ hash >> 31
    }
}

/// Keys that each have a number, in the order in which they came.
struct NameTable {
    private var arena: [UInt8] = []
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// Numbers + 1 by hash, open addressing; 0 = free.
    private var slots = [UInt32](repeating: 0, count: 1024)

    var count: Int { ends.count }

    subscript(number: Int) -> ArraySlice<UInt8> {
        arena[(number == 0 ? 0 : ends[number - 1])..<ends[number]]
    }

    func hash(_ number: Int) -> UInt64 { hashes[number] }

    /// The number of a key, a new one if it was not there.
    mutating func number(of key: ArraySlice<UInt8>) -> UInt32 {
        let hash = NameKey.hash(key)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let known = Int(slots[slot]) - 1
            if hashes[known] == hash, self[known].elementsEqual(key) { return UInt32(known) }
            slot = (slot + 1) & (slots.count - 1)
        }
        arena.append(contentsOf: key)
        ends.append(arena.count)
        hashes.append(hash)
        slots[slot] = UInt32(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return UInt32(ends.count - 1)
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for (number, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }

    /// The numbers in the order of their keys.
    func sorted() -> [UInt32] {
        unsafe arena.withUnsafeBufferPointer { arena in
            // The first octets as a number decide most comparisons.
            let heads = (0..<count).map { number -> UInt64 in
                let start = number == 0 ? 0 : ends[number - 1]
                var head: UInt64 = 0
                for place in 0..<8 {
                    // SAFETY: only places before the key's end are read.
                    let octet = unsafe start + place < ends[number] ? arena[start + place] : 0
                    head = head << 8 | UInt64(octet)
                }
                return head
            }
            return (0..<UInt32(count)).sorted { left, right in
                let (left, right) = (Int(left), Int(right))
                if heads[left] != heads[right] { return heads[left] < heads[right] }
                return self[left].lexicographicallyPrecedes(self[right])
            }
        }
    }
}
