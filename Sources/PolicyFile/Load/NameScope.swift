import DNSWire
import DomainLists
import PolicyEngine

/// What the words in categories and rules stand for.
struct NameScope {
    /// Categories within categories; the language's own example has two.
    static let maximumNesting = 16

    /// What a word stands for.
    enum Meaning {
        case category(Int)
        case list(SourceID)
        /// All categories of a catalogue but its essentials.
        case catalogue([(name: String, source: SourceID)])
        case catalogueCategory(name: String, source: SourceID)
        /// The services with minimum ages above the asking group's band.
        case underAge
        case literal(SourceID)
    }

    struct Category {
        var name: Located<String>
        var members: [Meaning]
        /// Whether a mistake in it, or in what it is made of, has been reported already.
        var isBroken: Bool
    }

    private(set) var categories: [Category] = []
    private(set) var sources = SourceTable()
    private var meanings: [String: Meaning] = [:]
    private var places: [String: SourcePlace] = [:]
    /// Names that a reported mistake left without a meaning.
    private var broken: Set<String> = []
    /// Whether a catalogue could not be read: then its categories' names are unknown.
    /// Whether a catalogue was reported, and what it would have brought is missing.
    private(set) var lacksCatalogue = false
    /// How many kinds of minimum ages the catalogues have, and their sources once they are used.
    private var agedCount = 0
    private var agedSources: [SourceID] = []
    private let reporter: Reporter

    init(reporter: Reporter) { self.reporter = reporter }

    /// Says how many places `Catalogue.agedNames` has.
    mutating func define(agedCount: Int) { self.agedCount = agedCount }

    /// Gives the names of a search engine, a place in `SafeSearchCatalogue.engines`, their source.
    mutating func define(safeSearch place: Int) -> SourceID { sources.add(.safeSearch(place)) }

    /// Keeps the name of a list that was reported, so that it is not also called undefined.
    mutating func define(broken name: Located<String>) {
        if claim(name, as: "a list") { broken.insert(name.value) }
    }

    /// Gives a list's name its meaning.
    mutating func define(list name: Located<String>, place: Int) {
        guard claim(name, as: "a list") else { return }
        meanings[name.value] = .list(sources.add(.list(place)))
    }

    /// Gives a catalogue's name and those of its categories their meaning.
    mutating func define(catalogue name: Located<String>, categories: [(Int, Catalogue.Category)]) {
        guard claim(name, as: "a list") else { return }
        if categories.isEmpty { lacksCatalogue = true }
        var members: [(name: String, source: SourceID)] = []
        for (place, category) in categories {
            let source = sources.add(.catalogue(place))
            let known = Located(category.name, at: category.place)
            guard claim(known, as: "a category of catalogue \"\(name.value)\"") else { continue }
            meanings[category.name] = .catalogueCategory(name: category.name, source: source)
            if category.name != Catalogue.essentials { members.append((category.name, source)) }
        }
        meanings[name.value] = .catalogue(members)
    }

    /// Whether a name is still free; reports the clash where it is not.
    private mutating func claim(_ name: Located<String>, as what: String) -> Bool {
        guard let first = places[name.value] else {
            places[name.value] = name.place
            return true
        }
        reporter.error(
            name.place,
            "\"\(name.value)\" names \(what), and something else on "
                + "\(first.file == name.place.file ? "" : "\(first.file) ")line \(first.line)",
            "a rule could mean either; rename one of them")
        return false
    }

    /// Gives the policy's categories their meaning, and looks up what they are made of.
    mutating func define(categories entries: [PolicyDocument.CategoryEntry]) {
        for entry in entries where claim(entry.name, as: "a category") {
            meanings[entry.name.value] = .category(categories.count)
            categories.append(
                Category(name: entry.name, members: [], isBroken: entry.members.isEmpty))
        }
        for entry in entries {
            guard case .category(let place) = meanings[entry.name.value],
                categories[place].name.place == entry.name.place
            else { continue }
            let members = entry.members.map { meaning(of: $0, in: "category") }
            categories[place].members = members.compactMap(\.self)
            if members.contains(where: { $0 == nil }) { categories[place].isBroken = true }
        }
        refuseCycles()
    }

    private mutating func refuseCycles() {
        let edges = categories.map { category in
            category.members.compactMap { member in
                if case .category(let place) = member { place } else { nil }
            }
        }
        let cycles = Cycles.find(edges)
        for cycle in cycles {
            guard let first = cycle.min(), let turn = cycle.firstIndex(of: first) else { continue }
            let names = (cycle[turn...] + cycle[..<turn] + [first]).map {
                categories[$0].name.value
            }
            reporter.error(
                categories[first].name.place,
                "category \"\(categories[first].name.value)\" holds itself: "
                    + names.joined(separator: " -> "), "take one out of the other")
            for place in cycle { categories[place].isBroken = true }
        }
        guard cycles.isEmpty else {
            for place in categories.indices {
                categories[place].members.removeAll {
                    if case .category = $0 { true } else { false }
                }
                categories[place].isBroken = true
            }
            return
        }
        refuseDepth(edges)
    }

