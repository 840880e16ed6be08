import CChecksum

/// The first bytes of a segment: what it is, what it follows, and once it is sealed, what it holds.
///
///      0  magic "BELLREC\n"         64  the link: digest of the segment before (`SegmentLink`),
///      8  u32 format version             zero until that is sealed
///     12  u32 header length        112  reserved
///     16  16 bytes segment id      128  the seal, zero until the segment is complete:
///     32  u64 first seq                 u64 used bytes, u64 next seq, i64 least time,
///     40  i64 creation time             i64 greatest time, u32 last record's checksum,
///     48  reserved                      reserved, 188 u32 CRC-32C of 128..<188
///     60  u32 CRC-32C of 0..<60
struct SegmentHeader: Equatable {
    static let byteCount = 192
    static let sealOffset = 128
    static let formatVersion: UInt32 = 2
    private static let magic = UInt64(0x0A43_4552_4C4C_4542)

    var id: (UInt64, UInt64)
    var firstSeq: UInt64
    var createdMicros: Int64
    var link: SegmentLink?

    static func == (left: Self, right: Self) -> Bool {
        left.id == right.id && left.firstSeq == right.firstSeq
            && left.createdMicros == right.createdMicros && left.link == right.link
    }

    /// Makes a header with an id of its own.
    static func fresh(
        firstSeq: UInt64, createdMicros: Int64, link: SegmentLink?
    ) -> SegmentHeader {
        SegmentHeader(
            id: (.random(in: 0 ... .max), .random(in: 0 ... .max)), firstSeq: firstSeq,
            createdMicros: createdMicros, link: link)
    }

    private init(
        id: (UInt64, UInt64), firstSeq: UInt64, createdMicros: Int64, link: SegmentLink?
    ) {
        self.id = id
        self.firstSeq = firstSeq
        self.createdMicros = createdMicros
        self.link = link
    }

    /// Reads a header; `nil` unless its checksum and version are right.
    init?(_ bytes: RecordBytes) {
        guard bytes.count >= Self.byteCount, bytes.load(0, as: UInt64.self) == Self.magic,
            bytes.load(8, as: UInt32.self) == Self.formatVersion,
            bytes.load(12, as: UInt32.self) == UInt32(Self.byteCount)
        else { return nil }
        let covered = unsafe bytes.slice(0, 60)
        // SAFETY: `covered` lies within the bytes.
        guard unsafe checksum_crc32c(0, covered.baseAddress, covered.count) == bytes.load(60)
        else { return nil }
        id = (bytes.load(16), bytes.load(24))
        firstSeq = bytes.load(32)
        createdMicros = bytes.load(40)
        link = SegmentLink(header: bytes)
    }

    /// Whether these are the first bytes of a segment of some other format.
    static func isOfUnknownFormat(_ bytes: RecordBytes) -> Bool {
        bytes.load(0, as: UInt64.self) == magic && bytes.load(8, as: UInt32.self) != formatVersion
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
        let crc = unsafe checksum_crc32c(0, base, 60)
        unsafe base.storeBytes(of: crc, toByteOffset: 60, as: UInt32.self)
        unsafe link?.write(to: base + SegmentLink.offset)
    }
}

/// What a segment's header says of the segment before: the SHA-256 of that whole file, as
/// `sha256sum` prints it, its own header and so its own link included.
struct SegmentLink: Equatable, Sendable {
    static let offset = 64
    static let byteCount = 48

    /// The first seq of the segment before; 0 = there was none, the log begins here.
    var firstSeq: UInt64
    /// The digest in four words, first octet lowest.
    var digest: (UInt64, UInt64, UInt64, UInt64)

    /// The log begins with this segment.
    static let none = SegmentLink(firstSeq: 0, digest: (0, 0, 0, 0))

    static func == (left: Self, right: Self) -> Bool {
        left.firstSeq == right.firstSeq && left.digest == right.digest
    }

