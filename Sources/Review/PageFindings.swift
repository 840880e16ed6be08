/// The page's sections on what needs a look.
extension ReviewPage {
    var concerns: Markup {
        var table = MarkupTable(
            "Concerns, the gravest first",
            [
                "Severity", "Group, device", "Rule, category", "Names", "Attempts", "Questions",
                "First seen",
                "Last seen",
            ], numbers: [4, 5])
        let listed = figures.concerns.list.prefix(ReviewLimits.concernsOnPage)
        for concern in listed { table.add(cells(concern)) }
        let unlisted = figures.concerns.unlisted + figures.concerns.list.count - listed.count
        let more: Markup =
            unlisted == 0
            ? ""
            : "<p>\(unlisted) more are not on this page; the CSV and JSON list up to 200.</p>\n"
        let totals = Markup(
            figures.concerns.severities.map {
                "<li>\(Self.severity($0.severity)) \(shown($0.attempts)) attempts, "
                    + "\(shown($0.hits)) questions</li>"
            })
        return section(
            "Safeguarding concerns", table,
            "A concern is a reason to look, not a finding: pages, adverts and apps ask for names by "
                + "themselves. Questions of one device against one rule within ten minutes are one "
                + "attempt.", empty: "No decision was a safeguarding concern in this week.")
            + (table.isEmpty ? "" : "<ul class=\"facts\">\(totals)</ul>\n\(more)")
    }

    private static func severity(_ severity: String) -> Markup {
        "<span class=\"sev \(severity)\">\(severity)</span>"
    }

    /// A text that no line break may cut.
    private static func whole(_ text: String) -> Markup { "<span class=\"w\">\(text)</span>" }

    /// A day and a time, which may stand on two lines.
    private func moment(_ instant: String) -> Markup {
        Markup(
            when(instant).split(separator: ",").map { Self.whole(String($0.drop { $0 == " " })) },
            separator: " ")
    }

    private func cells(_ concern: ReviewFigures.Concern) -> [Markup] {
        let names = concern.names.joined(separator: ", ")
        let more: Markup =
            concern.moreNames.value == 0 ? "" : " and \(shown(concern.moreNames)) more"
        let categories = concern.categories.joined(separator: ", ")
        let rule = categories.isEmpty ? concern.rule : "\(concern.rule), \(categories)"
        return [
            Self.severity(concern.severity), "\(concern.group), \(Self.whole(concern.device))",
            "\(rule)",
            "\(names)\(more)", shown(concern.attempts), shown(concern.hits),
            moment(concern.firstSeen), moment(concern.lastSeen),
        ]
    }

    var newNames: Markup {
        let found = figures.newNames
        var table = MarkupTable(
            "New names, the most asked first", ["Name", "Questions", "Blocked", "Devices"],
            numbers: [1, 2, 3])
        for name in found.list {
            table.add([
                "\(name.name)", shown(name.asked), shown(name.blocked), shown(name.devices),
            ])
        }
        guard !found.comparedWeeks.isEmpty else {
            return section(
                "New names", table, "",
                empty: "The record has none of the four weeks before, so nothing can be called new."
            )
        }
        let weeks = found.comparedWeeks.joined(separator: ", ")
        let rule =
            figures.scope.hidesSmallCounts
            ? " Names asked for fewer than 5 times are not listed." : ""
        return section(
            "New names", table,
            "\(found.count) names were asked for that nobody asked for in \(weeks). Listed are those "
                + "asked for most.\(rule)",
            empty: found.count.value == 0
                ? "Every name of this week was asked for before (\(weeks))."
                : "\(found.count) names are new against \(weeks); none was asked for often enough to "
                    + "be listed.")
    }

    var bypass: Markup {
        var table = MarkupTable(
            "Names that lead round the filter",
            ["Service", "Group", "Allowed", "Blocked", "Devices"],
            numbers: [2, 3, 4])
        for use in figures.bypass.list {
            table.add([
                "\(use.service)\(use.isAutomatic ? " (asked by devices themselves)" : "")",
                "\(use.group)", shown(use.allowed), shown(use.blocked), shown(use.devices),
            ])
        }
        guard figures.bypass.isKnown else {
            return section(
                "Ways round the filter", table, "",
                empty: "The policy has no list of VPNs, proxies and encrypted name services, so "
                    + "attempts cannot be told from other questions. Add such a list to see them.")
        }
        return section(
            "Ways round the filter", table,
            "VPNs, proxies, relays and name services elsewhere. What was allowed may have led round the "
                + "filter. Some browsers and phones ask by themselves whether they should.",
            empty: "No known name that leads round the filter was asked for.")
    }

    var limits: Markup {
        let items = Markup(figures.limits.map { "<li>\($0)</li>\n" })
        return """
            <section>
            <h2>What the filter cannot see</h2>
            <ul>
            \(items)</ul>
            </section>

            """
    }

    var glossary: Markup {
        let items = Markup(
            ReviewText.glossary.map { "<dt>\($0.word)</dt><dd>\($0.meaning)</dd>\n" })
        return """
            <section>
            <h2>Words in this report</h2>
            <dl>
            \(items)</dl>
            </section>

            """
    }
}
