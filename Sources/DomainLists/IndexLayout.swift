/// Where things lie in an index: one run of bytes, the same in memory and in a file.
///
///     header | pages: buckets, records | pairs | tier labels | sets
///
/// - A *page* of 4096 octets, as the memory has them: buckets, and behind them records. Behind the
///   last page lies one that has only records.
/// - A *bucket* of 64 octets, one cache line: 20 tags of one octet (0 is free), 32 bits that say
///   which hashes went on to the next bucket, and where the 20 records are, in octets from where the
///   page begins (2 each): in the page, or where that is full in one of the next.
/// - A *record* is a node of the tree of names: the number of its pair (1 to 4 octets, the same
///   for all), where its parent's record is, in octets from the first page's beginning (4), and its
///   label with the length octet. The root's record is the first page's first. With its parents', a
///   record spells its name, so that a look-up compares every octet: there are no false positives.
/// - A *deep record* is that of a name of more than `shallowLabels` labels: its pair's number, where
///   the record of an ancestor some labels above is (`anchor`), an octet of `deepMark` plus the
///   name's labels, and all labels up to that ancestor's. So a name of 127 labels is spelled by a
///   few records instead of 127.
/// - A *pair* of 16 octets: set of the name itself (4), set of the names under it (4), labels of
///   the longest listed name for either (1 + 1), two unused, where its tier labels lie (4).
/// - *Tier labels*: for each pair, how many labels the listed name of each tier has, for the
///   name itself and then for the names under it; an octet each.
/// - *Sets*: number of sets (4); for each the number of tiers (2), for each tier the number of
///   sources (2) and the sources (2 each).
///
/// Numbers are in the byte order of the machine; a file of the other order is refused.
enum IndexLayout {
    /// "bellgate" as the octets lie in the file of a little-endian machine.
    static let magic: UInt64 = 0x6574_6167_6C6C_6562
    /// Raised whenever an older reader would misread.
    static let version: UInt32 = 4
    /// Read as another number on a machine of the other byte order.
    static let byteOrderMark: UInt32 = 0x0102_0304

    static let headerBytes = 192
    static let pageBytes = 4096
    /// Pages in which a bucket's records may lie: what 16 bits reach.
    static let pagesInReach = 16
    /// More would leave no room for the longest record.
    static let mostBucketsPerPage = 48
    static let bucketBytes = 64
    static let slotsPerBucket = 20
    static let overflowOffset = 20
    static let recordsOffset = 24
    static let pairBytes = 16
    /// Octets after the last record, so that no load at a record's start leaves the pages: a
    /// pair's number, a parent, a mark and the labels of a whole name.
    static let recordGuardBytes = 272
    /// Names of up to so many labels are found label by label, from the right; deeper ones by
    /// halving. Listed names are rarely deeper. Not below the labels that a `LookUp` keeps.
    static let shallowLabels = 4
    /// Deep names of up to so many labels have records that spell one label each, since there are
    /// enough of these in lists for their memory to count.
    static let singleLabels = 8
    /// How many labels a deep record spells at most.
    static let labelsPerDeepRecord = 16
    /// Added to a deep record's labels it is more than any label's length octet.
    static let deepMark: UInt8 = 64
    /// How far a record may stand from its bucket; the writer makes more buckets before it
    /// crosses this, the reader stops there.
    static let maximumSteps = 64

    /// Offsets of the header's fields.
    enum Field {
        static let magic = 0
        static let version = 8
        static let byteOrder = 12
        static let totalBytes = 16
        static let checksum = 24
        static let keyFirst = 32
        static let keySecond = 40
        static let nameCount = 48
        static let nodeCount = 56
        static let pageOffset = 64
        static let pageCount = 72
        static let bucketsPerPage = 80
        static let pairOffset = 96
        static let pairCount = 104
        static let tierLabelOffset = 112
        static let tierLabelBytes = 120
        static let setOffset = 128
        static let setBytes = 136
        static let pairNumberBytes = 144
    }

    /// How many labels the ancestor has at which a deep record of a name of `labels` ends.
    @inline(__always)
    static func anchor(_ labels: Int) -> Int {
        labels &- 1 &- max(0, labels &- 1 &- singleLabels) % labelsPerDeepRecord
    }

    /// A hash's tag: never 0, which marks a free place.
    @inline(__always)
    static func tag(_ hash: UInt64) -> UInt8 {
        let low = UInt8(truncatingIfNeeded: hash)
        return low == 0 ? 1 : low
    }

    /// A hash's bit among those that went on to the next bucket.
    @inline(__always)
    static func overflowBit(_ hash: UInt64) -> UInt32 {
        1 << (UInt32(truncatingIfNeeded: hash >> 8) & 31)
    }

    /// The checksum of an index: over all its octets but the checksum's own.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        // Four lanes, so that the multiplications overlap; constants of no meaning.
        var lanes: SIMD4<UInt64> = [
            0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9,
            0x27D4_EB2F_1656_67C5,
        ]
        var index = 0
        // SAFETY: every load ends at or before `bytes.count`, which the loops check.
        func word(_ offset: Int) -> UInt64 {
            if offset == Field.checksum { return 0 }
            return unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        while index &+ 32 <= bytes.count {
            for lane in 0..<4 {
                lanes[lane] = fold(
                    lanes[lane] ^ word(index &+ lane &* 8), 0xD6E8_FEB8_6659_FD93 &+ UInt64(lane))
            }
            index &+= 32
        }
        var sum = UInt64(bytes.count)
        for lane in 0..<4 { sum = fold(sum ^ lanes[lane], 0xA076_1D64_78BD_642F) }
        while index < bytes.count {
            sum = fold(sum ^ UInt64(unsafe bytes[index]), 0xE703_7ED1_A0B4_28DB)
            index &+= 1
        }
        return sum
    }
}
