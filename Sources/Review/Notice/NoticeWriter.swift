import DomainLists
import PolicyEngine
import PolicyFile

/// Puts the parts of a notice into words.
struct NoticeWriter {
    let audience: NoticeAudience
    let groups: [Int]
    let loaded: LoadedPolicy
    let keepSeconds: Int64
    let hasBlockPage: Bool
    let now: Instant

    var policy: Policy { loaded.policy }
    private var isForParents: Bool { audience == .parents }

    // MARK: What is filtered

    var filtered: Notice.Section {
        let names = NoticeWords.list(groups.map { policy.groups[$0].name })
        let whom =
            isForParents
            ? "These rules hold for learners' devices on the college's network (\(names))."
            : "These rules hold for your devices on the college's network (\(names))."
        var items: [Notice.Item] = []
        for rule in rules {
            guard let reached = reach(of: rule) else { continue }
            items.append(
                Notice.Item(
                    sentence(rule, for: reached), reason: rule.reason, rule: rule.id))
        }
        items += safeSearch
        let rest =
            policy.defaultAction == .allow
            ? "Whatever no rule names is open." : "Whatever no rule names is blocked."
        return Notice.Section(
            "What is filtered, and when",
            [
                whom
                    + " They stand in the order in which they are asked; the first that fits a name"
                    + " decides. A site is known by its name (www.example.org), never by its content.",
                rest,
            ] + ages, items)
    }

    /// Which search engines are made safe: the ones for all of the groups, then what differs.
    private var safeSearch: [Notice.Item] {
        var engines: [[Int]: [String]] = [:]
        for mode in policy.safeSearch {
            let reached = groups.filter(mode.groups.contains)
            guard !reached.isEmpty else { continue }
            let isOnly = policy.safeSearch.count { $0.engine == mode.engine } == 1
            let host = isOnly ? "" : " (\(mode.target))"
            engines[reached, default: []].append(mode.engine + host)
        }
        return engines.sorted { ($1.key.count, $0.value[0]) < ($0.key.count, $1.value[0]) }.map {
            reached, names in
            let whom =
                reached.count == groups.count
                ? "" : ", for " + NoticeWords.list(reached.map { policy.groups[$0].name })
            return Notice.Item(
                "Made safe: \(NoticeWords.list(names))\(whom), which show only what their safe mode "
                    + "lets through.", rule: SafeSearch.ruleID)
        }
    }

    /// The rules of the file, and what its switches stand for, in the order in which they are asked,
    /// each once.
    private var rules: [Rule] {
        var known: Set<Int> = []
        return loaded.program.ruleOrder.filter { known.insert($0).inserted }
            .filter(policy.rules.indices.contains).map { policy.rules[$0] }
            .filter { $0.origin == .file || $0.origin == .bypass }
    }

    /// Which of the groups a rule is for: `nil` if none, empty if all of them.
    private func reach(of rule: Rule) -> [Int]? {
        guard let wanted = rule.groups else { return [] }
        let reached = groups.filter { group in
            var place: Int? = group
            while let current = place {
                if wanted.contains(current) { return true }
                place = policy.groups[current].parent
            }
            return false
        }
        if reached.isEmpty { return nil }
        return reached.count == groups.count ? [] : reached
    }

    private func sentence(_ rule: Rule, for reached: [Int]) -> String {
        var text = rule.action == .block ? "Blocked: " : "Open: "
        text += operandWords(of: rule)
        if !reached.isEmpty {
            text += ", for " + NoticeWords.list(reached.map { policy.groups[$0].name })
        }
        if rule.during.isEmpty {
            if rule.exceptDuring.isEmpty { text += rule.action == .block ? ", at all times" : "" }
        } else {
            text += ", during " + periods(rule.during)
        }
        if !rule.exceptDuring.isEmpty { text += ", except during " + periods(rule.exceptDuring) }
        if rule.concern != nil {
            text += ". A look-up is brought to the attention of those who review the record"
        }
        return text + "."
    }

    func operandWords(of rule: Rule) -> String {
        if case .everything = rule.target { return "everything" }
        if let words = NoticeWords.bypass[rule.id], rule.origin == .bypass {
            return NoticeWords.list([words] + rule.operands.dropFirst())
        }
        let children = self.children
        return NoticeWords.list(
            rule.operands.map { operand in
                guard let parts = children[operand], !parts.isEmpty else { return operand }
                return "\(operand) (\(NoticeWords.list(parts)))"
            })
    }

