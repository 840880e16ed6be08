import ArgumentParser
import DecisionLog
import Glibc
import LogStore
import PolicyEngine

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

            Clients and devices are shown by pseudonyms, each the same in every output for as long \
            as rows are kept, as in reports; --client takes those of clients (c-...), --device those \
            of devices (d-...). --identify with a --reason shows who they are, and first notes who \
            looks, and why, in the log's audit trail; log audit reads that. To ask by --client \
            ADDRESS or --device NAME is such a look, too: it is noted, and answered by pseudonym.

            EXAMPLES
              What was blocked for learners in the last hour:
                bellgate log query --group learner --verdict block --since 1h
              How much was blocked in each hour of a day, and which rules did it:
                bellgate log query --count --by hour --verdict block --since 2026-11-23
                bellgate log query --top rule --verdict block --since 2026-11-23
              Who stands behind a pseudonym:
                bellgate log query --client c-7Q4K2M9XTB --identify --reason "Concern 12"
              Everything of a day, for a spreadsheet:
                bellgate log export --since 2026-11-23 --until 2026-11-24 > monday.csv
              Watch decisions as they are made:
                bellgate log tail -f
            """,
        subcommands: [LogTail.self, LogQuery.self, LogExport.self, LogVerify.self, LogAudit.self])

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
    @OptionGroup var identity: IdentityOptions

    @Flag(name: .shortAndLong, help: "Go on with what is decided from now on.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "How many of the newest rows to show.")
    var limit = 20

    @Option(
        help: ArgumentHelp("text, csv or jsonl.", valueName: "format"), transform: { try word($0) })
    var format: RowFormat = .text

    func validate() throws {
        try requireCount(limit)
    }

    func run() throws {
        let directory = try location.directoryPath()
        try reportingLogErrors {
            var filter = try filter.filter(in: directory)
            let reader = try StoreReader(directory: directory, filter: filter)
            let rows = try reader.newest(limit, filter)
            report(reader)
            let output = RowOutput(
                format,
                try identity.begin(
                    directory: directory, asked: self.filter.identity))
            output.begin()
            rows.forEach { output.append($0) }
            output.flush()
            if follow {
                filter.afterSeq = max(reader.lastSeq, filter.afterSeq ?? 0)
                try goOn(directory, filter, output)
            }
            try output.finish()
        }
    }

    /// Shows what is decided from now on, until somebody ends it or nobody reads it any more.
    private func goOn(_ directory: String, _ filter: RowFilter, _ output: RowOutput) throws {
        let reader = try JournalReader(
            directory: directory, filter: filter, tellsMissing: true)
        var told = 0
        while true {
            while let row = reader.next() { try output.append(new: row, of: directory) }
            output.flush()
            report(Array(reader.damage[told...]))
            told = reader.damage.count
            output.pause()
        }
    }
}

/// `bellgate log query`: the newest rows that pass, or how many there are.
struct LogQuery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Show the newest decisions that pass a filter, or count them.",
        discussion: """
            Rows are shown oldest first. For all of them, whatever their number, use export.

            --count tells how many rows pass, in all or --by hour, day or group; hours and days \
            without rows have no line. --top tells which clients, names, categories or rules occur \
            most, in all or in each hour, day or group; support services are in no such ranking. Hours \
            and days are those of the policy's time zone.

            EXAMPLES
              bellgate log query --name wikipedia.org --since 7d
              bellgate log query --count --by day --group learner --since 4w
              bellgate log query --top name --verdict block --by group --limit 5 --since 1d
              bellgate log query --top category --format csv
            """)

    @OptionGroup var location: LogLocation
    @OptionGroup var filter: LogFilterOptions
    @OptionGroup var identity: IdentityOptions
    @OptionGroup var counting: LogCountOptions

    @Option(help: "The newest so many rows (100 unless given), or the first so many of --top (10).")
    var limit: Int?

    @Option(
        help: ArgumentHelp("text, csv or jsonl.", valueName: "format"), transform: { try word($0) })
    var format: RowFormat = .text

    private static let defaultRows = 100
    private static let defaultTop = 10

    func validate() throws {
        try requireCount(limit)
        if limit != nil, counting.isAsked, counting.top == nil {
            throw ValidationError("--limit goes with rows or with --top; --count counts them all.")
        }
    }

    func run() throws {
        let directory = try location.directoryPath()
        try reportingLogErrors {
            let filter = try filter.filter(in: directory)
            let reader = try StoreReader(directory: directory, filter: filter)
            if counting.isAsked { return try count(reader, filter, directory) }
            let rows = try reader.newest(limit ?? Self.defaultRows, filter)
            report(reader)
            let output = RowOutput(
                format,
                try identity.begin(
                    directory: directory, asked: self.filter.identity))
            output.begin()
            rows.forEach { output.append($0) }
            try output.finish()
        }
    }

    private func count(_ reader: StoreReader, _ filter: RowFilter, _ directory: String) throws {
        let look = try identity.begin(
            directory: directory, asked: self.filter.identity,
            showsClients: counting.top == .client)
        let counter = LogCounter(
            reader: reader, filter: filter, by: counting.by, pseudonyms: look.pseudonyms,
            zone: counting.by?.isTime == true ? location.timeZone() : .utc)
        let table =
            if let top = counting.top {
                try counter.top(top, limit: limit ?? Self.defaultTop)
            } else {
                try counter.counts()
            }
        report(reader)
        let output = ByteOutput(look)
        output.append(table.bytes(format), rows: table.rows.count)
        try output.finish()
    }
}

/// `bellgate log export`: all rows that pass, in constant memory.
struct LogExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write out all decisions that pass a filter.",
        discussion: """
            Goes on where an earlier export ended with --after-seq and the last seq of that export: \
            the two together are what one export would have written (but for the header of CSV).

            EXAMPLES
              bellgate log export --since 2026-11-23 --until 2026-11-24 > monday.csv
              bellgate log export --format jsonl --after-seq 120000 >> log.jsonl
            """)

    @OptionGroup var location: LogLocation
    @OptionGroup var filter: LogFilterOptions
    @OptionGroup var identity: IdentityOptions

    @Option(help: "At most so many rows, the oldest first.")
    var limit: Int?

    @Option(
        help: ArgumentHelp("text, csv or jsonl.", valueName: "format"), transform: { try word($0) })
    var format: RowFormat = .csv

    func validate() throws {
        try requireCount(limit)
    }

    func run() throws {
        let directory = try location.directoryPath()
        try reportingLogErrors {
            let filter = try filter.filter(in: directory)
            let reader = try StoreReader(directory: directory, filter: filter)
            let rows = try reader.rows(filter)
            let output = RowOutput(
                format,
                try identity.begin(
                    directory: directory, asked: self.filter.identity))
            var remaining = limit ?? .max
            output.begin()
            while remaining > 0, let row = try rows.next() {
                output.append(row)
                remaining -= 1
            }
            report(reader)
            try output.finish()
        }
    }
}
