import CPrefetch

/// Writes a finished tree into the layout of an index.
enum IndexWriter {
    /// Part of the buckets' places that are taken: more makes more hashes go on to the next
    /// bucket, less makes the index larger.
    static let load = 0.8
    /// Nodes by which a bucket's memory is asked for ahead of its turn.
    private static let nodesAhead = 8

    /// Makes the index of `tree`.
    static func write(_ tree: borrowing NameTree, names: Int) -> DomainIndex {
        var maker = CoverMaker()
        let nodePairs = maker.cover(tree)
        let nodes = tree.nodes.count
        let pairNumberBytes = octetsNeeded(maker.pairs.count)
        // Labels with their length octets; a parent's offset and a pair's number each.
        let recordBytes =
            labelBytes(tree) + nodes * (4 + pairNumberBytes) + IndexLayout.recordGuardBytes
        var bucketCount = max(
            1, Int(Double(nodes) / (Double(IndexLayout.slotsPerBucket) * load)) + 1)
        while true {
            let sections = Sections(
                bucketCount: bucketCount, recordBytes: recordBytes, maker: maker)
            var blob = Blob(bytes: sections.totalBytes)
            if writeNodes(
                tree, nodePairs, pairNumberBytes: pairNumberBytes, sections: sections, &blob)
            {
                writeTables(maker, sections, &blob)
                let header = IndexHeader(
                    nameCount: names, nodeCount: nodes, bucketCount: bucketCount,
                    pairCount: maker.pairs.count, pairNumberBytes: pairNumberBytes, key: tree.key,
                    buckets: sections.buckets, records: sections.records, pairs: sections.pairs,
                    tierLabels: sections.tierLabels, sets: sections.sets)
                writeHeader(header, totalBytes: sections.totalBytes, &blob)
                return DomainIndex(written: blob.finish(), header, sets: maker.sets)
            }
            bucketCount = bucketCount + bucketCount / 4 + 1
        }
    }

    /// Octets that the records' labels take, with the marks of deep ones.
    private static func labelBytes(_ tree: borrowing NameTree) -> Int {
        var octets = tree.labels.count
        for number in 0..<tree.nodes.count
        where tree.nodes[number].depth > IndexLayout.shallowLabels {
            // Its own label is counted already.
            // SAFETY: a node's label lies whole in `labels`, its length octet first.
            let label = unsafe Int(tree.labels.base[Int(tree.nodes[number].label)]) + 1
            octets += Spelling(of: UInt32(truncatingIfNeeded: number), in: tree).octets - label
        }
        return octets
    }

    private static func octetsNeeded(_ count: Int) -> Int {
        var octets = 1
        while octets < 4, count > 1 << (8 * octets) { octets += 1 }
        return octets
    }

    /// Writes all records and puts them into their buckets; false where one would stand too far
    /// from its own.
    private static func writeNodes(
        _ tree: borrowing NameTree, _ nodePairs: [UInt32], pairNumberBytes: Int,
        sections: Sections, _ blob: inout Blob
    ) -> Bool {
        let records = sections.records.lowerBound
        let bucketCount = UInt64(sections.bucketCount)
        var offsets = [UInt32](repeating: 0, count: tree.nodes.count)
        var offset = 0
        for number in 0..<tree.nodes.count {
            let node = tree.nodes[number]
            if number + nodesAhead < tree.nodes.count {
                blob.fetchBucket(
                    tree.nodes[number + nodesAhead].hash, buckets: sections.buckets.lowerBound,
                    count: bucketCount)
            }
            let record = records + offset
            let spelled = Spelling(of: UInt32(truncatingIfNeeded: number), in: tree)
            // The number's lower octets come first; the parent's offset writes over the rest.
            blob.store(nodePairs[number], at: record)
            blob.store(offsets[Int(spelled.anchor)], at: record + pairNumberBytes)
            spelled.write(tree, at: record + pairNumberBytes + 4, &blob)
            offsets[number] = UInt32(truncatingIfNeeded: offset)
            offset += pairNumberBytes + 4 + spelled.octets
            guard number > 0 else { continue }
            guard
                blob.enter(
                    node.hash, record: offsets[number],
                    buckets: sections.buckets.lowerBound, count: bucketCount)
            else { return false }
        }
        return true
    }

