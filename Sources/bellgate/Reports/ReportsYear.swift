import DecisionLog
import PolicyEngine

/// The reports of a year in numbers, with what was learnt.
struct ReportsYear {
    private let year: Int
    private let role: ReportsVerb.Role
    private let received: [ReceivedReport]
    private let closed: [ReceivedReport]

    /// Counts what came in the year, and what was closed in it, by the policy's calendar.
    init(_ year: Int, _ reports: [ReceivedReport], zone: ZoneRules, role: ReportsVerb.Role) {
        self.year = year
        self.role = role
        func isOfYear(_ micros: Int64) -> Bool {
            zone.civilTime(at: Instant(seconds: micros / 1_000_000)).date.year == year
        }
        received = reports.filter { isOfYear($0.timeMicros) }
        closed = reports.filter { $0.closedMicros.map(isOfYear) ?? false }
    }

    private func counts<Word: RawRepresentable & CaseIterable>(
        _ all: [ReceivedReport], _ kind: Word.Type, _ word: (ReceivedReport) -> Word?
    ) -> [(name: String, count: Int)] where Word.RawValue == String {
        let known = Word.allCases.map { value in
            (value.rawValue, all.count { word($0)?.rawValue == value.rawValue })
        }
        return known.filter { $0.1 > 0 }
            + [("none", all.count { word($0) == nil })].filter { $0.1 > 0 }
    }

    private var parts: [(title: String, key: String, counts: [(name: String, count: Int)])] {
        [
            (
                "received, by kind", "receivedByKind",
                counts(received, ReceivedReport.Kind.self) { $0.kind }
            ),
            (
                "received, by state now", "receivedByState",
                counts(received, ReceivedReport.State.self) { $0.state }
            ),
            (
                "closed, by outcome", "outcomes",
                counts(closed, ReceivedReport.Outcome.self) { $0.outcome }
            ),
            (
                "closed, by finding", "findings",
                counts(closed, ReceivedReport.Finding.self) { $0.finding }
            ),
            ("closed, by route", "routes", counts(closed, ReceivedReport.Route.self) { $0.route }),
        ]
    }

    var text: String {
        var lines = [
            "year      \(year), for the \(role.rawValue)", "received  \(received.count)",
            "closed    \(closed.count)",
        ]
        for part in parts where !part.counts.isEmpty {
            lines += ["", part.title]
            lines += TextTable.lines(part.counts.map { [$0.name, "\($0.count)"] }, numbers: 1...1)
        }
        for (title, texts) in [
            ("lessons", closed.compactMap(\.lesson)), ("changes", closed.compactMap(\.change)),
        ]
        where !texts.isEmpty {
            lines += ["", title] + texts.map { "  - \($0)" }
        }
        return lines.joined(separator: "\n")
    }

    var json: JSONText {
        .object(
            [
                ("year", .number(Int64(year))), ("role", .string(role.rawValue)),
                ("received", .number(Int64(received.count))),
                ("closed", .number(Int64(closed.count))),
            ]
                + parts.map { part in
                    (part.key, .object(part.counts.map { ($0.name, .number(Int64($0.count))) }))
                }
                + [
                    ("lessons", .array(closed.compactMap(\.lesson).map { .string($0) })),
                    ("changes", .array(closed.compactMap(\.change).map { .string($0) })),
                ])
    }
}
