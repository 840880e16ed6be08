public import DNSWire
import DomainLists

/// A device or an address whose access to the internet is suspended for a time: by a person.
public struct Suspension: Sendable {
    /// Its device, as a place in `Policy.devices`; `nil` where it is about addresses.
    public var device: Int?
    /// Its addresses.
    public var networks: [IPNetwork]
    /// While it holds; the end is no longer in it.
    public var window: Range<Instant>

    /// Takes the parts.
    public init(device: Int? = nil, networks: [IPNetwork] = [], window: Range<Instant>) {
        self.device = device
        self.networks = networks
        self.window = window
    }

    /// What the log and `explain` call the rule of a suspension.
    public static let ruleID = "suspended"
    /// What they call the rule that keeps official channels open meanwhile.
    public static let officialRuleID = "open-while-suspended"
    /// What the network may know of a suspension. Why it is there concerns a person.
    public static let notice = "Internet access of this device is suspended."

    /// The rules that put it into effect: first what stays open, then the block.
    func rules(officialChannels: [SourceID: String]) -> [Rule] {
        var block = Rule(
            id: Self.ruleID, action: .block, target: .everything, groups: [],
            reason: Self.notice, origin: .suspension)
        block.devices = device.map { [$0] } ?? []
        block.networks = networks
        block.window = window
        guard !officialChannels.isEmpty else { return [block] }
        var open = block
        open.id = Self.officialRuleID
        open.action = .allow
        open.target = .listed(officialChannels)
        open.operands = [Self.officialChannels]
        open.reason = "Official channels stay open during a suspension."
        return [open, block]
    }

    /// The category whose names stay open.
    public static let officialChannels = "official-channels"
}
