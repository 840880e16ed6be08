import CChecksum
import Glibc

/// The log's head: one mapped page that says how far the log goes, beside the segments.
///
/// What is stored here outlives the process like the rows do. So the next start, and `log verify`,
/// know that rows are missing at the very end, which no checksum within the segments can tell, and
/// decisions that were lost stay counted although there was no room to say so.
///
///       0  u64 magic "BELLHEAD", u32 version, u32 0, 16 bytes id of the machine's boot
///      64  u64 tip: the next row's seq (low half) and the last record's checksum (high half)
///      72  u64 first seq of the active segment, which completes the half of a seq above
///     128  u64 seq at which the gaps below are to be noted, u64 how many there are
///     144  the gaps: 48 bytes each (`RecordGap.write`), at most `maximumGaps`
///    2048  two slots for the newest sealed segment, 2304 two for the audit trail's head (`HeadSlot`)
@safe final class JournalHead {
    private let base: UnsafeMutableRawPointer

    static let fileName = "journal.head"
    static let byteCount = 4096
    static let version: UInt32 = 1
    static let maximumGaps = 8
    static let sealedSlots = 2048
    static let trailSlots = 2304
    private static let magic: UInt64 = 0x4441_4548_4C4C_4542
    private static let tipOffset = 64
    private static let segmentOffset = 72
    private static let gapOffset = 128

