/// The top of the page: what it is about, and what a reader must know who has one minute.
extension ReviewPage {
    var heading: Markup {
        let policy = figures.policy
        let scope = figures.scope
        let whom = scope.group.map { "Group \($0)" } ?? "Whole college"
        let contact =
            policy.contact.hasPrefix("mailto:") ? policy.contact.dropFirst(7) : policy.contact[...]
        var markup: Markup = """
            <header>
            <h1>Monitoring review</h1>
            <p class="span">\(PageDates.span(scope.from, scope.lastDay))</p>
            <p class="facts">\(whom). Week \(scope.week); times of \(scope.timeZone).</p>
            <p class="facts"><strong>\(policy.name)</strong>, reference \
            \(policy.reference.isEmpty ? "none" : policy.reference). Approved by \
            \(policy.approvedBy.isEmpty ? "nobody named" : policy.approvedBy)\
            \(policy.approvedOn.map { " on \(PageDates.date($0))" } ?? ""). Review due: \
            \(policy.reviewBy.map(PageDates.date) ?? "no date given"). Questions: \
            \(contact.isEmpty ? "no contact given" : String(contact))\
            \(policy.safeguardingLead.map { " (\($0))" } ?? "").</p>
            </header>

            """
        markup += running
        if let days = policy.reviewOverdueDays {
            markup += """
                <p class="warn"><strong>Review overdue by \(days) day\(days == 1 ? "" : "s")</strong> \
                \(isRunning ? "when the log was read" : "at the end of this week"): the policy was to be \
                reviewed by \
                \(policy.reviewBy.map(PageDates.date) ?? "").</p>

                """
        }
        if let reason = scope.identifiedBecause {
            markup += """
                <p class="warn"><strong>This copy shows the addresses of devices.</strong> Who asked for \
                it is recorded, with this reason: \(reason)</p>

                """
        }
        return markup
    }

    private var running: Markup {
        let scope = figures.scope
        guard let readAt = scope.readAt else { return "" }
        // Both texts are of one wall clock; days tell enough, since a week begins at midnight.
        guard readAt.prefix(10) >= scope.from.prefix(10) else {
            return """
                <p class="note"><strong>This week has not begun.</strong> The log was read on \
                \(PageDates.moment(readAt)).</p>

                """
        }
        return """
            <p class="note"><strong>This week is still running.</strong> The figures are those of the \
            log as it was read on \(PageDates.moment(readAt)).</p>

            """
    }

    var summary: Markup {
        let totals = figures.totals
        func tile(_ value: Markup, _ what: Markup) -> Markup {
            "<li><b>\(value)</b><small>\(what)</small></li>\n"
        }
        let share = self.share(totals.blocked, of: totals.asked)
        let tiles = [
            tile(shown(concernCount), "concerns to look at"),
            tile(
                shown(totals.blocked),
                "questions blocked\(share.isEmpty ? "" : "\(share)\u{A0}of\u{A0}all")"),
            tile(shown(totals.asked), "questions in all"),
            tile(shown(totals.devices), "devices"),
        ]
        return "<ul class=\"tiles\">\n\(Markup(tiles))</ul>\n\(emptiness)"
    }

    private var concernCount: ReviewCount {
        ReviewCount(UInt64(figures.concerns.list.count + figures.concerns.unlisted))
    }

    private var emptiness: Markup {
        guard figures.coverage.firstDecision == nil else { return "" }
        return """
            <p class="warn"><strong>Nothing was recorded in this week\(soFar).</strong> Either nobody asked, or \
            the filter was not in use: find out which.</p>

            """
    }

    // MARK: In one minute

