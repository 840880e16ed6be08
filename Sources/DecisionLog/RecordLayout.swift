import CChecksum

/// How a record lies in a segment. Little-endian; every record starts and ends on 8 bytes.
///
///      0  u32 length       the whole record, padding included; written last. 0 = nothing here yet
///      4  u32 checksum     CRC-32C of 24..<length, then 8..<24, then the length
///      8  u64 seq          of a definition: the seq of the row that follows
///     16  u24 dictionary   which definition of this segment the numbers refer to
///     19  u8  kind
///     20  u32 previous     the checksum of the record before, in this segment or the one before
///     24  decision:   i64 time, u64 client high, u64 client low, u32 ttl, u32 micros,
///                     u16 group, rule, category, list, period, qtype, rcode, u8 verdict, u8 source,
///                     u8 matched labels, u8 name length, u8 via length, u8 0, u16 device, u16 0,
///                     name, via
///         definition: see `RecordDictionary.encoded`
///         gap:        i64 time, then `RecordGap.write`
///
/// The body comes first in the checksum so that a worker can compute that part on its own; only
/// what the journal assigns is left for the lock. Each record is whole or not by itself, and goes
/// on from the one before: a row that was taken away, put in or changed, its own checksum made to
/// fit, breaks the chain at that place.
enum RecordLayout {
    static let checksumOffset = 4
    static let seqOffset = 8
    static let dictionaryOffset = 16
    static let kindOffset = 19
    static let previousOffset = 20
    static let headerBytes = 24

    static let tookOffset = 52
    static let nameLengthOffset = 73
    static let viaLengthOffset = 74
    static let deviceOffset = 76
    static let nameOffset = 80
    static let longestNameBytes = 255
    /// A decision with two names of the greatest length.
    static let largestDecisionBytes = roundedUp(nameOffset + 2 * longestNameBytes)
    static let gapBytes = headerBytes + 8 + RecordGap.byteCount
    /// Stands for "no dictionary", and is the greatest number that has room.
    static let noDictionary: UInt32 = 0xFF_FFFF
    /// No record is longer: a definition of a policy with thousands of rules takes some hundred KiB.
    static let largestRecordBytes = 1 << 26

    @inline(__always) static func roundedUp(_ bytes: Int) -> Int { (bytes &+ 7) & ~7 }
}

/// What a record is.
enum RecordKind: UInt8 {
    case decision = 1
    case definition = 2
    case gap = 3
}

/// A run of bytes that a record is read from; a load past the end gives zero.
@safe struct RecordBytes {
    private let base: UnsafeRawPointer?
    let count: Int

    /// The bytes must outlive this value.
    @unsafe init(_ bytes: UnsafeRawBufferPointer) {
        unsafe base = bytes.baseAddress
        count = bytes.count
    }

    @inline(__always) func load<T: FixedWidthInteger & BitwiseCopyable>(
        _ offset: Int, as type: T.Type = T.self
    ) -> T {
        guard offset >= 0, offset <= count &- MemoryLayout<T>.size, let base = unsafe base
        else { return 0 }
        // SAFETY: the line above keeps the load within the bytes.
        return unsafe base.loadUnaligned(fromByteOffset: offset, as: T.self)
    }

    /// A part, cut to what there is.
    @inline(__always) func slice(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer {
        guard offset >= 0, length >= 0, offset <= count, let base = unsafe base
        else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        // SAFETY: start and length are cut to the bytes.
        return unsafe UnsafeRawBufferPointer(
            start: base + offset, count: min(length, count &- offset))
    }

    /// The length of the record at `offset` if it is whole and its checksum is right; else `nil`.
    @inline(__always) func validRecord(at offset: Int) -> Int? {
        let length = Int(load(offset, as: UInt32.self))
        guard length > RecordLayout.headerBytes, length & 7 == 0, length <= count &- offset,
            RecordKind(rawValue: load(offset &+ RecordLayout.kindOffset)) != nil
        else { return nil }
        let body = unsafe slice(
            offset &+ RecordLayout.headerBytes, length &- RecordLayout.headerBytes)
        // SAFETY: `body` lies within the bytes.
        let crc = unsafe checksum_crc32c_words(
            checksum_crc32c(0, body.baseAddress, body.count),
            load(offset &+ RecordLayout.seqOffset), load(offset &+ RecordLayout.dictionaryOffset),
            UInt32(length))
        return crc == load(offset &+ RecordLayout.checksumOffset, as: UInt32.self) ? length : nil
    }
}
