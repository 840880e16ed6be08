import Glibc

/// Reads one segment from a file that another process may still be writing, sealing or deleting.
///
/// Goes by `pread` and not by a mapping: touching a mapped page behind the end of a file that was
/// just cut to its length would end the process.
@safe final class SegmentReader {
    /// What comes next.
    enum Step {
        /// A whole record; its bytes are valid until the next call.
        case record(RecordBytes)
        /// Nothing yet; more may come.
        case pending
        /// Nothing any more.
        case finished
    }

    let name: SegmentName
    let inode: UInt64
    let header: SegmentHeader?
    private(set) var seal: SegmentSeal?
    /// Set when a later segment exists: this one cannot grow any more, sealed or not.
    var isComplete = false
    /// The seq that the next row should have.
    var expectedSeq: UInt64
    /// Where the next record lies in the file.
    private(set) var offset = SegmentHeader.byteCount
    /// What was found wrong, until somebody takes it.
    var damage: [LogDamage] = []

    private let file: Int32
    private var buffer: UnsafeMutableRawBufferPointer
    private var bufferOffset = 0
    private var bufferedBytes = 0

    /// How much is read at a time, in bytes: large enough to make the system calls not count.
    static let chunkBytes = 1 << 18
    /// How often a record that looks half-written is read again before it counts as damaged.
    static let rereads = 3

    /// `nil` where the file is gone or cannot be opened; `errno` tells which.
    init?(_ name: SegmentName, in directory: LogDirectory) {
        guard let file = directory.openForReading("\(name)") else { return nil }
        var information = stat()
        _ = unsafe fstat(file, &information)
        self.name = name
        self.file = file
        inode = UInt64(information.st_ino)
        let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
        (header, seal) = unsafe head.withUnsafeBytes { bytes in
            let bytes = unsafe RecordBytes(bytes)
            return (SegmentHeader(bytes), SegmentSeal(header: bytes))
        }
        expectedSeq = name.firstSeq
        unsafe buffer = .allocate(byteCount: Self.chunkBytes, alignment: 8)
        if header == nil || header?.firstSeq != name.firstSeq {
            damage.append(
                LogDamage(kind: .header, file: "\(name)", offset: 0, bytes: head.count))
        }
    }

    deinit {
        unsafe buffer.deallocate()
        close(file)
    }

    /// The next record, or what there is instead.
    func next() -> Step {
        if let record = take() { return .record(record) }
        for _ in 0...Self.rereads {
            fill()
            if let record = take() { return .record(record) }
            if isAtEnd { return .finished }
            if seal == nil, !isComplete {
                readSeal()
                if isAtEnd { return .finished }
                if seal == nil, claimedLength == 0 { return .pending }
            }
        }
        return skipDamage()
    }

    /// Whether the file is no longer in the directory.
    var isUnlinked: Bool {
        var information = stat()
        return unsafe fstat(file, &information) == 0 && information.st_nlink == 0
    }

    /// The file that has taken this one's name with the same records, at the same place.
    func reopened(in directory: LogDirectory) -> SegmentReader? {
        // One without records may have been replaced by another segment.
        guard let other = SegmentReader(name, in: directory),
            other.header?.firstSeq == header?.firstSeq,
            other.header?.createdMicros == header?.createdMicros
                || offset == SegmentHeader.byteCount
        else { return nil }
        other.offset = offset
        other.expectedSeq = expectedSeq
        return other
    }

    /// The record at `offset`, if the buffer holds it whole.
    @inline(__always) private func take() -> RecordBytes? {
        let start = offset &- bufferOffset
        // SAFETY: `bufferedBytes` bytes of the buffer have been read.
        let bytes = unsafe RecordBytes(
            UnsafeRawBufferPointer(start: buffer.baseAddress, count: bufferedBytes))
        guard start >= 0, start < bufferedBytes, let length = bytes.validRecord(at: start)
        else { return nil }
        offset &+= length
        return unsafe RecordBytes(bytes.slice(start, length))
    }

    private var isAtEnd: Bool { seal.map { offset >= $0.usedBytes } ?? false }

    /// The length that the record at `offset` claims; 0 if there is none.
    private var claimedLength: Int {
        guard bufferOffset == offset, bufferedBytes >= 4 else { return 0 }
        // SAFETY: four bytes of the buffer have been read.
        return unsafe Int(buffer.load(as: UInt32.self))
    }

    /// Reads anew from `offset` on, as much as the buffer takes, or a whole record if that is more.
    private func fill() {
        let rest = (seal?.usedBytes ?? FileIO.size(file)) - offset
        let claimed = claimedLength
        if unsafe claimed > buffer.count, claimed <= min(rest, RecordLayout.largestRecordBytes) {
            unsafe buffer.deallocate()
            unsafe buffer = .allocate(byteCount: claimed, alignment: 8)
        }
        bufferOffset = offset
        bufferedBytes = 0
        guard rest > 0, let base = unsafe buffer.baseAddress else { return }
        // Refused blocks are zero and no record, so they are told as damage.
        var refusedEnd = 0
        // SAFETY: the count is cut to the buffer.
        bufferedBytes = unsafe FileIO.read(
            file, at: offset, into: base, count: min(rest, buffer.count), refusedEnd: &refusedEnd)
    }

    private func readSeal() {
        let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
        seal = unsafe head.withUnsafeBytes { unsafe SegmentSeal(header: RecordBytes($0)) }
    }

    /// Goes on at the next whole record behind a place that cannot be read.
    private func skipDamage() -> Step {
        let end = seal?.usedBytes ?? FileIO.size(file)
        let rest = FileIO.read(file, at: offset, count: max(0, end - offset))
        let (found, seq, isBlank) = unsafe rest.withUnsafeBytes { bytes in
            let bytes = unsafe RecordBytes(bytes)
            let found = RecordSearch.next(in: bytes, from: 0, seq: expectedSeq)
            let seq: UInt64 = bytes.load((found?.offset ?? 0) + RecordLayout.seqOffset)
            let isBlank =
                found == nil && (0..<bytes.count).allSatisfy { bytes.load($0) == UInt8(0) }
            return (found, seq, isBlank)
        }
        if let found {
            damage.append(
                LogDamage(
                    kind: .record, file: "\(name)", offset: offset, bytes: found.offset,
                    expectedSeq: expectedSeq, foundSeq: seq))
            expectedSeq = seq
            offset += found.offset
            return next()
        }
        if seal == nil, !isComplete { return .pending }
        // The unused rest of a segment that nobody sealed is no damage; nor is it, there, to end in
        // a record that was never finished.
        if seal != nil {
            damage.append(
                LogDamage(
                    kind: .record, file: "\(name)", offset: offset, bytes: end - offset,
                    expectedSeq: expectedSeq, foundSeq: seal?.nextSeq))
            expectedSeq = seal?.nextSeq ?? expectedSeq
        } else if !isBlank {
            damage.append(
                LogDamage(
                    kind: .tornTail, file: "\(name)", offset: offset, bytes: rest.count,
                    expectedSeq: expectedSeq, foundSeq: nil))
        }
        offset = max(end, offset)
        return .finished
    }
}
