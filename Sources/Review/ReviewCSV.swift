extension ReviewFigures {
    /// The figures as one table (RFC 4180): a value a line, found by section, group, item, detail
    /// and measure. A hidden count is the word `hidden`; what there is not has no line.
    public func csv() -> String {
        var table = LongTable()
        addHead(&table)
        addCounts(&table)
        addFindings(&table)
        addCoverage(&table)
        for (place, limit) in limits.enumerated() {
            table.add("cannot-see", item: "\(place + 1)", "text", limit)
        }
        return table.text
    }

    private func addHead(_ table: inout LongTable) {
        table.add("scope", "week", scope.week)
        table.add("scope", "from", scope.from)
        table.add("scope", "until", scope.until)
        table.add("scope", "last-day", scope.lastDay)
        table.add("scope", "read-at", scope.readAt)
        table.add("scope", "time-zone", scope.timeZone)
        table.add("scope", "group", scope.group ?? "all")
        table.add("scope", "hides-small-counts", "\(scope.hidesSmallCounts)")
        table.add("scope", "identified-because", scope.identifiedBecause)
        table.add("policy", "name", policy.name)
        table.add("policy", "reference", policy.reference)
        table.add("policy", "hash", policy.hash)
        table.add("policy", "approved-by", policy.approvedBy)
        table.add("policy", "approved-on", policy.approvedOn)
        table.add("policy", "review-by", policy.reviewBy)
        table.add("policy", "review-overdue-days", policy.reviewOverdueDays.map(String.init))
        table.add("policy", "contact", policy.contact)
        table.add("policy", "safeguarding-lead", policy.safeguardingLead)
    }

    private func addCounts(_ table: inout LongTable) {
        for week in weeks {
            table.add("trend", item: week.week, week.totals)
            table.add("trend", item: week.week, "concerns", week.concerns)
            table.add("trend", item: week.week, "college-days", "\(week.collegeDays)")
            guard let part = week.byThen else { continue }
            table.add("trend", item: week.week, "college-days-by-then", "\(part.collegeDays)")
            table.add("trend", item: week.week, "blocked-by-then", part.blocked)
        }
        table.add("totals", totals)
        for bell in bells {
            let item = "\(Self.weekdays[bell.weekday]) \(Self.clock(bell.fromMinute))"
            table.add(
                "bells", item: item, detail: bell.period, "until", Self.clock(bell.untilMinute))
        }
        for group in groups {
            table.add("groups", group: group.group, group.totals)
            for (place, name) in Self.quarters.enumerated() {
                table.add("by-quarter-of-day", group: group.group, item: name, group.day, place)
            }
            for (place, name) in Self.hours.enumerated() {
                table.add("by-hour-of-week", group: group.group, item: name, group.week, place)
            }
            for category in group.categories {
                table.add(
                    "categories", group: group.group, item: category.category, "blocked",
                    category.blocked)
            }
        }
        for category in categories {
            table.add("categories", item: category.category, "blocked", category.blocked)
        }
    }

    private func addFindings(_ table: inout LongTable) {
        for severity in concerns.severities {
            table.add("concern-totals", item: severity.severity, "attempts", severity.attempts)
            table.add("concern-totals", item: severity.severity, "questions", severity.hits)
        }
        for (place, concern) in concerns.list.enumerated() {
            table.add(concern, number: place + 1)
        }
        table.add("concern-totals", "unlisted", "\(concerns.unlisted)")
        for use in use {
            func put(_ detail: String, _ measure: String, _ value: String) {
                table.add(
                    "use", group: use.group, item: use.category, detail: detail, measure, value)
            }
            put("", "limit-minutes", "\(use.limitMinutes)")
            put("", "devices", use.devices.description)
            put("", "devices-over", use.devicesOver.description)
            put("", "days-over", use.daysOver.description)
            for over in use.list {
                put(over.device, "days-over", over.days.description)
                put(over.device, "most-minutes", "\(over.mostMinutes)")
            }
        }
        for week in newNames.comparedWeeks { table.add("new-names", "compared-with", week) }
        table.add("new-names", "count", newNames.count)
        for name in newNames.list {
            table.add("new-names", item: name.name, "asked", name.asked)
            table.add("new-names", item: name.name, "blocked", name.blocked)
            table.add("new-names", item: name.name, "devices", name.devices)
        }
        table.add("bypass", "is-known", "\(bypass.isKnown)")
        table.add("bypass", "devices-told-to-stay", bypass.signals.devicesBlocked)
        table.add("bypass", "devices-not-told-to-stay", bypass.signals.devicesAllowed)
        for use in bypass.list {
            let detail = use.isAutomatic ? "automatic" : ""
            let (group, item) = (use.group, use.service)
            table.add("bypass", group: group, item: item, detail: detail, "allowed", use.allowed)
            table.add("bypass", group: group, item: item, detail: detail, "blocked", use.blocked)
            table.add("bypass", group: group, item: item, detail: detail, "devices", use.devices)
        }
        for row in outsideHours {
            table.add(
                "outside-hours", group: row.group, item: row.rule, detail: row.period, "blocked",
                row.blocked)
        }
    }

    private func addCoverage(_ table: inout LongTable) {
        table.add("coverage", "first-decision", coverage.firstDecision)
        table.add("coverage", "last-decision", coverage.lastDecision)
        for day in coverage.daysWithoutRecord { table.add("coverage", "day-without-record", day) }
        table.add("coverage", "none-yet-on", coverage.noneYetOn)
        table.add("coverage", "devices-seen", coverage.devicesSeen)
        table.add("coverage", "devices-silent", coverage.devicesSilent)
        table.add("coverage", "devices-unknown", coverage.devicesUnknown)
        for seen in coverage.silent {
            table.add("silent", item: seen.device, "last-seen", seen.lastSeen)
        }
        for seen in coverage.unknown {
            table.add("unknown", item: seen.device, "last-seen", seen.lastSeen)
        }
        for (place, gap) in coverage.gaps.enumerated() {
            let item = "\(place + 1)"
            table.add("gaps", item: item, "decisions", "\(gap.decisions)")
            table.add("gaps", item: item, "from", gap.from)
            table.add("gaps", item: item, "until", gap.until)
            table.add("gaps", item: item, "noted", gap.noted)
            table.add("gaps", item: item, "reason", gap.reason)
        }
        table.add("coverage", "gaps-unlisted", "\(coverage.gapsUnlisted)")
        for use in coverage.policies {
            let detail = use.isCurrent ? "current" : ""
            table.add("policies", item: use.hash, detail: detail, "from", use.from)
            table.add("policies", item: use.hash, detail: detail, "until", use.until)
        }
        for list in coverage.lists {
            table.add("lists", item: list.list, "names", "\(list.names)")
            table.add("lists", item: list.list, "changed", list.changed)
            table.add("lists", item: list.list, "age-days", list.ageDays.map(String.init))
        }
        for problem in coverage.problems { table.add("coverage", "problem", problem) }
    }

    /// Monday first.
    static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let quarters = (0..<96).map { clock($0 * 15) }
    private static let hours = (0..<168).map { "\(weekdays[$0 / 24]) \(clock($0 % 24 * 60))" }

    /// A minute of the day as `08:45`.
    static func clock(_ minute: Int) -> String {
        "\(padded(minute / 60, to: 2)):\(padded(minute % 60, to: 2))"
    }
}

