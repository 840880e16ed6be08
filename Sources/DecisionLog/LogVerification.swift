import Glibc

/// Checks a whole log: every checksum, every header, that no seq is missing, that each record goes
/// on from the one before, each segment from the file before, and that the end is the end.
///
/// Needs no lock, and the server may be writing meanwhile. Reads every file twice.
public struct LogVerification: Sendable {
    /// How many segments there are.
    public private(set) var segmentCount = 0
    /// How many rows were read.
    public private(set) var rowCount = 0
    /// The rows that note a gap, in order; the first `maximumGaps` of them.
    public private(set) var gaps: [(seq: UInt64, gap: RecordGap)] = []
    /// How many rows note a gap.
    public private(set) var gapCount = 0
    /// How many decisions those say were not recorded.
    public private(set) var lostCount: UInt64 = 0
    /// What was lost and is to be noted as soon as there is room for it.
    public private(set) var pendingGaps: [RecordGap] = []
    /// The first row's seq; `nil` if there is none.
    public private(set) var firstSeq: UInt64?
    /// The last row's seq.
    public private(set) var lastSeq: UInt64?
    /// What is wrong, in the order of the log.
    public private(set) var damage: [LogDamage] = []
    /// Half-written ends that the next start removes; no damage.
    public private(set) var tornTails: [LogDamage] = []
    /// The audit trail's entries that can be read.
    public private(set) var auditEntries: [AuditEntry] = []
    /// What of the log others than its owner may read or write, and the cure; `nil` = nothing.
    public private(set) var exposure: String?
    /// SHA-256 of the newest file that is complete, which stands for all before it: noted
    /// elsewhere, it proves later that nothing of these was changed.
    public private(set) var newestDigest: (file: String, digest: [UInt8])?

    /// How many gaps are told one by one.
    public static let maximumGaps = 1000
    /// How long a link may take that the server is about to write, in microseconds.
    private static let linkPatienceMicros = 3_000_000

    /// Whether every row is there and as it was written.
    public var isSound: Bool { damage.isEmpty }

    /// Reads the log from beginning to end.
    ///
    /// - Throws: `JournalError` if the directory cannot be read.
    public init(directory path: String) throws {
        let directory = try LogDirectory(path: path, create: false)
        // Before the rows, which only become more.
        let head = JournalHead.Contents(in: directory)
        let reader = JournalReader(directory, names: try directory.segments())
        while let row = reader.next() {
            firstSeq = firstSeq ?? row.seq
            lastSeq = row.seq
            guard let gap = row.gap else { continue }
            gapCount += 1
            lostCount += gap.count
            if gaps.count < Self.maximumGaps { gaps.append((row.seq, gap)) }
        }
        rowCount = reader.rowCount
        segmentCount = reader.segmentCount
        damage = reader.damage.filter { $0.kind != .tornTail }
        tornTails = reader.damage.filter { $0.kind == .tornTail }
        let trail = try AuditTrail.read(directory)
        try checkLinks(directory, head, trail)
        checkEnd(directory, head, tips: [reader.tip, reader.rowTip])
        // In the order of the log; of one place, what is wrong with a record comes first.
        let order = damage.enumerated().sorted {
            ($0.element.file, $0.offset) < ($1.element.file, $1.offset)
        }
        var reports = try ReportBook.read(directory)
        reports.check(against: trail.entries)
        damage = order.map(\.element) + trail.damage + reports.damage
        auditEntries = trail.entries
        exposure = directory.exposure
    }

    // MARK: Files

