import Review

/// What a probe says on a terminal.
enum ProbeWords {
    /// Differences that are listed one by one.
    private static let listed = 20

    static func text(_ record: ProbeRecord, _ files: (html: String, json: String)) -> String {
        var lines: [String] = []
        for server in record.servers where server.policyHash != record.policy.hash {
            lines.append(
                "policy   \(server.address) HAS ANOTHER POLICY IN FORCE: \(server.policyHash), not "
                    + record.policy.hash)
        }
        lines.append("policy   \(record.policy.name) (\(record.policy.hash))")
        lines.append(
            "cells    \(record.cells): \(record.subjects.count) kinds of devices × "
                + "\(record.names.count) names × \(record.moments.count) instants")
        for server in record.servers {
            lines.append(
                "server   \(server.address): \(server.asked) questions (\(server.byTCP) by TCP), "
                    + "\(server.agreed) as the policy says, \(server.differing) not"
                    + (server.unanswered > 0 ? ", \(server.unanswered) unanswered" : ""))
        }
        lines += record.notes.map { "note     \($0)" }
        let findings = record.findings
        lines += findings.prefix(listed).map { "differs  \(line($0))" }
        if findings.count > listed || record.differences.count >= ProbeRecord.listed {
            lines.append("         and more; see the record")
        }
        for drift in record.drift.prefix(listed) {
            let got = zip(record.servers, drift.got).map { "\($0.address) \(outcome($1))" }
            lines.append("drift    \(place(drift.cell)): \(got.joined(separator: ", "))")
        }
        if record.drifting > listed {
            lines.append("         and \(record.drifting - listed) more; see the record")
        }
        lines.append(
            "result   "
                + (record.isFine
                    ? "the filter does what the policy says"
                    : "the filter does NOT do what the policy says"))
        lines.append("record   \(files.html) and \(files.json.split(separator: "/").last ?? "")")
        return lines.joined(separator: "\n") + "\n"
    }

    /// Differences that say the same, in one line.
    private static func line(_ finding: ProbeRecord.Finding) -> String {
        let first = finding.first
        var cell = first.cell
        cell.place = finding.places.joined(separator: ", ")
        let more = finding.cells > 1 ? ", and \(finding.cells - 1) cells more" : ""
        return "\(place(cell))\(more): policy \(outcome(first.expected)), "
            + "\(first.server) \(outcome(first.got))"
    }

    /// A difference, as far as a list of actions has room for it.
    static func brief(_ difference: ProbeRecord.Difference) -> String {
        let (cell, expected, got) = (difference.cell, difference.expected, difference.got)
        return "\(cell.group) × \(cell.category) × \(cell.period): policy \(expected.verdict) by "
            + "\(expected.rule ?? "no rule"), server \(got.verdict)"
            + (got.rule.map { " by \($0)" } ?? "")
    }

    private static func place(_ cell: ProbeRecord.Cell) -> String {
        "\(cell.group) (\(cell.place)) × \(cell.category) (\(cell.name)) × \(cell.period) "
            + "(\(cell.day), \(cell.at))"
    }

    private static func outcome(_ outcome: ProbeRecord.Outcome) -> String {
        outcome.verdict + (outcome.rule.map { " by \($0)" } ?? "")
            + (outcome.rule == nil ? outcome.reason.map { " (\($0))" } ?? "" : "")
            + (outcome.problem.map { ": \($0)" } ?? "")
    }
}
