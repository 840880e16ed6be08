import DNSWire
import DomainLists
import PolicyEngine

/// Warns where safe search can be had round: of engines that have no safe mode and are open to
/// somebody for whom all others have theirs.
struct SafeSearchWarner {
    let document: PolicyDocument
    let catalogue: Catalogue
    let reporter: Reporter

    /// Says it once, however many engines and groups there are.
    ///
    /// - Parameter setOf: the category set of a name.
    func warn(_ program: PolicyProgram, setOf: (DomainName) -> UInt32) {
        guard let entry = document.safeSearch.first(where: \.isForAllEngines),
            let category = catalogue.categories.first(where: {
                $0.name == Catalogue.withoutSafeMode
            })
        else { return }
        let names = catalogue.coreNames(of: category).map { ($0.name, setOf($0.name)) }
        var open: [DomainName] = []
        var groups: [String] = []
        let engines = Set(program.policy.safeSearch.map(\.engine)).subtracting([
            SafeSearchCatalogue.youtube
        ])
        for (place, group) in program.policy.groups.enumerated() {
            let on = program.policy.safeSearch.filter { $0.groups.contains(place) }.map(\.engine)
            guard engines.isSubset(of: on) else { continue }
            let openHere = names.filter { program.mayBeAllowed(audience: place, set: $0.1) }
            guard !openHere.isEmpty else { continue }
            groups.append(group.name)
            open += openHere.map(\.0).filter { !open.contains($0) }
        }
        guard let first = open.first else { return }
        let others = open.count == 1 ? "" : " and \(open.count - 1) more"
        reporter.warning(
            entry.place,
            "safe search is on for \(groups.joined(separator: ", ")), and engines that have none "
                + "are open to them: \(first)\(others)",
            "add a rule with block: [\(Catalogue.withoutSafeMode)]")
    }
}

extension PolicyDocument.SafeSearchEntry {
    fileprivate var isForAllEngines: Bool {
        if case .all? = engines { true } else { false }
    }
}