    private static func writeTables(
        _ maker: borrowing CoverMaker, _ sections: Sections, _ blob: inout Blob
    ) {
        var tierLabels = 0
        for (number, pair) in maker.pairs.enumerated() {
            let at = sections.pairs.lowerBound + number * IndexLayout.pairBytes
            blob.store(pair.exact.set, at: at)
            blob.store(pair.below.set, at: at + 4)
            blob.store(pair.exact.tierLabels.first ?? 0, at: at + 8)
            blob.store(pair.below.tierLabels.first ?? 0, at: at + 9)
            blob.store(UInt32(truncatingIfNeeded: tierLabels), at: at + 12)
            for labels in pair.exact.tierLabels + pair.below.tierLabels {
                blob.store(labels, at: sections.tierLabels.lowerBound + tierLabels)
                tierLabels += 1
            }
        }
        var at = sections.sets.lowerBound
        blob.store(UInt32(maker.sets.count), at: at)
        at += 4
        for set in maker.sets {
            for number in Sections.numbers(of: set) {
                blob.store(number, at: at)
                at += 2
            }
        }
    }

    private static func writeHeader(
        _ header: IndexHeader, totalBytes: Int, _ blob: inout Blob
    ) {
        typealias Field = IndexLayout.Field
        blob.store(IndexLayout.magic, at: Field.magic)
        blob.store(IndexLayout.version, at: Field.version)
        blob.store(IndexLayout.byteOrderMark, at: Field.byteOrder)
        blob.store(UInt32(header.pairNumberBytes), at: Field.pairNumberBytes)
        let numbers: [(Int, Int)] = [
            (Field.totalBytes, totalBytes),
            (Field.nameCount, header.nameCount),
            (Field.nodeCount, header.nodeCount),
            (Field.bucketOffset, header.buckets.lowerBound),
            (Field.bucketCount, header.bucketCount),
            (Field.recordOffset, header.records.lowerBound),
            (Field.recordBytes, header.records.count),
            (Field.pairOffset, header.pairs.lowerBound),
            (Field.pairCount, header.pairCount),
            (Field.tierLabelOffset, header.tierLabels.lowerBound),
            (Field.tierLabelBytes, header.tierLabels.count),
            (Field.setOffset, header.sets.lowerBound),
            (Field.setBytes, header.sets.count),
        ]
        for (field, number) in numbers { blob.store(UInt64(number), at: field) }
        blob.store(header.key.first, at: Field.keyFirst)
        blob.store(header.key.second, at: Field.keySecond)
    }
}

/// What a node's record spells: its own label, and of a deep name those above it up to its anchor.
private struct Spelling {
    let node: UInt32
    /// The ancestor whose record goes on.
    let anchor: UInt32
    /// Octets of the labels, and of a deep record's mark.
    let octets: Int
    private let mark: UInt8?

    init(of node: UInt32, in tree: borrowing NameTree) {
        let depth = Int(tree.nodes[Int(node)].depth)
        let isDeep = depth > IndexLayout.shallowLabels
        let end = isDeep ? IndexLayout.anchor(depth) : depth - 1
        var octets = isDeep ? 1 : 0
        var ancestor = node
        // The root has no parent but itself.
        repeat {
            let each = tree.nodes[Int(ancestor)]
            // SAFETY: a node's label lies whole in `labels`, its length octet first.
            octets += unsafe Int(tree.labels.base[Int(each.label)]) + 1
            ancestor = each.parent
        } while Int(tree.nodes[Int(ancestor)].depth) > max(end, 0)
        self.node = node
        anchor = ancestor
        self.octets = octets
        mark = isDeep ? IndexLayout.deepMark + UInt8(truncatingIfNeeded: depth) : nil
    }

    /// Writes the labels, the node's own first.
    func write(_ tree: borrowing NameTree, at offset: Int, _ blob: inout Blob) {
        var offset = offset
        if let mark {
            blob.store(mark, at: offset)
            offset += 1
        }
        var each = node
        repeat {
            // SAFETY: as above.
            let label = unsafe tree.labels.base + Int(tree.nodes[Int(each)].label)
            let octets = unsafe Int(label[0]) + 1
            unsafe blob.copy(label, octets, to: offset)
            offset += octets
            each = tree.nodes[Int(each)].parent
        } while each != anchor
    }
}

/// Where each part of one index lies.
private struct Sections {
    let bucketCount: Int
    let buckets: Range<Int>
    let records: Range<Int>
    let pairs: Range<Int>
    let tierLabels: Range<Int>
    let sets: Range<Int>
    let totalBytes: Int

