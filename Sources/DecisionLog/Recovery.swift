import Glibc

/// What opening a log for writing found.
struct RecoveryReport: Sendable {
    var nextSeq: UInt64 = 1
    /// The checksum of the last record.
    var tip: UInt32 = 0
    /// What the next segment's header says of the one before; `nil` while `undigested` is not done.
    var predecessor: SegmentLink? = SegmentLink.none
    /// The segment before, if its digest is still to be made: it may be large.
    var undigested: SegmentName?
    /// What is to be noted in the log.
    var gaps: [RecordGap] = []
    /// What is to be told in the audit trail.
    var findings: [Finding] = []
    var tornBytes = 0
    var rows = 0
}

/// Something that was not as the last process left it.
struct Finding: Sendable {
    var text: String
    var seqs: Range<UInt64>?
}

/// Makes a log whole again after a process ended without closing it.
enum Recovery {
    /// Seals every segment that is not, leaves the rest as it is, and finds the next seq.
    ///
    /// - Parameters:
    ///   - head: what the last process left in the log's head.
    ///   - known: stretches of seqs that are known to be missing since an earlier start.
    static func run(
        in directory: LogDirectory, head: JournalHead.Contents?, known: [Range<UInt64>]
    ) throws(JournalError) -> RecoveryReport {
        for name in [JournalState.spareName, JournalState.inlineName, Segment.copyName] {
            directory.remove("\(name)")
        }
        var report = RecoveryReport()
        var last: (name: SegmentName, link: SegmentLink?)?
        for name in try directory.segments() {
            guard let file = directory.openForWriting("\(name)") else {
                throw JournalError(.unreadable, path: "\(directory.path)/\(name)", errno: errno)
            }
            defer { close(file) }
            if last != nil, name.firstSeq > report.nextSeq {
                noteMissing(report.nextSeq..<name.firstSeq, known, &report)
            }
            report.nextSeq = max(report.nextSeq, name.firstSeq)
            var link: SegmentLink?
            let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
            // SAFETY: the array outlives the call, and what is read are values of their own.
            let (isForeign, header, seal) = unsafe head.withUnsafeBytes { bytes in
                let bytes = unsafe RecordBytes(bytes)
                return (
                    SegmentHeader.isOfUnknownFormat(bytes), SegmentHeader(bytes),
                    SegmentSeal(header: bytes)
                )
            }
            if isForeign {
                throw JournalError(
                    .unknownFormat, path: "\(directory.path)/\(name)", errno: 0)
            }
            link = header?.link
            if let seal {
                report.nextSeq = max(report.nextSeq, seal.nextSeq)
                report.tip = seal.tip
                // A crash may have come between the seal and the cut.
                if FileIO.size(file) > seal.usedBytes { _ = ftruncate(file, off_t(seal.usedBytes)) }
            } else {
                if link == nil, let before = last?.name { link = Self.link(to: before, directory) }
                sealSegment(file, name: name, link: link, report: &report)
            }
            last = (name, link)
        }
        if let last { follow(last, directory, head, &report) }
        if report.tornBytes > 0 {
            report.gaps.append(
                RecordGap(count: 1, firstMicros: 0, lastMicros: 0, reason: .tornTail))
        }
        if let head {
            compare(head, &report)
        } else if last != nil {
            report.findings.append(
                Finding(text: "\(JournalHead.fileName) is missing or damaged"))
        }
        return report
    }

    /// Notes files that are missing in the middle, once.
    private static func noteMissing(
        _ seqs: Range<UInt64>, _ known: [Range<UInt64>], _ report: inout RecoveryReport
    ) {
        guard !known.contains(seqs) else { return }
        report.gaps.append(
            RecordGap(
                count: UInt64(seqs.count), firstMicros: 0, lastMicros: 0, reason: .missingSegment,
                seqs: seqs))
        report.findings.append(
            Finding(text: "the files of \(seqs.count) rows are missing", seqs: seqs))
    }

    /// The link of a segment that follows another; `nil` if that cannot be read.
    private static func link(to name: SegmentName, _ directory: LogDirectory) -> SegmentLink? {
        SegmentDigest.make("\(name)", in: directory).map {
            SegmentLink(firstSeq: name.firstSeq, digest: $0)
        }
    }

