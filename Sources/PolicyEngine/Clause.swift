import DomainLists

/// A rule as planes know it, or one part of it.
///
/// Most rules are one clause. A rule about minimum ages is several: one for everybody, without the
/// names that depend on an age, and for each age band one for each stretch of time in which the
/// names are the same. So at any instant one clause of a rule reaches an audience at most.
struct Clause: Sendable {
    /// The rule, with the names and the stretch of time of this clause.
    var rule: Rule
    /// The place of the rule among all rules.
    let place: Int
    /// The age bands for whose groups it is; `nil` for all groups.
    var bands: Set<AgeBand?>?
    /// The groups for which it is, each by itself; `nil` where the rule's own groups say it all.
    var onlyGroups: Set<Int>?
    /// Whether it goes on where the clause before it ends.
    var continues = false

    /// Whether it is for groups of an age band; `nil` stands for groups without one.
    func isFor(_ band: AgeBand?) -> Bool { bands?.contains(band) ?? true }

    /// The clauses of a rule, in order.
    static func clauses(of rule: Rule, at place: Int, in policy: Policy) -> [Clause] {
        var whole = Clause(rule: rule, place: place)
        if rule.origin == .safeSearch { whole.onlyGroups = Set(rule.groups ?? []) }
        guard case .listed(let sources) = rule.target else { return [whole] }
        let aged = sources.keys.filter { policy.info(of: $0)?.isForAges == true }.sorted()
        guard !aged.isEmpty else { return [whole] }
        let always = sources.filter { source, _ in !aged.contains(source) }
        let present = Set(policy.groups.indices.compactMap { policy.age(ofGroup: $0) })
        var others: Set<AgeBand?> = [nil]
        var clauses: [Clause] = []
        for band in AgeBand.allCases where present.contains(band) {
            let stretches = aged.map { ($0, policy.info(of: $0)?.stretches(above: band) ?? []) }
            if stretches.allSatisfy({ $0.1.isEmpty }) {
                others.insert(band)
            } else {
                clauses += Self.clauses(whole, for: band, always, stretches, sources)
            }
        }
        var rest = whole
        rest.rule.target = .listed(always)
        rest.bands = others
        return [rest] + clauses
    }

    /// The clauses for the groups of one band, each up to the next change of what is under age.
    private static func clauses(
        _ whole: Clause, for band: AgeBand, _ always: [SourceID: String],
        _ stretches: [(SourceID, [Range<Instant>])], _ paths: [SourceID: String]
    ) -> [Clause] {
        let window = whole.rule.window ?? .always
        let edges = stretches.flatMap { $0.1 }.flatMap { [$0.lowerBound, $0.upperBound] }
            .filter { window.lowerBound < $0 && $0 < window.upperBound }
        let bounds = Set(edges + [window.lowerBound, window.upperBound]).sorted()
        return zip(bounds, bounds.dropFirst()).enumerated().map { number, ends in
            var clause = whole
            let listed = stretches.filter { $0.1.contains { $0.contains(ends.0) } }.map(\.0)
            clause.rule.target = .listed(
                always.merging(listed.map { ($0, paths[$0] ?? "") }) { first, _ in first })
            clause.rule.window = ends.0..<ends.1
            clause.bands = [band]
            clause.continues = number > 0
            return clause
        }
    }
}

extension Policy {
    /// What is known of a source.
    func info(of source: SourceID) -> SourceInfo? {
        let place = Int(source.rawValue)
        return sources.indices.contains(place) ? sources[place] : nil
    }
}

extension Range<Instant> {
    /// All the time that the engine reckons with.
    static let always = Instant.earliest..<Instant.endless
}
