import DNSWire
import DecisionLog
import LimitsOfUse
import PolicyEngine
import PolicyFile

/// What `bellgate use` shows.
struct UseTable {
    let policy: LoadedPolicy
    let days: [CivilDate]
    let group: String?
    let use: [DayOfUse]
    /// `nil` where it is shown who devices are.
    let pseudonyms: Pseudonyms?

    private static let heads = [
        "day", "device", "group", "kind", "category", "minutes", "limit", "over", "passed", "first",
        "last",
    ]

    func text(_ format: UseFormat) -> String {
        switch format {
        case .text: plainText
        case .csv:
            ([Self.heads] + use.map(cells)).map { $0.joined(separator: ",") + "\r\n" }.joined()
        case .json: json.rendered() + "\n"
        }
    }

    // MARK: Text

    private var plainText: String {
        guard !limits.isEmpty else {
            return "limit    none: the policy has no limits-of-use"
                + (group.map { " for group \($0)" } ?? "") + "\n"
        }
        var lines = limits.map { "limit    \(words($0))" }
        let span = days.count == 1 ? "\(days[0])" : "\(days[0]) to \(days[days.count - 1])"
        let over = use.count { $0.overMicros != nil }
        lines.append(
            "use      \(span): \(use.count) lines, one for each device, limit and day; "
                + "\(over) over the limit")
        lines.append("")
        if use.isEmpty { return lines.dropLast().joined(separator: "\n") + "\n" }
        let heads = [
            "DAY", "DEVICE", "GROUP", "KIND", "CATEGORY", "MINUTES", "LIMIT", "PASSED", "FIRST",
            "LAST",
        ]
        let rows = use.map { use in
            [
                "\(use.day)", name(use), use.group, kind(use), limit(use).category,
                "\(use.minutes)", "\(limit(use).minutesADay)",
                use.overMicros.map(clock) ?? "no", clock(use.firstMicros), clock(use.lastMicros),
            ]
        }
        return (lines + TextTable.lines([heads] + rows, numbers: 5...6)).joined(separator: "\n")
            + "\n"
    }

    /// `learner: 60 minutes of social-media a day during college-hours (...), concern low`.
    private func words(_ limit: UseLimit) -> String {
        let groups =
            limit.groups.map { $0.map { policy.policy.groups[$0].name }.joined(separator: ", ") }
            ?? "every group"
        return "\(groups): \(limit.minutesADay) minutes of \(limit.category) a day, "
            + (limit.counted == .always
                ? "at every hour"
                : "during \(counted(limit)) (devices of the college: at every hour)")
            + "; concern \(limit.concern)"
    }

    private var limits: [UseLimit] {
        let all = policy.policy.useLimits
        guard let group,
            let place = policy.policy.groups.firstIndex(where: { $0.name == group })
        else { return all }
        return policy.policy.useLimits(ofGroup: place).map { all[$0] }
    }

    private func counted(_ limit: UseLimit) -> String {
        switch limit.counted {
        case .always: "always"
        case .during(let period): policy.policy.periods[period].name
        }
    }

    // MARK: Cells

    private func cells(_ use: DayOfUse) -> [String] {
        [
            "\(use.day)", name(use), use.group, kind(use), limit(use).category, "\(use.minutes)",
            "\(limit(use).minutesADay)", "\(use.overMicros != nil)",
            use.overMicros.map(instant) ?? "", instant(use.firstMicros), instant(use.lastMicros),
        ]
    }

    private var json: JSONText {
        .object([
            ("from", .string("\(days[0])")), ("until", .string("\(days[days.count - 1])")),
            ("policy", .string(policy.hash)),
            (
                "limits",
                .array(
                    limits.map { limit in
                        .object(present: [
                            "for": limit.groups.map { places in
                                .array(places.map { .string(policy.policy.groups[$0].name) })
                            },
                            "category": .string(limit.category),
                            "minutesADay": .number(Int64(limit.minutesADay)),
                            "count": .string(counted(limit)),
                            "concern": .string("\(limit.concern)"),
                        ])
                    })
            ),
            (
                "devices",
                .array(
                    use.map { use in
                        .object(present: [
                            "day": .string("\(use.day)"), "device": .string(name(use)),
                            "group": .string(use.group), "kind": .optional(present(kind(use))),
                            "category": .string(limit(use).category),
                            "minutes": .number(Int64(use.minutes)),
                            "limit": .number(Int64(limit(use).minutesADay)),
                            "over": .bool(use.overMicros != nil),
                            "passed": .optional(use.overMicros.map(instant)),
                            "first": .string(instant(use.firstMicros)),
                            "last": .string(instant(use.lastMicros)),
                        ])
                    })
            ),
        ])
    }

    private func present(_ text: String) -> String? { text.isEmpty ? nil : text }

    private func limit(_ use: DayOfUse) -> UseLimit { policy.policy.useLimits[use.limit] }

    private func name(_ use: DayOfUse) -> String {
        if let pseudonyms { return pseudonyms.name(use.device, micros: use.firstMicros) }
        return switch use.device {
        case .address(let address): address.description
        case .device(let name): name
        }
    }

    /// What the policy says of the device; empty for an address.
    private func kind(_ use: DayOfUse) -> String {
        guard case .device(let name) = use.device else { return "" }
        let device = policy.policy.devices.first { $0.name == name }
        return device?.kind.map { "\($0)" } ?? ""
    }

    private func instant(_ micros: Int64) -> String {
        policy.policy.zone.iso8601(Instant(seconds: micros / 1_000_000))
    }

    private func clock(_ micros: Int64) -> String {
        String(instant(micros).dropFirst(11).prefix(5))
    }
}
