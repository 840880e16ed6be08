import Glibc

/// What opening a log for writing found.
struct RecoveryReport: Sendable {
    var nextSeq: UInt64 = 1
    var tornBytes = 0
    var rows = 0
}

/// Makes a log whole again after a process ended without closing it.
enum Recovery {
    /// Seals every segment that is not, leaves the rest as it is, and finds the next seq.
    static func run(in directory: LogDirectory) throws(JournalError) -> RecoveryReport {
        directory.remove("\(JournalState.spareName)")
        directory.remove("\(JournalState.inlineName)")
        var report = RecoveryReport()
        for name in try directory.segments() {
            guard let file = directory.openForWriting("\(name)") else {
                throw JournalError(.unreadable, path: "\(directory.path)/\(name)", errno: errno)
            }
            defer { close(file) }
            report.nextSeq = max(report.nextSeq, name.firstSeq)
            let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
            // SAFETY: the array outlives the call, and the seal is a value of its own.
            let seal = unsafe head.withUnsafeBytes { unsafe SegmentSeal(header: RecordBytes($0)) }
            if let seal {
                report.nextSeq = max(report.nextSeq, seal.nextSeq)
                // A crash may have come between the seal and the cut.
                if FileIO.size(file) > seal.usedBytes { _ = ftruncate(file, off_t(seal.usedBytes)) }
            } else {
                sealSegment(file, name: name, report: &report)
            }
        }
        return report
    }

    private static func sealSegment(_ file: Int32, name: SegmentName, report: inout RecoveryReport)
    {
        let bytes = FileIO.read(file, at: 0, count: FileIO.size(file))
        let contents = unsafe bytes.withUnsafeBytes {
            unsafe Self.contents(of: RecordBytes($0), name: name)
        }
        report.nextSeq = max(report.nextSeq, contents.seal.nextSeq)
        report.tornBytes += contents.tornBytes
        report.rows += contents.rows
        // A segment that is not even a header long has no place for a seal.
        guard bytes.count >= SegmentHeader.byteCount else { return }
        _ = ftruncate(file, off_t(contents.seal.usedBytes))
        _ = FileIO.write(contents.seal.encoded, to: file, at: SegmentHeader.sealOffset)
        _ = fsync(file)
    }

    /// Reads a segment to its last whole record.
    ///
    /// What comes after that is torn and goes. Damage before it stays where it is: the records
    /// behind it are good, and cutting them off would give their seqs away a second time.
    static func contents(of bytes: RecordBytes, name: SegmentName) -> SegmentContents {
        var contents = SegmentContents(
            seal: SegmentSeal(
                usedBytes: SegmentHeader.byteCount,
                nextSeq: name.firstSeq, leastMicros: .max, greatestMicros: .min))
        var offset = SegmentHeader.byteCount
        while let found = RecordSearch.next(in: bytes, from: offset, seq: contents.seal.nextSeq) {
            offset = found.offset + found.length
            contents.seal.usedBytes = offset
            let kind = RecordKind(rawValue: bytes.load(found.offset + RecordLayout.kindOffset))
            guard kind != .definition else { continue }
            contents.rows += 1
            contents.seal.nextSeq = bytes.load(found.offset + RecordLayout.seqOffset) &+ 1
            let time = bytes.load(found.offset + RecordLayout.headerBytes, as: Int64.self)
            contents.seal.leastMicros = min(contents.seal.leastMicros, time)
            contents.seal.greatestMicros = max(contents.seal.greatestMicros, time)
        }
        var end = bytes.count
        while end > contents.seal.usedBytes, bytes.load(end - 1, as: UInt8.self) == 0 { end -= 1 }
        contents.tornBytes = max(0, end - contents.seal.usedBytes)
        return contents
    }
}

/// What reading a segment without a seal gave.
struct SegmentContents {
    var seal: SegmentSeal
    var rows = 0
    var tornBytes = 0
}

/// Finds records among damage.
enum RecordSearch {
    /// The first whole record at or after `start`.
    ///
    /// After damage a record counts only if its seq is one that can lie there: not below `seq`, and
    /// no further ahead than the bytes between have room for.
    static func next(
        in bytes: RecordBytes, from start: Int, seq: UInt64
    ) -> (offset: Int, length: Int)? {
        if let length = bytes.validRecord(at: start) { return (start, length) }
        var offset = start + 8
        while offset + RecordLayout.headerBytes < bytes.count {
            if bytes.load(offset, as: UInt32.self) != 0 {
                let ahead = bytes.load(offset + RecordLayout.seqOffset, as: UInt64.self) &- seq
                if ahead <= UInt64((offset - start) / 32),
                    let length = bytes.validRecord(at: offset)
                {
                    return (offset, length)
                }
            }
            offset += 8
        }
        return nil
    }
}
