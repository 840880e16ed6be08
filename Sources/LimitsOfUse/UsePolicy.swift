public import PolicyEngine
public import PolicyFile

/// What counting use needs to know of a policy.
public struct UsePolicy: Sendable {
    /// The policy.
    public let policy: Policy
    /// Which names of a service are a sign of use.
    public let catalogue: Catalogue
    /// For each limit, the category paths that the record has where the default decided.
    let recordedPaths: [Set<String>]
    /// The limits of each group.
    let limitsOfGroup: [String: UInt64]
    /// The devices that are the college's own.
    let collegeDevices: Set<String>

    /// Takes what it needs of a policy that was loaded.
    public init(_ loaded: LoadedPolicy) {
        self.init(policy: loaded.policy, catalogue: loaded.catalogue)
    }

    /// Takes policy and catalogue.
    public init(policy: Policy, catalogue: Catalogue) {
        self.policy = policy
        self.catalogue = catalogue
        recordedPaths = policy.useLimits.map { policy.recordedPaths(of: $0) }
        var limits: [String: UInt64] = [:]
        for (place, group) in policy.groups.enumerated() {
            limits[group.name] = policy.useLimits(ofGroup: place).reduce(0) { $0 | 1 << UInt64($1) }
        }
        limitsOfGroup = limits
        collegeDevices = Set(policy.devices.filter { $0.kind == .college }.map(\.name))
    }

    /// The categories of which rows are wanted, as a filter of the log takes them: nothing else can
    /// be use that is limited.
    public var categories: [String] {
        Set(policy.useLimits.map(\.category)).union(recordedPaths.joined()).sorted()
    }

    /// The limits, one bit each, that a recorded decision falls under by its category.
    ///
    /// What a rule let through counts where the record gives the limit's category for it: a name that
    /// a rule carves out (reference works, official channels) is recorded by that rule's category,
    /// and is no use of the other.
    func limits(ofCategory path: String, isDefault: Bool) -> UInt64 {
        var bits: UInt64 = 0
        for (place, limit) in policy.useLimits.enumerated()
        where path.isUnder(limit.category) || isDefault && recordedPaths[place].contains(path) {
            bits |= 1 << UInt64(place)
        }
        return bits
    }
}

extension String {
    /// Whether a category path leads through a category.
    fileprivate func isUnder(_ category: String) -> Bool {
        split(separator: "/").contains { $0 == category }
    }
}
