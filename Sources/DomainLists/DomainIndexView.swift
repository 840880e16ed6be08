import CPrefetch

/// The index as the query path uses it: a handful of pointers into its bytes, copied freely.
///
/// Valid as long as the `DomainIndex` it came from; whoever keeps a view keeps the index as well.
/// Looks only, allocates nothing, counts no references.
///
/// Safe to share: the bytes do not change.
@safe public struct DomainIndexView: @unchecked Sendable {
    let buckets: UnsafeRawPointer
    let records: UnsafeRawPointer
    private let pairs: UnsafeRawPointer
    let bucketCount: UInt64
    private let pairCount: UInt32
    /// Below this, a record lies whole within the records.
    let recordLimit: UInt32
    let pairNumberBytes: Int
    private let pairNumberMask: UInt32
    let key: HashKey

    /// Takes an index whose header has been checked against its size.
    init(_ memory: IndexMemory, _ header: IndexHeader) {
        // SAFETY: the header's sections lie within the memory.
        unsafe buckets = memory.base + header.buckets.lowerBound
        unsafe records = memory.base + header.records.lowerBound
        unsafe pairs = memory.base + header.pairs.lowerBound
        bucketCount = UInt64(header.bucketCount)
        pairCount = UInt32(truncatingIfNeeded: header.pairCount)
        recordLimit = UInt32(
            truncatingIfNeeded: header.records.count - IndexLayout.recordGuardBytes)
        pairNumberBytes = header.pairNumberBytes
        pairNumberMask = .max >> UInt32(32 - 8 * header.pairNumberBytes)
        key = header.key
    }

    /// The sources that cover a name.
    ///
    /// - Parameters:
    ///   - lowercaseWire: the name in uncompressed wire format, letters in lower case.
    ///   - count: its octets, the root's zero included. Octets that are no whole name get the
    ///     answer of a name that no list covers.
    /// - Complexity: one cache line for each label from the right, up to the first that no list
    ///   knows, and one more for each that is known; beyond eight labels, one for each halving of
    ///   those that are left.
    public func match(_ lowercaseWire: UnsafePointer<UInt8>, count: Int) -> Match {
        // SAFETY: `find` says where an existing pair lies; a pair has 16 octets.
        guard let (pair, isExact) = unsafe find(lowercaseWire, count: count) else {
            return Match(set: 0, labels: 0)
        }
        let at = unsafe pairs + Int(pair) &* IndexLayout.pairBytes
        return isExact
            ? Match(
                set: unsafe at.load(as: UInt32.self),
                labels: unsafe at.load(fromByteOffset: 8, as: UInt8.self))
            : Match(
                set: unsafe at.load(fromByteOffset: 4, as: UInt32.self),
                labels: unsafe at.load(fromByteOffset: 9, as: UInt8.self))
    }

    /// What is asked ahead for a name: the hashes of its last labels, and the records found by them.
    ///
    /// Nearly all look-ups end within the last four labels, so only theirs are asked for.
    @frozen public struct Ahead: Sendable {
        var hashes: InlineArray<4, UInt64> = [0, 0, 0, 0]
        var hashCount: UInt8 = 0
        var recordCount: UInt8 = 0
        var records: InlineArray<4, UInt32> = [0, 0, 0, 0]

        /// Makes one of a name without labels.
        public init() {}

        /// Whether the index seems to know the name itself, once `findRecords` has been called: a
        /// guess that is nearly always right, by which nothing may be decided.
        public var isKnown: Bool { recordCount == hashCount }
    }

    /// The first of four steps by which a name's memory is asked for ahead of `match`: computes
    /// hashes and touches nothing of the index.
    ///
    /// Each step is called for several names before the next one is: `fetchBuckets` and
    /// `fetchRecords` do nothing but ask for memory, so that a processor looks up the addresses of
    /// several places at once, which may take as long as to read there; between them and the steps
    /// behind them should lie enough other work.
    public func ahead(of lowercaseWire: UnsafePointer<UInt8>, count: Int) -> Ahead {
        var ahead = Ahead()
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { starts in
            // SAFETY: as in `find`.
            let starts = unsafe starts.baseAddress.unsafelyUnwrapped
            guard
                var label = unsafe labelStarts(of: lowercaseWire, count: count, into: starts)
            else { return }
            var hash = key.root
            var place = 0
            while label > 0, place < ahead.hashes.count {
                label &-= 1
                let text = unsafe lowercaseWire + Int(starts[label])
                hash = unsafe key.extend(hash, text, octets: Int(text[0]) &+ 1)
                ahead.hashes[place] = hash
                place &+= 1
            }
            ahead.hashCount = UInt8(truncatingIfNeeded: place)
        }
        return ahead
    }