    private init(firstSeq: UInt64, digest: (UInt64, UInt64, UInt64, UInt64)) {
        self.firstSeq = firstSeq
        self.digest = digest
    }

    /// - Parameter digest: 32 octets.
    init(firstSeq: UInt64, digest: [UInt8]) {
        let words = (0..<4).map { word in
            digest.dropFirst(8 * word).prefix(8).reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
        }
        self.init(firstSeq: firstSeq, digest: (words[0], words[1], words[2], words[3]))
    }

    /// The digest as 32 octets.
    var octets: [UInt8] {
        [digest.0, digest.1, digest.2, digest.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
    }

    /// Reads the link of a segment's header; `nil` while there is none.
    init?(header bytes: RecordBytes) {
        let covered = unsafe bytes.slice(Self.offset, 44)
        // SAFETY: `covered` lies within the bytes.
        guard covered.count == 44,
            bytes.load(Self.offset + 40, as: UInt32.self) == Self.isSet,
            unsafe checksum_crc32c(0, covered.baseAddress, 44) == bytes.load(Self.offset + 44)
        else { return nil }
        let start = Self.offset
        digest = (
            bytes.load(start), bytes.load(start + 8), bytes.load(start + 16),
            bytes.load(start + 24)
        )
        firstSeq = bytes.load(start + 32)
    }

    private static let isSet: UInt32 = 1

    /// Digest, first seq, a mark, and the checksum of these.
    ///
    /// - Parameter base: `byteCount` writable bytes. Allocates nothing.
    @unsafe func write(to base: UnsafeMutableRawPointer) {
        // SAFETY: every offset is below `byteCount`.
        unsafe base.storeBytes(of: digest.0, as: UInt64.self)
        unsafe base.storeBytes(of: digest.1, toByteOffset: 8, as: UInt64.self)
        unsafe base.storeBytes(of: digest.2, toByteOffset: 16, as: UInt64.self)
        unsafe base.storeBytes(of: digest.3, toByteOffset: 24, as: UInt64.self)
        unsafe base.storeBytes(of: firstSeq, toByteOffset: 32, as: UInt64.self)
        unsafe base.storeBytes(of: Self.isSet, toByteOffset: 40, as: UInt32.self)
        let crc = unsafe checksum_crc32c(0, base, 44)
        unsafe base.storeBytes(of: crc, toByteOffset: 44, as: UInt32.self)
    }

    /// The link as it lies in the file, at `offset`.
    var encoded: [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            // SAFETY: the buffer has `byteCount` bytes, and all of them are written.
            guard let base = buffer.baseAddress else { return }
            unsafe write(to: UnsafeMutableRawPointer(base))
            count = Self.byteCount
        }
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
    /// The checksum of the last record, from which the next segment goes on.
    var tip: UInt32

    init(
        usedBytes: Int, nextSeq: UInt64, leastMicros: Int64, greatestMicros: Int64, tip: UInt32
    ) {
        self.usedBytes = usedBytes
        self.nextSeq = nextSeq
        self.leastMicros = leastMicros
        self.greatestMicros = greatestMicros
        self.tip = tip
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
        tip = bytes.load(160)
    }

    /// The seal as it lies in the file, at `SegmentHeader.sealOffset`.
    var encoded: [UInt8] {
        var words = [UInt64](repeating: 0, count: Self.byteCount / 8)
        words[0] = UInt64(usedBytes)
        words[1] = nextSeq
        words[2] = UInt64(bitPattern: leastMicros)
        words[3] = UInt64(bitPattern: greatestMicros)
        words[4] = UInt64(tip)
        return unsafe words.withUnsafeMutableBytes { bytes in
            // SAFETY: the buffer is 64 bytes, all within `words`.
            let crc = unsafe checksum_crc32c(0, bytes.baseAddress, 60)
            unsafe bytes.storeBytes(of: crc, toByteOffset: 60, as: UInt32.self)
            return unsafe Array(bytes)
        }
    }
}
