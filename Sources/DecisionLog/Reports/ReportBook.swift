import Glibc

/// What people report from the block page, and what becomes of it: an append-only file beside the
/// log, a line of JSON an entry, each with a digest over itself and the one before.
///
/// Any process may append while the server runs; a lock keeps them apart. An entry is on the disk,
/// and its digest in the audit trail, when the call returns: `LogVerification` sees one that was
/// changed or taken away. Never shortened by itself: a report belongs to a case.
public final class ReportBook: Sendable {
    private let directory: LogDirectory

    static let fileName = "reports.jsonl"
    /// The longest text of a report, in characters: a page of writing.
    public static let maximumText = 2000
    /// The longest name or way to reach somebody, in characters.
    public static let maximumReplyTo = 200
    /// The longest note, lesson or change, in octets.
    public static let maximumNote = 2000
    /// The largest file, in octets: at 200 reports a day, half a year of nothing else.
    static let maximumOctets = 64 << 20

    /// - Parameter path: the log's directory.
    /// - Throws: `JournalError` if there is no such directory.
    public init(directory path: String) throws {
        directory = try LogDirectory(path: path, create: false)
    }

    /// Keeps a report; waits for the disk.
    ///
    /// - Throws: `JournalError`; then it is not kept, and nobody may be thanked for it.
    public func add(_ new: NewReport) throws -> ReceivedReport {
        try append { contents, now in
            let id = (contents.reports.last?.id ?? 0) + 1
            let line = ReportLine(
                number: contents.lastNumber + 1, timeMicros: now, kind: .open, report: id,
                user: AuditUser.current.name,
                fields: [
                    .about: new.kind.rawValue, .name: new.name, .group: new.group,
                    .client: new.client, .device: new.device, .rule: new.rule,
                    .queue: new.queue.rawValue, .text: new.text, .replyTo: new.replyTo,
                ])
            return (line, "report \(id) came in: \(new.kind.rawValue)")
        }
    }

    /// Takes a step with a report; waits for the disk.
    ///
    /// - Throws: `ReportRefusal` where it makes no sense; `JournalError` where it cannot be kept.
    public func change(_ id: UInt64, _ change: ReportChange) throws -> ReceivedReport {
        try append { contents, now in
            guard let report = contents.reports.first(where: { $0.id == id }) else {
                throw ReportRefusal.unknown
            }
            guard report.state != .closed else { throw ReportRefusal.isClosed }
            if change.state == .closed, change.outcome == nil { throw ReportRefusal.noOutcome }
            let queue = change.route.map { $0.isStaff ? ReceivedReport.Queue.principal : .dsl }
            let line = ReportLine(
                number: contents.lastNumber + 1, timeMicros: now, kind: .step, report: id,
                user: AuditUser.current.name,
                fields: [
                    .queue: queue == .principal ? queue?.rawValue : nil,
                    .state: change.state?.rawValue, .route: change.route?.rawValue,
                    .finding: change.finding?.rawValue, .outcome: change.outcome?.rawValue,
                    .lesson: change.lesson, .change: change.change, .note: change.note,
                    .role: change.role,
                ])
            let words = [
                change.state?.rawValue, change.route.map { "route \($0.rawValue)" },
                change.outcome.map { "outcome \($0.rawValue)" },
            ].compactMap { $0 }
            return (
                line,
                "report \(id), by the \(change.role): "
                    + (words.isEmpty ? "note" : words.joined(separator: ", "))
            )
        }
    }

    private func append(
        _ make: (ReportContents, Int64) throws -> (line: ReportLine, question: String)
    ) throws -> ReceivedReport {
        guard let file = directory.openForAppending(Self.fileName) else { throw refusal(errno) }
        defer { close(file) }
        while flock(file, LOCK_EX) != 0 { if errno != EINTR { throw refusal(errno) } }
        guard let bytes = FileIO.readWhole(file, at: 0, count: FileIO.size(file))
        else { throw refusal(errno) }
        // Half a line that a crash left was never acknowledged.
        let end = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        if bytes.count > end, ftruncate(file, off_t(end)) != 0 { throw refusal(errno) }
        let contents = ReportContents(bytes)
        var (line, question) = try make(contents, Clock.wallMicros())
        line.chain(to: contents.lastCheck)
        let written = line.bytes
        guard end + written.count <= Self.maximumOctets else { throw refusal(EFBIG) }
        try noteWhatACrashLeftOut(contents)
        guard FileIO.write(written, to: file, at: end), fdatasync(file) == 0 else {
            let reason = errno == 0 ? ENOSPC : errno
            _ = ftruncate(file, off_t(end))
            throw refusal(reason)
        }
        do {
            try AuditTrail(directory).append(.report, question: question, digest: line.check)
        } catch {
            _ = ftruncate(file, off_t(end))
            throw error
        }
        var after = contents
        after.take(line)
        guard let report = after.reports.first(where: { $0.id == line.report }) else {
            throw refusal(EIO)
        }
        return report
    }

    /// A crash between an entry and its note in the audit trail leaves the entry alone.
    private func noteWhatACrashLeftOut(_ contents: ReportContents) throws {
        guard let last = contents.checks.last else { return }
        let noted = try AuditTrail.read(directory).entries.last { $0.kind == .report }?.digest
        guard noted != last else { return }
        let known = noted.flatMap { contents.checks.lastIndex(of: $0) }
        guard known != nil || noted == nil else { return }
        for check in contents.checks[((known ?? -1) + 1)...] {
            try AuditTrail(directory).append(
                .report, question: "an entry that was not noted when it was made", digest: check)
        }
    }

    private func refusal(_ reason: Int32) -> JournalError {
        JournalError(.notWritten, path: "\(directory.path)/\(Self.fileName)", errno: reason)
    }

    /// All reports, in order, and what cannot be read.
    ///
    /// - Throws: `JournalError` if there is a file that cannot be read.
    public func read() throws -> ReportContents { try Self.read(directory) }

    /// The file's size in octets: whether there may be something new. 0 where there is none.
    public var size: Int {
        guard let file = directory.openForReading(Self.fileName) else { return 0 }
        defer { close(file) }
        return FileIO.size(file)
    }

    static func read(_ directory: LogDirectory) throws(JournalError) -> ReportContents {
        guard let file = directory.openForReading(fileName) else {
            if errno == ENOENT { return ReportContents([]) }
            throw JournalError(.unreadable, path: "\(directory.path)/\(fileName)", errno: errno)
        }
        defer { close(file) }
        return ReportContents(FileIO.read(file, at: 0, count: FileIO.size(file)))
    }
}

/// Why a step with a report is not taken.
public enum ReportRefusal: Error, Sendable {
    /// There is no such report.
    case unknown
    /// It is closed.
    case isClosed
    /// It cannot be closed without an outcome.
    case noOutcome
}
