import CPacketIO
import Glibc

/// The log's audit trail: who looked at identities and why, whose access was suspended, what was
/// purged, and what a start found amiss. An append-only file beside the log, a line of JSON an entry.
///
/// Any process may append while the server runs: a lock on the file keeps them apart, and an entry
/// is on the disk when `append` returns. Each entry carries a digest over itself and the one before,
/// and the log's head remembers the last: an entry that was changed or taken away shows in
/// `LogVerification`, also at the end.
public final class AuditTrail: Sendable {
    private let directory: LogDirectory

    static let fileName = "audit.jsonl"
    /// Room that is reserved behind the end, in bytes, so that purging can be noted on a disk that
    /// is full: a hundred entries of any size.
    private static let reservedBytes = 1 << 16

    /// - Parameter directory: the log's.
    /// - Throws: `JournalError` if there is no such directory.
    public convenience init(directory path: String) throws {
        self.init(try LogDirectory(path: path, create: false))
    }

    init(_ directory: LogDirectory) { self.directory = directory }

    /// Appends an entry in the name of the user who runs this process; waits for the disk.
    ///
    /// - Parameters:
    ///   - question: what was asked, as the command line or the setting says it.
    ///   - reason: why; of a look, what the person gave.
    ///   - rows: how many rows are concerned, where that is known.
    ///   - look: of `shown`, the number of the look that it completes.
    ///   - seqs: the rows that are concerned, where they lie in one stretch.
    ///   - digest: of a purge, the SHA-256 of the last file that goes; of evidence, of its digests; of a
    ///     report, of its entry.
    /// - Returns: the entry as it was written.
    /// - Throws: `JournalError`; then there is no entry, and what it would have recorded must not
    ///   be done.
    @discardableResult public func append(
        _ kind: AuditEntry.Kind, question: String, reason: String? = nil, rows: UInt64? = nil,
        look: UInt64? = nil, seqs: Range<UInt64>? = nil, digest: [UInt8]? = nil
    ) throws -> AuditEntry {
        guard let file = directory.openForAppending(Self.fileName) else { throw refusal(errno) }
        defer { close(file) }
        while flock(file, LOCK_EX) != 0 { if errno != EINTR { throw refusal(errno) } }
        guard let (end, last) = Self.lastEntry(of: file) else { throw refusal(errno) }
        let head = JournalHead.Contents(in: directory)?.trail
        // Where the head remembers more than there is, the chain goes on from what it remembers:
        // so the place where entries were cut off stays visible for ever.
        let before = Self.newest(last, head)
        var entry = AuditEntry(
            number: before.number + 1, timeMicros: Clock.wallMicros(), kind: kind, by: .current,
            question: question, reason: reason, rows: rows, look: look, seqs: seqs, digest: digest)
        entry.chain(to: before.digest)
        // Half a line that a crash left was never acknowledged.
        if FileIO.size(file) > end, ftruncate(file, off_t(end)) != 0 { throw refusal(errno) }
        let line = entry.line
        guard FileIO.write(line, to: file, at: end), fdatasync(file) == 0 else {
            let reason = errno == 0 ? ENOSPC : errno
            _ = ftruncate(file, off_t(end))
            throw refusal(reason)
        }
        reserve(file, from: end + line.count)
        _ = HeadSlot(number: entry.number, digest: entry.chain)
            .write(at: JournalHead.trailSlots, in: directory)
        return entry
    }

    private func refusal(_ reason: Int32) -> JournalError {
        JournalError(
            .notAppended, path: "\(directory.path)/\(Self.fileName)", errno: reason)
    }

    private func reserve(_ file: Int32, from offset: Int) {
        _ = cpio_reserve(file, Int64(offset), Int64(Self.reservedBytes))
    }

    private static func newest(_ last: AuditEntry?, _ head: HeadSlot?) -> HeadSlot {
        let last = last.map { HeadSlot(number: $0.number, digest: $0.chain) }
        guard let head, head.number >= last?.number ?? 0 else {
            return last ?? HeadSlot(number: 0, digest: AuditEntry.beginning)
        }
        return head
    }

