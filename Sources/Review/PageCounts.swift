/// The page's sections on what was asked.
extension ReviewPage {
    var trend: Markup {
        var table = MarkupTable(
            "This week and the weeks before",
            [
                "Week from", "College days", "Questions", "Blocked", "Share", "Devices",
                "Of concern", "",
            ], numbers: [1, 2, 3, 4, 5, 6])
        let greatest = figures.weeks.map(\.totals.blocked.drawn).max() ?? 0
        for week in figures.weeks {
            guard week.isRecorded else {
                table.add([
                    "\(PageDates.week(week.week))", "\(week.collegeDays)", "no record", "", "", "",
                    "", "",
                ])
                continue
            }
            let totals = week.totals
            let share = String(self.share(totals.blocked, of: totals.asked).dropFirst(2))
            let now = week.week == figures.scope.week ? ", this week\(soFar)" : ""
            table.add([
                "<span class=\"w\">\(PageDates.week(week.week))\(now)</span>",
                "\(week.collegeDays)", shown(totals.asked), shown(totals.blocked), "\(share)",
                shown(totals.devices),
                shown(week.concerns), BarCell.markup(totals.blocked, of: greatest),
            ])
        }
        return """
            <section>
            <h2>Trend</h2>
            \(table.markup)<p class="facts">All but days and devices are counts of questions. The bars compare \
            the blocked ones.</p>
            </section>

            """
    }

    /// This week beside the mean of the weeks before that have a record; of those with college days,
    /// where this one has any: a holiday tells nothing about a week of lessons. Of a week that is still
    /// running, beside what each had by the same time.
    var change: String {
        let days = figures.weeks.last?.collegeDays ?? 0
        let before = figures.weeks.dropLast().filter(\.isRecorded).compactMap { week in
            isRunning
                ? week.byThen
                : ReviewFigures.PartOfWeek(
                    collegeDays: week.collegeDays, blocked: week.totals.blocked)
        }.filter { days == 0 || $0.collegeDays > 0 }.map(\.blocked)
        guard let now = figures.totals.blocked.value, !before.isEmpty,
            before.allSatisfy({ $0.value != nil })
        else { return "There is nothing to compare this week's blocks with." }
        let mean = before.reduce(0) { $0 + Double($1.drawn) } / Double(before.count)
        let part = isRunning ? " up to the same time of the week" : ""
        let kind = (days == 0 ? "" : " with college days") + part
        let weeks =
            before.count == 1
            ? "the one week before\(kind)" : "the mean of the \(before.count) weeks before\(kind)"
        guard mean > 0 else { return "Nothing was blocked in the weeks before\(part)." }
        let percent = Int(((Double(now) / mean - 1) * 100).rounded())
        return percent == 0
            ? "As many questions were blocked as in \(weeks)."
            : "\(abs(percent))\u{A0}% \(percent > 0 ? "more" : "fewer") questions were blocked than "
                + "in \(weeks)."
    }

    var groups: Markup {
        var table = MarkupTable(
            "Questions of each group",
            ["Group", "Questions", "Allowed", "Blocked", "Share blocked", "Devices"],
            numbers: [1, 2, 3, 4, 5])
        for group in figures.groups {
            let totals = group.totals
            let share = String(self.share(totals.blocked, of: totals.asked).dropFirst(2))
            table.add([
                "\(group.group)", shown(totals.asked), shown(totals.allowed), shown(totals.blocked),
                "\(share)", shown(totals.devices),
            ])
        }
        let active = figures.groups.filter { $0.totals.asked.value != 0 }
        let silent = figures.groups.filter { $0.totals.asked.value == 0 }.map(\.group)
        let rest: Markup =
            silent.isEmpty || figures.groups.count == silent.count
            ? "" : "<p>No questions came from: \(silent.joined(separator: ", ")).</p>\n"
        let noBells: Markup =
            figures.bells.isEmpty
            ? "<p>No bells fall into this week: there was no college.</p>\n" : ""
        return """
            <section>
            <h2>Groups, the day and the week</h2>
            \(table.markup)\(rest)\(noBells)\(active.isEmpty ? "" : CourseChart.key(figures.bells))\
            \(Markup(active.map(charts)))</section>

            """
    }

    private func charts(_ group: ReviewFigures.GroupFigures) -> Markup {
        let isHidden = (group.week.allowed + group.week.blocked).contains(.hidden)
        let note: Markup = isHidden ? "<p class=\"facts\">Counts under 5 are not drawn.</p>\n" : ""
        let most = group.categories.filter { $0.blocked.value != nil }.map { category -> Markup in
            "\(Self.category(category.category)) (\(shown(category.blocked)))"
        }
        let hidden = group.categories.filter { $0.blocked.value == nil }
            .map { Self.category($0.category) }
        let line: Markup =
            most.isEmpty ? "" : "<p>Blocked most: \(Markup(most, separator: ", ")).</p>\n"
        let rest: Markup =
            hidden.isEmpty
            ? "" : "<p>Blocked, with hidden counts: \(hidden.joined(separator: ", ")).</p>\n"
        return """
            <div class="group">
            <h3>\(group.group)</h3>
            \(line)\(rest)\(CourseChart.day(group, figures.bells))\
            \(CourseChart.week(group, figures.bells))\(note)</div>

            """
    }

    static func category(_ path: String) -> String { path.isEmpty ? "names in no category" : path }

    var categories: Markup {
        var table = MarkupTable(
            "Categories by blocked questions", ["Category", "Blocked", "Share of all blocks", ""],
            numbers: [1, 2])
        let greatest = figures.categories.map(\.blocked.drawn).max() ?? 0
        for category in figures.categories {
            let share = String(
                self.share(category.blocked, of: figures.totals.blocked).dropFirst(2))
            table.add([
                "\(Self.category(category.category))", shown(category.blocked), "\(share)",
                BarCell.markup(category.blocked, of: greatest),
            ])
        }
        return section(
            "What was blocked most", table,
            "A rule that blocks everything at certain times counts here with the category that a name "
                + "has, or with none.", empty: "Nothing was blocked in this week\(soFar).")
    }

    /// A section of one table.
    ///
    /// - Parameters:
    ///   - facts: what stands between words and table.
    ///   - empty: what is said in place of all three where the table has no row.
    ///   - behind: what stands behind, table or not.
    func section(
        _ title: String, _ table: MarkupTable, _ words: String, facts: Markup = "", empty: String,
        behind: Markup = ""
    ) -> Markup {
        let body: Markup =
            table.isEmpty ? "<p>\(empty)</p>\n" : "<p>\(words)</p>\n\(facts)\(table.markup)"
        return "<section>\n<h2>\(title)</h2>\n\(body)\(behind)</section>\n"
    }

    var outsideHours: Markup {
        var table = MarkupTable(
            "Blocked by rules that hold only at certain times",
            ["Group", "Rule", "Why", "Bell", "Blocked"], numbers: [4])
        for row in figures.outsideHours {
            table.add([
                "\(row.group)", "\(row.rule)", "\(row.reason)",
                "\(row.period.isEmpty ? "no bell" : row.period)", shown(row.blocked),
            ])
        }
        return section(
            "Use outside the permitted periods", table,
            "These questions would have been allowed at another time.",
            empty: "No rule that holds only at certain times blocked anything.")
    }
}
