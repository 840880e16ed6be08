import Glibc

/// A stretch of decisions that is not in the log, as a row of its own says it.
public struct RecordGap: Sendable, Equatable, CustomStringConvertible {
    /// How many decisions; 0 = none whose answer had left.
    public var count: UInt64
    /// When the first of them was asked, in microseconds since 1970 UTC.
    public var firstMicros: Int64
    /// When the last of them was asked.
    public var lastMicros: Int64
    /// Why.
    public var reason: GapReason
    /// The first seq that is missing; of decisions that never got one, 0.
    public var firstSeq: UInt64
    /// The seq after the last one that is missing.
    public var endSeq: UInt64

    /// How it lies in a record and in the log's head, in bytes.
    static let byteCount = 48

    init(
        count: UInt64, firstMicros: Int64, lastMicros: Int64, reason: GapReason,
        seqs: Range<UInt64> = 0..<0
    ) {
        self.count = count
        self.firstMicros = firstMicros
        self.lastMicros = lastMicros
        self.reason = reason
        firstSeq = seqs.lowerBound
        endSeq = seqs.upperBound
    }

    /// Reads 48 bytes: count, times, reason, seqs.
    init(_ bytes: RecordBytes, at offset: Int) {
        count = bytes.load(offset)
        firstMicros = bytes.load(offset + 8)
        lastMicros = bytes.load(offset + 16)
        reason = GapReason(number: bytes.load(offset + 24))
        firstSeq = bytes.load(offset + 32)
        endSeq = bytes.load(offset + 40)
    }

    /// - Parameter target: `byteCount` writable bytes.
    @unsafe func write(to target: UnsafeMutableRawPointer) {
        // SAFETY: all offsets are below `byteCount`.
        unsafe target.storeBytes(of: count, as: UInt64.self)
        unsafe target.storeBytes(of: firstMicros, toByteOffset: 8, as: Int64.self)
        unsafe target.storeBytes(of: lastMicros, toByteOffset: 16, as: Int64.self)
        unsafe target.storeBytes(
            of: UInt64(UInt32(bitPattern: reason.number)), toByteOffset: 24, as: UInt64.self)
        unsafe target.storeBytes(of: firstSeq, toByteOffset: 32, as: UInt64.self)
        unsafe target.storeBytes(of: endSeq, toByteOffset: 40, as: UInt64.self)
    }

    /// The gap as it lies in a record, to be kept elsewhere.
    package var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        unsafe bytes.withUnsafeMutableBytes { buffer in
            // SAFETY: the buffer is as long as what is written.
            if let base = buffer.baseAddress { unsafe write(to: base) }
        }
        return bytes
    }

    /// Reads back what `encoded` gave; `nil` where the length is wrong.
    package static func decoded(_ encoded: [UInt8]) -> RecordGap? {
        guard encoded.count == byteCount else { return nil }
        return unsafe encoded.withUnsafeBytes { bytes in
            // SAFETY: the buffer outlives the reading.
            unsafe RecordGap(RecordBytes(bytes), at: 0)
        }
    }

    /// How many, why, which and when; what a gap row shows in the rule's column.
    public var description: String {
        let seqs =
            switch endSeq &- firstSeq {
            case 0: ""
            case 1: ", seq \(firstSeq)"
            default: ", seq \(firstSeq) to \(endSeq &- 1)"
            }
        let times =
            firstMicros <= lastMicros && firstMicros > 0
            ? " (\(LogTime.utc(firstMicros)) to \(LogTime.utc(lastMicros)))" : ""
        let lost = reason == .damaged ? "cannot be read any more" : "not recorded"
        return "\(count) decision\(count == 1 ? "" : "s") \(lost): \(reason)\(seqs)\(times)"
    }
}

/// Why decisions are not in the log.
public struct GapReason: Sendable, Hashable, CustomStringConvertible {
    /// The system's error number, or one of the log's own from 10000 on.
    public let number: Int32

    init(number: Int32) { self.number = number }

    /// A worker's batch was full.
    public static let bufferFull = GapReason(number: ENOBUFS)
    /// The log had been closed.
    public static let closed = GapReason(number: ESHUTDOWN)
    /// A crash left records half-written; no answer to their questions had left.
    public static let tornTail = GapReason(number: 10_001)
    /// Files of the log are missing.
    public static let missingSegment = GapReason(number: 10_002)
    /// The machine went down before the rows were on the disk.
    public static let powerCut = GapReason(number: 10_003)
    /// Rows were taken off the log's end while nobody wrote it.
    public static let cutOff = GapReason(number: 10_004)
    /// What was recorded is no longer as it was written.
    public static let damaged = GapReason(number: 10_005)

    /// A word for programs: `disk-full`, `read-only`, `buffer-full`, …, or `error`.
    public var code: String {
        switch self.number {
        case ENOSPC, EDQUOT: "disk-full"
        case EROFS: "read-only"
        case EACCES, EPERM: "not-permitted"
        case ENOBUFS: "buffer-full"
        case EFBIG: "too-large"
        case ESHUTDOWN: "closed"
        case Self.tornTail.number: "torn-tail"
        case Self.missingSegment.number: "missing-segment"
        case Self.powerCut.number: "power-cut"
        case Self.cutOff.number: "cut-off"
        case Self.damaged.number: "damaged"
        default: "error"
        }
    }

    /// The reason in words.
    public var description: String {
        switch self {
        case .tornTail: "a crash cut their records off before an answer left"
        case .missingSegment: "files of the log are missing"
        case .powerCut: "the machine went down before they were on the disk"
        case .cutOff: "they were taken off the log's end"
        case .damaged: "their place in the log is damaged"
        default: systemErrorText(number)
        }
    }
}
