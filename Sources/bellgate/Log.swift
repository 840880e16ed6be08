import ArgumentParser
import DNSWire
import DecisionLog
import Glibc
import LDNSBridge
import PolicyFile

/// `bellgate log`: what was decided.
struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the decision log.",
        discussion: """
            Reads the files of the log; the server may be running or not. Without --config or \
            --directory, bellgate.yaml of this folder names the log.

            Instants are given as 2026-11-23T10:30:00Z (RFC 3339), as this machine's local time \
            (2026-11-23 10:30, or 2026-11-23 for the midnight with which that day begins), or as a \
            span before now (90s, 30m, 2h, 7d, 4w).

            EXAMPLES
              What was blocked for learners in the last hour:
                bellgate log query --group learner --verdict block --since 1h
              Everything of a day, for a spreadsheet:
                bellgate log export --since 2026-11-23 --until 2026-11-24 > monday.csv
              Watch decisions as they are made:
                bellgate log tail -f
            """,
        subcommands: [LogTail.self, LogQuery.self, LogExport.self, LogVerify.self])

    /// `log` alone asks for nothing: the help, as wrong usage.
    func run() throws {
        standardError(Bellgate.helpMessage(for: Self.self))
        throw ExitCode(ExitStatus.usage)
    }
}

/// `bellgate log tail`: the newest rows, and those to come.
struct LogTail: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Show the newest decisions, and follow.")

    @OptionGroup var location: LogLocation
    @OptionGroup var filter: LogFilterOptions

    @Flag(name: .shortAndLong, help: "Go on with what is decided from now on.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "How many of the newest rows to show.")
    var limit = 20

    @Option(help: ArgumentHelp("text, csv or jsonl.", valueName: "format"), transform: rowFormat)
    var format: RowFormat = .text

    /// How long to wait before looking for new rows, in milliseconds.
    private static let pollMilliseconds: Int32 = 100

    func validate() throws { try requireCount(limit) }

    func run() throws {
        var filter = try filter.filter()
        let directory = try location.directoryPath()
        var output = RowOutput(format)
        try reportingLogErrors {
            let newest = try JournalReader.newest(limit, directory: directory, filter: filter)
            report(newest.damage)
            output.begin()
            newest.rows.forEach { output.append($0) }
            output.flush()
            guard follow else { return }
            filter.afterSeq = max(newest.lastSeq, filter.afterSeq ?? 0)
            let reader = try JournalReader(directory: directory, filter: filter)
            var told = 0
            while true {
                while let row = reader.next() { output.append(row) }
                output.flush()
                report(Array(reader.damage[told...]))
                told = reader.damage.count
                Self.pause()
            }
        }
    }

    /// Waits before the next look; ends the verb where nobody reads any more, since without new
    /// rows no write would tell.
    private static func pause() {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        // SAFETY: one descriptor is passed, which outlives the call.
        if unsafe poll(&output, 1, pollMilliseconds) > 0 { failToWrite(EPIPE) }
    }
}

/// `bellgate log query`: the newest rows that pass.
struct LogQuery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Show the newest decisions that pass a filter.",
        discussion: "Shown oldest first. For all of them, whatever their number, use export.")

    @OptionGroup var location: LogLocation
    @OptionGroup var filter: LogFilterOptions

    @Option(help: "The newest so many rows.")
    var limit = 100

    @Option(help: ArgumentHelp("text, csv or jsonl.", valueName: "format"), transform: rowFormat)
    var format: RowFormat = .text

    func validate() throws { try requireCount(limit) }

    func run() throws {
        let filter = try filter.filter()
        let directory = try location.directoryPath()
        var output = RowOutput(format)
        try reportingLogErrors {
            let newest = try JournalReader.newest(limit, directory: directory, filter: filter)
            report(newest.damage)
            output.begin()
            newest.rows.forEach { output.append($0) }
            output.flush()
        }
    }
}

/// `bellgate log export`: all rows that pass, in constant memory.
struct LogExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write out all decisions that pass a filter.",
        discussion: """
            Goes on where an earlier export ended with --after-seq and the last seq of that export.
            """)

    @OptionGroup var location: LogLocation
    @OptionGroup var filter: LogFilterOptions

    @Option(help: "At most so many rows, the oldest first.")
    var limit: Int?

    @Option(help: ArgumentHelp("text, csv or jsonl.", valueName: "format"), transform: rowFormat)
    var format: RowFormat = .csv

    func validate() throws { try requireCount(limit) }

    func run() throws {
        let filter = try filter.filter()
        let directory = try location.directoryPath()
        var output = RowOutput(format)
        try reportingLogErrors {
            let reader = try JournalReader(directory: directory, filter: filter)
            var remaining = limit ?? .max
            output.begin()
            while remaining > 0, let row = reader.next() {
                output.append(row)
                remaining -= 1
            }
            output.flush()
            report(reader.damage)
        }
    }
}

// MARK: Options

