import DNSWire
import DecisionLog
import Foundation
import PolicyEngine
import PolicyFile

/// The end of the demonstration: the log, read back from its files, and two explanations.
struct DemoReview {
    private let policy: LoadedPolicy
    private let logDirectory: String
    private let configurationPath: String
    private let page: DemoPage
    private let rows: [DecisionRow]
    private let pseudonyms: Pseudonyms

    private static let lastRows = 8

    /// Reads the log.
    ///
    /// - Throws: `JournalError` if it cannot be read, or pseudonyms cannot be made.
    init(
        policy: LoadedPolicy, logDirectory: String, configurationPath: String, page: DemoPage
    ) throws {
        self.policy = policy
        self.logDirectory = logDirectory
        self.configurationPath = configurationPath
        self.page = page
        let reader = try JournalReader(directory: logDirectory)
        var rows: [DecisionRow] = []
        while let row = reader.next() { rows.append(row) }
        self.rows = rows
        pseudonyms = try Pseudonyms(directory: logDirectory)
    }

    /// Whether every answer was as the policy says, and every one of them is in the log.
    func isFine(_ play: DemoPlay) -> Bool {
        play.surprises.isEmpty && rows.count == play.askedCount
    }

    /// Prints all of it.
    func show(_ play: DemoPlay) {
        page.head("The day in the log")
        page.put("")
        page.table(
            [["GROUP", "BELL", "ASKED", "ALLOWED", "BLOCKED", "MOST BLOCKED BY"]] + summary,
            numbers: 2...4)
        showLastRows()
        for question in DemoDay.explained { explain(question) }
        page.head(isFine(play) ? "All is as the policy says" : "NOT ALL IS AS THE POLICY SAYS")
        page.put("")
        conclude(play)
    }

    /// One row for each group and bell, in the order of the policy and of the day.
    private var summary: [[String]] {
        var bells: [String] = []
        var counts: [String: [String: [DecisionRow]]] = [:]
        for row in rows {
            let bell = bell(of: row)
            if !bells.contains(bell) { bells.append(bell) }
            counts[row.group ?? "-", default: [:]][bell, default: []].append(row)
        }
        let groups = policy.policy.groups.map(\.name) + ["-"]
        let table: [[String]] = groups.flatMap { group in
            bells.compactMap { bell in
                guard let rows = counts[group]?[bell] else { return nil }
                return line(group, bell, rows)
            }
        }
        return table + [line("all", "", rows)]
    }

    private func line(_ group: String, _ bell: String, _ rows: [DecisionRow]) -> [String] {
        let blocked = rows.filter { $0.verdict == .block }
        return [
            group, bell, "\(rows.count)", "\(rows.count - blocked.count)", "\(blocked.count)",
            mostFrequentRule(blocked),
        ]
    }

    private func bell(of row: DecisionRow) -> String {
        let instant = Instant(seconds: row.timeMicros / 1_000_000)
        return DemoPlay.bell(at: instant, policy)
    }

    private func mostFrequentRule(_ rows: [DecisionRow]) -> String {
        let counts = Dictionary(grouping: rows, by: \.rule).mapValues(\.count)
        return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key ?? ""
    }

    private func showLastRows() {
        page.head("The last rows of the log")
        page.put("")
        page.say(
            "Each decision was in the log before its answer left. This is how to read it:",
            indentedBy: 3)
        page.put("")
        page.show(["$ bellgate log query --directory \(logDirectory) --limit \(Self.lastRows)"])
        var writer = RowWriter(.text, pseudonyms: pseudonyms)
        writer.appendHeader()
        rows.suffix(Self.lastRows).forEach { writer.append($0) }
        let lines = String(decoding: writer.buffer, as: UTF8.self).split(separator: "\n")
        let names = lines.first?.range(of: "NAME")?.lowerBound
        let nameColumn = names.map { lines[0].distance(from: lines[0].startIndex, to: $0) } ?? 0
        page.show(lines, foldedAt: nameColumn)
    }

    private func explain(_ question: (at: String, who: DemoRole, name: String)) {
        guard let name = domainName(typed: question.name),
            let address = IPAddress(question.who.address),
            let time = CivilTime(parsing: question.at)
        else { return }
        let decision = policy.decide(
            name, for: .client(address), at: policy.policy.zone.instant(of: time))
        let report = ExplainReport(decision: decision, type: .a, loaded: policy)
        page.head("Why? \(question.name) for the \(question.who.name) at \(question.at)")
        page.put("")
        page.show([
            "$ bellgate explain \(question.name) --client \(address) --at \"\(question.at)\" \\",
            "      --config \(configurationPath)",
        ])
        page.show(report.text.split(separator: "\n"))
    }

    private func conclude(_ play: DemoPlay) {
        for surprise in play.surprises { page.say("- \(surprise)", indentedBy: 3) }
        if rows.count != play.askedCount {
            page.say(
                "- \(play.askedCount) questions were asked and \(rows.count) rows are in the log",
                indentedBy: 3)
        }
        if isFine(play) {
            page.say(
                "\(play.askedCount) questions, \(play.askedCount) answers that agree with the "
                    + "policy, \(rows.count) rows in the log.", indentedBy: 3)
        }
        page.put("")
        page.show([
            "The policy that did it    \(policy.path)",
            "The log of this day       \(logDirectory)   (kept until you delete it)",
            "Serve in earnest          bellgate serve --config \(configurationPath)",
        ])
    }
}
