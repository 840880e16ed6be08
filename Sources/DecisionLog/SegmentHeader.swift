import CChecksum

/// The first bytes of a segment: what it is, and once it is sealed, what it holds.
///
///      0  magic "BELLREC\n"        48  32 bytes: digest of the previous segment (zero: none)
///      8  u32 format version       80  reserved
///     12  u32 header length       124  u32 CRC-32C of 0..<124
///     16  16 bytes segment id     128  the seal, zero until the segment is complete:
///     32  u64 first seq                u64 used bytes, u64 next seq, i64 least time,
///     40  i64 creation time            i64 greatest time, 16 reserved, 188 u32 CRC-32C
struct SegmentHeader: Equatable {
    static let byteCount = 192
    static let sealOffset = 128
    static let formatVersion: UInt32 = 1
    private static let magic = UInt64(0x0A43_4552_4C4C_4542)

    var id: (UInt64, UInt64)
    var firstSeq: UInt64
    var createdMicros: Int64

    static func == (left: Self, right: Self) -> Bool {
        left.id == right.id && left.firstSeq == right.firstSeq
            && left.createdMicros == right.createdMicros
    }

    /// Makes a header with an id of its own.
    static func fresh(firstSeq: UInt64, createdMicros: Int64) -> SegmentHeader {
        SegmentHeader(
            id: (.random(in: 0 ... .max), .random(in: 0 ... .max)), firstSeq: firstSeq,
            createdMicros: createdMicros)
    }

    init(id: (UInt64, UInt64), firstSeq: UInt64, createdMicros: Int64) {
        self.id = id
        self.firstSeq = firstSeq
        self.createdMicros = createdMicros
    }

    /// Reads a header; `nil` unless its checksum and version are right.
    init?(_ bytes: RecordBytes) {
        guard bytes.count >= Self.byteCount, bytes.load(0, as: UInt64.self) == Self.magic,
            bytes.load(8, as: UInt32.self) == Self.formatVersion,
            bytes.load(12, as: UInt32.self) == UInt32(Self.byteCount)
        else { return nil }
        let covered = unsafe bytes.slice(0, 124)
        // SAFETY: `covered` lies within the bytes.
        guard unsafe checksum_crc32c(0, covered.baseAddress, covered.count) == bytes.load(124)
        else { return nil }
        id = (bytes.load(16), bytes.load(24))
        firstSeq = bytes.load(32)
        createdMicros = bytes.load(40)
    }

    /// Writes the header without a seal.
    ///
    /// - Parameter base: at least `byteCount` writable bytes, zero.
    @unsafe func write(to base: UnsafeMutableRawPointer) {
        // SAFETY: every offset is below `byteCount`.
        unsafe base.storeBytes(of: Self.magic, as: UInt64.self)
        unsafe base.storeBytes(of: Self.formatVersion, toByteOffset: 8, as: UInt32.self)
        unsafe base.storeBytes(of: UInt32(Self.byteCount), toByteOffset: 12, as: UInt32.self)
        unsafe base.storeBytes(of: id.0, toByteOffset: 16, as: UInt64.self)
        unsafe base.storeBytes(of: id.1, toByteOffset: 24, as: UInt64.self)
        unsafe base.storeBytes(of: firstSeq, toByteOffset: 32, as: UInt64.self)
        unsafe base.storeBytes(of: createdMicros, toByteOffset: 40, as: Int64.self)
        let crc = unsafe checksum_crc32c(0, base, 124)
        unsafe base.storeBytes(of: crc, toByteOffset: 124, as: UInt32.self)
    }
}

/// What a complete segment holds.
struct SegmentSeal: Equatable, Sendable {
    static let byteCount = 64

    var usedBytes: Int
    /// The seq after the last one here; the first seq of the next segment.
    var nextSeq: UInt64
    /// Of the rows, in microseconds since 1970; least > greatest where there is none.
    var leastMicros: Int64
    var greatestMicros: Int64

    init(usedBytes: Int, nextSeq: UInt64, leastMicros: Int64, greatestMicros: Int64) {
        self.usedBytes = usedBytes
        self.nextSeq = nextSeq
        self.leastMicros = leastMicros
        self.greatestMicros = greatestMicros
    }

    /// Reads the seal of a segment from its header; `nil` while it is not sealed.
    init?(header bytes: RecordBytes) {
        guard bytes.count >= SegmentHeader.byteCount else { return nil }
        let covered = unsafe bytes.slice(SegmentHeader.sealOffset, 60)
        // SAFETY: `covered` lies within the bytes.
        guard unsafe checksum_crc32c(0, covered.baseAddress, covered.count) == bytes.load(188),
            let used = Int(exactly: bytes.load(128, as: UInt64.self)),
            used >= SegmentHeader.byteCount
        else { return nil }
        usedBytes = used
        nextSeq = bytes.load(136)
        leastMicros = bytes.load(144)
        greatestMicros = bytes.load(152)
    }

    /// The seal as it lies in the file, at `SegmentHeader.sealOffset`.
    var encoded: [UInt8] {
        var words = [UInt64](repeating: 0, count: Self.byteCount / 8)
        words[0] = UInt64(usedBytes)
        words[1] = nextSeq
        words[2] = UInt64(bitPattern: leastMicros)
        words[3] = UInt64(bitPattern: greatestMicros)
        return unsafe words.withUnsafeMutableBytes { bytes in
            // SAFETY: the buffer is 64 bytes, all within `words`.
            let crc = unsafe checksum_crc32c(0, bytes.baseAddress, 60)
            unsafe bytes.storeBytes(of: crc, toByteOffset: 60, as: UInt32.self)
            return unsafe Array(bytes)
        }
    }
}
