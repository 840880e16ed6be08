import DNSWire
import PolicyEngine
import PolicyFile

/// What of the policy is no rule of its own, and is told all the same.
extension NoticeWriter {
    /// What people of these groups may see by an exception, or may not: without devices and
    /// networks, since a notice names nobody. What is over is left out.
    var exceptions: Notice.Section? {
        var known: Set<Int> = []
        let items = loaded.program.ruleOrder.filter { known.insert($0).inserted }
            .filter(policy.rules.indices.contains).map { policy.rules[$0] }
            .filter { $0.origin == .exception && $0.window?.upperBound ?? .endless > now }
            .compactMap(item)
        guard !items.isEmpty else { return nil }
        return Notice.Section(
            "Exceptions",
            [
                "Made for a time, by the \(policy.roles["dsl"] ?? "safeguarding lead") or the "
                    + "\(policy.roles["principal"] ?? "principal"). They come before the rules above."
            ], items)
    }

    private func item(of rule: Rule) -> Notice.Item? {
        let named = (rule.groups ?? []).filter { wanted in groups.contains { isOf($0, wanted) } }
        let single = rule.devices.filter { device in
            guard policy.devices.indices.contains(device) else { return false }
            // One without a group has that of wherever it is.
            guard let own = policy.devices[device].group else { return true }
            return groups.contains { isOf(own, $0) }
        }
        let isForAll = rule.groups == nil && rule.devices.isEmpty && rule.networks.isEmpty
        let rooms = rule.networks.filter { room in
            groups.contains { group in
                policy.groups[group].networks.contains {
                    $0.contains(room.address) || room.contains($0.address)
                }
            }
        }
        guard isForAll || !named.isEmpty || !single.isEmpty || !rooms.isEmpty else { return nil }
        var whom = named.filter { policy.groups.indices.contains($0) }.map {
            policy.groups[$0].name
        }
        if !single.isEmpty { whom.append(single.count == 1 ? "one device" : "some devices") }
        if !rooms.isEmpty { whom.append("some rooms") }
        let words = operandWords(of: rule)
        let end = rule.window.map { policy.zone.civilTime(at: $0.upperBound) }
        let until = end.map { ", until \(NoticeWords.date($0.date)) at \(clockText(of: $0))" } ?? ""
        let start = rule.window.flatMap { $0.lowerBound > now ? $0.lowerBound : nil }
        let from =
            start.map { ", from \(NoticeWords.date(policy.zone.civilTime(at: $0).date))" } ?? ""
        return Notice.Item(
            (rule.action == .block ? "Blocked: " : "Open: ") + words
                + (whom.isEmpty ? "" : ", for \(NoticeWords.list(whom))") + from + until + ".",
            reason: rule.reason, rule: rule.id)
    }

    /// Whether a group is another or inherits from it.
    private func isOf(_ group: Int, _ other: Int) -> Bool {
        var place: Int? = group
        while let current = place, policy.groups.indices.contains(current) {
            if current == other { return true }
            place = policy.groups[current].parent
        }
        return false
    }

    private func clockText(of time: CivilTime) -> String {
        let minute = time.secondOfDay / 60
        return "\(minute / 600)\(minute / 60 % 10):\(minute % 60 / 10)\(minute % 10)"
    }

    /// How old the policy takes these groups to be, where a rule goes by that.
    var ages: [String] {
        let usesAges = policy.sources.contains { !$0.minimumAges.isEmpty }
        let names = groups.compactMap { place in
            policy.age(ofGroup: place).map { "\(policy.groups[place].name): \($0.words)" }
        }
        guard usesAges, !names.isEmpty else { return [] }
        return [
            "Services with a minimum age go by the age that a group is said to have ("
                + NoticeWords.list(names) + ")."
        ]
    }

    /// Where people can report something themselves.
    var reporting: [Notice.Item] {
        guard hasBlockPage else { return [] }
        return [
            Notice.Item(
                "A site that is blocked may show a page that says why. On it you can write that this is "
                    + "wrong, or that something worries you, with or without your name. What you write is "
                    + "kept with the time, the site, your group and your device's address, and is read by "
                    + "those named above; what is from staff or about staff, by the "
                    + "\(policy.roles["principal"] ?? "principal") alone.")
        ]
    }
}
