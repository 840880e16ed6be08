import PolicyEngine
import Review

/// Actions for people, spreadsheets and programs.
struct ReviewActionTable {
    let actions: [ReviewBook.Action]
    let today: CivilDate

    private static let heads = [
        "id", "issue", "owner", "due", "status", "opened", "closed", "outcome", "overdue-days",
    ]

    func text(_ format: UseFormat) -> String {
        switch format {
        case .json: json.rendered() + "\n"
        case .csv:
            ([Self.heads] + actions.map(cells))
                .map { $0.map(Self.field).joined(separator: ",") + "\r\n" }.joined()
        case .text: lines.joined(separator: "\n") + "\n"
        }
    }

    var json: JSONText {
        .array(
            actions.map { action in
                .object(present: [
                    "id": .number(Int64(action.id)), "issue": .string(action.issue),
                    "owner": .string(action.owner), "due": .string(action.due),
                    "status": .string(action.status), "opened": .string(action.opened),
                    "closed": .optional(action.closed), "outcome": .optional(action.outcome),
                    "source": .optional(action.source),
                    "overdueDays": action.overdueDays(today: today).map { .number(Int64($0)) },
                ])
            })
    }

    /// A line an action.
    var lines: [String] {
        guard !actions.isEmpty else { return ["no action is open"] }
        let rows = actions.map { action in
            [
                "\(action.id)", action.status,
                action.due
                    + (action.overdueDays(today: today).map { " (\($0) days late)" } ?? ""),
                action.owner, action.issue + (action.outcome.map { " -> \($0)" } ?? ""),
            ]
        }
        return TextTable.lines([["ID", "STATUS", "DUE", "OWNER", "ISSUE"]] + rows, numbers: 0...0)
    }

    private func cells(_ action: ReviewBook.Action) -> [String] {
        [
            "\(action.id)", action.issue, action.owner, action.due, action.status, action.opened,
            action.closed ?? "", action.outcome ?? "",
            action.overdueDays(today: today).map(String.init) ?? "",
        ]
    }

    /// Quoted where it must be (RFC 4180); a text that a spreadsheet would take for a formula gets an
    /// apostrophe.
    private static func field(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let plain = isFormula ? "'" + text : text
        guard plain.contains(where: { ",\"\n\r".contains($0) || $0 == "\r\n" }) else {
            return plain
        }
        return "\"" + plain.replacing("\"", with: "\"\"") + "\""
    }
}
