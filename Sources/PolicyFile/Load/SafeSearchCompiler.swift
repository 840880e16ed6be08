import DomainLists
import PolicyEngine

extension PolicyCompiler {
    /// The safe modes of search engines, each with the groups for which it is on.
    ///
    /// For each engine a group's own entry counts, else that of the group that it inherits from,
    /// and so on, else the entry for all groups. Hosts' category sets come with the index.
    ///
    /// - Parameter catalogue: what is known of the engines; `nil` where that was reported.
    mutating func safeSearch(_ catalogue: SafeSearchCatalogue?, groups: [Group]) -> [SafeSearch] {
        let entries = safeSearchEntries()
        guard let catalogue else { return [] }
        checkEngines(of: document.safeSearch, catalogue)
        let policy = Policy(groups: groups)
        var found: [SafeSearch] = []
        for (place, engine) in catalogue.engines.enumerated() {
            let modes = groups.indices.map { group -> SafeSearchCatalogue.Mode? in
                let levels = policy.lineage(of: group).map { entries.ofGroup[$0] } + [entries.ofAll]
                for case let said? in levels.map({ $0?.says(of: engine.name) }) {
                    if case .on(let mode) = said { return mode }
                    return nil
                }
                return nil
            }
            var source: SourceID?
            for mode in SafeSearchCatalogue.Mode.allCases {
                let members = modes.indices.filter { modes[$0] == mode }
                guard let target = engine.targets[mode], !members.isEmpty else { continue }
                let known = source ?? scope.define(safeSearch: place)
                source = known
                found.append(
                    SafeSearch(
                        engine: engine.name, source: known, target: target, groups: members,
                        reason: Self.reason(engine.name, mode)))
            }
        }
        return found
    }

    private static func reason(_ engine: String, _ mode: SafeSearchCatalogue.Mode) -> String {
        mode == .only
            ? "Safe search is on: \(engine) answers in its safe mode."
            : "Safe search is on: \(engine) answers in its \(mode.rawValue) mode."
    }

    /// The entries by group's place, and the one for all groups; each group has one at most.
    private func safeSearchEntries() -> (
        ofGroup: [Int: PolicyDocument.SafeSearchEntry], ofAll: PolicyDocument.SafeSearchEntry?
    ) {
        let places = groupPlaces
        var ofGroup: [Int: (entry: PolicyDocument.SafeSearchEntry, line: Int)] = [:]
        var ofAll: PolicyDocument.SafeSearchEntry?
        for entry in document.safeSearch {
            guard let names = entry.groups else {
                if let first = ofAll {
                    reporter.error(
                        entry.place,
                        "there is an entry for all groups already, on line \(first.place.line)",
                        "write for: [GROUPS] in one of them")
                }
                ofAll = ofAll ?? entry
                continue
            }
            for name in names {
                guard let place = place(of: name, as: "group", in: places) else { continue }
                if let first = ofGroup[place] {
                    reporter.error(
                        name.place,
                        "group \"\(name.value)\" has safe search already, on line \(first.line)",
                        "put what is for it into one entry")
                }
                ofGroup[place] = ofGroup[place] ?? (entry, name.place.line)
            }
        }
        return (ofGroup.mapValues(\.entry), ofAll)
    }

    private func checkEngines(
        of entries: [PolicyDocument.SafeSearchEntry], _ catalogue: SafeSearchCatalogue
    ) {
        let known = catalogue.engines.map(\.name).filter { $0 != SafeSearchCatalogue.youtube }
        for entry in entries {
            guard case .named(let names)? = entry.engines else { continue }
            for name in names where !known.contains(name.value) {
                if name.value == SafeSearchCatalogue.youtube {
                    reporter.error(
                        name.place, "\"youtube\" has a key of its own, as it has two modes",
                        "write youtube: strict or youtube: moderate beside engines:")
                    continue
                }
                reporter.error(
                    name.place, "\"\(name.value)\" is no search engine with a safe mode",
                    NearestName.advice(
                        for: name.value, among: known,
                        otherwise: "there are \(known.joined(separator: ", ")); block others by "
                            + "[\(Catalogue.withoutSafeMode)]"))
            }
        }
    }
}

extension PolicyDocument.SafeSearchEntry {
    fileprivate enum Saying {
        case on(SafeSearchCatalogue.Mode)
        case off
    }

    /// What it says of an engine; `nil` where it leaves it to others.
    fileprivate func says(of engine: String) -> Saying? {
        if engine == SafeSearchCatalogue.youtube {
            switch youtube {
            case nil: return nil
            case .strict?: return .on(.strict)
            case .moderate?: return .on(.moderate)
            case .off?: return .off
            }
        }
        switch engines {
        case nil: return nil
        case .all?: return .on(.only)
        case .off?: return .off
        case .named(let names)?:
            return names.contains { $0.value == engine } ? .on(.only) : nil
        }
    }
}