/// Lines of section, group, item, detail, measure and value.
private struct LongTable {
    private(set) var text = "section,group,item,detail,measure,value\r\n"

    mutating func add(
        _ section: String, group: String = "", item: String = "", detail: String = "",
        _ measure: String, _ value: String?
    ) {
        guard let value else { return }
        text +=
            [section, group, item, detail, measure, value].map(Self.field)
            .joined(separator: ",") + "\r\n"
    }

    mutating func add(
        _ section: String, group: String = "", item: String = "", detail: String = "",
        _ measure: String, _ value: ReviewCount
    ) {
        add(section, group: group, item: item, detail: detail, measure, value.description)
    }

    mutating func add(
        _ section: String, group: String = "", item: String = "", _ totals: ReviewFigures.Totals
    ) {
        add(section, group: group, item: item, "asked", totals.asked)
        add(section, group: group, item: item, "allowed", totals.allowed)
        add(section, group: group, item: item, "blocked", totals.blocked)
        add(section, group: group, item: item, "made-safe", totals.madeSafe)
        add(section, group: group, item: item, "devices", totals.devices)
    }

    /// Nothing where nothing was asked.
    mutating func add(
        _ section: String, group: String, item: String, _ course: ReviewFigures.Course, _ place: Int
    ) {
        for (measure, count) in [
            ("allowed", course.allowed[place]), ("blocked", course.blocked[place]),
        ] where count.value != 0 {
            add(section, group: group, item: item, measure, count)
        }
    }

    mutating func add(_ concern: ReviewFigures.Concern, number: Int) {
        let (group, item) = (concern.group, "\(number)")
        func put(_ measure: String, _ value: String) {
            add("concerns", group: group, item: item, detail: concern.severity, measure, value)
        }
        put("device", concern.device)
        put("rule", concern.rule)
        put("categories", concern.categories.joined(separator: " "))
        put("attempts", concern.attempts.description)
        put("questions", concern.hits.description)
        put("blocked", concern.blocked.description)
        put("first-seen", concern.firstSeen)
        put("last-seen", concern.lastSeen)
        put("names", concern.names.joined(separator: " "))
        put("more-names", concern.moreNames.description)
    }

    /// Quoted where it must be; a text that a spreadsheet would take for a formula gets an apostrophe.
    private static func field(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let plain = isFormula ? "'" + text : text
        guard plain.contains(where: { ",\"\n\r".contains($0) || $0 == "\r\n" }) else {
            return plain
        }
        return "\"" + plain.replacing("\"", with: "\"\"") + "\""
    }
}
