import Foundation
import PolicyEngine

/// Puts concerns into words.
struct AlertText {
    /// The policy in force, for its clock, its name and the reasons of its rules.
    let policy: Policy

    func alert(_ fold: AlertBook.Fold) -> (subject: String, text: String, json: String) {
        let subject =
            "[Bellgate] \(fold.severity) concern: \(fold.rule), \(fold.group), \(fold.device)"
        let names = fold.names.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .prefix(AlertLimits.names)
        let others = fold.names.count - names.count
        let text = """
            A device looked up a name that the policy marks as a safeguarding concern.

            Severity   \(fold.severity)
            Rule       \(fold.rule): \(reason(of: fold.rule))
            Group      \(fold.group)
            Device     \(fold.device)
            When       \(span(fold.firstMicros, fold.lastMicros))
            Look-ups   \(fold.count), of them \(fold.blocked) blocked
            Names      \(names.map { "\($0.key) (\($0.value))" }.joined(separator: ", "))\
            \(others > 0 ? " and \(others) more" : "")

            \(Self.caution)
            \(closing)
            """
        return (
            subject, text,
            json([
                "kind": "alert", "severity": fold.severity, "rule": fold.rule,
                "reason": reason(of: fold.rule), "group": fold.group, "device": fold.device,
                "category": fold.category, "first": time(fold.firstMicros),
                "last": time(fold.lastMicros), "count": fold.count, "blocked": fold.blocked,
                "names": Dictionary(uniqueKeysWithValues: names.map { ($0.key, $0.value) }),
            ])
        )
    }

    func digest(
        _ lines: [AlertBook.DigestLine], uses: [AlertBook.UseLine],
        reports: [AlertBook.ReportLine], overflow: Int
    ) -> (subject: String, text: String, json: String) {
        let ranks = ["high": 0, "medium": 1, "low": 2]
        let sorted = lines.sorted {
            (ranks[$0.severity] ?? 3, -$0.attempts, $0.rule, $0.device)
                < (ranks[$1.severity] ?? 3, -$1.attempts, $1.rule, $1.device)
        }
        let attempts = lines.reduce(0) { $0 + $1.attempts }
        let subject =
            "[Bellgate] daily digest: \(attempts) \(attempts == 1 ? "attempt" : "attempts") at names "
            + "of concern"
            + (uses.isEmpty ? "" : ", \(Self.devices(uses.count)) over a limit of use")
            + (reports.isEmpty ? "" : ", \(reports.count) reports")
        let rows = sorted.map { line in
            "\(line.severity)  \(line.rule)  \(line.group)  \(line.device)  "
                + "\(line.attempts) \(line.attempts == 1 ? "attempt" : "attempts") "
                + "(\(line.count) look-ups)  \(span(line.firstMicros, line.lastMicros))"
        }
        let more = overflow > 0 ? "\n... and \(overflow) look-ups more: see the weekly report." : ""
        let told = self.lines(of: reports)
        let text = """
            What came up since the last digest and was not told at once:

            \((rows + uses.map(row) + told).joined(separator: "\n"))\(more)

            \(Self.caution)
            \(closing)
            """
        let json = json([
            "kind": "digest", "overflow": overflow, "uses": uses.map(object),
            "reports": reports.map { fields(of: $0, kind: "report") },
            "lines": sorted.map { line in
                [
                    "severity": line.severity, "rule": line.rule, "group": line.group,
                    "device": line.device, "attempts": line.attempts, "count": line.count,
                    "first": time(line.firstMicros), "last": time(line.lastMicros),
                ] as [String: Any]
            },
        ])
        return (subject, text, json)
    }

    // MARK: Limits of use

    func use(_ line: AlertBook.UseLine) -> (subject: String, text: String, json: String) {
        let text = """
            A device passed a limit of use. It is told, and nothing is blocked.

            Severity   \(line.severity)
            Limit      \(line.limitMinutes) minutes of \(line.category) a day
            Group      \(line.group)
            Device     \(line.device)
            When       first use \(clock(line.firstMicros)), passed \(clock(line.overMicros))

            \(Self.cautionOfUse)

            \(closing)
            """
        var facts = object(line)
        facts["kind"] = "use"
        return (
            "[Bellgate] \(line.severity) concern: over the limit of \(line.category), "
                + "\(line.group), \(line.device)", text, json(facts)
        )
    }

    private func object(_ line: AlertBook.UseLine) -> [String: Any] {
        [
            "severity": line.severity, "group": line.group, "device": line.device,
            "category": line.category, "limitMinutes": line.limitMinutes,
            "first": time(line.firstMicros), "passed": time(line.overMicros),
        ]
    }

    private func row(_ line: AlertBook.UseLine) -> String {
        "\(line.severity)  over \(line.limitMinutes) minutes of \(line.category)  \(line.group)  "
            + "\(line.device)  passed \(clock(line.overMicros))"
    }

    private static func devices(_ count: Int) -> String {
        count == 1 ? "1 device" : "\(count) devices"
    }

    private static let cautionOfUse = """
        A minute counts if a name of the category was looked up in it: an app may do that by itself, and
        a device may be shared. How it adds up: bellgate use --config FILE --day DATE
        """

    func paused(_ count: Int) -> (subject: String, text: String, json: String) {
        (
            "[Bellgate] no more alerts today",
            """
            There were \(count) alerts today. Further concerns of today are in the next digest and in
            the weekly report, so that what matters is not lost in a flood.

            \(closing)
            """, json(["kind": "paused", "count": count])
        )
    }

    // MARK: Parts

    private static let caution = """
        A look-up is a reason to look, not a finding: pages, adverts and apps look names up by
        themselves, and a device may be shared.
        """

    private var closing: String {
        """
        Who the device is: bellgate log query --client PSEUDONYM --identify --reason "..."
        (that look is itself recorded).

        \(policy.name)\(policy.reference.isEmpty ? "" : " (\(policy.reference))")
        """
    }

    private func reason(of id: String) -> String {
        policy.rules.first { $0.id == id }?.reason ?? ""
    }

    func time(_ micros: Int64) -> String {
        policy.zone.iso8601(Instant(seconds: micros / 1_000_000))
    }

    /// `2026-11-24 10:31:05 to 10:33:10`, by the policy's clock.
    private func span(_ first: Int64, _ last: Int64) -> String {
        let (start, end) = (clock(first), clock(last))
        if start == end { return start }
        let isSameDay = start.prefix(10) == end.prefix(10)
        return "\(start) to \(isSameDay ? String(end.dropFirst(11)) : end)"
    }

    func clock(_ micros: Int64) -> String {
        String(time(micros).prefix(19)).replacing("T", with: " ")
    }

    func json(_ object: [String: Any]) -> String {
        var object = object
        object["policy"] = policy.reference.isEmpty ? policy.name : policy.reference
        let data = try? JSONSerialization.data(
            withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
