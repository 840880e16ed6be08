import DNSWire
public import PolicyEngine
public import PolicyFile

/// What a review needs to know of the policy and its lists.
public struct ReviewPolicy: Sendable {
    /// The policy in force.
    public var policy: Policy
    /// The hash under which the log knows it.
    public var hash: String
    /// The services by name: which names are essentials, and which are ways round the filter.
    public var catalogue: Catalogue
    /// The lists.
    public var lists: [List]

    /// A list of names and how old it is.
    public struct List: Sendable {
        /// Its name under `lists:`; with the category, where it is a part of a catalogue.
        public var name: String
        /// How many names it has.
        public var names: Int
        /// When its file was last changed, in seconds since 1970 UTC.
        public var modifiedSeconds: Int64

        /// Takes the parts.
        public init(name: String, names: Int, modifiedSeconds: Int64) {
            self.name = name
            self.names = names
            self.modifiedSeconds = modifiedSeconds
        }
    }

    /// Takes the parts.
    public init(
        policy: Policy, hash: String, catalogue: Catalogue = Catalogue(), lists: [List] = []
    ) {
        self.policy = policy
        self.hash = hash
        self.catalogue = catalogue
        self.lists = lists
    }

    /// Takes what a review needs from a policy that was loaded.
    public init(_ loaded: LoadedPolicy) {
        self.init(
            policy: loaded.policy, hash: loaded.hash, catalogue: loaded.catalogue,
            lists: loaded.lists.map { list in
                List(
                    name: list.category.map { "\(list.name)/\($0)" } ?? list.name,
                    names: list.names, modifiedSeconds: list.modifiedSeconds)
            })
    }

    /// The catalogue's categories of ways round the filter, and of names that devices ask by
    /// themselves, whoever holds them.
    static let bypass = BypassSwitch.ruleID
    static let signals = BypassSwitch.signalsRuleID

    /// Whether a name belongs to a support service, whatever decided about it.
    func isEssential(_ name: String) -> Bool {
        service(of: name)?.category == Catalogue.essentials
    }

    /// The service that a name of the log belongs to.
    func service(of name: String) -> Catalogue.Service? {
        guard let name = try? DomainName(parsing: name) else { return nil }
        return catalogue.service(covering: name)?.service
    }

    /// Whether the policy can tell ways round the filter from other names at all.
    var knowsBypass: Bool {
        catalogue.categories.contains { $0.name == Self.bypass }
            || policy.sources.contains {
                $0.defaultCategory.split(separator: "/").contains("bypass")
            }
    }
}