    /// The second step: asks for the buckets that `match` will look at, without waiting for them.
    @inline(__always)
    public func fetchBuckets(_ ahead: borrowing Ahead) {
        for place in 0..<Int(ahead.hashCount) {
            unsafe prefetch_line(line(of: ahead.hashes[place]))
        }
    }

    /// The third step: finds the records that the buckets point to; the buckets should have come by
    /// now.
    public func findRecords(_ ahead: inout Ahead) {
        for number in 0..<Int(ahead.hashCount) {
            let hash = ahead.hashes[number]
            let tags = UInt64(IndexLayout.tag(hash)) &* 0x0101_0101_0101_0101
            // SAFETY: the bucket's 64 octets are aligned; a slot is below 12.
            let line = unsafe line(of: hash)
            let first = Self.zeroOctets(unsafe line.load(as: UInt64.self) ^ tags)
            let rest =
                Self.zeroOctets(unsafe line.load(fromByteOffset: 8, as: UInt64.self) ^ tags)
                & 0x8080_8080
            guard first | rest != 0 else { return }
            let slot =
                first != 0
                ? first.trailingZeroBitCount &>> 3 : 8 &+ rest.trailingZeroBitCount &>> 3
            ahead.records[number] = unsafe Self.offset(line, slot)
            ahead.recordCount = UInt8(truncatingIfNeeded: number &+ 1)
        }
    }

    /// The fourth step: asks for the records.
    @inline(__always)
    public func fetchRecords(_ ahead: borrowing Ahead) {
        for place in 0..<Int(ahead.recordCount) {
            // An offset is only asked for, not read. A record may lie across two lines; most are
            // shorter than 32 octets.
            let record = unsafe records + Int(ahead.records[place])
            unsafe prefetch_line(record)
            unsafe prefetch_line(record + 31)
        }
    }

    @inline(__always)
    private func line(of hash: UInt64) -> UnsafeRawPointer {
        let bucket = IndexLayout.bucket(hash, of: bucketCount)
        return unsafe buckets + Int(truncatingIfNeeded: bucket) &* IndexLayout.bucketBytes
    }

    /// Notes where each label of a name starts; nil for octets that are no name.
    ///
    /// - Parameter starts: room for 128 places.
    @inline(__always)
    private func labelStarts(
        of wire: UnsafePointer<UInt8>, count: Int, into starts: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        guard count > 0, count <= 255 else { return nil }
        var labels = 0
        var index = 0
        while true {
            // SAFETY: `index` stays below `count`; `labels` below 128, since a name of 255 octets
            // has at most 127 labels. Eight octets are read, and four places written, only where
            // the name has so many left.
            let length = unsafe Int(wire[index])
            if length == 0 { return labels }
            if length == 1, index &+ 8 < count,
                unsafe UnsafeRawPointer(wire + index).loadUnaligned(as: UInt64.self)
                    & 0x00FF_00FF_00FF_00FF == 0x0001_0001_0001_0001
            {
                // Four labels of one letter: a name that is made of such is to cost no more.
                let first = UInt32(truncatingIfNeeded: index) &* 0x0101_0101
                unsafe UnsafeMutableRawPointer(starts + labels).storeBytes(
                    of: (first &+ 0x0604_0200).littleEndian, as: UInt32.self)
                labels &+= 4
                index &+= 8
                continue
            }
            unsafe starts[labels] = UInt8(truncatingIfNeeded: index)
            labels &+= 1
            index &+= length &+ 1
            guard index < count, length <= 63 else { return nil }
        }
    }

