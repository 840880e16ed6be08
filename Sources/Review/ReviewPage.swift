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
            heading, summary, brief, trend, concerns, use, groups, categories, outsideHours,
            newNames, bypass, coverage, limits, glossary,
        ]
        return PageShell.page(
            "\(title), \(figures.policy.name)", Markup(sections),
            footer: """
                Week \(figures.scope.week) of policy \(figures.policy.hash). Made by bellgate from \
                the decision log; the same log\(isRunning ? " read at the same instant" : "") gives \
                the same page. Confidential: share it only with those who review the filter.
                """)
    }

    // MARK: Words

    /// Whether the week was not over when the log was read.
    var isRunning: Bool { figures.scope.readAt != nil }

    /// What stands behind a statement on a week that may yet change.
    var soFar: String { isRunning ? " so far" : "" }

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

    /// `, 12.3 %`; nothing where a count is hidden.
    func share(_ part: ReviewCount, of whole: ReviewCount) -> String {
        guard let part = part.value, let whole = whole.value, whole > 0 else { return "" }
        let tenths = Int(Double(part) / Double(whole) * 1000 + 0.5)
        return ", \(tenths / 10).\(tenths % 10)\u{A0}%"
    }
}
