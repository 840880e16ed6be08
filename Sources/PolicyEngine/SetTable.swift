import DomainLists

/// The category sets of the compiled index, laid flat: the sources of each set, longest listed
/// name first.
struct SetTable: Sendable {
    /// One source of a set.
    struct Entry: Sendable {
        let source: UInt16
        let tier: UInt8
    }

    /// How many sets there are; the set 0 always exists.
    let count: Int

    private let starts: [Int]
    private let entries: [Entry]

    init(_ sets: [CategorySet]) {
        var starts = [0]
        var entries: [Entry] = []
        for set in sets.isEmpty ? [CategorySet(tiers: [])] : sets {
            for (tier, sources) in set.tiers.enumerated() {
                // A name has at most 127 labels, so a tier below 255 holds every real case.
                let shown = UInt8(min(tier, Int(Verdict.noTier) - 1))
                for source in sources {
                    entries.append(Entry(source: source.rawValue, tier: shown))
                }
            }
            starts.append(entries.count)
        }
        count = starts.count - 1
        self.starts = starts
        self.entries = entries
    }

    /// The sources of a set; those of the set 0 where there is no such set.
    func entries(of set: Int) -> ArraySlice<Entry> {
        let known = set >= 0 && set < count ? set : 0
        return entries[starts[known]..<starts[known + 1]]
    }
}