    /// Finds out what the next segment follows.
    private static func follow(
        _ last: (name: SegmentName, link: SegmentLink?), _ directory: LogDirectory,
        _ head: JournalHead.Contents?, _ report: inout RecoveryReport
    ) {
        if last.name.firstSeq == report.nextSeq {
            // The last one is empty: the next has its name, takes its place, and follows what it did.
            report.predecessor = last.link
        } else if let sealed = head?.sealed, sealed.number == last.name.firstSeq {
            // What the head remembers counts, whatever the file has become since.
            report.predecessor = SegmentLink(firstSeq: sealed.number, digest: sealed.digest)
        } else {
            report.predecessor = nil
            report.undigested = last.name
        }
    }

    /// Sees whether the log goes as far as its head says, and what was still to be noted.
    private static func compare(_ head: JournalHead.Contents, _ report: inout RecoveryReport) {
        // Of several gaps, those that were noted before the process ended are rows by now.
        let noted = report.nextSeq &- head.gapSeq
        if report.nextSeq >= head.gapSeq, noted < head.gaps.count {
            report.gaps += head.gaps.dropFirst(Int(noted))
        }
        if head.nextSeq == report.nextSeq, head.tip != report.tip {
            report.findings.append(
                Finding(
                    text: "the last row is not the one that \(JournalHead.fileName) remembers"))
        }
        guard head.nextSeq > report.nextSeq else { return }
        let seqs = report.nextSeq..<head.nextSeq
        let reason: GapReason = head.isThisBoot ? .cutOff : .powerCut
        report.findings.append(
            Finding(text: "\(seqs.count) rows are missing at the end: \(reason)", seqs: seqs))
        report.gaps.append(
            RecordGap(
                count: UInt64(seqs.count), firstMicros: 0, lastMicros: 0, reason: reason,
                seqs: seqs))
        // A seq that was given once is never given again.
        report.nextSeq = head.nextSeq
        report.tip = head.tip
    }

    private static func sealSegment(
        _ file: Int32, name: SegmentName, link: SegmentLink?, report: inout RecoveryReport
    ) {
        var refusedEnd = 0
        let bytes = FileIO.read(
            file, at: 0, count: FileIO.size(file), refusedEnd: &refusedEnd)
        var contents = unsafe bytes.withUnsafeBytes {
            unsafe Self.contents(of: RecordBytes($0), name: name, tip: report.tip)
        }
        // What the disk does not give now may hold rows, and it may give them another day.
        contents.seal.usedBytes = max(contents.seal.usedBytes, refusedEnd)
        report.nextSeq = max(report.nextSeq, contents.seal.nextSeq)
        report.tip = contents.seal.tip
        report.tornBytes += contents.tornBytes
        report.rows += contents.rows
        // A segment that is not even a header long has no place for a seal.
        guard bytes.count >= SegmentHeader.byteCount else { return }
        if let link { _ = FileIO.write(link.encoded, to: file, at: SegmentLink.offset) }
        _ = ftruncate(file, off_t(contents.seal.usedBytes))
        _ = FileIO.write(contents.seal.encoded, to: file, at: SegmentHeader.sealOffset)
        _ = fsync(file)
    }

    /// Reads a segment to its last whole record.
    ///
    /// What comes after that is torn and goes. Damage before it stays where it is: the records
    /// behind it are good, and cutting them off would give their seqs away a second time.
    static func contents(of bytes: RecordBytes, name: SegmentName, tip: UInt32) -> SegmentContents {
        var contents = SegmentContents(
            seal: SegmentSeal(
                usedBytes: SegmentHeader.byteCount,
                nextSeq: name.firstSeq, leastMicros: .max, greatestMicros: .min, tip: tip))
        var offset = SegmentHeader.byteCount
        while let found = RecordSearch.next(in: bytes, from: offset, seq: contents.seal.nextSeq) {
            offset = found.offset + found.length
            contents.seal.usedBytes = offset
            contents.seal.tip = bytes.load(found.offset + RecordLayout.checksumOffset)
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
