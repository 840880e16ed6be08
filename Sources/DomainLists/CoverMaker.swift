/// Which sources cover the names at and under each node, worked out from the top of the tree down.
///
/// A node inherits what its parent passes down, adds what is listed at itself, and the outcome is
/// kept once for all nodes that come to the same: millions of names have a handful of outcomes.
struct CoverMaker: ~Copyable {
    /// What covers a name: a set of sources, and how many labels the name of each tier has.
    struct Cover: Hashable {
        var set: UInt32
        var tierLabels: [UInt8]

        static let none = Cover(set: 0, tierLabels: [])
    }

    /// What the index keeps for a node: the cover of the name itself and of the names under it.
    struct Pair: Hashable {
        var exact: Cover
        var below: Cover
    }

    /// What has been said of one source on the way down to a node, for the names under it.
    private struct Standing: Hashable {
        var source: SourceID
        /// Labels of the longest name that a plain block lists; -1 for none.
        var blocked: Int16 = -1
        /// The same for blocks that no plain exception undoes.
        var important: Int16 = -1
        var isExcepted = false
        var isExceptedAlways = false

        /// Labels of the longest listed name that counts; `nil` where the source does not cover.
        var labels: UInt8? {
            if isExceptedAlways { return nil }
            let longest = max(isExcepted ? -1 : blocked, important)
            return longest < 0 ? nil : UInt8(truncatingIfNeeded: longest)
        }

        mutating func apply(_ bits: ListingBits, _ reach: Reach, labels: Int16) {
            if bits.says(.block, reach) { blocked = labels }
            if bits.says(.passthrough, reach) { blocked = -1 }
            if bits.says(.importantBlock, reach) { important = labels }
            if bits.says(.exception, reach) { isExcepted = true }
            if bits.says(.importantException, reach) { isExceptedAlways = true }
        }
    }

    /// What one source says at one node.
    struct Said: Hashable {
        var source: SourceID
        var bits: ListingBits
    }

    private struct Question: Hashable {
        var state: UInt32
        var saying: UInt32
        var labels: UInt8
    }

    private struct Answer {
        var pair: UInt32
        var state: UInt32
    }

    private(set) var sets: [CategorySet] = [.empty]
    private(set) var pairs: [Pair] = []
    private var setNumbers: [CategorySet: UInt32] = [.empty: 0]
    private var pairNumbers: [Pair: UInt32] = [:]
    /// States are what a node passes down; state 0 is the root's before anything is listed.
    private var states: [[Standing]] = [[]]
    private var stateNumbers: [[Standing]: UInt32] = [[]: 0]
    /// The pair of a node that lists nothing and stands under a node of that state.
    private var unlistedPairs: [UInt32?] = [nil]
    private var sayings: [[Said]] = []
    private var sayingNumbers: [[Said]: UInt32] = [:]
    private var singleSayings: [Said: UInt32] = [:]
    private var answers: [Question: Answer] = [:]
    /// The last question, since neighbours in a list ask the same.
    private var lastQuestion: Question?
    private var lastAnswer = Answer(pair: 0, state: 0)
    private var lastSaid: Said?
    private var lastSaying: UInt32 = 0

    /// The pair of each node and, for each node, the state it passes down; both by node number.
    mutating func cover(_ tree: borrowing NameTree) -> [UInt32] {
        let count = tree.nodes.count
        var nodePairs = [UInt32](repeating: 0, count: count)
        var nodeStates = [UInt32](repeating: 0, count: count)
        for number in 0..<count {
            let node = tree.nodes[number]
            let inherited = number == 0 ? 0 : nodeStates[Int(node.parent)]
            if node.entries == 0 {
                nodePairs[number] = unlistedPair(inherited)
                nodeStates[number] = inherited
                continue
            }
            let question = Question(
                state: inherited, saying: saying(tree, node.entries), labels: node.depth)
            let answer = answer(question)
            nodePairs[number] = answer.pair
            nodeStates[number] = answer.state
        }
        return nodePairs
    }

    private mutating func saying(_ tree: borrowing NameTree, _ first: UInt32) -> UInt32 {
        let entry = tree.entries[Int(first) - 1]
        if entry.next == 0 {
            let said = Said(source: entry.source, bits: ListingBits(rawValue: entry.bits))
            if said == lastSaid { return lastSaying }
            let number = singleSayings[said] ?? number([said])
            singleSayings[said] = number
            lastSaid = said
            lastSaying = number
            return number
        }
        var all: [Said] = []
        var place = first
        while place != 0 {
            let entry = tree.entries[Int(place) - 1]
            all.append(Said(source: entry.source, bits: ListingBits(rawValue: entry.bits)))
            place = entry.next
        }
        all.sort { $0.source < $1.source }
        return number(all)
    }

    private mutating func number(_ all: [Said]) -> UInt32 {
        if let known = sayingNumbers[all] { return known }
        let number = UInt32(sayings.count)
        sayings.append(all)
        sayingNumbers[all] = number
        return number
    }

    private mutating func answer(_ question: Question) -> Answer {
        if question == lastQuestion { return lastAnswer }
        let answer = answers[question] ?? work(question)
        answers[question] = answer
        lastQuestion = question
        lastAnswer = answer
        return answer
    }

    private mutating func work(_ question: Question) -> Answer {
        var exact: [SourceID: Standing] = [:]
        for standing in states[Int(question.state)] { exact[standing.source] = standing }
        var below = exact
        for said in sayings[Int(question.saying)] {
            let labels = Int16(question.labels)
            exact[said.source, default: Standing(source: said.source)]
                .apply(said.bits, .exact, labels: labels)
            below[said.source, default: Standing(source: said.source)]
                .apply(said.bits, .below, labels: labels)
        }
        let passedDown = below.values
            .filter { $0 != Standing(source: $0.source) }
            .sorted { $0.source < $1.source }
        let state = stateNumber(passedDown)
        let pair = Pair(exact: cover(Array(exact.values)), below: cover(passedDown))
        return Answer(pair: pairNumber(pair), state: state)
    }

    private mutating func unlistedPair(_ state: UInt32) -> UInt32 {
        if let known = unlistedPairs[Int(state)] { return known }
        let cover = cover(states[Int(state)])
        let number = pairNumber(Pair(exact: cover, below: cover))
        unlistedPairs[Int(state)] = number
        return number
    }

    private mutating func stateNumber(_ state: [Standing]) -> UInt32 {
        if let known = stateNumbers[state] { return known }
        let number = UInt32(states.count)
        states.append(state)
        unlistedPairs.append(nil)
        stateNumbers[state] = number
        return number
    }

    private mutating func pairNumber(_ pair: Pair) -> UInt32 {
        if let known = pairNumbers[pair] { return known }
        let number = UInt32(pairs.count)
        pairs.append(pair)
        pairNumbers[pair] = number
        return number
    }

    private mutating func cover(_ standings: [Standing]) -> Cover {
        var tiers: [UInt8: [SourceID]] = [:]
        for standing in standings {
            if let labels = standing.labels { tiers[labels, default: []].append(standing.source) }
        }
        guard !tiers.isEmpty else { return .none }
        let longestFirst = tiers.sorted { $0.key > $1.key }
        let set = CategorySet(tiers: longestFirst.map { $0.value.sorted() })
        let number: UInt32
        if let known = setNumbers[set] {
            number = known
        } else {
            number = UInt32(sets.count)
            sets.append(set)
            setNumbers[set] = number
        }
        return Cover(set: number, tierLabels: longestFirst.map(\.key))
    }
}