    /// The pair of the longest known suffix of a name, and whether that is the whole name; `nil`
    /// for octets that are no name.
    @inline(__always)
    func find(_ wire: UnsafePointer<UInt8>, count: Int) -> (pair: UInt32, isExact: Bool)? {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { starts in
            // SAFETY: the room is as long as is asked for; every label noted ends before `count`.
            let starts = unsafe starts.baseAddress.unsafelyUnwrapped
            guard var labels = unsafe labelStarts(of: wire, count: count, into: starts)
            else { return nil }
            var record: UInt32 = 0
            var hash = key.root
            let deep = max(0, labels &- IndexLayout.shallowLabels)
            while labels > deep {
                let label = unsafe wire + Int(starts[labels &- 1])
                let octets = unsafe Int(label[0]) &+ 1
                hash = unsafe key.extend(hash, label, octets: octets)
                guard let child = unsafe child(of: record, hash, label, octets) else { break }
                record = child
                labels &-= 1
            }
            if labels == deep, deep > 0 {
                let name = unsafe DeepName(wire: wire, starts: starts, deepLabels: deep)
                (record, labels) = deepest(of: name, under: record, hash)
            }
            let number =
                unsafe (records + Int(record)).loadUnaligned(as: UInt32.self) & pairNumberMask
            return number < pairCount ? (number, labels == 0) : nil
        }
    }

    /// The record of a label under a parent.
    @inline(__always)
    private func child(
        of parent: UInt32, _ hash: UInt64, _ label: UnsafePointer<UInt8>, _ octets: Int
    ) -> UInt32? {
        var found: UInt32?
        forEachPlace(of: hash) { offset in
            // SAFETY: an offset below the limit has a whole record behind it and the guard's 272
            // octets: pair number, parent and a label of up to 64.
            guard offset < recordLimit else { return true }
            let record = unsafe records + (Int(offset) &+ pairNumberBytes)
            guard unsafe record.loadUnaligned(as: UInt32.self) == parent,
                unsafe record.load(fromByteOffset: 4, as: UInt8.self) == label[0],
                unsafe equalOctets(record + 4, UnsafeRawPointer(label), octets)
            else { return true }
            found = offset
            return false
        }
        return found
    }

    /// Gives the offsets of all records that may have a hash, until `body` says that it is enough.
    @inline(__always)
    func forEachPlace(of hash: UInt64, _ body: (UInt32) -> Bool) {
        let tags = UInt64(IndexLayout.tag(hash)) &* 0x0101_0101_0101_0101
        var bucket = IndexLayout.bucket(hash, of: bucketCount)
        for _ in 0..<IndexLayout.maximumSteps {
            // SAFETY: the bucket's number is below the count; its 64 octets are aligned.
            let line = unsafe buckets + Int(truncatingIfNeeded: bucket) &* IndexLayout.bucketBytes
            let rest = unsafe line.load(fromByteOffset: 8, as: UInt64.self)
            // Only four tags are left for the second word; what lies above them is no tag.
            var first = Self.zeroOctets(unsafe line.load(as: UInt64.self) ^ tags)
            while first != 0 {
                let slot = first.trailingZeroBitCount &>> 3
                guard body(unsafe Self.offset(line, slot)) else { return }
                first &= first &- 1
            }
            var others = Self.zeroOctets(rest ^ tags) & 0x8080_8080
            while others != 0 {
                let slot = 8 &+ others.trailingZeroBitCount &>> 3
                guard body(unsafe Self.offset(line, slot)) else { return }
                others &= others &- 1
            }
            let passed = UInt32(truncatingIfNeeded: rest >> 32)
            if passed & IndexLayout.overflowBit(hash) == 0 { return }
            bucket = bucket &+ 1 == bucketCount ? 0 : bucket &+ 1
        }
    }

    /// The offset in a bucket's slot, which is below 12.
    @inline(__always)
    private static func offset(_ line: UnsafeRawPointer, _ slot: Int) -> UInt32 {
        unsafe line.load(fromByteOffset: IndexLayout.offsetsOffset &+ slot &* 4, as: UInt32.self)
    }

    /// The high bit of every octet that is zero; of octets above one that is, perhaps as well.
    @inline(__always)
    private static func zeroOctets(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}
