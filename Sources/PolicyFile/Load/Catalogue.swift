public import DNSWire
public import DomainLists
public import PolicyEngine

/// The services that a policy's catalogues know: what they are, whom they are for, their names.
public struct Catalogue: Sendable {
    /// A minimum age that a service sets, and from when.
    public struct MinimumAge: Hashable, Sendable {
        /// Years.
        public var age: Int
        /// The first day on which it holds; `nil` for always.
        public var from: CivilDate?
        /// Whether it is only announced so far.
        public var isAnnounced: Bool
    }

    /// What asking for a name says about the use of a service.
    public enum NameKind: UInt8, Sendable {
        /// The service itself; only these names make the category.
        case core
        /// Serves others as well: not blocked with the category.
        case shared
        /// Other people's pages ask for it: never use of the service.
        case embedded
        /// The site itself, and a counter on other people's pages as well: it makes the category as
        /// its core names do, but asking for it alone is no sign of use.
        case pixel
    }

    /// One name of a service.
    public struct Name: Sendable {
        /// The name.
        public var name: DomainName
        /// Whether it covers what is under it.
        public var coverage: Coverage
        /// What asking for it says.
        public var kind: NameKind
        /// Where the catalogue lists it.
        public var place: SourcePlace
    }

    /// One service.
    public struct Service: Sendable {
        /// What it is called, such as `instagram`.
        public var name: String
        /// Its category, such as `social-networking`.
        public var category: String
        /// Its minimum ages, in the order of the file.
        public var minimumAges: [MinimumAge]
        /// Its names.
        public var names: [Name]
        /// Anything else worth knowing; empty if nothing is.
        public var note: String
    }

    /// A file of the catalogue: one category with its services.
    public struct Category: Sendable {
        /// What it is called in categories and rules.
        public var name: String
        /// The list (`lists:`) that brought it.
        public var listName: String
        /// The file that it was read from.
        public var file: String
        /// When its facts were checked.
        public var asOf: CivilDate?
        /// The places of its services in `Catalogue.services`.
        public var services: Range<Int>
        /// Where the category is named.
        public var place: SourcePlace
    }

    /// The built-in category that ordinary rules never block.
    public static let essentials = "essentials"
    /// The built-in category of the services that the asking group is too young for.
    public static let underAge = "under-age"

    /// The shipped category of the search engines that have no safe mode by name.
    public static let withoutSafeMode = "search-without-safe-mode"

    /// Whether a recorded decision came about because the name is a support service; `nil` stands
    /// for what the record does not name.
    public static func isEssential(rule: String?, category: String?) -> Bool {
        if rule == essentials || category == essentials { return true }
        guard let category, category.utf8.contains(UInt8(ascii: "/")) else { return false }
        return category.split(separator: "/").contains { $0 == essentials }
    }

    /// All services, category by category.
    public private(set) var services: [Service] = []
    /// All categories, in the order of the lists and of the files' names.
    public private(set) var categories: [Category] = []
    private var servicesByName: [DomainName: [(service: Int, name: Name)]] = [:]

    /// An empty catalogue.
    public init() {}

    /// The service of that name.
    public func service(named name: String) -> Service? { services.first { $0.name == name } }

    /// The service that a name belongs to, through the longest of the catalogue's names that cover
    /// it; core names come before shared ones, and those before embedded ones.
    public func service(covering name: DomainName) -> (service: Service, through: Name)? {
        var asked: DomainName? = name
        while let current = asked {
            let found = (servicesByName[current] ?? [])
                .filter { $0.name.coverage == .subtree || current == name }
                .min { $0.name.kind.rawValue < $1.name.kind.rawValue }
            if let found { return (services[found.service], found.name) }
            asked = current.parent
        }
        return nil
    }

    /// Whether asking for a name, by itself, is a sign that somebody uses what it belongs to: so are
    /// core names of services, and names that no catalogue knows.
    public func isUse(_ name: DomainName) -> Bool {
        guard let found = service(covering: name) else { return true }
        return found.service.category != Self.essentials && found.through.kind == .core
    }

    /// The core names of a category; the source of names that the policy sees.
    func coreNames(of category: Category) -> [Name] {
        services[category.services].flatMap { $0.names.filter { $0.kind == .core } }
    }

    /// The services of a list that have the same minimum ages from the same days on.
    struct AgedNames: Sendable {
        var listName: String
        var ages: [MinimumAge]
        /// The core names of these services, each with the file that lists it.
        var names: [Name] = []
    }

    /// The names whose services set minimum ages, by these ages.
    var agedNames: [AgedNames] {
        var found: [AgedNames] = []
        for category in categories {
            for service in services[category.services] where !service.minimumAges.isEmpty {
                let names = service.names.filter { $0.kind == .core }
                let known = found.firstIndex {
                    $0.listName == category.listName && $0.ages == service.minimumAges
                }
                if let known {
                    found[known].names += names
                } else {
                    found.append(
                        AgedNames(
                            listName: category.listName, ages: service.minimumAges, names: names))
                }
            }
        }
        return found
    }

    mutating func add(
        _ name: Located<String>, list: String, asOf: CivilDate?, services added: [Service]
    ) {
        let first = services.count
        for (offset, service) in added.enumerated() {
            for name in service.names {
                servicesByName[name.name, default: []].append((first + offset, name))
            }
        }
        services += added
        categories.append(
            Category(
                name: name.value, listName: list, file: name.place.file, asOf: asOf,
                services: first..<services.count, place: name.place))
    }
}
