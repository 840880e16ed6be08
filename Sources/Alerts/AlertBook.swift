import Foundation
import Glibc

/// What is to be remembered between two starts: how far the log was read, what is being folded, and
/// what has still to be delivered.
struct AlertBook: Codable {
    /// The last row of the log that was looked at.
    var afterSeq: UInt64
    /// Look-ups that are being folded into one alert each.
    var folds: [Fold] = []
    /// Messages that somebody has not got yet, oldest first.
    var outbox: [AlertMessage] = []
    /// What the next digest will say.
    var digest: [DigestLine] = []
    /// Look-ups that the digest has no line for.
    var digestOverflow = 0
    /// Limits of use that were passed, for the next digest; missing in books of older versions.
    var uses: [UseLine]?
    /// What was taken up already of limits of use: the flag's id, and its day as below.
    var usesTaken: [String: Int]?
    /// The day (days since 1970 by the policy's clock) for which a digest was made last.
    var digestDay: Int?
    /// The last report from the block page that was told; `nil` where none ever was looked at.
    var reportsTold: UInt64?
    /// Reports that the next digest will tell of.
    var reports: [ReportLine]?
    /// The day for which worries are counted, and how many it had.
    var reportsDay: Int?
    var reportsOfDay: Int?
    /// The number of the next message.
    var nextNumber: UInt64 = 1
    /// The day for which alerts are counted, and how many it had.
    var countedDay = 0
    var alertsOfDay = 0

    /// Look-ups of one device against one rule.
    struct Fold: Codable {
        var severity: String
        var rule: String
        var group: String
        var device: String
        var category: String
        var firstMicros: Int64
        var lastMicros: Int64
        var count = 0
        var blocked = 0
        var names: [String: Int] = [:]
        /// Look-ups that were told already; `nil` before the alert is made.
        var told: Int?
        /// When the first was read here, in microseconds of the wall clock.
        var readMicros: Int64
        /// When the last was read here.
        var lastReadMicros: Int64
    }

    /// A line of the digest.
    struct DigestLine: Codable {
        var severity: String
        var rule: String
        var group: String
        var device: String
        /// Times that the device began to ask: look-ups within ten minutes are one.
        var attempts: Int
        var count: Int
        var firstMicros: Int64
        var lastMicros: Int64
    }

    /// That a device passed a limit of use.
    struct UseLine: Codable {
        var severity: String
        var group: String
        var device: String
        var category: String
        var limitMinutes: Int
        /// When the first active minute began.
        var firstMicros: Int64
        /// When the minute began with which the limit was passed.
        var overMicros: Int64
    }

    // MARK: Keeping it

    /// Reads a book; `nil` if there is none.
    ///
    /// - Throws: a text where it is there and cannot be used.
    static func read(_ path: String) throws(AlertProblem) -> AlertBook? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path),
            data.count <= AlertLimits.bookOctets
        else { throw AlertProblem("\(path) cannot be read") }
        guard let book = try? JSONDecoder().decode(AlertBook.self, from: data) else {
            throw AlertProblem("\(path) is damaged")
        }
        return book
    }

    /// Writes the book beside the old one, makes it durable and puts it in its place.
    func write(_ path: String) throws(AlertProblem) {
        guard let data = try? JSONEncoder().encode(self) else {
            throw AlertProblem("\(path) cannot be made")
        }
        let fresh = path + ".new"
        // SAFETY: paths are passed as C strings, and the buffer is used within the closure alone.
        let descriptor = unsafe open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw AlertProblem("\(fresh) cannot be written", errno) }
        let isWritten = unsafe data.withUnsafeBytes { buffer in
            var rest = unsafe buffer
            while unsafe !rest.isEmpty {
                let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return fsync(descriptor) == 0
        }
        let reason = errno
        close(descriptor)
        guard isWritten else {
            _ = unsafe unlink(fresh)
            throw AlertProblem("\(fresh) cannot be written", reason)
        }
        guard unsafe rename(fresh, path) == 0 else {
            throw AlertProblem("\(path) cannot be replaced", errno)
        }
    }
}

/// Why something about alerts does not work, in words for the server's news.
public struct AlertProblem: Error, CustomStringConvertible, Equatable {
    /// The words.
    public let description: String

    init(_ text: String, _ code: Int32? = nil) {
        // SAFETY: the text is copied at once.
        description = code.map { "\(text): \(unsafe String(cString: strerror($0)))" } ?? text
    }
}
