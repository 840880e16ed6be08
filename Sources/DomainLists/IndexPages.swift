/// The pages of an index: where a hash's bucket lies.
///
/// A page of memory has buckets, one cache line each, and behind them the records that they point to.
/// So a look-up that has found the one knows where the other lies: with lists larger than what a
/// processor keeps addresses of, to find that out takes as long as the memory itself.
struct IndexPages: Hashable, Sendable {
    /// How many pages have buckets; 1 or more.
    let count: UInt64
    /// How many buckets each of them has; 1 to `IndexLayout.mostBucketsPerPage`.
    let buckets: UInt64

    /// A bucket's place.
    struct Place: Hashable {
        var page: Int
        /// Its number within the page.
        var bucket: Int

        /// Where the page begins, in octets from the first.
        @inline(__always) var pageOffset: Int { page &* IndexLayout.pageBytes }
        /// Where the bucket begins, likewise.
        @inline(__always) var offset: Int { pageOffset &+ bucket &* IndexLayout.bucketBytes }
    }

    /// The bucket that a hash belongs to.
    @inline(__always)
    func place(of hash: UInt64) -> Place {
        let scaled = (hash >> 32) &* count
        let within = (scaled & 0xFFFF_FFFF) &* buckets
        return Place(
            page: Int(truncatingIfNeeded: scaled >> 32),
            bucket: Int(truncatingIfNeeded: within >> 32))
    }

    /// The bucket where what found none of a bucket's places goes on.
    @inline(__always)
    func place(after place: Place) -> Place {
        if place.bucket &+ 1 < Int(truncatingIfNeeded: buckets) {
            return Place(page: place.page, bucket: place.bucket &+ 1)
        }
        let page = place.page &+ 1
        return Place(page: page < Int(truncatingIfNeeded: count) ? page : 0, bucket: 0)
    }

    /// Where the records of the first page begin, the root's before all others.
    var rootRecord: UInt32 {
        UInt32(truncatingIfNeeded: buckets) &* UInt32(IndexLayout.bucketBytes)
    }

    /// Octets of all pages, with the one behind them that has only records.
    var bytes: Int { (Int(truncatingIfNeeded: count) &+ 1) &* IndexLayout.pageBytes }
}

/// One bucket where it lies, for reading.
@safe struct IndexBucket {
    private let line: UnsafeRawPointer
    private let pageOffset: UInt32
    /// The last four tags, and above them which hashes went on to the next bucket.
    private let lastWord: UInt64

    /// Takes the bucket at a place of the pages.
    @inline(__always)
    init(_ pages: UnsafeRawPointer, _ place: IndexPages.Place) {
        // SAFETY: a place is one of the pages', and every bucket has 64 aligned octets.
        unsafe line = pages + place.offset
        pageOffset = UInt32(truncatingIfNeeded: place.pageOffset)
        lastWord = unsafe line.load(fromByteOffset: 16, as: UInt64.self)
    }

    /// Whether a hash that is not here may have gone on to the next bucket.
    @inline(__always)
    func passedOn(_ hash: UInt64) -> Bool {
        UInt32(truncatingIfNeeded: lastWord >> 32) & IndexLayout.overflowBit(hash) != 0
    }

    /// The record of the first place with a hash's tag.
    @inline(__always)
    func firstRecord(of hash: UInt64) -> UInt32? {
        let tags = Self.tags(hash)
        let first = matches(0, tags)
        if first != 0 { return record(first.trailingZeroBitCount &>> 3) }
        let second = matches(8, tags)
        if second != 0 { return record(8 &+ second.trailingZeroBitCount &>> 3) }
        let third = lastMatches(tags)
        return third == 0 ? nil : record(16 &+ third.trailingZeroBitCount &>> 3)
    }

    /// Gives the records of all places with a hash's tag, until `body` says that it is enough.
    ///
    /// - Returns: whether it did.
    @inline(__always)
    func forEachRecord(of hash: UInt64, _ body: (UInt32) -> Bool) -> Bool {
        let tags = Self.tags(hash)
        return forEach(matches(0, tags), 0, body) || forEach(matches(8, tags), 8, body)
            || forEach(lastMatches(tags), 16, body)
    }

    @inline(__always)
    private func forEach(_ matches: UInt64, _ first: Int, _ body: (UInt32) -> Bool) -> Bool {
        var left = matches
        while left != 0 {
            guard body(record(first &+ left.trailingZeroBitCount &>> 3)) else { return true }
            left &= left &- 1
        }
        return false
    }

    /// The record of a place, which is below 20.
    @inline(__always)
    private func record(_ slot: Int) -> UInt32 {
        let offset = IndexLayout.recordsOffset &+ slot &* 2
        return pageOffset &+ UInt32(unsafe line.load(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    private func matches(_ offset: Int, _ tags: UInt64) -> UInt64 {
        zeroOctets(unsafe line.load(fromByteOffset: offset, as: UInt64.self) ^ tags)
    }

    /// What lies above the last four tags is none.
    @inline(__always)
    private func lastMatches(_ tags: UInt64) -> UInt64 {
        zeroOctets(lastWord ^ tags) & 0x8080_8080
    }

    @inline(__always)
    private static func tags(_ hash: UInt64) -> UInt64 {
        UInt64(IndexLayout.tag(hash)) &* 0x0101_0101_0101_0101
    }
}

/// The high bit of every octet that is zero; of octets above one that is, perhaps as well.
@inline(__always)
private func zeroOctets(_ word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
}
