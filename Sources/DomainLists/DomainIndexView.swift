import CPrefetch

/// The index as the query path uses it: a handful of pointers into its bytes, copied freely.
///
/// Valid as long as the `DomainIndex` it came from; whoever keeps a view keeps the index as well.
/// Looks only, allocates nothing, counts no references.
///
/// Safe to share: the bytes do not change.
@safe public struct DomainIndexView: @unchecked Sendable {
    let pages: UnsafeRawPointer
    private let pairs: UnsafeRawPointer
    let grid: IndexPages
    private let pairCount: UInt32
    /// Below this, a record lies whole within the pages.
    let recordLimit: UInt32
    let pairNumberBytes: Int
    private let pairNumberMask: UInt32
    let key: HashKey

    /// Takes an index whose header has been checked against its size.
    init(_ memory: IndexMemory, _ header: IndexHeader) {
        // SAFETY: the header's sections lie within the memory.
        unsafe pages = memory.base + header.pages.lowerBound
        unsafe pairs = memory.base + header.pairs.lowerBound
        grid = header.grid
        pairCount = UInt32(truncatingIfNeeded: header.pairCount)
        recordLimit = UInt32(
            truncatingIfNeeded: header.pages.count - IndexLayout.recordGuardBytes)
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
    ///   knows, and one more for each that is known; beyond four labels, one for each halving of
    ///   those that are left.
    public func match(_ lowercaseWire: UnsafePointer<UInt8>, count: Int) -> Match {
        unsafe match(lowercaseWire, count: count, from: root)
    }

    /// The sources that cover a name of which a suffix is known.
    func match(_ lowercaseWire: UnsafePointer<UInt8>, count: Int, from known: Known) -> Match {
        guard let (pair, isExact) = unsafe find(lowercaseWire, count: count, from: known) else {
            return Match(set: 0, labels: 0)
        }
        return cover(pair, isExact: isExact)
    }

    /// What a pair says of the name itself, or of those under it.
    @inline(__always)
    func cover(_ pair: UInt32, isExact: Bool) -> Match {
        // SAFETY: whoever found the number saw that there is such a pair; a pair has 16 octets.
        let at = unsafe pairs + Int(pair) &* IndexLayout.pairBytes
        return isExact
            ? Match(
                set: unsafe at.load(as: UInt32.self),
                labels: unsafe at.load(fromByteOffset: 8, as: UInt8.self))
            : Match(
                set: unsafe at.load(fromByteOffset: 4, as: UInt32.self),
                labels: unsafe at.load(fromByteOffset: 9, as: UInt8.self))
    }

    /// Notes where each label of a name starts; nil for octets that are no name.
    ///
    /// - Parameter starts: room for 128 places.
    @inline(__always)
    func labelStarts(
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

    /// A suffix of a name that is known, from which a look-up may go on.
    struct Known {
        var record: UInt32
        var hash: UInt64
        var labels: Int
    }

    /// What is known of every name.
    var root: Known { Known(record: grid.rootRecord, hash: key.root, labels: 0) }

    /// The pair of the longest known suffix of a name, and whether that is the whole name; `nil`
    /// for octets that are no name.
    ///
    /// - Parameter known: a suffix of at most `shallowLabels` labels.
    @inline(__always)
    func find(
        _ wire: UnsafePointer<UInt8>, count: Int, from known: Known
    ) -> (pair: UInt32, isExact: Bool)? {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { starts in
            // SAFETY: the room is as long as is asked for; every label noted ends before `count`.
            let starts = unsafe starts.baseAddress.unsafelyUnwrapped
            guard let all = unsafe labelStarts(of: wire, count: count, into: starts),
                all >= known.labels
            else { return nil }
            var record = known.record
            var hash = known.hash
            var labels = all &- known.labels
            let deep = max(0, all &- IndexLayout.shallowLabels)
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
            return pair(of: record).map { ($0, labels == 0) }
        }
    }

    /// The number of a record's pair.
    @inline(__always)
    func pair(of record: UInt32) -> UInt32? {
        // SAFETY: every record that was found lies whole within the pages, and the root's, too.
        let number =
            unsafe (pages + Int(record)).loadUnaligned(as: UInt32.self) & pairNumberMask
        return number < pairCount ? number : nil
    }

    /// The record of a label under a parent.
    @inline(__always)
    func child(
        of parent: UInt32, _ hash: UInt64, _ label: UnsafePointer<UInt8>, _ octets: Int
    ) -> UInt32? {
        var found: UInt32?
        forEachPlace(of: hash) { offset in
            guard unsafe spells(offset, label, octets, under: parent) else { return true }
            found = offset
            return false
        }
        return found
    }

    /// Whether the record at an offset is that of a label under a parent: every octet is compared.
    @inline(__always)
    func spells(
        _ offset: UInt32, _ label: UnsafePointer<UInt8>, _ octets: Int, under parent: UInt32
    ) -> Bool {
        // SAFETY: an offset below the limit has a whole record behind it and the guard's 272
        // octets: pair number, parent and a label of up to 64.
        guard offset < recordLimit else { return false }
        let record = unsafe pages + (Int(offset) &+ pairNumberBytes)
        guard unsafe record.loadUnaligned(as: UInt32.self) == parent,
            unsafe record.load(fromByteOffset: 4, as: UInt8.self) == label[0]
        else { return false }
        return unsafe equalOctets(record + 4, UnsafeRawPointer(label), octets)
    }

    /// Gives all records that may have a hash, until `body` says that it is enough.
    @inline(__always)
    func forEachPlace(of hash: UInt64, _ body: (UInt32) -> Bool) {
        var place = grid.place(of: hash)
        for _ in 0..<IndexLayout.maximumSteps {
            let bucket = unsafe IndexBucket(pages, place)
            if bucket.forEachRecord(of: hash, body) || !bucket.passedOn(hash) { return }
            place = grid.place(after: place)
        }
    }
}
