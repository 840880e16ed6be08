import DomainLists

extension PolicyProgram {
    /// The locked rules that decide otherwise about what an exception is for, for somebody whom
    /// both reach; places in `policy.rules`, in order.
    ///
    /// For loading and checking. Of names in lists only those are found that both know by the same
    /// source.
    ///
    /// - Parameters:
    ///   - exception: its place in `policy.rules`.
    ///   - nameSets: the category sets of names that the exception itself writes.
    public func lockedRules(against exception: Int, nameSets: [UInt32]) -> [Int] {
        guard policy.rules.indices.contains(exception) else { return [] }
        let rule = policy.rules[exception]
        var sources = Set(nameSets.flatMap { set in setTable.entries(of: Int(set)).map(\.source) })
        if case .listed(let listed) = rule.target { sources.formUnion(listed.keys.map(\.rawValue)) }
        var found: Set<Int> = []
        for (place, other) in rules.enumerated()
        where other.isLocked && other.action != rule.action && shareClients(exception, place) {
            let isSame: Bool
            switch (rule.target, other.target) {
            case (_, .everything): isSame = true
            case (.everything, .listed): isSame = false
            case (.listed, .listed(let listed)):
                isSame = sources.contains { listed[SourceID(rawValue: $0)] != nil }
            }
            if isSame { found.insert(ruleOrder[place]) }
        }
        return found.sorted()
    }

    /// Whether some audience is reached by a rule of the policy and by a clause.
    private func shareClients(_ rule: Int, _ clause: Int) -> Bool {
        let own = clauses.indices.filter { clauses[$0].place == rule }
        return Set(ruleTable.rowOfAudience.dropLast()).contains { row in
            reaches(clause, Int(row)) && own.contains { reaches($0, Int(row)) }
        }
    }

    private func reaches(_ clause: Int, _ row: Int) -> Bool {
        ruleTable.rules(reachingRow: row, word: clause / 64) >> UInt64(clause % 64) & 1 != 0
    }
}
