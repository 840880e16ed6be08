import CPrefetch

/// The names of all lists as a tree, while the index is being built: every ancestor of a listed
/// name is there, so a look-up from the top may stop at the first label that is missing.
@safe struct NameTree: ~Copyable {
    /// A name: its last label under its parent. Parents come before their children.
    struct Node: BitwiseCopyable {
        var hash: UInt64
        var parent: UInt32
        /// Where the label lies in `labels`, its length octet first.
        var label: UInt32
        /// The first of the name's entries, counted from 1; 0 where it is not listed.
        var entries: UInt32
        var depth: UInt8
    }

    /// What one source says about a name.
    struct Entry: BitwiseCopyable {
        /// The name's next entry, counted from 1; 0 for none.
        var next: UInt32
        var source: SourceID
        var bits: UInt16
    }

    let key: HashKey
    private(set) var nodes: GrowingBuffer<Node>
    private(set) var labels: GrowingBuffer<UInt8>
    private(set) var entries: GrowingBuffer<Entry>
    /// Open addressing: the low half of a node's hash above, its number plus one below; 0 is free.
    private var slots: GrowingBuffer<UInt64>
    private var slotBits: Int

    static let root: UInt32 = 0

    init(key: HashKey) {
        self.key = key
        nodes = GrowingBuffer(capacity: 1024)
        labels = GrowingBuffer(capacity: 16384)
        entries = GrowingBuffer(capacity: 1024)
        slotBits = 11
        slots = Self.emptySlots(bits: 11)
        labels.append(0)
        nodes.append(Node(hash: key.root, parent: 0, label: 0, entries: 0, depth: 0))
    }

    private static func emptySlots(bits: Int) -> GrowingBuffer<UInt64> {
        var slots = GrowingBuffer<UInt64>(capacity: 1 << bits)
        for _ in 0..<(1 << bits) { slots.append(0) }
        return slots
    }

    /// Whether the offsets of the finished index, 32 bits each, would soon not reach everything.
    @inline(__always) var isFull: Bool {
        labels.count &+ nodes.count &* 13 > Self.maximumBytes
    }

    /// With the buckets, and what stays free beside and behind them, less than 32 bits reach. A name
    /// adds at most 255 octets and 127 nodes, so this leaves room for the last one.
    private static let maximumBytes = 3_700_000_000

    /// Makes room for a list of `bytes` octets, so that reading it need not stop to grow.
    mutating func reserve(forListOf bytes: Int) {
        // Short names make the most nodes; twelve octets a name are below what lists have.
        let expected = nodes.count + bytes / 16
        nodes.reserve(expected)
        entries.reserve(entries.count + bytes / 20)
        labels.reserve(labels.count + bytes / 2)
        growSlots(for: expected)
    }

    private mutating func growSlots(for total: Int) {
        guard total * 2 > 1 << slotBits else { return }
        while total * 2 > 1 << slotBits { slotBits += 1 }
        slots = Self.emptySlots(bits: slotBits)
        let mask = (1 << slotBits) - 1
        for number in 1..<nodes.count {
            let hash = nodes[number].hash
            var slot = slot(of: hash)
            while slots[slot] != 0 { slot = (slot &+ 1) & mask }
            slots[slot] = hash << 32 | UInt64(number + 1)
        }
    }

    /// The node of a name, made with its ancestors where it is missing.
    mutating func node(for name: borrowing NameBuffer) -> UInt32 {
        // One for each of `shallowLabels` labels.
        var hashes = InlineArray<4, UInt64>(repeating: 0)
        var hash = key.root
        var index = name.labels &- 1
        let deepest = max(0, name.labels &- IndexLayout.shallowLabels)
        // The memory of all levels is asked for before any is waited for.
        while index >= deepest {
            // SAFETY: `label` gives a length octet followed by that many octets of the name.
            let label = unsafe name.label(index)
            hash = unsafe key.extend(hash, label, octets: Int(label[0]) &+ 1)
            hashes[index &- deepest] = hash
            // SAFETY: no address is wrong to ask for.
            unsafe prefetch_line(slots.base + slot(of: hash))
            index &-= 1
        }
        var node = Self.root
        for level in stride(from: name.labels &- 1 &- deepest, through: 0, by: -1) {
            // SAFETY: as above.
            let label = unsafe name.label(deepest &+ level)
            node = unsafe child(of: node, hashes[level], label, Int(label[0]) &+ 1)
        }
        return index < 0 ? node : deepNode(for: name, index, under: node, hash)
    }

