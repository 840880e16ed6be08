import DNSWire
import DomainLists

/// Where the names of a source come from.
enum SourceOrigin: Sendable {
    /// A list file: a place among the policy's lists.
    case list(Int)
    /// A category of the catalogue: a place among its categories.
    case catalogue(Int)
    /// The names of services with the same minimum ages: a place in `Catalogue.agedNames`.
    case aged(Int)
    /// The names of a search engine: a place in `SafeSearchCatalogue.engines`.
    case safeSearch(Int)
    /// A name that the policy itself writes.
    case literal(DomainText, SourcePlace)
}

/// Gives each source of names its number.
struct SourceTable {
    /// `SourceID` has 16 bits, and its largest value stands for none.
    static let maximumSources = 65_000

    private(set) var origins: [SourceOrigin] = []
    private var literals: [DomainText: SourceID] = [:]

    var isFull: Bool { origins.count >= Self.maximumSources }

    mutating func add(_ origin: SourceOrigin) -> SourceID {
        origins.append(origin)
        return SourceID(rawValue: UInt16(clamping: origins.count - 1))
    }

    /// The source of a name written in the policy; the same name is the same source everywhere.
    mutating func literal(_ text: DomainText, at place: SourcePlace) -> SourceID {
        if let known = literals[text] { return known }
        let source = add(.literal(text, place))
        literals[text] = source
        return source
    }
}