    init(bucketCount: Int, recordBytes: Int, maker: borrowing CoverMaker) {
        self.bucketCount = bucketCount
        var end = IndexLayout.headerBytes
        func place(_ octets: Int, alignedTo alignment: Int) -> Range<Int> {
            let start = (end + alignment - 1) / alignment * alignment
            end = start + octets
            return start..<end
        }
        buckets = place(bucketCount * IndexLayout.bucketBytes, alignedTo: IndexLayout.bucketBytes)
        records = place(recordBytes, alignedTo: 8)
        pairs = place(maker.pairs.count * IndexLayout.pairBytes, alignedTo: 16)
        var labels = 0
        for pair in maker.pairs {
            labels += pair.exact.tierLabels.count + pair.below.tierLabels.count
        }
        tierLabels = place(labels, alignedTo: 8)
        var numbers = 0
        for set in maker.sets { numbers += Self.numbers(of: set).count }
        sets = place(4 + numbers * 2, alignedTo: 8)
        // A whole number of words, as the checksum reads them.
        totalBytes = (end + 31) / 32 * 32
    }

    /// A set as it is written: tiers, and for each its sources.
    static func numbers(of set: CategorySet) -> [UInt16] {
        var numbers = [UInt16(truncatingIfNeeded: set.tiers.count)]
        for tier in set.tiers {
            numbers.append(UInt16(truncatingIfNeeded: tier.count))
            numbers.append(contentsOf: tier.map(\.rawValue))
        }
        return numbers
    }
}

/// The bytes of an index while it is written. Owns them until `finish`.
@safe private struct Blob: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let count: Int

    init(bytes: Int) {
        count = bytes
        // SAFETY: the memory is as large as what is cleared.
        unsafe base = .allocate(byteCount: bytes, alignment: IndexLayout.bucketBytes)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    deinit {
        // SAFETY: allocated here and not handed on: `finish` forgets self.
        unsafe base.deallocate()
    }

    /// Sets the checksum and hands the bytes over.
    consuming func finish() -> IndexMemory {
        // SAFETY: the memory holds `count` octets; self is forgotten, so it has one owner.
        let sum = unsafe IndexLayout.checksum(UnsafeRawBufferPointer(start: base, count: count))
        store(sum, at: IndexLayout.Field.checksum)
        let memory = unsafe IndexMemory(taking: base, count: count)
        discard self
        return memory
    }

    @inline(__always)
    func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Number>.size)
        // SAFETY: the range was checked.
        unsafe base.storeBytes(of: number, toByteOffset: offset, as: Number.self)
    }

    @inline(__always)
    func copy(_ source: UnsafePointer<UInt8>, _ octets: Int, to offset: Int) {
        precondition(offset >= 0 && octets <= count - offset)
        // SAFETY: the range was checked; the caller vouches for the source.
        unsafe (base + offset).copyMemory(from: source, byteCount: octets)
    }

    /// Asks for the memory of a hash's bucket.
    @inline(__always)
    func fetchBucket(_ hash: UInt64, buckets: Int, count bucketCount: UInt64) {
        let bucket = IndexLayout.bucket(hash, of: bucketCount)
        // SAFETY: no address is wrong to ask for.
        unsafe prefetch_line(base + buckets + Int(bucket) * IndexLayout.bucketBytes)
    }

    /// Puts a record into the bucket of its hash, or into the next that has a place; false where
    /// that would be too far.
    @inline(__always)
    func enter(_ hash: UInt64, record: UInt32, buckets: Int, count bucketCount: UInt64) -> Bool {
        var bucket = IndexLayout.bucket(hash, of: bucketCount)
        for _ in 0..<IndexLayout.maximumSteps {
            // SAFETY: a bucket's number is below the count, and its 64 octets lie in the memory.
            let line = unsafe base + buckets + Int(bucket) * IndexLayout.bucketBytes
            for slot in 0..<IndexLayout.slotsPerBucket
            where unsafe line.load(fromByteOffset: slot, as: UInt8.self) == 0 {
                unsafe line.storeBytes(
                    of: IndexLayout.tag(hash), toByteOffset: slot, as: UInt8.self)
                unsafe line.storeBytes(
                    of: record, toByteOffset: IndexLayout.offsetsOffset + slot * 4, as: UInt32.self)
                return true
            }
            let passed = unsafe line.load(
                fromByteOffset: IndexLayout.overflowOffset, as: UInt32.self)
            unsafe line.storeBytes(
                of: passed | IndexLayout.overflowBit(hash),
                toByteOffset: IndexLayout.overflowOffset, as: UInt32.self)
            bucket = bucket + 1 == bucketCount ? 0 : bucket + 1
        }
        return false
    }
}
