import DomainLists

/// Which rules reach a group, and which are about a source: bit sets with one bit a rule.
///
/// Rules stand in the order of evaluation, so the lowest bit that is left after all conditions
/// is the deciding rule.
struct RuleTable: Sendable {
    /// Words of 64 rules in each bit set.
    let wordCount: Int
    /// The row of each group, and at the end the row of a client without a group.
    ///
    /// Groups that the same rules reach share a row: their verdicts are the same.
    let rowOfGroup: [UInt32]
    /// How many distinct rows there are.
    let groupRowCount: Int
    /// Rules that are about every name.
    let everything: [UInt64]

    private let groupMasks: [UInt64]
    private let rowOfSource: [UInt32]
    private let sourceMasks: [UInt64]
    /// For each source the rules that list it, with the category that is recorded then; ordered.
    private let listingStarts: [Int]
    private let listings: [Listing]

    private struct Listing: Sendable {
        let rule: UInt16
        let category: UInt16
    }

    init(rules: [Rule], policy: Policy, categories: [String: UInt16]) {
        let wordCount = max(1, (rules.count + 63) / 64)
        self.wordCount = wordCount
        var everything = RuleMask(wordCount: wordCount)
        var bySource = [[Listing]](repeating: [], count: Self.sourceCount(rules, policy))
        for (place, rule) in rules.enumerated() {
            switch rule.target {
            case .everything:
                everything.insert(place)
            case .listed(let sources):
                for (source, path) in sources {
                    bySource[Int(source.rawValue)].append(
                        Listing(rule: UInt16(place), category: categories[path] ?? Verdict.none))
                }
            }
        }
        self.everything = everything.words

        var groupRows = MaskRows(wordCount: wordCount)
        var reaching = policy.groups.indices.map { group in
            Self.rules(reaching: policy.lineage(of: group), among: rules, wordCount: wordCount)
        }
        reaching.append(Self.rules(reaching: [], among: rules, wordCount: wordCount))
        rowOfGroup = reaching.map { groupRows.row(of: $0) }
        groupMasks = groupRows.words
        groupRowCount = groupRows.count

        var sourceRows = MaskRows(wordCount: wordCount)
        rowOfSource = bySource.map { listings in
            var mask = RuleMask(wordCount: wordCount)
            for listing in listings { mask.insert(Int(listing.rule)) }
            return sourceRows.row(of: mask)
        }
        sourceMasks = sourceRows.words
        listingStarts = bySource.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
        listings = bySource.flatMap { $0 }
    }

    /// The rules that reach a row of groups, 64 of them.
    func rules(reachingRow row: Int, word: Int) -> UInt64 { groupMasks[row * wordCount + word] }

    /// The rules that list a source, 64 of them.
    func rules(listing source: Int, word: Int) -> UInt64 {
        guard source < rowOfSource.count else { return 0 }
        return sourceMasks[Int(rowOfSource[source]) * wordCount + word]
    }

    /// The category that is recorded when a rule decides through a source; `nil` if the rule does
    /// not list the source.
    func category(of source: Int, in rule: Int) -> UInt16? {
        guard source + 1 < listingStarts.count else { return nil }
        var low = listingStarts[source]
        var high = listingStarts[source + 1]
        let end = high
        while low < high {
            let middle = (low + high) / 2
            if Int(listings[middle].rule) < rule { low = middle + 1 } else { high = middle }
        }
        return low < end && Int(listings[low].rule) == rule ? listings[low].category : nil
    }

    /// One source of each distinct set of rules that list a source, for going through all cases.
    var representativeSources: [Int] {
        var seen: Set<UInt32> = []
        return rowOfSource.indices.filter { seen.insert(rowOfSource[$0]).inserted }
    }

    private static func rules(
        reaching lineage: [Int], among rules: [Rule], wordCount: Int
    ) -> RuleMask {
        var mask = RuleMask(wordCount: wordCount)
        for (place, rule) in rules.enumerated() where rule.reaches(lineage) { mask.insert(place) }
        return mask
    }

    private static func sourceCount(_ rules: [Rule], _ policy: Policy) -> Int {
        let named = rules.lazy.compactMap { rule -> Int? in
            guard case .listed(let sources) = rule.target else { return nil }
            return sources.keys.max().map { Int($0.rawValue) + 1 }
        }
        return max(policy.sources.count, named.max() ?? 0)
    }
}

/// A set of rules.
private struct RuleMask: Hashable {
    private(set) var words: [UInt64]

    init(wordCount: Int) { words = .init(repeating: 0, count: wordCount) }

    mutating func insert(_ rule: Int) { words[rule / 64] |= 1 << UInt64(rule % 64) }
}

/// Distinct sets of rules, one after the other.
private struct MaskRows {
    private(set) var words: [UInt64] = []
    private(set) var count = 0
    private var rows: [RuleMask: UInt32] = [:]
    private let wordCount: Int

    init(wordCount: Int) { self.wordCount = wordCount }

    mutating func row(of mask: RuleMask) -> UInt32 {
        if let known = rows[mask] { return known }
        let row = UInt32(count)
        rows[mask] = row
        words += mask.words
        count += 1
        return row
    }
}

extension Rule {
    /// Whether it is for a group with this lineage: the group itself and those it inherits from.
    func reaches(_ lineage: [Int]) -> Bool {
        guard let groups else { return true }
        return groups.contains { lineage.contains($0) }
    }
}

extension Policy {
    /// The group and those it inherits from, nearest first; a cycle ends where it closes.
    public func lineage(of group: Int) -> [Int] {
        var lineage: [Int] = []
        var next: Int? = group
        while let current = next, groups.indices.contains(current), !lineage.contains(current) {
            lineage.append(current)
            next = groups[current].parent
        }
        return lineage
    }
}