/// Which log is read.
struct LogLocation: ParsableArguments {
    @Option(
        help: ArgumentHelp("The server's configuration, which names the log.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("The log's directory itself, in place of --config.", valueName: "dir"))
    var directory: String?

    private static let defaultConfig = "bellgate.yaml"

    func validate() throws {
        if config != nil, directory != nil {
            throw ValidationError("Give --config or --directory, not both.")
        }
        // SAFETY: the name is passed as a C string for the length of the call.
        guard unsafe config != nil || directory != nil || access(Self.defaultConfig, F_OK) == 0
        else {
            throw ValidationError(
                "Give --config FILE or --directory DIR; there is no bellgate.yaml in this folder.")
        }
    }

    /// The directory; a configuration that cannot be read is reported and ends the verb.
    func directoryPath() throws -> String {
        if let directory { return directory }
        let load = loadConfiguration(at: config ?? Self.defaultConfig)
        guard let configuration = load.configuration else {
            load.diagnostics.forEach { standardError($0.description) }
            throw ExitCode(ExitStatus.wrong)
        }
        return configuration.logDirectory
    }
}

/// Which rows are shown.
struct LogFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Not before this instant.", valueName: "instant"))
    var since: String?

    @Option(help: ArgumentHelp("Before this instant.", valueName: "instant"))
    var until: String?

    @Option(help: ArgumentHelp("The group as it was recorded.", valueName: "name"))
    var group: String?

    @Option(help: ArgumentHelp("A client's address, or a network.", valueName: "address"))
    var client: String?

    @Option(help: ArgumentHelp("This name and all under it; =NAME: it alone.", valueName: "name"))
    var name: String?

    @Option(help: "allow, block, rewrite or gap.")
    var verdict: String?

    @Option(help: ArgumentHelp("The deciding rule, or default.", valueName: "id"))
    var rule: String?

    @Option(help: ArgumentHelp("A category, or a part of its path.", valueName: "category"))
    var category: String?

    @Option(help: ArgumentHelp("Only rows behind this one.", valueName: "seq"))
    var afterSeq: UInt64?

    func validate() throws { _ = try filter() }

    /// The filter, or what is wrong with the first option that cannot be read.
    func filter() throws -> RowFilter {
        var filter = RowFilter()
        filter.sinceMicros = try instant(since, "--since")
        filter.untilMicros = try instant(until, "--until")
        filter.group = group
        filter.rule = rule
        filter.category = category
        filter.afterSeq = afterSeq
        if let client {
            guard let network = IPNetwork(client, hostBitsAllowed: true) else {
                throw ValidationError("\"\(client)\" is no address and no network.")
            }
            filter.client = network
        }
        if let name { filter.name = try Self.nameFilter(name) }
        if let verdict {
            guard let known = RecordVerdict.allCases.first(where: { "\($0)" == verdict }) else {
                throw ValidationError("\"\(verdict)\" is no verdict: allow, block, rewrite or gap.")
            }
            filter.verdict = known
        }
        return filter
    }

    /// A name may be typed as people write it; the log holds the form that the DNS carries.
    private static func nameFilter(_ text: String) throws -> NameFilter {
        let isExact = text.hasPrefix("=")
        guard let ascii = idnToASCII(isExact ? String(text.dropFirst()) : text) else {
            throw ValidationError("\"\(text)\" is no name: it has no ASCII form.")
        }
        do {
            return try NameFilter(parsing: isExact ? "=\(ascii)" : ascii)
        } catch {
            throw ValidationError("\"\(text)\" is no name: \(error).")
        }
    }

    private func instant(_ text: String?, _ option: String) throws -> Int64? {
        guard let text else { return nil }
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        let micros = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
        guard let instant = LogTime.parse(text, nowMicros: micros) else {
            throw ValidationError(
                "\(option): \"\(text)\" is no instant; write 2026-11-23T10:30:00Z, "
                    + "\"2026-11-23 10:30\", 2026-11-23 or 2h.")
        }
        return instant
    }
}

private func requireCount(_ limit: Int?) throws {
    if let limit, limit < 0 { throw ValidationError("--limit takes a number from 0 on.") }
}

private func rowFormat(_ text: String) throws -> RowFormat {
    guard let format = RowFormat(rawValue: text) else {
        throw ValidationError("\"\(text)\" is no format: text, csv or jsonl.")
    }
    return format
}

// MARK: Output

/// Rows on their way to standard output.
private struct RowOutput {
    private var writer: RowWriter

    /// How much is gathered before it is written, in bytes.
    private static let flushBytes = 1 << 16

    init(_ format: RowFormat) {
        writer = RowWriter(format, isColored: isatty(STDOUT_FILENO) == 1)
    }

    mutating func begin() { writer.appendHeader() }

    mutating func append(_ row: DecisionRow) {
        writer.append(row)
        if writer.buffer.count >= Self.flushBytes { flush() }
    }

    /// Writes what was gathered; what cannot be written ends the process.
    mutating func flush() {
        guard !writer.buffer.isEmpty else { return }
        if !writeAll(writer.buffer, to: STDOUT_FILENO) { failToWrite(errno) }
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

/// Runs `body`; a log that cannot be read is reported and ends the verb.
func reportingLogErrors(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as JournalError {
        standardError("\(error)")
        throw ExitCode(ExitStatus.wrong)
    }
}
