import DNSWire
import DomainLists
import LDNSBridge

/// The helpers as the program passes them in.
let helpers = ListHelpers(
    idnToASCII: { idnToASCII($0) }, readRPZ: { readRPZ($0, $1) })

/// An index of a single list, and what became of its lines.
struct OneList {
    static let source = SourceID(rawValue: 7)
    let index: DomainIndex
    let summary: ListSummary

    init(_ text: String, _ format: ListFormat? = nil, match: Coverage? = nil) {
        self.init(octets: Array(text.utf8), format, match: match)
    }

    init(octets: [UInt8], _ format: ListFormat? = nil, match: Coverage? = nil) {
        var builder = DomainIndexBuilder(helpers: helpers)
        // SAFETY: the array outlives the call.
        summary = unsafe octets.withUnsafeBytes {
            unsafe builder.addList($0, format: format, match: match, source: Self.source)
        }
        index = builder.build()
    }

    func covers(_ text: String) throws -> Bool {
        let name = try DomainName(parsing: text)
        let match = index.match(name)
        let listed = index.listedNames(covering: name)
        let isCovered = match.set != 0
        // The ways of asking agree.
        guard isCovered == (listed.first?.sources == [Self.source]),
            index.matchesBySteps(name) == [match],
            Int(match.labels) == listed.first?.name.labelCount ?? 0
        else { throw Disagreement(name: text) }
        return isCovered
    }

    struct Disagreement: Error {
        var name: String
    }

    /// Which of the name, one under it and one beside it are covered, as letters.
    func reach(_ name: String) throws -> String {
        var reach = ""
        if try covers(name) { reach += "e" }
        if try covers("under." + name) { reach += "b" }
        if try covers("deep.under." + name) != covers("under." + name) { reach += "?" }
        if try covers("q" + name.dropFirst()) { reach += "!" }
        return reach.isEmpty ? "-" : reach
    }
}

extension DomainIndex {
    /// What the look-up of a name by steps finds, as batches of queries go: after all steps, after
    /// each number of them, and with what was begun in another index.
    func matchesBySteps(_ name: DomainName) -> Set<Match> {
        var found: Set<Match> = []
        for steps in 0...3 { found.insert(match(name, steps: steps, begunIn: self)) }
        found.insert(match(name, steps: 3, begunIn: Self.other))
        return found
    }

    /// How the look-up of a name stands once all steps but the last are done.
    func lookUp(_ name: DomainName, steps: Int = 3) -> DomainIndexView.LookUp {
        var lookUp = DomainIndexView.LookUp()
        // SAFETY: pointer and count are of one array, alive for the call.
        unsafe name.wire.withUnsafeBufferPointer { wire in
            guard let base = wire.baseAddress, steps > 0 else { return }
            unsafe view.begin(base, count: wire.count, &lookUp)
            if steps > 1 { view.fetchBuckets(lookUp) }
            if steps > 2 { view.findRecords(&lookUp) }
            view.fetchRecords(lookUp)
        }
        return lookUp
    }

    private func match(_ name: DomainName, steps: Int, begunIn begun: DomainIndex) -> Match {
        let lookUp = begun.lookUp(name, steps: steps)
        // SAFETY: as above.
        return unsafe name.wire.withUnsafeBufferPointer { wire in
            guard let base = wire.baseAddress else { return Match(set: 0, labels: 0) }
            return unsafe view.match(base, count: wire.count, lookUp)
        }
    }

    private static let other = OneList("com\nexample\nwww.example.com\n", .domains).index
}
