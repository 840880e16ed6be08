import CPrefetch

/// Writes a finished tree into the layout of an index.
enum IndexWriter {
    /// Part of the buckets' places that are taken: more makes more hashes go on to the next
    /// bucket, less makes the index larger.
    private static let bucketLoad = 0.75
    /// Part of the pages' other octets that are taken: more makes more records lie in a page behind
    /// their buckets', less makes the index larger.
    private static let recordLoad = 0.93
    /// Nodes by which a bucket's memory is asked for ahead of its turn.
    private static let nodesAhead = 8

    /// Makes the index of `tree`.
    static func write(_ tree: borrowing NameTree, names: Int) -> DomainIndex {
        var maker = CoverMaker()
        let nodePairs = maker.cover(tree)
        let nodes = tree.nodes.count
        let pairNumberBytes = octetsNeeded(maker.pairs.count)
        // Labels with their length octets; where the parent is and a pair's number each.
        let recordBytes = labelBytes(tree) + nodes * (4 + pairNumberBytes)
        var grid = pages(forRecords: nodes, octets: recordBytes)
        while true {
            let sections = Sections(grid, maker)
            var blob = Blob(bytes: sections.totalBytes)
            if writeNodes(
                tree, nodePairs, pairNumberBytes: pairNumberBytes, sections: sections, &blob)
            {
                writeTables(maker, sections, &blob)
                let header = IndexHeader(
                    nameCount: names, nodeCount: nodes, grid: grid,
                    pairCount: maker.pairs.count, pairNumberBytes: pairNumberBytes, key: tree.key,
                    pages: sections.pages, pairs: sections.pairs,
                    tierLabels: sections.tierLabels, sets: sections.sets)
                writeHeader(header, totalBytes: sections.totalBytes, &blob)
                return DomainIndex(written: blob.finish(), header, sets: maker.sets)
            }
            grid = IndexPages(count: grid.count + grid.count / 4 + 1, buckets: grid.buckets)
        }
    }