    /// The categories within each category.
    private var children: [String: [String]] {
        var children: [String: Set<String>] = [:]
        for path in loaded.program.categoryNames {
            let parts = path.split(separator: "/").map(String.init)
            for (parent, child) in zip(parts, parts.dropFirst()) {
                children[parent, default: []].insert(child)
            }
        }
        return children.mapValues { $0.sorted() }
    }

    private func periods(_ places: [Int]) -> String {
        NoticeWords.list(
            places.map { "\(policy.periods[$0].name) (\(NoticeWords.period(policy.periods[$0])))" },
            "or")
    }

    var alwaysOpen: Notice.Section {
        let services = loaded.catalogue.services
            .filter { $0.category == Catalogue.essentials }
            .map { $0.name.replacing("-", with: " ") }
        guard !services.isEmpty else {
            return Notice.Section(
                "What is always open",
                [
                    "This policy names no catalogue of services, so no support service is known to it."
                ])
        }
        return Notice.Section(
            "What is always open",
            [
                "Support services stay open at every hour, also where internet access was taken "
                    + "away. Asking for them is never counted and never reported: "
                    + NoticeWords.list(services) + "."
            ])
    }

    // MARK: What is recorded

    var recorded: Notice.Section {
        Notice.Section(
            "What is recorded",
            [
                "Each time a device looks up a name, one line is written: the time, the device's "
                    + "address (and its name, if the college gave it one), its group, the name that was "
                    + "looked up, whether it was allowed, and which rule decided.",
                "Not recorded, since a filter of names cannot see it: pages, words, pictures, messages, "
                    + "searches, passwords, and how long anything was looked at. Apps and adverts look "
                    + "names up by themselves, so a line is no proof that a person opened something.",
            ] + countedUse)
    }

    var readers: Notice.Section {
        let dsl = policy.roles["dsl"] ?? "designated safeguarding lead"
        let principal = policy.roles["principal"] ?? "principal"
        let it = policy.roles["it"] ?? "network manager"
        return Notice.Section(
            "Who sees it",
            [
                "The record is read to keep people safe and to see that the filter works as it should. "
                    + "Reports name devices by pseudonyms and hide counts under five where they are "
                    + "about the whole college."
            ],
            [
                Notice.Item(
                    "\(dsl): reviews the record every week, and what may be a concern at once."),
                Notice.Item(
                    "\(principal): has the overall responsibility, and answers for exceptions."),
                Notice.Item("\(it): keeps the system running and complete."),
                Notice.Item(
                    "Who a device belongs to is shown only where a reason is given; who looked, when and "
                        + "why is then itself recorded, and cannot be removed unseen."),
            ])
    }

    var kept: Notice.Section {
        Notice.Section(
            "For how long",
            [
                "Records are kept for \(NoticeWords.length(keepSeconds)) and then deleted; the deletion "
                    + "is noted. What belongs to a case is kept with that case, by the college's own rules."
            ]
                + (hasBlockPage
                    ? [
                        "What you write on the page for blocked sites belongs to a case: the filter itself "
                            + "deletes none of it."
                    ] : []))
    }

    // MARK: Whom to ask

    var help: Notice.Section {
        let contact = policy.contact.isEmpty ? nil : Self.readable(policy.contact)
        let dsl = policy.roles["dsl"] ?? "designated safeguarding lead"
        let ask = contact.map { "the \(dsl) (\($0))" } ?? "the \(dsl)"
        var items = [
            Notice.Item(
                "Something is blocked that should not be, or open that should not be: ask \(ask)."),
            Notice.Item(
                "Something you saw or were sent worries you: tell \(ask), or any member of staff."),
        ]
        items += reporting
        switch audience {
        case .learners, .parents:
            items.append(
                Notice.Item(
                    "Outside the college: Childline (0800 1111, childline.org.uk), CEOP "
                        + "(ceop.police.uk), Report Harmful Content (reportharmfulcontent.com), the "
                        + "Internet Watch Foundation (iwf.org.uk)."))
        case .staff, .guests:
            items.append(
                Notice.Item(
                    "A concern about how the college uses this: its complaints and whistleblowing "
                        + "procedures; outside of it, Protect (protect-advice.org.uk) and the Information "
                        + "Commissioner (ico.org.uk)."))
        }
        items.append(
            Notice.Item(
                isForParents
                    ? "What is held about your child: ask the college for it."
                    : "What is held about you: you may ask the college for it."))
        return Notice.Section("Whom to ask", [], items)
    }

    /// `mailto:dsl@college.example` without its scheme.
    private static func readable(_ uri: String) -> String {
        uri.hasPrefix("mailto:") ? String(uri.dropFirst(7)) : uri
    }

    var limits: Notice.Section {
        Notice.Section("What the filter cannot see", [], ReviewText.limits.map { Notice.Item($0) })
    }
}
