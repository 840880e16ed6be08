import DecisionLog
import Foundation
import Glibc
import LDNSBridge
public import PolicyEngine

/// The annual review of filtering and monitoring: when it was done last, by whom, what the network was
/// like then, and what is still to be done.
///
/// A file beside the log (`review.json`, 0600), put in its place in one step. Each change is in the
/// log's audit trail first, with the digest of what the file then holds: a file that was changed by
/// hand, or put back to an older state, shows.
public struct ReviewBook: Codable, Sendable {
    /// A review that was done.
    public struct Entry: Codable, Hashable, Sendable {
        /// The day, `2026-11-24`.
        public var date: String
        /// The role that answers for it.
        public var by: String
        /// What was found or decided.
        public var notes: String?
        /// What the network was like.
        public var fingerprint: ReviewFingerprint
    }

    /// Something that is to be done.
    public struct Action: Codable, Hashable, Sendable {
        /// Its number, from 1.
        public var id: Int
        /// What is wrong.
        public var issue: String
        /// The role that sees to it.
        public var owner: String
        /// By when.
        public var due: String
        /// `open` or `closed`.
        public var status: String
        /// When it was opened.
        public var opened: String
        /// When it was closed.
        public var closed: String?
        /// What came of it.
        public var outcome: String?
        /// What opened it, where no person did.
        public var source: String?

        /// By how many days it is late; `nil` if it is not, or is closed.
        public func overdueDays(today: CivilDate) -> Int? {
            guard status == Self.open, let due = CivilDate(parsing: due) else { return nil }
            let days = today.daysSinceEpoch - due.daysSinceEpoch
            return days > 0 ? days : nil
        }

        static let open = "open"
        static let closed = "closed"
    }

    /// All reviews, oldest first.
    public private(set) var reviews: [Entry] = []
    /// All actions, by number.
    public private(set) var actions: [Action] = []
    /// What the next change is called in the audit trail.
    private var change = ""

    /// The last review.
    public var last: Entry? { reviews.last }

    private enum CodingKeys: String, CodingKey { case reviews, actions }

    // MARK: Changes

    /// Closes the time since the last review.
    public mutating func record(
        by role: String, notes: String?, on today: CivilDate, _ fingerprint: ReviewFingerprint
    ) {
        reviews.append(
            Entry(date: "\(today)", by: role, notes: notes, fingerprint: fingerprint))
        change = "review recorded by \(role) on \(today)"
    }

    /// Opens an action.
    ///
    /// - Parameter source: what opens it, where no person does: then only one of its is open at a time.
    /// - Returns: its number; `nil` where that source's is open already.
    public mutating func open(
        issue: String, owner: String, due: CivilDate, source: String? = nil, today: CivilDate
    ) -> Int? {
        if let source,
            actions.contains(where: { $0.source == source && $0.status == Action.open })
        {
            return nil
        }
        let action = Action(
            id: (actions.map(\.id).max() ?? 0) + 1, issue: issue, owner: owner, due: "\(due)",
            status: Action.open, opened: "\(today)", source: source)
        actions.append(action)
        change = "action \(action.id) opened for \(owner), due \(due): \(issue)"
        return action.id
    }

    /// Closes an action.
    ///
    /// - Returns: whether it was open.
    public mutating func close(_ id: Int, outcome: String, today: CivilDate) -> Bool {
        guard
            let place = actions.firstIndex(where: { $0.id == id && $0.status == Action.open })
        else { return false }
        actions[place].status = Action.closed
        actions[place].closed = "\(today)"
        actions[place].outcome = outcome
        change = "action \(id) closed: \(outcome)"
        return true
    }

    // MARK: The file

    private static let fileName = "review.json"
    /// The largest file that is read, in octets: hundreds of reviews and actions.
    private static let maximumOctets = 16 << 20

    /// Reads the book of a log; an empty one where there is none.
    ///
    /// - Returns: the book, and what is wrong with it though it can be read.
    /// - Throws: `ReviewBookError` where it is there and cannot be read.
    public static func read(_ logDirectory: String) throws -> (book: ReviewBook, problem: String?) {
        let path = "\(logDirectory)/\(fileName)"
        let known = try? AuditTrail.read(directory: logDirectory).entries.last {
            $0.kind == .review
        }
        guard FileManager.default.fileExists(atPath: path) else {
            return (
                ReviewBook(),
                known.map { "\(path) is missing; the audit trail knows of it: \($0.question)" }
            )
        }
        guard let data = FileManager.default.contents(atPath: path), data.count <= maximumOctets,
            let book = try? JSONDecoder().decode(ReviewBook.self, from: data)
        else { throw ReviewBookError("\(path) cannot be read; see `bellgate log audit`") }
        let isKnown = known?.digest == sha256(Array(data))
        return (
            book,
            isKnown ? nil : "\(path) is not as it was written; the audit trail has what was done"
        )
    }

    /// Changes the book of a log, alone.
    ///
    /// - Parameters:
    ///   - today: the day that `body` is told.
    ///   - body: changes it; what it leaves as it was is not written.
    /// - Throws: `ReviewBookError` or `JournalError`; then nothing is changed.
    public static func update<Result>(
        _ logDirectory: String, today: CivilDate, _ body: (inout ReviewBook, CivilDate) -> Result
    ) throws -> Result {
        let lock = unsafe Glibc.open(
            "\(logDirectory)/review.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw ReviewBookError("\(logDirectory) cannot be written", errno) }
        defer { Glibc.close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            if errno != EINTR { throw ReviewBookError("the review cannot be locked", errno) }
        }
        var (book, _) = try read(logDirectory)
        book.change = ""
        let result = body(&book, today)
        guard !book.change.isEmpty else { return result }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(book)
        try AuditTrail(directory: logDirectory).append(
            .review, question: book.change, reason: book.reasonOfChange,
            digest: sha256(Array(data)))
        try write(data, to: "\(logDirectory)/\(fileName)")
        return result
    }

    private var reasonOfChange: String? {
        change.hasPrefix("review recorded") ? reviews.last?.notes : nil
    }

    private static func write(_ data: Data, to path: String) throws {
        let fresh = path + ".new"
        // SAFETY: paths are passed as C strings, and the buffer is used within the closure alone.
        let file = unsafe Glibc.open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw ReviewBookError("\(fresh) cannot be written", errno) }
        let isWritten = unsafe data.withUnsafeBytes { buffer in
            unsafe Glibc.write(file, buffer.baseAddress, buffer.count) == buffer.count
                && fsync(file) == 0
        }
        let reason = errno
        Glibc.close(file)
        guard isWritten, unsafe rename(fresh, path) == 0 else {
            _ = unsafe unlink(fresh)
            throw ReviewBookError("\(path) cannot be written", isWritten ? errno : reason)
        }
    }
}

/// Why the review's book cannot be used.
public struct ReviewBookError: Error, CustomStringConvertible {
    /// One line for a person.
    public let description: String

    init(_ text: String, _ code: Int32? = nil) {
        // SAFETY: the C library's text is copied at once.
        description = code.map { "\(text): \(unsafe String(cString: strerror($0)))" } ?? text
    }
}

/// Where records for the review are kept.
public enum ReviewFolder {
    /// `reviews` in the folder that holds the log's.
    public static func beside(log directory: String) -> String {
        let path = directory.hasSuffix("/") ? String(directory.dropLast()) : directory
        guard let slash = path.lastIndex(of: "/") else { return "reviews" }
        return path[..<slash] + "/reviews"
    }
}