    /// Where the last whole line ends, and its entry; `nil` and `errno` set where the disk refuses.
    private static func lastEntry(of file: Int32) -> (end: Int, entry: AuditEntry?)? {
        let size = FileIO.size(file)
        var start = size
        while start > 0 {
            start = max(0, start - (1 << 16))
            guard let tail = FileIO.readWhole(file, at: start, count: size - start)
            else { return nil }
            guard let newline = tail.lastIndex(of: 0x0A) else { continue }
            let before = tail[..<newline].lastIndex(of: 0x0A)
            guard before != nil || start == 0 else { continue }
            let line = tail[(before.map { $0 + 1 } ?? 0)..<newline]
            return (start + newline + 1, AuditEntry(line: Array(line)))
        }
        return (0, nil)
    }
}

// MARK: Reading

extension AuditTrail {
    /// What a trail holds.
    public struct Contents: Sendable {
        /// The entries that can be read, in order.
        public internal(set) var entries: [AuditEntry] = []
        /// What is wrong, in order.
        public internal(set) var damage: [LogDamage] = []
    }

    /// Reads the trail of a log, all of it, and checks its chain and its end.
    ///
    /// - Throws: `JournalError` if the directory cannot be read.
    public static func read(directory path: String) throws -> Contents {
        try read(LogDirectory(path: path, create: false))
    }

    static func read(_ directory: LogDirectory) throws(JournalError) -> Contents {
        // Before the file, which only grows.
        let head = JournalHead.Contents(in: directory)?.trail
        var contents = Contents()
        var expected = HeadSlot(number: 0, digest: AuditEntry.beginning)
        guard let file = directory.openForReading(fileName) else {
            guard errno == ENOENT else {
                throw JournalError(.unreadable, path: "\(directory.path)/\(fileName)", errno: errno)
            }
            if let head { contents.note(head.number, 0, "\(head.number) entries are missing") }
            return contents
        }
        defer { close(file) }
        var isEndKnown = head == nil
        let bytes = FileIO.read(file, at: 0, count: FileIO.size(file))
        var start = 0
        while let newline = bytes[start...].firstIndex(of: 0x0A) {
            let number = expected.number + 1
            if let entry = AuditEntry(line: Array(bytes[start..<newline])) {
                if entry.number != number {
                    contents.note(number, start, "entry \(entry.number) comes instead of \(number)")
                } else if !entry.follows(expected.digest) {
                    contents.note(
                        number, start,
                        "entry \(number) was changed, or does not go on from the one before")
                }
                contents.entries.append(entry)
                expected = HeadSlot(number: entry.number, digest: entry.chain)
                if expected == head { isEndKnown = true }
            } else {
                contents.note(number, start, "entry \(number) cannot be read")
                expected.number = number
            }
            start = newline + 1
        }
        if let head, !isEndKnown {
            contents.note(
                head.number, start,
                head.number > expected.number
                    ? "entries \(expected.number + 1) to \(head.number) are missing at the end"
                    : "entry \(head.number) is not the one that the log's head remembers")
        }
        return contents
    }
}

extension AuditTrail.Contents {
    fileprivate mutating func note(_ number: UInt64, _ offset: Int, _ detail: String) {
        damage.append(
            LogDamage(kind: .trail, file: AuditTrail.fileName, offset: offset, detail: detail))
    }

    /// Whether a purge was recorded that took what a segment follows.
    func explainsFront(_ link: SegmentLink, firstSeq: UInt64) -> Bool {
        entries.contains { entry in
            guard entry.kind == .purge, let seqs = entry.seqs, seqs.contains(link.firstSeq),
                firstSeq <= seqs.upperBound
            else { return false }
            return firstSeq < seqs.upperBound
                || entry.digest.map { SegmentLink(firstSeq: link.firstSeq, digest: $0) } == link
        }
    }
}
