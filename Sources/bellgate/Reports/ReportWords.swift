import DecisionLog
import PolicyEngine

/// A report as people and programs read it.
struct ReportWords {
    let report: ReceivedReport
    /// The pseudonym of the device, or who it is.
    let who: String
    private let isIdentified: Bool
    private let zone: ZoneRules
    private let isOverdue: Bool

    /// - Parameter pseudonyms: `nil` = the device is shown.
    init(_ report: ReceivedReport, pseudonyms: Pseudonyms?, zone: ZoneRules, now: Int64) {
        self.report = report
        self.zone = zone
        isIdentified = pseudonyms == nil
        who =
            pseudonyms.map { report.pseudonym(by: $0) }
            ?? report.device.map { "\($0) (\(report.client))" } ?? report.client
        isOverdue = report.isOverdue(atSeconds: now)
    }

    var cameText: String { clock(report.timeMicros / 1_000_000) }
    var dueText: String { report.state == .new ? clock(report.dueSeconds) : "" }
    var stateText: String { isOverdue ? "new, OVERDUE" : report.state.rawValue }

    private func iso(_ seconds: Int64) -> String { zone.iso8601(Instant(seconds: seconds)) }
    private func clock(_ seconds: Int64) -> String {
        String(iso(seconds).prefix(16)).replacing("T", with: " ")
    }

    var text: String {
        var lines: [String] = []
        func put(_ key: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            let rows = value.split(separator: "\n", omittingEmptySubsequences: false)
            for (place, row) in rows.enumerated() {
                let head = place == 0 ? key : ""
                let room = String(repeating: " ", count: max(1, 10 - head.count))
                lines.append(head + room + row)
            }
        }
        put("report", "\(report.id), \(report.kind.rawValue), \(report.kind.severity.rawValue)")
        put("state", stateText)
        put("came", cameText)
        put("due", dueText)
        put("queue", report.queue.rawValue)
        put("group", report.group)
        put("device", who)
        put("name", report.name)
        put("rule", report.rule)
        put("reply to", report.replyTo)
        put("text", report.text)
        put("route", report.route?.rawValue)
        put("finding", report.finding?.rawValue)
        put("outcome", report.outcome?.rawValue)
        put("lesson", report.lesson)
        put("change", report.change)
        for step in report.steps {
            let note = step.note.isEmpty ? "" : ": \(step.note)"
            put(
                "step",
                "\(clock(step.timeMicros / 1_000_000))  \(step.state.rawValue)  by the \(step.role), "
                    + "typed by \(step.user)\(note)")
        }
        lines.append("")
        lines.append(
            report.kind == .worry
                ? "Advice: your local safeguarding partnership; in danger now, 999; CEOP for abuse online."
                : "A wrong entry of a list: an allow rule or an exception opens it; see the policy file."
        )
        return lines.joined(separator: "\n")
    }

    var json: JSONText {
        .object(present: [
            "id": .number(Int64(clamping: report.id)),
            "time": .string(iso(report.timeMicros / 1_000_000)),
            "kind": .string(report.kind.rawValue),
            "severity": .string(report.kind.severity.rawValue),
            "state": .string(report.state.rawValue),
            "due": .string(iso(report.dueSeconds)),
            "overdue": .bool(isOverdue),
            "queue": .string(report.queue.rawValue),
            "group": .optional(report.group),
            "client": .optional(isIdentified ? report.client : report.device == nil ? who : nil),
            "device": .optional(isIdentified ? report.device : report.device == nil ? nil : who),
            "name": .optional(report.name),
            "rule": .optional(report.rule),
            "text": .string(report.text),
            "replyTo": .optional(report.replyTo),
            "route": .optional(report.route?.rawValue),
            "finding": .optional(report.finding?.rawValue),
            "outcome": .optional(report.outcome?.rawValue),
            "lesson": .optional(report.lesson),
            "change": .optional(report.change),
            "closed": .optional(report.closedMicros.map { iso($0 / 1_000_000) }),
            "steps": .array(
                report.steps.map { step in
                    .object(present: [
                        "time": .string(iso(step.timeMicros / 1_000_000)),
                        "state": .string(step.state.rawValue), "role": .string(step.role),
                        "user": .string(step.user),
                        "note": step.note.isEmpty ? nil : .string(step.note),
                    ])
                }),
        ])
    }
}
