import GRDB
import Glibc

/// Why the store could not be read or written.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Sendable, Equatable {
        /// The directory or a file is missing or may not be read or written.
        case unusable
        /// A later version of the program wrote the file.
        case newerVersion
        /// A file is not as it was written.
        case damaged
        /// The store goes on from another log than this one.
        case otherLog
        /// The disk is full.
        case full
    }

    /// What kind of failure it is.
    public let code: Code
    /// The directory or file.
    public let path: String
    /// What is wrong.
    public let reason: String

    init(_ code: Code, path: String, reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    /// What SQLite said of a file.
    init(_ error: any Error, path: String) {
        guard let error = error as? DatabaseError else {
            // A value that is not of its column's kind is no failure of the disk.
            self = (error as? StoreError) ?? StoreError(.damaged, path: path, reason: "\(error)")
            return
        }
        let code: Code =
            switch error.resultCode {
            // ERROR: a table is not there.
            case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT, .SQLITE_ERROR: .damaged
            case .SQLITE_FULL: .full
            default: .unusable
            }
        self.init(code, path: path, reason: error.message ?? "\(error.resultCode)")
    }

    /// One line for a person.
    public var description: String {
        switch code {
        case .unusable: "store \(path) cannot be used: \(reason)"
        case .newerVersion: "store file \(path) cannot be read: \(reason)"
        case .damaged: "store file \(path) is damaged: \(reason)"
        case .otherLog: "store \(path) belongs to another log: \(reason)"
        case .full: "store \(path) cannot be written: \(reason)"
        }
    }
}