    /// The node of a deep name, from label `index` on under an ancestor of `shallowLabels` labels.
    private mutating func deepNode(
        for name: borrowing NameBuffer, _ index: Int, under ancestor: UInt32, _ hash: UInt64
    ) -> UInt32 {
        var node = ancestor
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: DeepHashes.capacity) {
            // SAFETY: the labels of one name lie one behind the other, 254 octets at most.
            let end = unsafe name.label(index &+ 1)
            var hashes = unsafe DeepHashes(
                key, ancestor: hash, end: end, room: $0.baseAddress.unsafelyUnwrapped)
            for index in stride(from: index, through: 0, by: -1) {
                let label = unsafe name.label(index)
                let deepHash = unsafe hashes.hash(octets: end - label)
                node = unsafe child(of: node, deepHash, label, Int(label[0]) &+ 1)
            }
        }
        return node
    }

    @inline(__always)
    private mutating func child(
        of parent: UInt32, _ hash: UInt64, _ label: UnsafePointer<UInt8>, _ octets: Int
    ) -> UInt32 {
        let mask = (1 << slotBits) &- 1
        var slot = slot(of: hash)
        while true {
            let found = slots[slot]
            if found == 0 { break }
            if found >> 32 == hash & 0xFFFF_FFFF {
                let number = UInt32(truncatingIfNeeded: found) &- 1
                let node = nodes[Int(number)]
                // SAFETY: a node's label lies whole in `labels`; `label` is the caller's, whole.
                if node.parent == parent,
                    unsafe labels.base[Int(node.label)] == label[0],
                    unsafe equalOctets(labels.base + Int(node.label), label, octets)
                {
                    return number
                }
            }
            slot = (slot &+ 1) & mask
        }
        let number = UInt32(truncatingIfNeeded: nodes.count)
        let place = UInt32(truncatingIfNeeded: labels.count)
        unsafe labels.append(label, octets)
        nodes.append(
            Node(
                hash: hash, parent: parent, label: place, entries: 0,
                depth: nodes[Int(parent)].depth &+ 1))
        slots[slot] = hash << 32 | UInt64(number &+ 1)
        growSlots(for: nodes.count)
        return number
    }

    /// Where the search for a hash begins.
    @inline(__always)
    private func slot(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> UInt64(truncatingIfNeeded: 64 &- slotBits))
    }

    /// Whether any source lists the node's own name or what is under it.
    @inline(__always)
    func isListed(_ node: UInt32) -> Bool {
        var place = nodes[Int(node)].entries
        while place != 0 {
            let entry = entries[Int(place) &- 1]
            if !ListingBits(rawValue: entry.bits).isDisjoint(with: .anyBlock) { return true }
            place = entry.next
        }
        return false
    }

    /// Adds to what `source` says about a name; returns what it had said before.
    mutating func add(_ bits: ListingBits, _ source: SourceID, to node: UInt32) -> ListingBits {
        var place = nodes[Int(node)].entries
        while place != 0 {
            let entry = entries[Int(place) &- 1]
            if entry.source == source {
                entries[Int(place) &- 1].bits |= bits.rawValue
                return ListingBits(rawValue: entry.bits)
            }
            place = entry.next
        }
        entries.append(
            Entry(next: nodes[Int(node)].entries, source: source, bits: bits.rawValue))
        nodes[Int(node)].entries = UInt32(truncatingIfNeeded: entries.count)
        return []
    }
}
