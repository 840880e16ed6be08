import DomainLists
import PolicyEngine

extension PolicyCompiler {
    /// What the document's switch against ways round the filter stands for; mistakes in it are
    /// reported with its rules.
    var bypassSwitch: BypassSwitch? {
        guard let entry = document.bypass else { return nil }
        let places = groupPlaces
        return BypassSwitch(
            groups: entry.groups?.compactMap { places[$0.value] }, stripsECH: entry.stripsECH)
    }

    /// The rules of that switch; none where it cannot be put into effect, which is reported.
    mutating func bypassRules(_ groups: [String: Int]) -> [Rule] {
        guard let entry = document.bypass, let bypassSwitch else { return [] }
        refuseSharedNames()
        for name in entry.groups ?? [] { _ = place(of: name, as: "group", in: groups) }
        let (target, _) = target(of: entry.also)
        guard let signals = scope.catalogueCategory(BypassSwitch.signalsRuleID),
            let known = scope.catalogueCategory(BypassSwitch.ruleID),
            case .listed(let others) = target
        else {
            reportMissingCatalogue(entry)
            return []
        }
        // Whatever is added counts as a way round: reports find it by this category.
        var ways = others.mapValues { $0.isEmpty ? BypassSwitch.ruleID : "bypass/\($0)" }
        ways[known] = BypassSwitch.ruleID
        return bypassSwitch.rules(
            signals: signals, ways: ways,
            operands: [BypassSwitch.ruleID] + entry.also.map(\.value), concern: entry.concern)
    }

    private func refuseSharedNames() {
        let own = [BypassSwitch.ruleID, BypassSwitch.signalsRuleID]
        for id in document.rules.compactMap(\.id) + document.exceptions.compactMap(\.id)
        where own.contains(id.value) {
            reporter.error(
                id.place, "\"\(id.value)\" is what the switch \"bypass:\" calls a rule of its own",
                "give it another name, or remove it if it does the same")
        }
    }

    private func reportMissingCatalogue(_ entry: PolicyDocument.BypassEntry) {
        // A list that could not be read is reported, and may be the one.
        guard !scope.lacksLists else { return }
        reporter.error(
            entry.place,
            "\"bypass\" needs a catalogue with the categories \"\(BypassSwitch.ruleID)\" and "
                + "\"\(BypassSwitch.signalsRuleID)\"",
            "name the shipped one under lists:, such as services: { catalogue: blocklists/services }"
        )
    }
}
