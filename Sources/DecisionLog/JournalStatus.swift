import Glibc

/// Why a log could not be opened.
public struct JournalError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Sendable, Equatable {
        /// The directory is missing, is none, or may not be read or written.
        case directoryUnusable
        /// There is no log in the directory.
        case noLog
        /// Another process writes this log.
        case directoryInUse
        /// A file of the log could not be read.
        case unreadable
        /// The audit trail took no entry.
        case notAppended
        /// The file of suspensions took no entry.
        case notWritten
        /// The keys that pseudonyms are made with could not be read or made.
        case keyUnusable
        /// The file of those keys is not as it was written.
        case keyDamaged
        /// A file of the log has a format that this version does not know.
        case unknownFormat
    }

    /// What kind of failure it is.
    public let code: Code
    /// The directory or file.
    public let path: String
    /// The system's error number; 0 where none applies.
    public let errno: Int32
    /// The process that holds the log, where that is known.
    public let holder: Int?

    init(_ code: Code, path: String, errno: Int32, holder: Int? = nil) {
        self.code = code
        self.path = path
        self.errno = errno
        self.holder = holder
    }

    /// One line for a person.
    public var description: String {
        switch code {
        case .directoryUnusable:
            "log directory \(path) cannot be used: \(systemErrorText(errno))"
        case .noLog:
            "there is no log in \(path); is it the right folder?"
        case .directoryInUse:
            "log directory \(path) is in use by \(holder.map { "process \($0)" } ?? "another process")"
        case .unreadable:
            "\(path) cannot be read: \(systemErrorText(errno))"
        case .notWritten:
            "\(path) cannot be written: \(systemErrorText(errno)); nothing was changed"
        case .notAppended:
            "nothing can be noted in the audit trail \(path): \(systemErrorText(errno))"
        case .keyUnusable:
            "the key that pseudonyms are made with, \(path), cannot be read or made: "
                + "\(systemErrorText(errno)); ask as the user to whom the log belongs"
        case .keyDamaged:
            "the keys that pseudonyms are made with, \(path), are damaged; put a copy back, or "
                + "delete the file: then everybody gets another pseudonym"
        case .unknownFormat:
            "\(path) was written by another version of this program, which knows its format; "
                + "use that one, or move the log elsewhere"
        }
    }
}

/// How the journal is doing.
public struct JournalStatus: Sendable {
    /// The seq that the next row gets.
    public var nextSeq: UInt64
    /// The file that is being written; `nil` while there is none.
    public var segmentFile: String?
    /// How much of it is used.
    public var segmentUsedBytes: Int
    /// How much it can take.
    public var segmentCapacityBytes: Int
    /// Whether the next segment lies ready.
    public var isSpareReady: Bool
    /// Decisions lost and not yet noted in the log by a gap row; `nil` if there are none.
    public var pendingGap: RecordGap?
    /// How many decisions this journal has lost since it was opened.
    public var lostCount: UInt64
    /// Why no segment can be made at present; `nil` while all is well.
    public var failure: String?
    /// Why the last attempt to write the mapping to the disk failed; `nil` if it did not.
    public var syncFailure: String?
    /// Why the audit trail took no entry, so that nothing old is deleted; `nil` while all is well.
    public var auditFailure: String?
    /// What of the log others than its owner may read or write, and the cure; `nil` = nothing.
    public var exposure: String?
    /// What opening the log found amiss, in words; it is in the audit trail, too.
    public var findings: [String] = []
    /// Bytes of half-written records that opening the log cut off: a crash left them.
    public var tornBytes: Int
    /// Rows that were found by reading an unsealed segment when the log was opened.
    public var recoveredRows: Int
}

/// The system's words for an error number, with the log's own where those say more.
func systemErrorText(_ number: Int32) -> String {
    switch number {
    case 0: return "unknown reason"
    case ENOBUFS: return "a worker's batch was full"
    case EFBIG: return "the record does not fit in a segment"
    case ESHUTDOWN: return "the log was closed"
    default: break
    }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        // SAFETY: the buffer is as long as is said and gets a terminated string.
        guard let base = buffer.baseAddress, unsafe strerror_r(number, base, 256) == 0
        else { return "system error \(number)" }
        return unsafe String(cString: base).lowercasedFirst
    }
}

extension String {
    fileprivate var lowercasedFirst: String {
        hasPrefix("I/O") ? self : prefix(1).lowercased() + dropFirst()
    }
}
