import DNSWire
import DomainLists
import Testing

/// Random lists in all formats, asked through the index and through the slow way: every listing
/// compared with the name, one by one, by their text.
@Suite struct OracleTests {
    enum Kind: CaseIterable { case block, exception, passthrough, important, importantException }
    enum Reach: CaseIterable { case exact, below, subtree }

    struct Listing {
        var name: String
        var kind: Kind
        var reach: Reach

        /// Labels of the listed name where the listing reaches `asked`.
        func labels(reaching asked: String) -> Int? {
            let isReached =
                asked == name ? reach != .below : asked.hasSuffix("." + name) && reach != .exact
            return isReached ? name.split(separator: ".").count : nil
        }

        /// The listing as a line; `nil` where the format cannot say it.
        func line(_ format: ListFormat) -> String? {
            switch (format, kind, reach) {
            case (.hosts, .block, .exact): "0.0.0.0 \(name)"
            case (.domains, .block, .exact): "=\(name)"
            case (.domains, .block, .subtree): name
            case (.wildcard, .block, .subtree): "*.\(name)"
            case (.dnsmasq, .block, .subtree): "address=/\(name)/0.0.0.0"
            case (.dnsmasq, .passthrough, .subtree): "server=/\(name)/#"
            case (.rpz, .block, .exact): "\(name) CNAME ."
            case (.rpz, .block, .below): "*.\(name) CNAME *."
            case (.rpz, .passthrough, .exact): "\(name) CNAME rpz-passthru."
            case (.rpz, .passthrough, .below): "*.\(name) CNAME rpz-passthru."
            case (.adblock, _, _) where kind != .passthrough: adblockLine
            default: nil
            }
        }

        private var adblockLine: String {
            let isException = kind == .exception || kind == .importantException
            let isImportant = kind == .important || kind == .importantException
            let anchor =
                switch reach {
                case .exact: "|"
                case .below: "||*."
                case .subtree: "||"
                }
            return (isException ? "@@" : "") + anchor + name + "^"
                + (isImportant ? "$important" : "")
        }
    }

    /// Labels of the longest name through which the list covers `asked`.
    private func labels(of list: [Listing], covering asked: String) -> Int? {
        func longest(_ kind: Kind) -> Int {
            list.filter { $0.kind == kind }.compactMap { $0.labels(reaching: asked) }.max() ?? -1
        }
        if longest(.importantException) >= 0 { return nil }
        var best = longest(.important)
        if longest(.exception) < 0, longest(.block) > longest(.passthrough) {
            best = max(best, longest(.block))
        }
        return best < 0 ? nil : best
    }

    private static func name(_ random: inout SplitMix, labels: ClosedRange<Int>) -> String {
        let words = ["a", "b", "c", "_x", "-y", "xn--mller-kva", "longer-than-eight", "1"]
        let count = Int.random(in: labels, using: &random)
        let tops = ["com", "net", "example"]
        var all = (1..<max(count, 1)).map { _ in words[random.below(words.count)] }
        all.append(tops[random.below(tops.count)])
        return all.joined(separator: ".")
    }

    @Test(arguments: 0..<60)
    func agrees(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        var builder = DomainIndexBuilder(helpers: helpers)
        var lists: [[Listing]] = []
        for number in 0..<6 {
            let format = ListFormat.allCases[random.below(ListFormat.allCases.count)]
            var listings: [Listing] = []
            var text = format == .rpz ? "$TTL 60\n" : ""
            for _ in 0..<(1 + random.below(40)) {
                let listing = Listing(
                    name: Self.name(&random, labels: 1...5),
                    kind: random.below(3) == 0
                        ? Kind.allCases[random.below(Kind.allCases.count)] : .block,
                    reach: Reach.allCases[random.below(Reach.allCases.count)])
                guard let line = listing.line(format) else { continue }
                listings.append(listing)
                text += line + "\n"
            }
            let octets = Array(text.utf8)
            // SAFETY: the array outlives the call.
            let summary = unsafe octets.withUnsafeBytes {
                unsafe builder.addList(
                    $0, format: format, match: nil, source: SourceID(rawValue: UInt16(number)))
            }
            #expect(summary.unusableCount == 0)
            let listed = Set(
                listings.filter { $0.kind == .block || $0.kind == .important }.map(\.name))
            #expect(summary.names == listed.count)
            lists.append(listings)
        }
        let single = Listing(
            name: Self.name(&random, labels: 2...3), kind: .block,
            reach: random.below(2) == 0 ? .exact : .subtree)
        builder.add(
            try DomainName(parsing: single.name),
            coverage: single.reach == .exact ? .exact : .subtree, source: SourceID(rawValue: 6))
        lists.append([single])
        let index = builder.build()
        let allListed = lists.joined().filter { $0.kind == .block || $0.kind == .important }
        #expect(index.nameCount == Set(allListed.map(\.name)).count)
        for _ in 0..<500 {
            try check(Self.name(&random, labels: 1...7), lists, index)
        }
        for listing in allListed {
            try check(listing.name, lists, index)
            try check("sub." + listing.name, lists, index)
        }
    }

    private func check(_ asked: String, _ lists: [[Listing]], _ index: DomainIndex) throws {
        var expected: [Int: [SourceID]] = [:]
        for (number, list) in lists.enumerated() {
            if let labels = labels(of: list, covering: asked) {
                expected[labels, default: []].append(SourceID(rawValue: UInt16(number)))
            }
        }
        let tiers = expected.sorted { $0.key > $1.key }
        let name = try DomainName(parsing: asked)
        let match = index.match(name)
        #expect(index.matchesBySteps(name) == [match], "\(asked)")
        #expect(index.sets[Int(match.set)].tiers == tiers.map(\.value), "\(asked)")
        #expect(Int(match.labels) == tiers.first?.key ?? 0, "\(asked)")
        let listed = index.listedNames(covering: name)
        #expect(listed.map(\.sources) == tiers.map(\.value), "\(asked)")
        #expect(listed.map(\.name) == tiers.map { name.suffix(labels: $0.key) }, "\(asked)")
    }
}
