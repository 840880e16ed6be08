extension ReviewFigures {
    /// The figures as one HTML page for people, complete in itself: styles and charts are within,
    /// there is no script, and nothing is fetched. Prints on A4. Well-formed as XML as well.
    public func html() -> String { ReviewPage(figures: self).markup.html }
}

/// The page: a reader without technical knowledge finds first what needs a look.
struct ReviewPage {
    let figures: ReviewFigures

    var markup: Markup {
        let title = "Monitoring review, week \(figures.scope.week)"
        let sections = [
            heading, summary, trend, groups, categories, concerns, newNames, bypass, outsideHours,
            coverage, limits, glossary,
        ]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="robots" content="noindex"/>
            <title>\(title), \(figures.policy.name)</title>
            <style>
            \(PageStyle.css)
            </style>
            </head>
            <body>
            <main>
            \(Markup(sections))</main>
            <footer>Week \(figures.scope.week) of policy \(figures.policy.hash). Made by bellgate from \
            the decision log; the same log gives the same page. Confidential: share it only with those \
            who review the filter.</footer>
            </body>
            </html>

            """
    }

    // MARK: Words

    /// A number with thin spaces between the thousands.
    static func grouped(_ number: UInt64) -> String {
        let digits = Array(String(number))
        return digits.enumerated().reduce(into: "") { text, digit in
            if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text += "\u{202F}" }
            text.append(digit.element)
        }
    }

    func shown(_ count: ReviewCount) -> Markup {
        guard let value = count.value else { return "<span class=\"hid\">hidden</span>" }
        return "\(Self.grouped(value))"
    }

    /// `2026-11-17T10:31:05+00:00` as `Tue 17 Nov, 10:31`.
    func when(_ instant: String?) -> String {
        guard let instant, instant.count >= 16 else { return "unknown" }
        return "\(day(String(instant.prefix(10)))), \(instant.dropFirst(11).prefix(5))"
    }

    /// `2026-11-17` as `Tue 17 Nov`.
    func day(_ date: String) -> String {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let parts = date.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, months.indices.contains(parts[1] - 1) else { return date }
        return "\(weekday(parts)) \(parts[2]) \(months[parts[1] - 1])"
    }

    /// Names of the day of a date by Sakamoto's rule.
    private func weekday(_ parts: [Int]) -> String {
        let shifts = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
        let year = parts[1] < 3 ? parts[0] - 1 : parts[0]
        let sum = year + year / 4 - year / 100 + year / 400 + shifts[parts[1] - 1] + parts[2]
        return ReviewFigures.weekdays[(sum + 6) % 7]
    }

    private var heading: Markup {
        let policy = figures.policy
        let whom = figures.scope.group.map { "Group \($0)" } ?? "Whole college"
        let until = day(lastDay)
        var markup: Markup = """
            <header>
            <h1>Monitoring review, week \(figures.scope.week)</h1>
            <p class="facts">\(whom). \(day(String(figures.scope.from.prefix(10)))) to \(until) \
            \(String(lastDay.prefix(4))), times of \(figures.scope.timeZone).</p>
            <p class="facts"><strong>\(policy.name)</strong>, reference \
            \(policy.reference.isEmpty ? "none" : policy.reference). Approved by \
            \(policy.approvedBy.isEmpty ? "nobody named" : policy.approvedBy)\
            \(policy.approvedOn.map { " on \($0)" } ?? ""). Review due: \
            \(policy.reviewBy ?? "no date given"). Questions: \
            \(policy.contact.isEmpty ? "no contact given" : policy.contact)\
            \(policy.safeguardingLead.map { " (\($0))" } ?? "").</p>
            </header>

            """
        if let days = policy.reviewOverdueDays {
            markup += """
                <p class="warn"><strong>Review overdue by \(days) day\(days == 1 ? "" : "s")</strong> at \
                the end of this week: the policy was to be reviewed by \(policy.reviewBy ?? "").</p>

                """
        }
        if let reason = figures.scope.identifiedBecause {
            markup += """
                <p class="warn"><strong>This copy shows the addresses of devices.</strong> Who asked for \
                it is recorded, with this reason: \(reason)</p>

                """
        }
        return markup
    }

    /// The Sunday.
    private var lastDay: String { figures.scope.lastDay }

    private var summary: Markup {
        let totals = figures.totals
        let concerns = figures.concerns.severities
        func tile(_ value: Markup, _ what: Markup) -> Markup {
            "<li><b>\(value)</b><small>\(what)</small></li>\n"
        }
        let attempts = Markup(
            concerns.map { "\(shown($0.attempts)) \($0.severity)" }, separator: ", ")
        let looks = ReviewCount(UInt64(figures.concerns.list.count + figures.concerns.unlisted))
        let small: Markup =
            figures.scope.hidesSmallCounts
            ? " Counts under 5 are hidden, and so is what would give one away." : ""
        let tiles = [
            tile(shown(totals.asked), "questions"),
            tile(shown(totals.blocked), "blocked\(share(totals.blocked, of: totals.asked))"),
            tile(shown(totals.devices), "devices"),
            tile(shown(looks), "concerns to look at (attempts: \(attempts))"),
        ]
        return """
            <ul class="tiles">
            \(Markup(tiles))</ul>
            <p>Support services, such as help lines, are never counted or shown.\(small)</p>
            \(emptiness)
            """
    }

    private var emptiness: Markup {
        guard figures.coverage.firstDecision == nil else { return "" }
        return """
            <p class="warn"><strong>Nothing was recorded in this week.</strong> Either nobody asked, or \
            the filter was not in use: find out which.</p>

            """
    }

    /// `, 12.3 %`; nothing where a count is hidden.
    func share(_ part: ReviewCount, of whole: ReviewCount) -> String {
        guard let part = part.value, let whole = whole.value, whole > 0 else { return "" }
        let tenths = Int(Double(part) / Double(whole) * 1000 + 0.5)
        return ", \(tenths / 10).\(tenths % 10) %"
    }
}
