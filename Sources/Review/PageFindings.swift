/// The page's sections on what needs a look.
extension ReviewPage {
    var concerns: Markup {
        var table = MarkupTable(
            "Concerns, the gravest first",
            [
                "Severity", "Group, device", "Names", "Rule, category", "Attempts (questions)",
                "First and last seen",
            ], numbers: [4], kind: "concerns")
        let listed = figures.concerns.list.prefix(ReviewLimits.concernsOnPage)
        for concern in listed { table.add(cells(concern)) }
        let unlisted = figures.concerns.unlisted + figures.concerns.list.count - listed.count
        let more: Markup =
            unlisted == 0
            ? ""
            : "<p>\(unlisted) more are not on this page; the CSV and JSON list up to 200.</p>\n"
        let kinds = figures.concerns.severities.filter { $0.attempts.value != 0 }
        let totals = kinds.map { kind -> Markup in
            "\(Self.severity(kind.severity)) \(shown(kind.attempts)) attempts "
                + "(\(shown(kind.hits)) questions)"
        }
        return section(
            "Safeguarding concerns", table,
            "A concern is a reason to look, not a finding: pages, adverts and apps ask for names by "
                + "themselves. Questions of one device against one rule within ten minutes are one "
                + "attempt.", facts: "<p class=\"facts\">\(Markup(totals, separator: ", "))</p>\n",
            empty: "No decision was a safeguarding concern in this week\(soFar).") + more
    }

    private static func severity(_ severity: String) -> Markup {
        "<span class=\"sev \(severity)\">\(severity)</span>"
    }

    /// A text that no line break may cut.
    static func whole(_ text: String) -> Markup { "<span class=\"w\">\(text)</span>" }

    /// `6 (24)`; one word where both are hidden.
    private func tries(_ concern: ReviewFigures.Concern) -> Markup {
        concern.attempts.value == nil && concern.hits.value == nil
            ? shown(concern.attempts) : "\(shown(concern.attempts)) (\(shown(concern.hits)))"
    }

    /// From when to when; the day once, and one moment where both fall into one minute.
    private static func times(_ concern: ReviewFigures.Concern) -> Markup {
        let first = PageDates.moment(concern.firstSeen)
        let last = PageDates.moment(concern.lastSeen)
        guard first != last else { return whole(first) }
        let isOneDay = concern.firstSeen.prefix(10) == concern.lastSeen.prefix(10)
        return "\(whole(first)) \(whole("to \(isOneDay ? String(last.suffix(5)) : last)"))"
    }

    /// A name that may be broken at its dots alone.
    private static func name(_ name: String) -> Markup {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return Markup(
            labels.enumerated().map { place, label in
                "\(String(label))\(place + 1 < labels.count ? "." : "")"
            }, separator: "<wbr/>")
    }

    private func cells(_ concern: ReviewFigures.Concern) -> [Markup] {
        let names = Markup(concern.names.map(Self.name), separator: ", ")
        let more: Markup =
            concern.moreNames.value == 0 ? "" : " and \(shown(concern.moreNames)) more"
        // A rule that has its category's name is named once.
        let rule = [concern.rule] + concern.categories.filter { $0 != concern.rule }
        return [
            Self.severity(concern.severity), "\(concern.group), \(Self.whole(concern.device))",
            "\(names)\(more)", "\(rule.joined(separator: ", "))", tries(concern),
            Self.times(concern),
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
        let weeks =
            "the week\(found.comparedWeeks.count == 1 ? "" : "s") from "
            + PageDates.list(found.comparedWeeks.map(PageDates.week))
        let rule =
            figures.scope.hidesSmallCounts
            ? " Names asked for fewer than 5 times are not listed." : ""
        return section(
            "New names", table,
            "Names that nobody asked for in \(weeks): \(found.count). Listed are those "
                + "asked for most.\(rule)",
            empty: found.count.value == 0
                ? "Every name of this week was asked for in \(weeks), too."
                : "Names that nobody asked for in \(weeks): \(found.count). None was asked for often "
                    + "enough to be listed.")
    }

    var bypass: Markup {
        guard figures.bypass.isKnown else {
            return section(
                "Ways round the filter", MarkupTable("", []), "",
                empty: "The policy has no list of VPNs, proxies and encrypted name services, so "
                    + "attempts cannot be told from other questions. Add such a list to see them.")
        }
        let tried = bypassTable(
            "Names that lead round the filter", figures.bypass.list.filter { !$0.isAutomatic })
        let signals = bypassTable(
            "Asked by browsers and phones themselves", figures.bypass.list.filter(\.isAutomatic))
        return section(
            "Ways round the filter", tried,
            "VPNs, proxies, relays and name services elsewhere. What was allowed may have led round the "
                + "filter.",
            empty: "No known name that leads round the filter was asked for\(soFar).",
            behind: signals.isEmpty
                ? ""
                : "<p>Some browsers and phones ask by themselves whether they may use a name service or "
                    + "relay of their own. Blocked means that they were told no. This is no attempt, and "
                    + "nobody&#39;s wrongdoing.</p>\n\(signals.markup)")
    }

    private func bypassTable(_ caption: String, _ uses: [ReviewFigures.BypassUse]) -> MarkupTable {
        var table = MarkupTable(
            caption, ["Service", "Group", "Allowed", "Blocked", "Devices"], numbers: [2, 3, 4])
        for use in uses {
            table.add([
                "\(use.service)", "\(use.group)", shown(use.allowed), shown(use.blocked),
                shown(use.devices),
            ])
        }
        return table
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
