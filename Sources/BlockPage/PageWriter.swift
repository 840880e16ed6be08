import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile
import Review

/// Writes the pages. Whoever reads them may be thirteen and may be upset: short words.
struct PageWriter {
    let finding: PageFinding
    /// Whether somebody is told of a worry at once.
    var tellsAtOnce = false

    private var policy: Policy { finding.loaded.policy }

    /// The page for what was asked for.
    ///
    /// - Parameter problem: what is said above all else: why a form was not taken.
    func page(forms: [PageForm], problem: String? = nil) -> String {
        let title: String
        var body: Markup = ""
        if let problem {
            body += "<div class=\"card bad\" role=\"alert\"><p class=\"why\">\(problem)</p></div>\n"
        }
        switch finding.outcome {
        case .noName:
            title = "Ask, or tell somebody"
            body += """
                <h1>\(title)</h1>
                <p>This network has a filter. Here you can say that it blocks something wrongly, or that \
                something worries you.</p>

                """
        case .open(let name):
            title = "\(name) is open now"
            body += """
                <h1>\(title)</h1>
                <div class="card"><p class="why">Load it again. A device remembers a block for up to a \
                minute.</p>
                <p>Does this page keep coming back? Then another name behind that site is blocked. Tell \
                us below.</p></div>

                """
        case .blocked(let name, let rule, let reason, let until):
            title = "\(name) is blocked"
            body += blocked(title, rule, reason, until)
        }
        body += Markup(forms.map(\.markup))
        body += """
            <p class="small">With what you write, the time, the site, your group and your device's address \
            are kept. It is read by the \(lead)\(finding.isStaff ? ", or by the \(head) alone" : "").</p>

            """
        return PageLook.page(title, body + help + footer)
    }

    private func blocked(
        _ title: String, _ rule: String, _ reason: String, _ until: String?
    ) -> Markup {
        let end: Markup =
            until.map { "<p>Blocked until <b>\($0)</b>.</p>" }
            ?? "<p>No time is set at which it opens.</p>"
        return """
            <h1>\(title)</h1>
            <div class="card"><p class="why">\(reason)</p>
            \(end)</div>
            <dl>
            <dt>Rule</dt><dd>\(rule)</dd>
            <dt>Policy</dt><dd>\(policyName)</dd>
            <dt>Whom to ask</dt><dd>\(contact)</dd>
            </dl>

            """
    }

    /// The page after a report was kept.
    func thanks(_ kind: ReceivedReport.Kind, id: UInt64, isForPrincipal: Bool) -> String {
        let reader = isForPrincipal ? "Only the \(head) reads it." : "The \(lead) reads it."
        let told = tellsAtOnce ? "They are told at once, and" : "They"
        let next =
            kind == .worry
            ? "\(reader) \(told) should look at it within a day. If it cannot wait, do not wait: go to "
                + "any adult that you trust."
            : "\(reader) The site stays as it is until then."
        let body: Markup = """
            <h1>Thank you. Your report is kept.</h1>
            <div class="card"><p class="why">\(next)</p>
            <p>Its number is <b>\(Int(clamping: id))</b>. Say it when you ask about it.</p></div>
            <dl><dt>Whom to ask</dt><dd>\(contact)</dd></dl>

            """
        return PageLook.page("Thank you", body + help + footer)
    }

    // MARK: Parts

    private var lead: String { policy.roles["dsl"] ?? "Designated Safeguarding Lead" }
    var head: String { policy.roles["principal"] ?? "Principal" }

    private var policyName: String {
        policy.reference.isEmpty ? policy.name : "\(policy.name) (\(policy.reference))"
    }

    /// Whom to tell where this page cannot help, in words.
    var contactWords: String {
        policy.contact.isEmpty ? "the \(lead)" : "the \(lead) (\(Self.readable(policy.contact)))"
    }

    private var contact: Markup {
        guard !policy.contact.isEmpty else { return "the \(lead)" }
        let words = Self.readable(policy.contact)
        let schemes = ["mailto:", "https://", "http://", "tel:"]
        guard schemes.contains(where: policy.contact.hasPrefix) else {
            return "the \(lead): \(words)"
        }
        return "the \(lead): <a href=\"\(policy.contact)\">\(words)</a>"
    }

    private static func readable(_ uri: String) -> String {
        for scheme in ["mailto:", "tel:"] where uri.hasPrefix(scheme) {
            return String(uri.dropFirst(scheme.count))
        }
        return uri
    }

    private var help: Markup {
        """
        <h2>Help that is always open</h2>
        <p>In danger now? Call <b>999</b>, or go to the nearest adult. Childline is free at any hour: \
        <b>0800 1111</b>. Asking for these sites is never blocked, counted or reported.</p>
        \(services)
        """
    }

    /// The catalogue's support services, those for the young first.
    private var services: Markup {
        let technical = ["connectivity-checks", "calls-and-time"]
        let known = finding.loaded.catalogue.services.filter {
            $0.category == Catalogue.essentials && !technical.contains($0.name)
                && ($0.name != "staff-speak-up" || finding.isStaff)
        }
        return Markup(
            known.map { service in
                let links = service.names.filter { $0.kind == .core }.map { name -> Markup in
                    "<li><a href=\"https://\(name.name.description)/\">\(name.name.description)</a></li>\n"
                }
                let title = Self.titles[service.name] ?? PageWords.spoken(service.name)
                return """
                    <h3>\(title.prefix(1).uppercased() + title.dropFirst())</h3>
                    <ul>
                    \(Markup(links))</ul>

                    """
            })
    }

    /// What services of the shipped catalogue are called where their name says it less well.
    private static let titles = [
        "health-police-government": "Health, police and government",
        "safeguarding-agencies-kent": "Safeguarding agencies (Kent)",
        "staff-speak-up": "For staff: advice, unions, regulators",
    ]

    private var footer: Markup {
        """
        <p class="small">\(policyName). The filter sees the names that devices ask for. It does not see \
        pages, messages, pictures or searches.</p>

        """
    }
}
