/// The page's section on how far the record can be relied on.
extension ReviewPage {
    var coverage: Markup {
        """
        <section>
        <h2>How complete this record is</h2>
        \(record)\(devices)\(gaps)\(policies)\(lists)\(problems)</section>

        """
    }

    private var record: Markup {
        let coverage = figures.coverage
        guard coverage.firstDecision != nil else { return "" }
        let days = coverage.daysWithoutRecord.map(PageDates.day)
        let complete = coverage.noneYetOn == nil ? soFar : " before the last"
        let missing: Markup =
            days.isEmpty
            ? " Every day\(complete) has decisions."
            : " <strong>No decision at all</strong> on: \(days.joined(separator: ", "))."
        let today: Markup =
            coverage.noneYetOn.map { " None yet on \(PageDates.day($0)), when the log was read." }
            ?? ""
        return """
            <p>The record runs from \(PageDates.moment(coverage.firstDecision)) to \
            \(PageDates.moment(coverage.lastDecision)).\(missing)\(today)</p>

            """
    }

    private var devices: Markup {
        let coverage = figures.coverage
        let silent = seen("Silent devices, seen last first", coverage.silent)
        let unknown = seen("Unknown devices, those that asked most first", coverage.unknown)
        return """
            <h3>Devices</h3>
            <ul>
            <li>Asked in this week: \(shown(coverage.devicesSeen)).</li>
            <li>Silent: \(shown(coverage.devicesSilent)) that asked in the four weeks before and not in \
            this one\(soFar). They may be away, switched off, or asking elsewhere.</li>
            <li>Unknown: \(shown(coverage.devicesUnknown)), whose address is in none of the policy&#39;s \
            networks.</li>
            </ul>
            \(silent)\(unknown)
            """
    }

    private func seen(_ caption: String, _ devices: [ReviewFigures.DeviceSeen]) -> Markup {
        guard !devices.isEmpty else { return "" }
        let items = devices.prefix(20).map { device -> Markup in
            "<span class=\"w\">\(device.device)</span> (\(PageDates.moment(device.lastSeen)))"
        }
        let more = devices.count > 20 ? "; more in the CSV and JSON" : ""
        return "<p><strong>\(caption):</strong> \(Markup(items, separator: "; "))\(more).</p>\n"
    }

    private var gaps: Markup {
        var table = MarkupTable(
            "Decisions that were not recorded", ["Noted", "Decisions", "From", "Until", "Why"],
            numbers: [1])
        for gap in figures.coverage.gaps {
            table.add([
                "\(PageDates.moment(gap.noted))", "\(Self.grouped(gap.decisions))",
                "\(PageDates.moment(gap.from))",
                "\(PageDates.moment(gap.until))", "\(gap.reason)",
            ])
        }
        let more = figures.coverage.gapsUnlisted
        let rest: Markup = more == 0 ? "" : "<p>\(more) more are not listed.</p>\n"
        return table.isEmpty
            ? "<h3>Gaps</h3>\n<p>No gap is noted in this week\(soFar).</p>\n"
            : "<h3>Gaps</h3>\n\(table.markup)\(rest)"
    }

    private var policies: Markup {
        let uses = figures.coverage.policies
        guard !uses.isEmpty else { return "" }
        var table = MarkupTable(
            "Versions of the policy that decided", ["Version", "First decision", "Last decision"])
        for use in uses {
            table.add([
                "\(use.hash)\(use.isCurrent ? " (the one described here)" : "")",
                "\(PageDates.moment(use.from))",
                "\(PageDates.moment(use.until))",
            ])
        }
        let changes = uses.count - 1
        let words: Markup =
            changes == 0
            ? "One version was in force \(isRunning ? "so far" : "all week")."
            : "The policy changed \(changes == 1 ? "once" : "\(changes) times"): "
                + "\(uses.dropFirst().map { PageDates.moment($0.from) }.joined(separator: "; "))."
        let absent: Markup =
            uses.contains(where: \.isCurrent)
            ? "" : " <strong>None of them is the policy that this report describes.</strong>"
        return "<h3>Policy</h3>\n<p>\(words)\(absent)</p>\n\(table.markup)"
    }

    private var lists: Markup {
        guard !figures.coverage.lists.isEmpty else { return "" }
        var table = MarkupTable(
            "Lists of names and their age "
                + (isRunning ? "when the log was read" : "at the end of the week"),
            ["List", "Names", "Changed", "Age in days"], numbers: [1, 3])
        for list in figures.coverage.lists {
            let age = list.ageDays.map { Self.grouped(UInt64(max(0, $0))) }
            table.add([
                "\(list.list)", "\(Self.grouped(UInt64(max(0, list.names))))",
                "\(PageDates.date(list.changed))", "\(age ?? "changed since")",
            ])
        }
        return "<h3>Lists</h3>\n\(table.markup)"
    }

    private var problems: Markup {
        let problems = figures.coverage.problems
        guard !problems.isEmpty else { return "" }
        let items = Markup(problems.map { "<li>\($0)</li>\n" })
        return
            "<p class=\"warn\"><strong>Parts of the record could not be read as they were written:"
            + "</strong></p>\n<ul>\n\(items)</ul>\n"
    }
}
