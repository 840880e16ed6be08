public import DomainLists

/// The policy's switch against ways round the filter: for whom they are closed.
public struct BypassSwitch: Sendable {
    /// The groups as written (places in `Policy.groups`), whose heirs are reached as well; `nil`
    /// for all.
    public var groups: [Int]?
    /// Whether HTTPS and SVCB answers to these groups go without the keys of Encrypted Client
    /// Hello and without address hints.
    public var stripsECH: Bool

    /// Takes the parts.
    public init(groups: [Int]?, stripsECH: Bool = true) {
        self.groups = groups
        self.stripsECH = stripsECH
    }

    /// What the log and `explain` call the rule that closes ways round; also the catalogue's
    /// category that it is about.
    public static let ruleID = "bypass"
    /// What they call the rule for names by which devices ask, by themselves, whether to stay with
    /// this resolver; also the catalogue's category.
    public static let signalsRuleID = "bypass-signals"

    /// The rules that put it into effect.
    ///
    /// Signals come first and are no concern: every phone asks them, whoever holds it.
    ///
    /// - Parameters:
    ///   - signals: the sources of signals.
    ///   - ways: the sources of ways round, with their category paths.
    ///   - operands: what `ways` was written as.
    ///   - concern: how grave an attempt is.
    public func rules(
        signals: SourceID, ways: [SourceID: String], operands: [String], concern: Concern
    ) -> [Rule] {
        [
            Rule(
                id: Self.signalsRuleID, action: .block,
                target: .listed([signals: Self.signalsRuleID]), operands: [Self.signalsRuleID],
                groups: groups, reason: "Devices stay with this network's own name service.",
                origin: .bypass),
            Rule(
                id: Self.ruleID, action: .block, target: .listed(ways), operands: operands,
                groups: groups, concern: concern,
                reason: "Ways round the filter are closed: VPNs, proxies, name services elsewhere.",
                origin: .bypass),
        ]
    }
}

extension Policy {
    /// Whether HTTPS and SVCB answers to clients of a group go without ECH keys and address hints.
    public func stripsECH(forGroup group: Int) -> Bool {
        guard let bypass, bypass.stripsECH else { return false }
        guard let groups = bypass.groups else { return true }
        return lineage(of: group).contains(where: groups.contains)
    }
}
