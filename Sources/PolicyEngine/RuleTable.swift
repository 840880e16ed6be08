import DNSWire
import DomainLists

/// Which clauses reach an audience, and which are about a source: bit sets with one bit a clause.
///
/// Clauses, here called rules, stand in the order of evaluation, so the lowest bit that is left after all conditions
/// is the deciding rule.
struct RuleTable: Sendable {
    /// Words of 64 rules in each bit set.
    let wordCount: Int
    /// The row of each audience, and at the end the row of a client that is in none.
    ///
    /// Audiences that the same rules reach share a row: their verdicts are the same.
    let rowOfAudience: [UInt32]
    /// How many distinct rows there are.
    let rowCount: Int
    /// Rules that are about every name.
    let everything: [UInt64]

    private let reach: ClauseReach
    private let rowOfMask: [RuleMask: UInt32]
    private let audienceMasks: [UInt64]
    private let rowOfSource: [UInt32]
    private let sourceMasks: [UInt64]
    /// For each source the rules that list it, with the category that is recorded then; ordered.
    private let listingStarts: [Int]
    private let listings: [Listing]

    private struct Listing: Sendable {
        let rule: UInt16
        let category: UInt16
    }

    init(
        clauses: [Clause], policy: Policy, audiences: AudienceMap, categories: [String: UInt16]
    ) {
        let wordCount = max(1, (clauses.count + 63) / 64)
        self.wordCount = wordCount
        var everything = RuleMask(wordCount: wordCount)
        var bySource = [[Listing]](repeating: [], count: Self.sourceCount(clauses, policy))
        for (place, clause) in clauses.enumerated() {
            switch clause.rule.target {
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

        var rows = MaskRows(wordCount: wordCount)
        let reach = ClauseReach(clauses, policy: policy, audiences: audiences, wordCount)
        rowOfAudience =
            audiences.audiences.map { rows.row(of: reach.mask(of: $0)) }
            + [rows.row(of: reach.ofNobody)]
        for audience in audiences.others { _ = rows.row(of: reach.mask(of: audience)) }
        for audience in Self.prepared(policy, audiences, named: reach.devices) {
            _ = rows.row(of: reach.mask(of: audience))
        }
        self.reach = reach
        rowOfMask = rows.rows
        audienceMasks = rows.words
        rowCount = rows.count

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

    /// Whoever may turn up where the policy is not to say beforehand: each group, by itself and as
    /// each of the devices that rules name and that go by more than their address.
    private static func prepared(
        _ policy: Policy, _ audiences: AudienceMap, named: [Int]
    ) -> [Audience] {
        guard policy.asksWhoIsThere else { return [] }
        let roaming = Set(policy.devices.indices.filter { policy.devices[$0].roams })
        let devices: [[Int]] = [[]] + named.filter(roaming.contains).map { [$0] }
        let scopes = Set(audiences.audiences.map(\.scopes)).sorted {
            $0.lexicographicallyPrecedes($1)
        }
        var prepared: [Audience] = []
        for (scopes, devices) in scopes.flatMap({ scopes in devices.map { (scopes, $0) } }) {
            guard prepared.count < PolicyLimits.preparedRows else { break }
            prepared += policy.groups.indices.map {
                Audience(group: $0, devices: devices, scopes: scopes)
            }
        }
        return prepared
    }

    /// The row of an audience, which need not be one of those that it was made for; `nil` where no
    /// row has just its rules.
    func row(of audience: Audience) -> Int? { rowOfMask[reach.mask(of: audience)].map(Int.init) }

    /// The rules that reach a row of audiences, 64 of them.
    func rules(reachingRow row: Int, word: Int) -> UInt64 { audienceMasks[row * wordCount + word] }

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

    private static func sourceCount(_ clauses: [Clause], _ policy: Policy) -> Int {
        let named = clauses.lazy.compactMap { clause -> Int? in
            guard case .listed(let sources) = clause.rule.target else { return nil }
            return sources.keys.max().map { Int($0.rawValue) + 1 }
        }
        return max(policy.sources.count, named.max() ?? 0)
    }
}

/// A set of rules.
private struct RuleMask: Hashable, Sendable {
    private(set) var words: [UInt64]

    init(wordCount: Int) { words = .init(repeating: 0, count: wordCount) }

    mutating func insert(_ rule: Int) { words[rule / 64] |= 1 << UInt64(rule % 64) }
}

/// Which clauses reach which audience.
private struct ClauseReach: Sendable {
    /// The clauses that reach a client of no audience: those for everybody.
    let ofNobody: RuleMask
    private let ofGroup: [RuleMask]
    /// The clauses that reach each device, and clients of each scope, beside those of their group.
    private var ofDevice: [Int: [Int]] = [:]
    private var ofScope: [Int: [Int]] = [:]
    private let clauses: [Clause]
    private let ages: [AgeBand?]

    init(_ clauses: [Clause], policy: Policy, audiences: AudienceMap, _ wordCount: Int) {
        func mask(_ reaches: (Clause) -> Bool) -> RuleMask {
            var mask = RuleMask(wordCount: wordCount)
            for (place, clause) in clauses.enumerated() where reaches(clause) { mask.insert(place) }
            return mask
        }
        self.clauses = clauses
        let ages = policy.groups.indices.map { policy.age(ofGroup: $0) }
        self.ages = ages
        ofNobody = mask { $0.rule.groups == nil && $0.isFor(nil) }
        ofGroup = policy.groups.indices.map { group in
            let lineage = policy.lineage(of: group)
            return mask {
                $0.rule.reaches(lineage) && $0.isFor(ages[group])
                    && $0.onlyGroups?.contains(group) ?? true
            }
        }
        var scopes: [IPNetwork: Int] = [:]
        for (place, network) in audiences.scopes.enumerated() { scopes[network] = place }
        for (place, clause) in clauses.enumerated() {
            for device in clause.rule.devices { ofDevice[device, default: []].append(place) }
            for scope in clause.rule.networks.compactMap({ scopes[$0] }) {
                ofScope[scope, default: []].append(place)
            }
        }
    }

    /// The devices that clauses name, in order.
    var devices: [Int] { ofDevice.keys.sorted() }

    func mask(of audience: Audience) -> RuleMask {
        guard ofGroup.indices.contains(audience.group) else { return ofNobody }
        var mask = ofGroup[audience.group]
        let ofScopes = audience.scopes.flatMap { ofScope[$0] ?? [] }
        for place in audience.devices.flatMap({ ofDevice[$0] ?? [] }) + ofScopes
        where clauses[place].isFor(ages[audience.group]) { mask.insert(place) }
        return mask
    }
}

/// Distinct sets of rules, one after the other.
private struct MaskRows {
    private(set) var words: [UInt64] = []
    private(set) var count = 0
    private(set) var rows: [RuleMask: UInt32] = [:]
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
