import PolicyEngine

extension DeviceSummary {
    /// The summary as one HTML page, complete in itself: there is no script, and nothing is fetched.
    /// Prints on A4.
    public func html() -> String {
        let title = "Summary of one device's use of the network"
        let page = PageShell.page(
            "\(title), \(policy.policy.name)",
            """
            <h1>\(title)</h1>
            \(facts)\(brief)\(blockTable)\(categoryTable)\(dayTable)\(limits)
            """,
            footer: """
                Made by bellgate from the decision log. Confidential: it is about one device, and goes \
                to nobody but those whom it was made for.
                """)
        return page.html
    }

    private var facts: Markup {
        let lines: [Markup] = [
            """
            <p class=\"span\">\(moment(heading.sinceMicros)) to \(moment(heading.untilMicros)) \
            \(date(heading.untilMicros).description.prefix(4).description)</p>

            """,
            "<p class=\"facts\">Device: \(heading.device)\(groupWords)</p>\n",
            """
            <p class=\"facts\">Policy: \(policy.policy.name) (\(policy.policy.reference)). Made on \
            \(PageDates.date(date(heading.madeMicros).description)), authorised by \
            \(policy.policy.roles[heading.authorisedBy] ?? heading.authorisedBy). Purpose: \
            \(heading.reason)</p>

            """,
        ]
        return Markup(lines)
    }

    private var groupWords: String {
        groups.isEmpty ? "" : ", treated as \(PageDates.list(groups.sorted()))"
    }

    private var brief: Markup {
        guard total.all > 0 else {
            return "<p class=\"note\">The device asked for nothing in this time.</p>\n"
        }
        let concerns = blocks.values.filter { $0.concern != nil }.reduce(0) { $0 + $1.attempts }
        let grave: Markup =
            concerns == 0
            ? "<li>Nothing in this time is marked as a safeguarding concern.</li>"
            : """
            <li><b>\(ReviewPage.grouped(concerns))</b> attempt\(concerns == 1 ? "" : "s") at what the \
            policy marks as a safeguarding concern. That is a reason to talk, and no finding.</li>
            """
        return """
            <ul class="brief">
            <li>The device asked for names on \(ReviewPage.grouped(UInt64(days.count))) \
            day\(days.count == 1 ? "" : "s"): <b>\(ReviewPage.grouped(total.allowed))</b> questions \
            were answered, <b>\(ReviewPage.grouped(total.blocked))</b> were blocked. One page can ask \
            dozens of questions.</li>
            \(grave)
            <li>Help lines and support services are never counted and never shown.</li>
            </ul>

            """
    }

    private var blockTable: Markup {
        var table = MarkupTable(
            "What was blocked or is a concern", ["Why", "Times", "First", "Last", "Names"],
            numbers: [1])
        let sorted = blocks.sorted {
            (Self.weight($1.value.concern), $1.value.attempts, $0.key)
                < (Self.weight($0.value.concern), $0.value.attempts, $1.key)
        }
        for (rule, block) in sorted {
            let names = block.names.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .prefix(ReviewLimits.namesShown).map(\.key)
            let more = block.names.count - names.count
            table.add([
                "\(reason(of: rule))\(block.concern.map { " Concern: \($0)." } ?? "")",
                "\(ReviewPage.grouped(block.attempts))", "\(moment(block.firstMicros))",
                "\(moment(block.lastMicros))",
                "\(names.joined(separator: ", "))\(more > 0 ? " and \(more) more" : "")",
            ])
        }
        guard !table.isEmpty else { return "" }
        return """
            <section>
            <h2>What was blocked</h2>
            <p>What comes within ten minutes is one time.</p>
            \(table.markup)</section>

            """
    }

    private static func weight(_ concern: String?) -> Int {
        ["low", "medium", "high"].firstIndex(of: concern ?? "").map { $0 + 1 } ?? 0
    }

    private func reason(of rule: String) -> String {
        policy.policy.rules.first { $0.id == rule }?.reason ?? "Rule \(rule) of an earlier policy."
    }

    private var categoryTable: Markup {
        var table = MarkupTable(
            "Kinds of site", ["Kind", "Questions answered", "Questions blocked"], numbers: [1, 2])
        let sorted = categories.sorted { ($1.value.all, $0.key) < ($0.value.all, $1.key) }
        for (category, counts) in sorted.prefix(ReviewLimits.rows) {
            table.add([
                "\(category.split(separator: "/").joined(separator: ": "))",
                "\(ReviewPage.grouped(counts.allowed))", "\(ReviewPage.grouped(counts.blocked))",
            ])
        }
        guard !table.isEmpty else { return "" }
        return """
            <section>
            <h2>What kinds of site were asked for</h2>
            <p>Only sites that the policy's lists know have a kind. Adverts and parts of other pages \
            ask by themselves.</p>
            \(table.markup)</section>

            """
    }

    private var dayTable: Markup {
        var table = MarkupTable(
            "By day", ["Day", "Questions answered", "Questions blocked"], numbers: [1, 2])
        for (day, counts) in days.sorted(by: { $0.key < $1.key }) {
            table.add([
                "\(PageDates.day(CivilDate(daysSinceEpoch: day).description))",
                "\(ReviewPage.grouped(counts.allowed))", "\(ReviewPage.grouped(counts.blocked))",
            ])
        }
        guard !table.isEmpty else { return "" }
        return "<section>\n<h2>Day by day</h2>\n\(table.markup)</section>\n"
    }

    private var limits: Markup {
        let items = Markup(ReviewText.limits.map { "<li>\($0)</li>\n" })
        let contact = policy.policy.contact
        let ask: Markup =
            contact.isEmpty
            ? ""
            : "<p>Questions about this page: \(contact.replacing("mailto:", with: "")).</p>\n"
        return """
            <section>
            <h2>What this cannot tell</h2>
            <p>A record is no evidence of intent, and a device is not a person.</p>
            <ul>
            \(items)</ul>
            \(ask)</section>

            """
    }

    private func moment(_ micros: Int64) -> String {
        PageDates.moment(
            policy.policy.zone.iso8601(Instant(seconds: micros / 1_000_000)))
    }
}
