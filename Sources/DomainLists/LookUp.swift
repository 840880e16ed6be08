import CPrefetch

/// Looking up many names at once, in steps between which memory has time to come.
///
/// A look-up of its own waits for memory label by label: for a bucket, for the record that it points
/// to, for the next bucket. Each step here is called for several names before the next one is, and
/// between them should lie other work: `begin` hashes, `fetchBuckets` asks for all buckets,
/// `findRecords` looks into them, `fetchRecords` asks for all records, and `match` compares. The two
/// that fetch do nothing else, so that a processor looks up the addresses of several places at once,
/// which may take as long as to read there.
extension DomainIndexView {
    /// How far the look-up of a name has come.
    ///
    /// Goes by the name's last four labels, within which nearly all look-ups end.
    @frozen public struct LookUp: Sendable {
        /// Whose it is: where the index's pages lie.
        var index: UInt = 0
        /// By label, from the right: the hash of the suffix that begins with it, the record that
        /// seems to be its, and where it starts in the name.
        var hashes: InlineArray<4, UInt64> = [0, 0, 0, 0]
        var records: InlineArray<4, UInt32> = [0, 0, 0, 0]
        var starts: InlineArray<4, UInt8> = [0, 0, 0, 0]
        var hashCount: UInt8 = 0
        var recordCount: UInt8 = 0
        /// Whether those are all labels of the name.
        var hasAllLabels = false
        /// Whether nothing longer is known than the records spell: the next bucket says so.
        var endsThere = false

        /// Makes one that has not begun.
        public init() {}

        /// Whether the index seems to know the name itself: a guess that is nearly always right, by
        /// which nothing may be decided before `match`.
        public var seemsListed: Bool { hasAllLabels && recordCount == hashCount }
    }

    /// The first step, which touches nothing of the index.
    ///
    /// - Parameter lookUp: becomes the name's, whatever it was.
    public func begin(
        _ lowercaseWire: UnsafePointer<UInt8>, count: Int, _ lookUp: inout LookUp
    ) {
        lookUp.index = unsafe UInt(bitPattern: pages)
        lookUp.hashCount = 0
        lookUp.recordCount = 0
        lookUp.hasAllLabels = false
        lookUp.endsThere = false
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { starts in
            // SAFETY: as in `find`.
            let starts = unsafe starts.baseAddress.unsafelyUnwrapped
            guard
                var label = unsafe labelStarts(of: lowercaseWire, count: count, into: starts)
            else { return }
            var hash = key.root
            var place = 0
            while label > 0, place < lookUp.hashes.count {
                label &-= 1
                let start = unsafe starts[label]
                let text = unsafe lowercaseWire + Int(start)
                hash = unsafe key.extend(hash, text, octets: Int(text[0]) &+ 1)
                lookUp.hashes[place] = hash
                lookUp.starts[place] = start
                place &+= 1
            }
            lookUp.hashCount = UInt8(truncatingIfNeeded: place)
            lookUp.hasAllLabels = label == 0
        }
    }

    /// The second step: asks for the buckets, without waiting for them.
    @inline(__always)
    public func fetchBuckets(_ lookUp: borrowing LookUp) {
        for place in 0..<Int(lookUp.hashCount) {
            unsafe prefetch_line(pages + grid.place(of: lookUp.hashes[place]).offset)
        }
    }

    /// The third step, for which the buckets should have come: finds the records.
    public func findRecords(_ lookUp: inout LookUp) {
        for number in 0..<Int(lookUp.hashCount) {
            let hash = lookUp.hashes[number]
            let bucket = unsafe IndexBucket(pages, grid.place(of: hash))
            guard let record = bucket.firstRecord(of: hash) else {
                lookUp.endsThere = !bucket.passedOn(hash)
                return
            }
            lookUp.records[number] = record
            lookUp.recordCount = UInt8(truncatingIfNeeded: number &+ 1)
        }
    }

    /// The fourth step: asks for the records, without waiting for them.
    @inline(__always)
    public func fetchRecords(_ lookUp: borrowing LookUp) {
        for place in 0..<Int(lookUp.recordCount) {
            // It is only asked for, not read. A record may lie across two lines; most are shorter
            // than 32 octets.
            let record = unsafe pages + Int(lookUp.records[place])
            unsafe prefetch_line(record)
            unsafe prefetch_line(record + 31)
        }
    }

    /// The last step: the sources that cover the name, as `match` by itself finds them, whatever the
    /// steps before have seen.
    ///
    /// - Parameters:
    ///   - lowercaseWire: the octets that the look-up began with, and `count` of them.
    public func match(
        _ lowercaseWire: UnsafePointer<UInt8>, count: Int, _ lookUp: borrowing LookUp
    ) -> Match {
        guard unsafe lookUp.index == UInt(bitPattern: pages) else {
            return unsafe match(lowercaseWire, count: count)
        }
        var record = grid.rootRecord
        var place = 0
        while place < Int(lookUp.hashCount) {
            // SAFETY: the label starts there and ends before `count`, as it did when the look-up
            // began.
            let label = unsafe lowercaseWire + Int(lookUp.starts[place])
            let octets = unsafe Int(label[0]) &+ 1
            if place < Int(lookUp.recordCount),
                unsafe spells(lookUp.records[place], label, octets, under: record)
            {
                record = lookUp.records[place]
            } else if place == Int(lookUp.recordCount), lookUp.endsThere {
                break
            } else if let child = unsafe child(of: record, lookUp.hashes[place], label, octets) {
                record = child
            } else {
                break
            }
            place &+= 1
        }
        let isAll = place == Int(lookUp.hashCount)
        if isAll, !lookUp.hasAllLabels {
            guard place > 0 else { return Match(set: 0, labels: 0) }
            let known = Known(record: record, hash: lookUp.hashes[place &- 1], labels: place)
            return unsafe match(lowercaseWire, count: count, from: known)
        }
        guard let pair = pair(of: record) else { return Match(set: 0, labels: 0) }
        return cover(pair, isExact: isAll)
    }
}
