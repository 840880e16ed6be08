import DecisionLog
import PolicyEngine
import PolicyFile

/// What people report from the block page.
extension Alerter {
    /// Makes messages of reports that came in since: a worry is told at once, a name that is said to
    /// be wrongly blocked comes in the digest. Which were told is kept with the rest, so that none is
    /// told twice and none is left out across a restart.
    ///
    /// - Throws: `JournalError` where reports cannot be read; `AlertProblem` where the book cannot be
    ///   kept.
    public func lookAtReports(nowMicros: Int64) throws {
        guard tellsOfReports else { return }
        let reports = try ReportBook(directory: logDirectory)
        let size = reports.size
        guard size != seenReportOctets else { return }
        let all = try reports.read().reports
        let isNew = { (report: ReceivedReport, told: UInt64?) in report.id > told ?? 0 }
        let pseudonyms =
            all.contains { isNew($0, reportsTold) } ? try Pseudonyms(directory: logDirectory) : nil
        try change(nowMicros: nowMicros) { folder in
            for report in all where isNew(report, folder.book.reportsTold) {
                folder.add(report, device: pseudonyms.map { report.pseudonym(by: $0) } ?? "")
            }
        }
        seenReportOctets = size
    }
}

extension AlertFolder {
    /// Takes a report that was not told yet.
    mutating func add(_ report: ReceivedReport, device: String) {
        book.reportsTold = report.id
        noteChange()
        let known = AlertBook.ReportLine(report, device: device)
        if report.kind == .worry, book.mayTellOfReport(onDay: day) {
            send(.alert, text.report(known))
        } else if settings.digestMinute != nil {
            var lines = book.reports ?? []
            if lines.count < AlertLimits.digestLines { lines.append(known) }
            book.reports = lines
        }
    }
}

extension AlertBook {
    /// A report, as far as an alert or a digest shows it.
    struct ReportLine: Codable {
        var id: UInt64
        var about: String
        var micros: Int64
        /// Of a case that is the principal's alone, no more than that there is one.
        var isForPrincipal: Bool
        var group: String
        var device: String
        var name: String
        var rule: String

        init(_ report: ReceivedReport, device: String) {
            id = report.id
            about = report.kind.rawValue
            micros = report.timeMicros
            isForPrincipal = report.queue == .principal
            group = isForPrincipal ? "" : report.group ?? "no group"
            self.device = isForPrincipal ? "" : device
            name = isForPrincipal ? "" : report.name ?? ""
            rule = isForPrincipal ? "" : report.rule ?? ""
        }
    }

    /// Counts a worry that is told at once; `false` where there were too many of them today.
    mutating func mayTellOfReport(onDay today: Int) -> Bool {
        if reportsDay != today { (reportsDay, reportsOfDay) = (today, 0) }
        reportsOfDay = (reportsOfDay ?? 0) + 1
        return reportsOfDay ?? 0 <= AlertLimits.worriesPerDay
    }
}

extension AlertText {
    /// A worry that somebody wrote down. What was written stays with the report: mail is read on the
    /// way and on telephones.
    func report(_ line: AlertBook.ReportLine) -> (subject: String, text: String, json: String) {
        let whom = line.isForPrincipal ? principal : lead
        let facts =
            line.isForPrincipal
            ? "It is from a member of staff, or about one, and is for the \(principal) alone."
            : """
            Group      \(line.group)
            Device     \(line.device)
            Name       \(line.name.isEmpty ? "none" : line.name)
            Rule       \(line.rule.isEmpty ? "none" : line.rule)
            """
        let role = line.isForPrincipal ? " --role principal" : ""
        let text = """
            Somebody wrote on the block page that they are worried about something.

            Report     \(line.id)
            When       \(clock(line.micros))
            \(facts)

            Please read it within a day: bellgate reports show \(line.id)\(role)

            \(policy.name)\(policy.reference.isEmpty ? "" : " (\(policy.reference))")
            """
        return (
            "[Bellgate] somebody is worried: report \(line.id), for the \(whom)", text,
            json(fields(of: line, kind: "report"))
        )
    }

    /// Lines of the digest.
    func lines(of reports: [AlertBook.ReportLine]) -> [String] {
        reports.map { line in
            let what = line.about == "worry" ? "somebody is worried" : "said to be wrongly blocked"
            let facts =
                line.isForPrincipal
                ? ["for the \(principal) alone"] : [line.name, line.rule, line.group, line.device]
            return
                (["report \(line.id)", what] + facts.filter { !$0.isEmpty } + [clock(line.micros)])
                .joined(separator: "  ")
        }
    }

    func fields(of line: AlertBook.ReportLine, kind: String) -> [String: Any] {
        var fields: [String: Any] = [
            "kind": kind, "report": line.id, "about": line.about,
            "severity": line.about == "worry" ? "high" : "low", "time": time(line.micros),
            "queue": line.isForPrincipal ? "principal" : "dsl",
        ]
        for (key, value) in [
            ("group", line.group), ("device", line.device), ("name", line.name),
            ("rule", line.rule),
        ] where !value.isEmpty { fields[key] = value }
        return fields
    }

    private var lead: String { policy.roles["dsl"] ?? "safeguarding lead" }
    private var principal: String { policy.roles["principal"] ?? "principal" }
}
