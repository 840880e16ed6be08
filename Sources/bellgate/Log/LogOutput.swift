import ArgumentParser
import DecisionLog
import Glibc
import LogStore

/// Bytes on their way to standard output, and how many rows they are.
class ByteOutput {
    fileprivate let look: LogLook?
    private var buffer: [UInt8] = []
    private(set) var rowCount = 0

    /// How much is gathered before it is written, in bytes.
    fileprivate static let flushBytes = 1 << 16
    /// How long to wait before looking for new rows, in milliseconds.
    private static let pollMilliseconds: Int32 = 100

    init(_ look: LogLook?) { self.look = look }

    func append(_ bytes: [UInt8], rows: Int) {
        buffer += bytes
        rowCount += rows
        if buffer.count >= Self.flushBytes { flush() }
    }

    /// Writes what was gathered; what cannot be written ends the process.
    func flush() {
        look?.endIfAsked(rows: rowCount)
        guard !buffer.isEmpty else { return }
        if !writeAll(buffer, to: STDOUT_FILENO) { fail(errno) }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes the rest, and notes how many rows there were where that is to be noted.
    func finish() throws {
        flush()
        try look?.end(rows: rowCount)
    }

    /// Waits before the next look; ends the verb where nobody reads any more, since without new
    /// rows no write would tell.
    func pause() {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        // SAFETY: one descriptor is passed, which outlives the call.
        if unsafe poll(&output, 1, Self.pollMilliseconds) > 0 { fail(EPIPE) }
        look?.endIfAsked(rows: rowCount)
    }

    private func fail(_ reason: Int32) -> Never {
        do {
            try look?.end(rows: rowCount)
        } catch {
            standardError("\(error)")
        }
        failToWrite(reason)
    }
}

/// Rows on their way to standard output.
final class RowOutput: ByteOutput {
    private let format: RowFormat
    private var writer: RowWriter
    private var day: Int64?

    private static let microsPerDay: Int64 = 86_400_000_000

    init(_ format: RowFormat, _ look: LogLook) {
        self.format = format
        writer = Self.writer(format, look.pseudonyms)
        super.init(look)
    }

    private static func writer(_ format: RowFormat, _ pseudonyms: Pseudonyms?) -> RowWriter {
        RowWriter(format, isColored: isatty(STDOUT_FILENO) == 1, pseudonyms: pseudonyms)
    }

    func begin() {
        writer.appendHeader()
        hand(rows: 0)
    }

    func append(_ row: DecisionRow) {
        writer.append(row)
        hand(rows: 1)
    }

    /// Appends a row that came after the look began. Another key may stand since: where the day is
    /// another, the keys are read again.
    ///
    /// - Throws: `JournalError` where that fails; the row is not shown then.
    func append(new row: DecisionRow, of directory: String) throws {
        let today = row.timeMicros / Self.microsPerDay
        if today != day, look?.pseudonyms != nil {
            writer = Self.writer(format, try Pseudonyms(directory: directory))
        }
        day = today
        append(row)
    }

    private func hand(rows: Int) {
        append(writer.buffer, rows: rows)
        writer.buffer.removeAll(keepingCapacity: true)
    }
}

/// Writes all bytes, however many calls that takes.
private func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    var start = 0
    while start < bytes.count {
        // SAFETY: `start` is below the count, and the buffer is used within the closure alone.
        let written = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(file, buffer.baseAddress?.advanced(by: start), bytes.count - start)
        }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return false }
        start += written
    }
    return true
}

/// Damage never hides what is whole: it is told on standard error, and the rows go on.
func report(_ damage: [LogDamage]) {
    for place in damage.prefix(20) where place.kind != .tornTail {
        standardError("warning: \(place)")
    }
    if damage.count > 20 {
        standardError("warning: \(damage.count - 20) more bad places; see log verify")
    }
}

/// Tells what of a log could not be read.
func report(_ reader: StoreReader) {
    for problem in reader.problems.prefix(20) {
        standardError("warning: \(problem); its rows are read from the log")
    }
    report(reader.damage)
}

/// Runs `body`; a log that cannot be read is reported and ends the verb.
func reportingLogErrors(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as JournalError {
        standardError("\(error)")
        throw ExitCode(ExitStatus.wrong)
    } catch let error as StoreError {
        standardError("\(error)")
        throw ExitCode(ExitStatus.wrong)
    } catch let error as EvidenceFolder.Problem {
        standardError("\(error)")
        throw ExitCode(ExitStatus.wrong)
    }
}