    private init(base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

    deinit {
        // SAFETY: the mapping is this object's own.
        unsafe munmap(base, Self.byteCount)
    }

    /// Maps the page, and makes it where it is missing; `nil` where the disk has no room for it.
    static func open(in directory: LogDirectory) -> JournalHead? {
        let file: Int32
        if let old = directory.openForWriting(fileName) {
            file = old
        } else {
            guard let new = directory.create(fileName) else { return nil }
            file = new
        }
        defer { close(file) }
        // The page is the disk's before it is touched: see `Segment.create`.
        guard posix_fallocate(file, 0, off_t(byteCount)) == 0,
            let base = unsafe mmap(
                nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            unsafe base != MAP_FAILED
        else {
            // An empty file would look like a head that somebody emptied.
            if FileIO.size(file) < byteCount { directory.remove(fileName) }
            return nil
        }
        return unsafe JournalHead(base: base)
    }

    /// Begins a process's use of the page; what the last one left is gone, but for the slots.
    func begin(nextSeq: UInt64, tip: UInt32) {
        let boot = BootID.current
        // SAFETY: all offsets are within the page.
        unsafe base.storeBytes(of: Self.magic, as: UInt64.self)
        unsafe base.storeBytes(of: UInt64(Self.version), toByteOffset: 8, as: UInt64.self)
        unsafe base.storeBytes(of: boot.high, toByteOffset: 16, as: UInt64.self)
        unsafe base.storeBytes(of: boot.low, toByteOffset: 24, as: UInt64.self)
        clearGaps()
        beginSegment(firstSeq: nextSeq)
        advance(nextSeq: nextSeq, tip: tip)
    }

    /// Says how far the log goes: one store, so that a killed process leaves the old or the new.
    @inline(__always) func advance(nextSeq: UInt64, tip: UInt32) {
        let word = UInt64(UInt32(truncatingIfNeeded: nextSeq)) | UInt64(tip) << 32
        // SAFETY: the offset is within the page and a multiple of 8.
        unsafe checksum_store_release_wide(base + Self.tipOffset, word)
    }

    /// Says which segment is being written.
    func beginSegment(firstSeq: UInt64) {
        // SAFETY: the offset is within the page.
        unsafe base.storeBytes(of: firstSeq, toByteOffset: Self.segmentOffset, as: UInt64.self)
    }

    /// Keeps what could not be recorded and is still to be noted, at the seq where that will be.
    func keep(_ gaps: [RecordGap], nextSeq: UInt64) {
        for (index, gap) in gaps.prefix(Self.maximumGaps).enumerated() {
            // SAFETY: `maximumGaps` of them end before the slots.
            unsafe gap.write(to: base + Self.gapOffset + 16 + index * RecordGap.byteCount)
        }
        // SAFETY: both offsets are within the page.
        unsafe base.storeBytes(of: nextSeq, toByteOffset: Self.gapOffset, as: UInt64.self)
        unsafe base.storeBytes(
            of: UInt64(min(gaps.count, Self.maximumGaps)), toByteOffset: Self.gapOffset + 8,
            as: UInt64.self)
    }

    /// Nothing is to be noted any more.
    func clearGaps() {
        // SAFETY: the offset is within the page.
        unsafe base.storeBytes(of: 0, toByteOffset: Self.gapOffset + 8, as: UInt64.self)
    }

    /// Writes the page to the disk; waits for it.
    static func sync(in directory: LogDirectory) {
        guard let file = directory.openForWriting(fileName) else { return }
        fdatasync(file)
        close(file)
    }

    /// What a page says that some process left.
    struct Contents {
        var nextSeq: UInt64
        var tip: UInt32
        var isThisBoot: Bool
        /// Not yet noted in the log, provided that the log ends at `gapSeq`.
        var gaps: [RecordGap]
        var gapSeq: UInt64
        var sealed: HeadSlot?
        var trail: HeadSlot?

        /// Reads a page; `nil` if it is none.
        init?(_ page: RecordBytes) {
            guard page.count >= JournalHead.byteCount,
                page.load(0, as: UInt64.self) == JournalHead.magic,
                page.load(8, as: UInt32.self) == JournalHead.version
            else { return nil }
            let boot = BootID.current
            isThisBoot =
                page.load(16, as: UInt64.self) == boot.high
                && page.load(24, as: UInt64.self) == boot.low
            let word: UInt64 = page.load(JournalHead.tipOffset)
            let segment: UInt64 = page.load(JournalHead.segmentOffset)
            let low = UInt32(truncatingIfNeeded: word)
            // The rows of a segment are fewer than half of what 32 bits count.
            nextSeq = segment &+ UInt64(low &- UInt32(truncatingIfNeeded: segment))
            tip = UInt32(truncatingIfNeeded: word >> 32)
            let start = JournalHead.gapOffset
            gapSeq = page.load(start)
            let count = min(page.load(start + 8, as: UInt64.self), UInt64(JournalHead.maximumGaps))
            gaps = (0..<Int(count)).map {
                RecordGap(page, at: start + 16 + $0 * RecordGap.byteCount)
            }
            sealed = HeadSlot.newest(page, at: JournalHead.sealedSlots)
            trail = HeadSlot.newest(page, at: JournalHead.trailSlots)
        }

        /// Reads the page of a log; `nil` if it is missing or is none.
        init?(in directory: LogDirectory) {
            guard let file = directory.openForReading(JournalHead.fileName) else { return nil }
            defer { close(file) }
            let page = FileIO.read(file, at: 0, count: JournalHead.byteCount)
            // SAFETY: the array outlives the call, and the contents are values of their own.
            guard let contents = unsafe page.withUnsafeBytes({ unsafe Self(RecordBytes($0)) })
            else { return nil }
            self = contents
        }
    }
}

/// A count and a digest in the log's head, in two places by turns: one of them is always whole.
struct HeadSlot: Equatable {
    static let byteCount = 64

    /// Grows with every change.
    var number: UInt64
    /// SHA-256 of what is meant.
    var digest: [UInt8]

    /// The greater of two slots that are whole.
    static func newest(_ page: RecordBytes, at offset: Int) -> HeadSlot? {
        let slots = [0, 1].compactMap { HeadSlot(page, at: offset + $0 * byteCount) }
        return slots.max { $0.number < $1.number }
    }

    init(number: UInt64, digest: [UInt8]) {
        self.number = number
        self.digest = digest
    }

    private init?(_ page: RecordBytes, at offset: Int) {
        let covered = unsafe page.slice(offset, 40)
        number = page.load(offset)
        // SAFETY: `covered` lies within the page; it is copied.
        digest = unsafe Array(covered.dropFirst(8))
        guard number > 0, covered.count == 40,
            unsafe checksum_crc32c(0, covered.baseAddress, 40)
                == page.load(offset + 40, as: UInt32.self)
        else { return nil }
    }

    /// Writes this one in place of the older; whoever calls has a lock against others.
    ///
    /// - Parameter offset: where the two slots begin.
    func write(at offset: Int, in directory: LogDirectory) -> Bool {
        guard let file = directory.openForWriting(JournalHead.fileName) else { return false }
        defer { close(file) }
        let page = FileIO.read(file, at: offset, count: 2 * Self.byteCount)
        // SAFETY: the array outlives the call, and the slots are values of their own.
        let (isFirstNewer, isBlank) = unsafe page.withUnsafeBytes { bytes -> (Bool, Bool) in
            let page = unsafe RecordBytes(bytes)
            let first = HeadSlot(page, at: 0)?.number ?? 0
            let second = HeadSlot(page, at: Self.byteCount)?.number ?? 0
            return (first > second, page.count < 2 * Self.byteCount)
        }
        guard !isBlank else { return false }
        return FileIO.write(encoded, to: file, at: offset + (isFirstNewer ? Self.byteCount : 0))
    }

    private var encoded: [UInt8] {
        var bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        bytes += digest.prefix(32)
        let crc = unsafe checksum_crc32c(0, bytes, bytes.count)
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: crc >> (8 * UInt32($0))) }
        return bytes
    }
}

/// Which start of the machine this is: rows that are missing although it never went down since
/// were taken away.
private enum BootID {
    /// Zero where the system does not say.
    static let current: (high: UInt64, low: UInt64) = {
        let file = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return (0, 0) }
        defer { close(file) }
        let text = FileIO.read(file, at: 0, count: 36)
        let digits = text.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        let halves = [digits.prefix(16), digits.dropFirst(16).prefix(16)].map {
            $0.reduce(UInt64(0)) { $0 << 4 | UInt64($1) }
        }
        return (halves[0], halves[1])
    }()
}
