import DNSWire
import PolicyEngine

/// One of two decisions that are compared, in words' numbers.
struct Side: Hashable {
    var action: RuleAction
    var rule: Int32

    var isBlock: Bool { action == .block }
}

/// From what to what.
struct Change: Hashable {
    var from: Side
    var to: Side
    var kind: ChangeKind
}

/// An example as it is gathered.
struct Example {
    var seq: UInt64
    var micros: Int64
    var client: IPAddress
    var group: Int32
    var name: [UInt8]
    var via: [UInt8]
    var qtype: UInt16
    var recorded: Side
    var change: Change
    var category: Int32
    var reason: Int32
}

/// The counts while rows go by.
struct ReplaySum {
    var gaps: UInt64 = 0
    var lost: UInt64 = 0
    var refused: UInt64 = 0
    var unknownChains: UInt64 = 0
    var judgedByNameAlone: UInt64 = 0
    var differingFromRecord: UInt64 = 0
    var policies: [RecordedPolicy] = []
    private var firstMicros = Int64.max
    private var lastMicros = Int64.min
    /// By group's place, the last for unknown devices.
    private var groups: [GroupChanges]
    private var categories: [Int32: ChangeCounts] = [:]
    private var changes: [Change: Gathered] = [:]
    private let examplesWanted: Int

    private struct Gathered {
        var queries: UInt64 = 0
        /// By seq.
        var examples: [Example] = []
        /// Their names: one name of many queries is one example.
        var names: Set<[UInt8]> = []
    }

    init(groups: [String], examples: Int) {
        self.groups = groups.map { GroupChanges(name: $0) } + [GroupChanges()]
        examplesWanted = examples
    }

    mutating func place(ofPolicy hash: String) -> Int {
        if let place = policies.firstIndex(where: { $0.hash == hash }) { return place }
        policies.append(RecordedPolicy(hash: hash, queries: 0, differing: 0))
        return policies.count - 1
    }

    @inline(__always)
    private func place(_ group: Int32) -> Int {
        group >= 0 && Int(group) < groups.count ? Int(group) : groups.count - 1
    }

    /// Counts a query that was judged.
    @inline(__always)
    mutating func count(group: Int32, micros: Int64) {
        groups[place(group)].queries += 1
        firstMicros = min(firstMicros, micros)
        lastMicros = max(lastMicros, micros)
    }

    /// Counts a change; says whether it is wanted as an example.
    mutating func count(
        _ change: Change, group: Int32, category: Int32, name: borrowing RecordedName, seq: UInt64
    ) -> Bool {
        groups[place(group)].changes[change.kind] += 1
        categories[category, default: ChangeCounts()][change.kind] += 1
        let isKnown = changes[change] != nil
        if !isKnown, changes.count >= ReplayLimits.changes { return false }
        changes[change, default: Gathered()].queries += 1
        guard let gathered = changes[change], examplesWanted > 0,
            gathered.examples.count < examplesWanted || seq < gathered.examples.last?.seq ?? 0
        else { return false }
        return !gathered.names.contains(name.wire)
    }

    /// Keeps an example in its place by seq, without the last where there are enough.
    mutating func keep(_ example: Example) {
        guard var gathered = changes.removeValue(forKey: example.change) else { return }
        let place = gathered.examples.firstIndex { $0.seq > example.seq }
        gathered.examples.insert(example, at: place ?? gathered.examples.count)
        gathered.names.insert(example.name)
        if gathered.examples.count > examplesWanted, let last = gathered.examples.popLast() {
            gathered.names.remove(last.name)
        }
        changes[example.change] = gathered
    }

    // MARK: The result

    func result(_ words: Words) -> ReplayResult {
        var result = ReplayResult()
        for group in groups {
            result.queries += group.queries
            result.changes += group.changes
        }
        result.groups = groups.filter { $0.queries > 0 }
        result.rules = rules(words)
        result.categories = categories.map {
            CategoryChanges(name: words.text($0), changes: $1)
        }.sorted { left, right in
            left.changes.total != right.changes.total
                ? left.changes.total > right.changes.total : left.name ?? "" < right.name ?? ""
        }
        result.examples = chosen.map { Self.inWords($0, words) }
        result.policies = policies
        result.differingFromRecord = differingFromRecord
        result.judgedByNameAlone = judgedByNameAlone
        result.unknownChains = unknownChains
        result.refused = refused
        result.gaps = gaps
        result.lost = lost
        result.firstMicros = firstMicros
        result.lastMicros = lastMicros
        return result
    }

    private func rules(_ words: Words) -> [RuleChange] {
        changes.map { change, gathered in
            RuleChange(
                from: Self.inWords(change.from, words), to: Self.inWords(change.to, words),
                kind: change.kind, queries: gathered.queries)
        }.sorted { left, right in
            if left.queries != right.queries { return left.queries > right.queries }
            if left.kind != right.kind { return left.kind.rawValue < right.kind.rawValue }
            return (left.from.rule, left.to.rule) < (right.from.rule, right.to.rule)
        }
    }

    /// Examples of each change in turn, the most frequent change first, until there are enough.
    private var chosen: [Example] {
        let shelves = changes.values.sorted {
            $0.queries != $1.queries
                ? $0.queries > $1.queries
                : $0.examples.first?.seq ?? 0 < $1.examples.first?.seq ?? 0
        }
        var chosen: [Example] = []
        var turn = 0
        while chosen.count < examplesWanted {
            let these = shelves.compactMap { turn < $0.examples.count ? $0.examples[turn] : nil }
            if these.isEmpty { break }
            chosen += these.prefix(examplesWanted - chosen.count)
            turn += 1
        }
        return chosen.sorted { $0.seq < $1.seq }
    }

    private static func inWords(_ side: Side, _ words: Words) -> ReplayDecision {
        ReplayDecision(action: side.action, rule: words.text(side.rule) ?? "")
    }

    private static func inWords(_ example: Example, _ words: Words) -> ReplayExample {
        ReplayExample(
            micros: example.micros, seq: example.seq, client: example.client,
            group: words.text(example.group),
            name: DomainName.presentation(of: example.name),
            type: RecordType(example.qtype),
            via: example.via.isEmpty ? nil : DomainName.presentation(of: example.via),
            recorded: inWords(example.recorded, words), from: inWords(example.change.from, words),
            to: inWords(example.change.to, words), kind: example.change.kind,
            category: words.text(example.category), reason: words.text(example.reason) ?? "")
    }
}