    /// Pages for so many records of so many octets together, which neither their buckets nor what
    /// is behind them should limit much before the other.
    private static func pages(forRecords count: Int, octets: Int) -> IndexPages {
        let inBucket = Double(IndexLayout.slotsPerBucket) * bucketLoad
        let each =
            Double(octets) / Double(count) / recordLoad
            + Double(IndexLayout.bucketBytes) / inBucket
        let buckets = (Double(IndexLayout.pageBytes) / each / inBucket).rounded()
        let perPage = min(max(1, Int(buckets)), IndexLayout.mostBucketsPerPage)
        let rest = IndexLayout.pageBytes - perPage * IndexLayout.bucketBytes
        let pages = max(
            Double(count) / (Double(perPage) * inBucket),
            Double(octets) / (Double(rest) * recordLoad))
        return IndexPages(count: UInt64(pages) + 1, buckets: UInt64(perPage))
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

    /// Writes all records into the pages of their buckets; false where one would lie too far from
    /// its own.
    private static func writeNodes(
        _ tree: borrowing NameTree, _ nodePairs: [UInt32], pairNumberBytes: Int,
        sections: Sections, _ blob: inout Blob
    ) -> Bool {
        let pages = sections.pages.lowerBound
        var space = PageSpace(sections.grid)
        var offsets = [UInt32](repeating: sections.grid.rootRecord, count: tree.nodes.count)
        for number in 0..<tree.nodes.count {
            if number + nodesAhead < tree.nodes.count {
                let place = sections.grid.place(of: tree.nodes[number + nodesAhead].hash)
                blob.fetch(pages + place.offset)
                blob.fetch(pages + space.next(in: place.page))
            }
            let spelled = Spelling(of: UInt32(truncatingIfNeeded: number), in: tree)
            let octets = pairNumberBytes + 4 + spelled.octets
            guard number > 0 else {
                guard space.take(octets, from: 0) == Int(offsets[0]) else { return false }
                blob.store(nodePairs[0], at: pages + Int(offsets[0]))
                blob.store(offsets[0], at: pages + Int(offsets[0]) + pairNumberBytes)
                spelled.write(tree, at: pages + Int(offsets[0]) + pairNumberBytes + 4, &blob)
                continue
            }
            let hash = tree.nodes[number].hash
            guard let (place, slot) = blob.freeSlot(for: hash, pages, sections.grid),
                let offset = space.take(octets, from: place.page)
            else { return false }
            blob.enter(hash, slot, in: pages + place.offset, record: offset - place.pageOffset)
            // The number's lower octets come first; the parent's place writes over the rest.
            blob.store(nodePairs[number], at: pages + offset)
            blob.store(offsets[Int(spelled.anchor)], at: pages + offset + pairNumberBytes)
            spelled.write(tree, at: pages + offset + pairNumberBytes + 4, &blob)
            offsets[number] = UInt32(truncatingIfNeeded: offset)
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
            (Field.pageOffset, header.pages.lowerBound),
            (Field.pageCount, Int(header.grid.count)),
            (Field.bucketsPerPage, Int(header.grid.buckets)),
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
    let grid: IndexPages
    let pages: Range<Int>
    let pairs: Range<Int>
    let tierLabels: Range<Int>
    let sets: Range<Int>
    let totalBytes: Int

    init(_ grid: IndexPages, _ maker: borrowing CoverMaker) {
        self.grid = grid
        var end = IndexLayout.headerBytes
        func place(_ octets: Int, alignedTo alignment: Int) -> Range<Int> {
            let start = (end + alignment - 1) / alignment * alignment
            end = start + octets
            return start..<end
        }
        pages = place(grid.bytes, alignedTo: IndexLayout.pageBytes)
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
        unsafe base = .allocate(byteCount: bytes, alignment: IndexLayout.pageBytes)
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

    /// Asks for the memory at an offset, which need not be one.
    @inline(__always)
    func fetch(_ offset: Int) {
        // SAFETY: no address is wrong to ask for.
        unsafe prefetch_line(base + offset)
    }

    /// A free place for a hash: in its bucket, or in the next that has one; `nil` where that would be
    /// too far.
    @inline(__always)
    func freeSlot(
        for hash: UInt64, _ pages: Int, _ grid: IndexPages
    ) -> (place: IndexPages.Place, slot: Int)? {
        var place = grid.place(of: hash)
        for _ in 0..<IndexLayout.maximumSteps {
            // SAFETY: a place is one of the pages', and its bucket's 64 octets lie in the memory.
            let line = unsafe base + pages + place.offset
            for slot in 0..<IndexLayout.slotsPerBucket
            where unsafe line.load(fromByteOffset: slot, as: UInt8.self) == 0 {
                return (place, slot)
            }
            let passed = unsafe line.load(
                fromByteOffset: IndexLayout.overflowOffset, as: UInt32.self)
            unsafe line.storeBytes(
                of: passed | IndexLayout.overflowBit(hash),
                toByteOffset: IndexLayout.overflowOffset, as: UInt32.self)
            place = grid.place(after: place)
        }
        return nil
    }

    /// Enters a record into a bucket's free slot.
    ///
    /// - Parameter record: where it is, from the beginning of the bucket's page.
    @inline(__always)
    func enter(_ hash: UInt64, _ slot: Int, in bucket: Int, record: Int) {
        store(IndexLayout.tag(hash), at: bucket + slot)
        store(
            UInt16(truncatingIfNeeded: record), at: bucket + IndexLayout.recordsOffset + slot * 2)
    }
}

/// How far the octets behind the buckets are taken, page by page.
private struct PageSpace {
    /// By page, and for the one behind the last: the next free octet of it.
    private var taken: [UInt16]

    init(_ grid: IndexPages) {
        taken = [UInt16](repeating: UInt16(grid.rootRecord), count: Int(grid.count) + 1)
        taken[taken.count - 1] = 0
    }

    /// The next free octet of a page, from the first page's beginning.
    @inline(__always)
    func next(in page: Int) -> Int { page * IndexLayout.pageBytes + Int(taken[page]) }

    /// Takes octets of a page, or of the next that has so many left; `nil` where that would be too
    /// far. No record lies in two pages.
    @inline(__always)
    mutating func take(_ octets: Int, from first: Int) -> Int? {
        let last = taken.count - 1
        for page in first...min(first + IndexLayout.pagesInReach - 1, last) {
            let end =
                page == last
                ? IndexLayout.pageBytes - IndexLayout.recordGuardBytes : IndexLayout.pageBytes
            guard Int(taken[page]) + octets <= end else { continue }
            defer { taken[page] += UInt16(octets) }
            return next(in: page)
        }
        return nil
    }
}