    var brief: Markup {
        guard figures.coverage.firstDecision != nil else { return "" }
        let small: Markup =
            figures.scope.hidesSmallCounts
            ? " Counts under 5 are hidden, and so is what would give one away." : ""
        let searches = figures.totals.madeSafe.value == 0 ? [] : [briefSearches]
        let points =
            [briefConcerns, "\(change)", briefBypass] + searches + [briefRecord, briefPolicy]
        return """
            <section>
            <h2>In one minute</h2>
            <ul class="brief">
            \(Markup(points.map { "<li>\($0)</li>\n" }))</ul>
            <p class="facts">Support services, such as help lines, are never counted or shown.\(small)</p>
            </section>

            """
    }

    private var briefConcerns: Markup {
        guard concernCount.value != 0 else {
            return "No safeguarding concern in this week\(soFar)."
        }
        let kinds = figures.concerns.severities.filter { $0.attempts.value != 0 }.map { kind in
            "\(shown(kind.attempts)) of \(kind.severity) severity" as Markup
        }
        return """
            <strong>\(shown(concernCount)) safeguarding concerns to look at</strong>, which are devices that \
            met a rule of concern. Attempts: \(Markup(kinds, separator: ", ")).
            """
    }

    private var briefBypass: Markup {
        guard figures.bypass.isKnown else {
            return "The policy has no list of ways round the filter, so that none can be told."
        }
        return briefTried + briefSignals
    }

    private var briefTried: Markup {
        let tried = figures.bypass.list.filter { !$0.isAutomatic }
        guard !tried.isEmpty else {
            return "Nobody asked for a VPN, a proxy or another known way round the filter\(soFar)."
        }
        let kinds = Set(tried.map(\.service)).count
        let isOpen = tried.contains { $0.allowed.value != 0 }
        let open: Markup =
            isOpen
            ? "<strong>Not all of these questions were blocked.</strong>"
            : "All of these questions were blocked."
        return """
            Ways round the filter, such as VPNs and proxies, were asked for: \(kinds) \
            kind\(kinds == 1 ? "" : "s"). \(open)
            """
    }

    /// What browsers and phones ask without anybody's doing is no attempt.
    private var briefSignals: Markup {
        let signals = figures.bypass.signals
        var words: [Markup] = []
        if signals.devicesBlocked.value != 0 {
            words.append("devices that were told no: \(shown(signals.devicesBlocked))")
        }
        if signals.devicesAllowed.value != 0 {
            words.append("devices that were not told no: \(shown(signals.devicesAllowed))")
        }
        guard !words.isEmpty else { return "" }
        return """
             Browsers and phones ask by themselves whether they may use a name service or relay of their \
            own, which is nobody&#39;s wrongdoing; \(Markup(words, separator: ", ")).
            """
    }

    private var briefSearches: Markup {
        """
        Questions for search engines and video sites that were answered in their safe mode: \
        \(shown(figures.totals.madeSafe)).
        """
    }

    private var briefRecord: Markup {
        let coverage = figures.coverage
        let gaps = coverage.gaps.count + coverage.gapsUnlisted
        let days = coverage.daysWithoutRecord.count
        var words: [String] = []
        if days > 0 { words.append("\(days) day\(days == 1 ? "" : "s") without any decision") }
        if gaps > 0 { words.append("\(gaps) gap\(gaps == 1 ? "" : "s")") }
        if !coverage.problems.isEmpty { words.append("parts that could not be read") }
        let record: Markup =
            words.isEmpty
            ? "The record is complete\(soFar)."
            : "<strong>The record is not complete:</strong> \(PageDates.list(words))."
        let today: Markup =
            coverage.noneYetOn.map {
                " On \(PageDates.day($0)), when the log was read, there was no decision yet."
            } ?? ""
        guard coverage.devicesSilent.value != 0 else { return record + today }
        return """
            \(record)\(today) Devices of the weeks before that did not ask in this one\(soFar): \
            \(shown(coverage.devicesSilent)).
            """
    }

    private var briefPolicy: Markup {
        let versions = figures.coverage.policies.count
        return versions > 1
            ? "The policy changed in this week: \(versions) versions decided, one after the other."
            : "The policy was the same \(isRunning ? "so far" : "all week")."
    }
}