    /// Without cycles, levels are counted until nothing changes, at most to one past the limit.
    private mutating func refuseDepth(_ edges: [[Int]]) {
        var levels = [Int](repeating: 1, count: edges.count)
        for _ in 0..<Self.maximumNesting {
            var changed = false
            for place in edges.indices {
                let level = 1 + (edges[place].map { levels[$0] }.max() ?? 0)
                guard level > levels[place], levels[place] <= Self.maximumNesting else { continue }
                levels[place] = level
                changed = true
            }
            if !changed { return }
        }
        for place in edges.indices where levels[place] > Self.maximumNesting {
            reporter.error(
                categories[place].name.place,
                "category \"\(categories[place].name.value)\" is nested more than "
                    + "\(Self.maximumNesting) deep", "flatten it")
            categories[place].members = []
            categories[place].isBroken = true
        }
    }

    /// What a word stands for; `nil` once it is reported.
    mutating func meaning(of word: Located<String>, in what: String) -> Meaning? {
        if let meaning = meanings[word.value] { return meaning }
        if broken.contains(word.value) { return nil }
        if word.value == "everything" {
            reporter.error(
                word.place, "\"everything\" is no part of a \(what)",
                "write it in a rule, in place of the list")
            return nil
        }
        if word.value == Catalogue.underAge { return underAge(word) }
        guard DomainText.isMeant(by: word.value) else {
            let known = (Array(meanings.keys) + broken).sorted()
            // Most likely a category of the catalogue, whose mistake has been reported.
            if lacksCatalogue, NearestName.of(word.value, among: known) == nil { return nil }
            reporter.error(
                word.place, "\"\(word.value)\" is no category, no list and no domain name",
                NearestName.advice(
                    for: word.value, among: known,
                    otherwise: "define it under categories: or lists:"))
            return nil
        }
        guard let text = DomainText.read(word, reporter: reporter) else { return nil }
        guard !sources.isFull else {
            reporter.error(
                word.place, "the policy writes more than \(SourceTable.maximumSources) names",
                "put them into a list file")
            return nil
        }
        return .literal(sources.literal(text, at: word.place))
    }

    private mutating func underAge(_ word: Located<String>) -> Meaning? {
        if agedSources.isEmpty { agedSources = (0..<agedCount).map { sources.add(.aged($0)) } }
        if !agedSources.isEmpty { return .underAge }
        if lacksLists { return nil }
        reporter.error(
            word.place, "\"under-age\" is empty: no service with a minimum age is known",
            "name the shipped catalogue under lists:, such as services: { catalogue: FOLDER }")
        return nil
    }

    /// Whether all that a word stands for is known: no mistake was reported within it.
    func isSound(_ meaning: Meaning) -> Bool {
        guard case .category(let place) = meaning else { return true }
        var open = [place]
        var visited: Set<Int> = []
        while let next = open.popLast() {
            guard visited.insert(next).inserted else { continue }
            if categories[next].isBroken { return false }
            for case .category(let inner) in categories[next].members { open.append(inner) }
        }
        return true
    }

    /// Every source that an operand reaches, each with the category path down to it.
    func expand(_ meaning: Meaning) -> [SourceID: String] {
        var found: [SourceID: String] = [:]
        var visited: Set<Int> = []
        switch meaning {
        case .category(let place):
            visited.insert(place)
            expand(place, path: categories[place].name.value, &visited, into: &found)
        default:
            expand(meaning, path: "", &visited, into: &found)
        }
        return found
    }

    private func expand(
        _ place: Int, path: String, _ visited: inout Set<Int>, into found: inout [SourceID: String]
    ) {
        for member in categories[place].members {
            expand(member, path: path, &visited, into: &found)
        }
    }

    /// The nesting limit bounds the recursion, `visited` the work.
    private func expand(
        _ meaning: Meaning, path: String, _ visited: inout Set<Int>,
        into found: inout [SourceID: String]
    ) {
        func record(_ source: SourceID, _ path: String) {
            if found[source] == nil { found[source] = path }
        }
        func below(_ name: String) -> String { path.isEmpty ? name : "\(path)/\(name)" }
        switch meaning {
        case .list(let source), .literal(let source):
            record(source, path)
        case .catalogueCategory(let name, let source):
            record(source, below(name))
        case .underAge:
            for source in agedSources { record(source, below(Catalogue.underAge)) }
        case .catalogue(let members):
            for member in members { record(member.source, below(member.name)) }
        case .category(let inner):
            guard visited.insert(inner).inserted else { return }
            expand(inner, path: below(categories[inner].name.value), &visited, into: &found)
        }
    }

    /// For each source, the category path from the outermost category that holds it.
    func defaultCategories() -> [SourceID: String] {
        var paths: [SourceID: String] = [:]
        var isMember = [Bool](repeating: false, count: categories.count)
        for category in categories {
            for case .category(let place) in category.members { isMember[place] = true }
        }
        for place in categories.indices where !isMember[place] {
            paths.merge(expand(.category(place))) { first, _ in first }
        }
        for meaning in meanings.values {
            guard case .catalogueCategory(let name, let source) = meaning else { continue }
            if paths[source] == nil { paths[source] = name }
        }
        return paths
    }

    /// The category of official channels, if the policy or a catalogue has one.
    var officialChannels: Meaning? { meanings[Suspension.officialChannels] }

    /// The source of the built-in category of essentials, if a catalogue has it.
    var essentials: SourceID? { catalogueCategory(Catalogue.essentials) }

    /// The source of a category, if a catalogue has it.
    func catalogueCategory(_ name: String) -> SourceID? {
        guard case .catalogueCategory(_, let source) = meanings[name] else { return nil }
        return source
    }

    /// Whether a catalogue or another list was reported, so that a category may be missing.
    var lacksLists: Bool { lacksCatalogue || !broken.isEmpty }
}
