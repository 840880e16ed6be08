/// A place of the log that is not as it was written.
public struct LogDamage: Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: String, Sendable {
        /// A segment's first bytes do not say what the file is.
        case header
        /// A record's checksum is wrong; reading went on at the next whole one.
        case record
        /// A record is whole, but the next one does not go on from it: it was changed or put in.
        case chain
        /// Whole records, but some are missing between two of them, or they are out of order.
        case missing
        /// A record that a crash left half-written at the very end; the next start removes it.
        case tornTail = "torn-tail"
        /// The file is not the one whose digest the next segment, or the log's head, remembers.
        case digest
        /// A segment does not say what it follows, although something is before it.
        case link
        /// Segments are missing at the log's beginning, and no purge was recorded.
        case front
        /// The log ends before the place that its head remembers.
        case end
        /// The log's head is missing or no head.
        case head
        /// The audit trail is not whole.
        case trail
        /// The file of reports is not whole, or not the one that the audit trail remembers.
        case report
    }

    /// What is wrong.
    public var kind: Kind
    /// The file's name.
    public var file: String
    /// Where in the file it begins, in bytes.
    public var offset: Int
    /// How many bytes cannot be used; 0 for missing rows.
    public var bytes: Int
    /// The seq that should have come.
    public var expectedSeq: UInt64?
    /// The seq that came; `nil` if none did.
    public var foundSeq: UInt64?
    /// What else there is to say.
    public var detail: String?

    init(
        kind: Kind, file: String, offset: Int = 0, bytes: Int = 0, expectedSeq: UInt64? = nil,
        foundSeq: UInt64? = nil, detail: String? = nil
    ) {
        self.kind = kind
        self.file = file
        self.offset = offset
        self.bytes = bytes
        self.expectedSeq = expectedSeq
        self.foundSeq = foundSeq
        self.detail = detail
    }

    /// How many rows are missing here, where that can be told.
    public var missingRows: UInt64 {
        guard let expectedSeq, let foundSeq, foundSeq > expectedSeq else { return 0 }
        return foundSeq - expectedSeq
    }

    /// The first row that is concerned, where there is one.
    public var seq: UInt64? { expectedSeq ?? foundSeq }

    /// What is wrong, without the place.
    public var problem: String {
        let expected = expectedSeq.map { "seq \($0) expected" } ?? ""
        let found = foundSeq.map { ", found seq \($0)" } ?? ""
        return switch kind {
        case .header: "the header is damaged"
        case .record:
            "\(bytes) bytes are damaged, \(expected)"
                + (foundSeq.map { ", goes on with seq \($0)" } ?? "")
        case .chain:
            "the record of seq \(expectedSeq ?? 0) is not the one that was written: seq "
                + "\(foundSeq ?? 0) goes on from another"
        case .missing where missingRows > 0: "\(missingRows) rows are missing, \(expected)\(found)"
        case .missing: "rows are out of order, \(expected)\(found)"
        case .tornTail: "a record was left half-written, \(expected)"
        case .digest, .link, .front, .head, .trail, .report: detail ?? ""
        case .end:
            "the log ends before seq \(expectedSeq ?? 0), but had reached seq \(foundSeq ?? 0)"
        }
    }

    /// One line for a person: file, offset and what is wrong.
    public var description: String { "\(file): offset \(offset): \(problem)" }
}