    /// Sees whether each segment follows the file that is before it.
    private mutating func checkLinks(
        _ directory: LogDirectory, _ head: JournalHead.Contents?, _ trail: AuditTrail.Contents
    ) throws {
        var before: (name: SegmentName, isSealed: Bool, digest: [UInt8]?)?
        for name in try directory.segments() {
            guard let file = directory.openForReading("\(name)") else { continue }
            defer { close(file) }
            var (header, seal) = Self.readHeader(file)
            if let before {
                var waited = 0
                while header?.link == nil, before.isSealed, waited < Self.linkPatienceMicros,
                    directory.isInUse
                {
                    usleep(50_000)
                    waited += 50_000
                    (header, seal) = Self.readHeader(file)
                }
                // A server that was killed between the two: the next start writes it.
                let isMissed =
                    seal == nil && (head?.sealed?.number ?? 0) < name.firstSeq
                    && !directory.isInUse
                if header?.link != nil || !isMissed { checkLink(header, of: name, to: before) }
            } else if let link = header?.link, link != .none,
                !trail.explainsFront(link, firstSeq: name.firstSeq)
            {
                let followed = SegmentName(firstSeq: link.firstSeq)
                note(
                    .front, name,
                    "\(followed), which is before it, is missing, and no purge was noted")
            }
            let digest = SegmentDigest.make(file)
            if digest == nil { note(.digest, name, "the disk does not give all of it") }
            // Without a row it gives its name, and its place, to the next.
            if let seal, let digest, seal.nextSeq > name.firstSeq {
                newestDigest = ("\(name)", digest)
                if let sealed = head?.sealed, sealed.number == name.firstSeq,
                    sealed.digest != digest
                {
                    note(.digest, name, "it is not the file that the log's head remembers")
                }
            }
            before = (name, seal != nil, digest)
        }
    }

    private mutating func checkLink(
        _ header: SegmentHeader?, of name: SegmentName,
        to before: (name: SegmentName, isSealed: Bool, digest: [UInt8]?)
    ) {
        guard let header else { return }
        guard let link = header.link else {
            // As long as the one before is not complete, nothing can be said of it.
            if before.isSealed { note(.link, name, "it does not say what it follows") }
            return
        }
        if link.firstSeq == before.name.firstSeq {
            // What cannot be read has been told already.
            guard let digest = before.digest,
                link != SegmentLink(firstSeq: link.firstSeq, digest: digest)
            else { return }
            note(.digest, before.name, "it is not the file that the next one, \(name), follows")
        } else {
            let followed = SegmentName(firstSeq: link.firstSeq)
            note(.link, name, "it follows \(followed), not \(before.name), which is before it")
        }
    }

    private mutating func note(_ kind: LogDamage.Kind, _ name: SegmentName, _ detail: String) {
        damage.append(
            LogDamage(
                kind: kind, file: "\(name)", expectedSeq: name.firstSeq, detail: detail))
    }

    private static func readHeader(_ file: Int32) -> (SegmentHeader?, SegmentSeal?) {
        let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
        // SAFETY: the array outlives the call, and what is read are values of their own.
        return unsafe head.withUnsafeBytes { bytes in
            let bytes = unsafe RecordBytes(bytes)
            return (SegmentHeader(bytes), SegmentSeal(header: bytes))
        }
    }

    // MARK: The end

    /// Sees whether the log goes as far as its head said before it was read.
    private mutating func checkEnd(
        _ directory: LogDirectory, _ head: JournalHead.Contents?, tips: [UInt32?]
    ) {
        guard let head else {
            if segmentCount > 0 {
                damage.append(
                    LogDamage(
                        kind: .head, file: JournalHead.fileName,
                        detail: "it is missing or damaged, so that nobody knows where the log ended"
                    ))
            }
            return
        }
        guard let newest = try? directory.segments().last else {
            if head.nextSeq > 1 { noteEnd(at: 1, head, JournalHead.fileName, 0) }
            return
        }
        let next = max(lastSeq.map { $0 + 1 } ?? 1, newest.firstSeq)
        if head.gapSeq == next { pendingGaps = head.gaps }
        let file = directory.openForReading("\(newest)")
        defer { if let file { close(file) } }
        if head.nextSeq > next {
            noteEnd(at: next, head, "\(newest)", file.map { FileIO.size($0) } ?? 0)
        } else if head.nextSeq == next, lastSeq == next - 1, !tips.contains(head.tip) {
            note(.chain, newest, "")
            damage[damage.count - 1].expectedSeq = lastSeq
            damage[damage.count - 1].foundSeq = next
        }
    }

    private mutating func noteEnd(
        at next: UInt64, _ head: JournalHead.Contents, _ file: String, _ offset: Int
    ) {
        damage.append(
            LogDamage(
                kind: .end, file: file, offset: offset, expectedSeq: next, foundSeq: head.nextSeq))
    }
}
