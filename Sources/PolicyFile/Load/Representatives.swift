public import DNSWire
import DomainLists
import PolicyEngine

/// One name that stands for a category, a list or itself in whatever asks for every one of them.
public struct Representative: Sendable {
    /// The category path that the record has for it by default, or the list, or else the name.
    public var category: String
    /// The name.
    public var name: DomainName

    /// Takes both.
    public init(category: String, name: DomainName) {
        self.category = category
        self.name = name
    }
}

extension LoadedPolicy {
    /// A name for every source of names: each category of a catalogue, each list, each kind of minimum
    /// age, and the names that the policy itself writes, those last.
    ///
    /// Reads the beginning of each list file. A list without a usable name there is left out.
    public func representatives() -> [Representative] {
        var found: [Representative] = []
        var literals: [Representative] = []
        for (number, origin) in origins.enumerated() {
            guard let name = name(of: origin, source: number) else { continue }
            var path = policy.sources[number].defaultCategory
            if case .safeSearch = origin {
                let mode = policy.safeSearch.first { Int($0.source.rawValue) == number }
                path = mode?.category ?? path
            }
            let list = policy.sources[number].listName
            let one = Representative(
                category: path.isEmpty ? list ?? "\(name)" : path, name: name)
            if case .literal = origin { literals.append(one) } else { found.append(one) }
        }
        var seen: Set<DomainName> = []
        return (found + literals).filter { seen.insert($0.name).inserted }
    }

    private func name(of origin: SourceOrigin, source: Int) -> DomainName? {
        switch origin {
        case .literal(let text, _): return text.name
        case .catalogue(let place):
            return catalogue.coreNames(of: catalogue.categories[place]).first?.name
        case .safeSearch(let place): return safeSearch?.engines[place].names.first?.name
        case .aged(let place): return catalogue.agedNames[place].names.first?.name
        case .list(let place):
            guard let list = listPlaces[place].map({ lists[$0] }) else { return nil }
            return name(inFile: list.path, source: source)
        }
    }

    /// Octets of a list file that are looked through.
    private static let octetsLookedAt = 1 << 16

    /// The first word of a list file, whatever its format, that the index knows as one of its names.
    private func name(inFile path: String, source: Int) -> DomainName? {
        guard let bytes = try? FileBytes.read(path, limit: FileBytes.maximumListBytes).bytes
        else { return nil }
        let words = bytes.prefix(Self.octetsLookedAt).split { octet in
            octet.decimalDigit == nil && octet.asciiLowercased &- 0x61 >= 26
                && !"-_.".utf8.contains(octet)
        }
        for word in words where word.contains(UInt8(ascii: ".")) {
            guard let name = DomainText.name(of: String(decoding: word, as: UTF8.self)) else {
                continue
            }
            let isListed = index.listedNames(covering: name).contains { listed in
                listed.sources.contains { Int($0.rawValue) == source }
            }
            if isListed { return name }
        }
        return nil
    }
}
