import Glibc
import LDNSBridge

/// One decision of a person to suspend a device's access to the internet.
public struct SuspensionRecord: Sendable, Equatable {
    /// Its number, from 1; what `lift` takes.
    public let number: UInt64
    /// When it was made, in microseconds since 1970 UTC.
    public let timeMicros: Int64
    /// The device's name in the policy of that day; `nil` where an address was named.
    public let device: String?
    /// The device's addresses on that day.
    public let addresses: [String]
    /// The first second that it is over by itself, in seconds since 1970 UTC.
    public let untilSeconds: Int64
    /// Why, as the person wrote it. It concerns somebody: never for the network.
    public let reason: String
    /// The role that decided.
    public let authorisedBy: String
    /// The account that wrote it down.
    public let user: String
    /// When it was lifted before its time, in microseconds since 1970 UTC.
    public internal(set) var liftedMicros: Int64?

    /// From which second on it holds.
    public var fromSeconds: Int64 { LogTime.floorDivide(timeMicros, 1_000_000) }

    /// The first second in which it holds no more.
    public var endSeconds: Int64 {
        guard let liftedMicros else { return untilSeconds }
        return min(untilSeconds, LogTime.floorDivide(liftedMicros, 1_000_000))
    }
}

/// Whose access to the internet is suspended: an append-only file beside the log, a line of JSON an
/// entry, each with its own digest.
///
/// Any process may append while the server runs; a lock keeps them apart. What is written down is
/// in the audit trail first, and on the disk when the call returns.
public final class SuspensionBook: Sendable {
    private let directory: LogDirectory

    static let fileName = "suspensions.jsonl"
    /// The longest reason, in octets: a sentence or a few.
    public static let maximumReason = 1000
    /// The roles that may decide to suspend.
    public static let authorities = ["dsl", "principal"]

    /// - Parameter path: the log's directory.
    /// - Throws: `JournalError` if there is no such directory.
    public init(directory path: String) throws {
        directory = try LogDirectory(path: path, create: false)
    }

    /// Suspends a device or an address from now on.
    ///
    /// - Throws: `JournalError`; then nothing is suspended.
    public func suspend(
        device: String?, addresses: [String], untilSeconds: Int64, reason: String,
        authorisedBy: String
    ) throws -> SuspensionRecord {
        let who = device ?? addresses.joined(separator: " ")
        return try append { number, now, trail in
            let record = SuspensionRecord(
                number: number, timeMicros: now, device: device, addresses: addresses,
                untilSeconds: untilSeconds, reason: reason, authorisedBy: authorisedBy,
                user: AuditUser.current.name)
            try trail.append(
                .suspend,
                question: "suspension \(number) of \(who) until "
                    + "\(LogTime.utc(untilSeconds * 1_000_000)), authorised by \(authorisedBy)",
                reason: reason)
            return (SuspensionLine.suspend(record).bytes, record)
        }
    }

    /// Lifts suspensions that are in force; those that are not are left out.
    ///
    /// - Parameter isMeant: which of those in force.
    /// - Returns: what was lifted.
    /// - Throws: `JournalError`; what had been lifted by then stays lifted.
    public func lift(
        reason: String?, authorisedBy: String?, _ isMeant: (SuspensionRecord) -> Bool
    ) throws -> [SuspensionRecord] {
        let seconds = LogTime.floorDivide(Clock.wallMicros(), 1_000_000)
        let meant = try read().records.filter { $0.endSeconds > seconds && isMeant($0) }
        return try meant.map { record in
            try append { number, now, trail in
                try trail.append(
                    .lift,
                    question: "suspension \(record.number) of "
                        + (record.device ?? record.addresses.joined(separator: " "))
                        + (authorisedBy.map { ", authorised by \($0)" } ?? ""),
                    reason: reason)
                var lifted = record
                lifted.liftedMicros = now
                let line = SuspensionLine.lift(
                    number: number, timeMicros: now, suspension: record.number,
                    authorisedBy: authorisedBy, user: AuditUser.current.name)
                return (line.bytes, lifted)
            }
        }
    }

    private func append<Result>(
        _ make: (UInt64, Int64, AuditTrail) throws -> ([UInt8], Result)
    ) throws -> Result {
        guard let file = directory.openForAppending(Self.fileName) else { throw refusal(errno) }
        defer { close(file) }
        while flock(file, LOCK_EX) != 0 { if errno != EINTR { throw refusal(errno) } }
        guard let bytes = FileIO.readWhole(file, at: 0, count: FileIO.size(file))
        else { throw refusal(errno) }
        // Half a line that a crash left was never acknowledged.
        let end = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        if bytes.count > end, ftruncate(file, off_t(end)) != 0 { throw refusal(errno) }
        let number = SuspensionContents(bytes).lastNumber + 1
        let (line, result) = try make(number, Clock.wallMicros(), AuditTrail(directory))
        guard FileIO.write(line, to: file, at: end), fdatasync(file) == 0 else {
            let reason = errno == 0 ? ENOSPC : errno
            _ = ftruncate(file, off_t(end))
            throw refusal(reason)
        }
        return result
    }

    private func refusal(_ reason: Int32) -> JournalError {
        JournalError(.notWritten, path: "\(directory.path)/\(Self.fileName)", errno: reason)
    }

    /// All that was ever suspended, in order, and what cannot be read.
    ///
    /// - Throws: `JournalError` if there is a file that cannot be read.
    public func read() throws -> SuspensionContents {
        guard let file = directory.openForReading(Self.fileName) else {
            if errno == ENOENT { return SuspensionContents([]) }
            throw JournalError(
                .unreadable, path: "\(directory.path)/\(Self.fileName)", errno: errno)
        }
        defer { close(file) }
        return SuspensionContents(FileIO.read(file, at: 0, count: FileIO.size(file)))
    }
}

/// What the file of suspensions holds.
public struct SuspensionContents: Sendable {
    /// All suspensions that can be read, in order; ended and lifted ones too.
    public private(set) var records: [SuspensionRecord] = []
    /// What is wrong, in order; each entry that can be read holds all the same.
    public private(set) var damage: [String] = []
    private(set) var lastNumber: UInt64 = 0

    init(_ bytes: [UInt8]) {
        var place = 0
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            place += 1
            guard let entry = SuspensionLine(Array(line)) else {
                damage.append(
                    "\(SuspensionBook.fileName), line \(place), is not as it was written")
                continue
            }
            if entry.number != UInt64(place), entry.number != lastNumber + 1 {
                damage.append(
                    "\(SuspensionBook.fileName): entry \(lastNumber + 1) is missing before line "
                        + "\(place)")
            }
            lastNumber = max(lastNumber, entry.number)
            take(entry)
        }
        // The number of an entry that cannot be read is not given again.
        lastNumber = max(lastNumber, UInt64(place))
    }

    private mutating func take(_ entry: SuspensionLine) {
        switch entry {
        case .suspend(let record): records.append(record)
        case .lift(_, let micros, let suspension, _, _):
            for place in records.indices
            where records[place].number == suspension && records[place].liftedMicros == nil {
                records[place].liftedMicros = micros
            }
        }
    }
}
