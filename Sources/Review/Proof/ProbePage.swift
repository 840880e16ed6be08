extension ProbeRecord {
    /// The record as one HTML page, complete in itself, to print and file with the review.
    public func html() -> String { ProbePage(record: self).markup.html }
}

/// The page of a probe's record.
struct ProbePage {
    let record: ProbeRecord

    /// Differences on the page; the JSON has more of them.
    private static let listed = 200

    var markup: Markup {
        let title = "Proof of filtering, \(day)"
        return PageShell.page(
            "\(title), \(record.policy.name)",
            """
            <h1>Proof of filtering</h1>
            <p class="span">\(day)</p>
            <p class="facts">\(record.policy.name)\(reference), policy \(record.policy.hash)</p>
            \(verdict)\(servers)\(differences)\(drift)\(coverage)\(method)
            """,
            footer: """
                Made by bellgate \(record.version), \(record.at). For the review of filtering and \
                monitoring.
                """)
    }

    private var day: String {
        "\(PageDates.moment(record.at)), \(String(record.at.prefix(4)))"
    }

    private var reference: String {
        record.policy.reference.isEmpty ? "" : " (\(record.policy.reference))"
    }

    private func count(_ number: Int) -> String { ReviewPage.grouped(UInt64(max(0, number))) }

    private var verdict: Markup {
        let other = record.servers.filter { $0.policyHash != record.policy.hash }
        let words: Markup =
            other.isEmpty
            ? ""
            : "<p class=\"warn\">Another policy is in force on \(PageDates.list(other.map(\.address))) "
                + "(\(PageDates.list(other.map(\.policyHash)))).</p>\n"
        let result: Markup
        if record.isFine {
            result = """
                <p class="note"><b>The filter does what the policy says.</b> \
                All \(count(record.agreed)) answers agreed.</p>

                """
        } else if record.differing == 0, record.drifting == 0 {
            result =
                "<p class=\"note\">All \(count(record.agreed)) answers agreed all the same.</p>\n"
        } else {
            result = """
                <p class="warn"><b>The filter does not do what the policy says.</b> \
                \(count(record.differing)) of \(count(record.agreed + record.differing)) answers differ\
                \(record.drifting > 0 ? ", and \(count(record.drifting)) cells differ between servers" : "").</p>

                """
        }
        return words + result
    }

    private var servers: Markup {
        var table = MarkupTable(
            "Servers, asked through their own listeners",
            [
                "Server", "Policy in force", "Questions", "By TCP", "Agreed", "Differing",
                "No answer",
            ],
            numbers: [2, 3, 4, 5, 6])
        for server in record.servers {
            table.add([
                "\(server.address)", "\(server.policyHash)", "\(count(server.asked))",
                "\(count(server.byTCP))", "\(count(server.agreed))", "\(count(server.differing))",
                "\(count(server.unanswered))",
            ])
        }
        return "<section>\n<h2>Servers</h2>\n\(table.markup)</section>\n"
    }

    // MARK: Differences

    private func place(_ cell: ProbeRecord.Cell) -> [Markup] {
        [
            "\(cell.group), \(cell.place)\(cell.kind.map { " (\($0))" } ?? "")",
            "\(cell.category): \(cell.name)",
            "\(cell.period), \(cell.day), \(String(cell.at.prefix(19)).replacing("T", with: " "))",
        ]
    }

    private func words(_ outcome: ProbeRecord.Outcome) -> Markup {
        let by = outcome.rule.map { " by \($0)" } ?? ""
        let problem = outcome.problem.map { ": \($0)" } ?? ""
        return "\(outcome.verdict)\(by)\(problem)"
    }

    private var differences: Markup {
        guard record.differing > 0 else { return "" }
        var table = MarkupTable(
            "Cells that differ, those together that say the same",
            ["Group", "Category, name", "When, first", "Cells", "Policy", "Server"], numbers: [3])
        let findings = record.findings
        for finding in findings.prefix(Self.listed) {
            let cell = finding.first.cell
            table.add([
                "\(cell.group), \(finding.places.joined(separator: ", "))"
                    + "\(cell.kind.map { " (\($0))" } ?? "")",
                "\(cell.category): \(cell.name)", place(cell)[2], "\(finding.cells)",
                words(finding.first.expected),
                "\(words(finding.first.got)) (\(finding.first.server))",
            ])
        }
        let isWhole = record.differences.count < ProbeRecord.listed
        let more: Markup =
            findings.count > Self.listed || !isWhole
            ? "<p>More are not on this page; the JSON beside it lists up to 1000.</p>\n" : ""
        return "<section>\n<h2>Differences</h2>\n\(table.markup)\(more)</section>\n"
    }

    private var drift: Markup {
        guard record.drifting > 0 else { return "" }
        var table = MarkupTable(
            "Cells that servers answer differently",
            ["Group", "Category, name", "When"] + record.servers.map(\.address))
        for drift in record.drift.prefix(Self.listed) {
            table.add(place(drift.cell) + drift.got.map(words))
        }
        let more: Markup =
            record.drifting > Self.listed
            ? "<p>\(count(record.drifting - Self.listed)) more are not on this page.</p>\n" : ""
        return "<section>\n<h2>Drift</h2>\n\(table.markup)\(more)</section>\n"
    }

    // MARK: Coverage

    private var coverage: Markup {
        var subjects = MarkupTable(
            "Asked as", ["Group", "Network or device", "Kind", "Address"])
        for subject in record.subjects {
            subjects.add([
                "\(subject.group)", "\(subject.place)", "\(subject.kind ?? "")",
                "\(subject.client)",
            ])
        }
        var names = MarkupTable("Asked for", ["Category", "Name"])
        for name in record.names { names.add(["\(name.category)", "\(name.name)"]) }
        var moments = MarkupTable("Asked as of", ["Day", "Period", "Instant"])
        for moment in record.moments {
            moments.add(["\(moment.day)", "\(moment.period)", "\(moment.at)"])
        }
        let notes = Markup(record.notes.map { "<li>\($0)</li>\n" })
        let missing: Markup =
            record.notes.isEmpty ? "" : "<h3>Not covered</h3>\n<ul>\n\(notes)</ul>\n"
        return """
            <section>
            <h2>What was asked</h2>
            <p>\(count(record.subjects.count)) kinds of devices, \(count(record.names.count)) names and \
            \(count(record.moments.count)) instants: \(count(record.cells)) cells.</p>
            \(missing)\(subjects.markup)\(names.markup)\(moments.markup)</section>

            """
    }

    private var method: Markup {
        """
        <section>
        <h2>How it was asked</h2>
        <p>Each cell was asked of the running server through its own listeners, by UDP and in part by TCP, as \
        the device and at the instant of the cell. The server decided with the policy that it had loaded, \
        in the way of every query; these questions are counted and stand in no record. Compared were \
        verdict, rule (by the reason that a block carries), kind of answer, and that no block outlives its \
        verdict.</p>
        <p>What upstreams answer, and so aliases in their answers, is no part of this; nor is what devices \
        can do without asking this server.</p>
        </section>

        """
    }
}
