import ArgumentParser
import DecisionLog

/// `bellgate log audit`: who looked at whom and why, and what else was done to the log.
struct LogAudit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Show the audit trail: who looked at identities, and why.",
        discussion: """
            Also what was decided by a person (suspensions, exceptions), which rows were deleted \
            since they were older than they may be kept, and what a start found amiss. The newest \
            entries are shown, oldest first. Each goes on from the one before, so that none can be \
            changed or taken away unseen: exit status 1 where one was, or cannot be read.

            EXAMPLES
              bellgate log audit --config bellgate.yaml
              bellgate log audit --kind look --since 4w --config bellgate.yaml
              bellgate log audit --limit 1000000 --json --config bellgate.yaml > audit.json
            """)

    @OptionGroup var location: LogLocation

    @Option(help: ArgumentHelp("Not before this instant.", valueName: "instant"))
    var since: String?

    @Option(
        help: ArgumentHelp(
            "Only entries of one kind: \(words(AuditEntry.Kind.self)).",
            valueName: "kind"),
        transform: { try word($0) })
    var kind: AuditEntry.Kind?

    @Option(name: [.customShort("n"), .long], help: "How many of the newest entries to show.")
    var limit = 100

    @Flag(help: "Print one JSON array for programs.")
    var json = false

    func validate() throws {
        try requireCount(limit)
        _ = try sinceMicros()
    }

    func run() throws {
        let directory = try location.directoryPath()
        let since = try sinceMicros() ?? .min
        try reportingLogErrors {
            try JournalReader.requireLog(directory: directory)
            let contents = try AuditTrail.read(directory: directory)
            let shown = contents.entries.filter {
                $0.timeMicros >= since && (kind == nil || $0.kind == kind)
            }.suffix(limit)
            print(json ? JSONText.array(shown.map(Self.json)).rendered() : Self.text(shown))
            contents.damage.forEach { standardError("\($0)") }
            if !contents.damage.isEmpty { throw ExitCode(ExitStatus.wrong) }
        }
    }

    private func sinceMicros() throws -> Int64? { try LogFilterOptions.instant(since, "--since") }

    private static func text(_ entries: ArraySlice<AuditEntry>) -> String {
        guard !entries.isEmpty else { return "nothing of this is on record" }
        let head = ["NO", "TIME", "KIND", "WHO", "WHAT", "WHY"]
        let rows = entries.map { entry in
            [
                "\(entry.number)", LogTime.local(entry.timeMicros), entry.kind.rawValue,
                who(entry.by), what(entry), entry.reason ?? "",
            ]
        }
        return TextTable.lines([head] + rows.map { $0.map(TextTable.plain) }, numbers: 0...0)
            .joined(separator: "\n")
    }

    private static func who(_ user: AuditUser) -> String {
        user.sudoUser.map { "\($0) (as \(user.name))" } ?? user.name
    }

    private static func what(_ entry: AuditEntry) -> String {
        var parts = [entry.look.map { "look \($0)" } ?? entry.question]
        if let rows = entry.rows { parts.append("\(rows) row\(rows == 1 ? "" : "s")") }
        if let seqs = entry.seqs, !seqs.isEmpty {
            parts.append("seq \(seqs.lowerBound) to \(seqs.upperBound - 1)")
        }
        return parts.joined(separator: ", ")
    }

    private static func json(_ entry: AuditEntry) -> JSONText {
        .object(present: [
            "number": .number(Int64(clamping: entry.number)),
            "time": .string(LogTime.utc(entry.timeMicros)),
            "kind": .string(entry.kind.rawValue),
            "user": .string(entry.by.name),
            "uid": .number(Int64(entry.by.uid)),
            "sudoUser": entry.by.sudoUser.map { .string($0) },
            "question": .string(entry.question),
            "reason": entry.reason.map { .string($0) },
            "rows": entry.rows.map { .number(Int64(clamping: $0)) },
            "look": entry.look.map { .number(Int64(clamping: $0)) },
            "firstSeq": entry.seqs.map { .number(Int64(clamping: $0.lowerBound)) },
            "lastSeq": entry.seqs.flatMap {
                $0.isEmpty ? nil : .number(Int64(clamping: $0.upperBound - 1))
            },
        ])
    }
}
