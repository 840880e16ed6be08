public import DNSWire

/// A device that the policy knows by name.
public struct Device: Sendable {
    /// What kind of a thing it is.
    public enum Kind: UInt8, CaseIterable, Sendable {
        /// The college's own.
        case college
        /// Somebody's own.
        case personal
        /// Somebody's own telephone.
        case phone
    }

    /// The name as written; goes into the record.
    public var name: String
    /// Its addresses; each beats every network.
    public var addresses: [IPAddress]
    /// Its hardware addresses: it is wherever one of them is.
    public var hardware: [HardwareAddress]
    /// The identities that stand for it, folded: it is wherever one of them has logged in.
    public var identities: [String]
    /// What it is, where the policy says so.
    public var kind: Kind?
    /// Its group, as a place in `Policy.groups`; `nil` where that is as without the device.
    public var group: Int?

    /// Takes the parts.
    public init(
        name: String, addresses: [IPAddress] = [], hardware: [HardwareAddress] = [],
        identities: [String] = [], kind: Kind? = nil, group: Int?
    ) {
        self.name = name
        self.addresses = addresses
        self.hardware = hardware
        self.identities = identities
        self.kind = kind
        self.group = group
    }
}

extension Policy {
    /// The addresses of its devices, as networks of one address each.
    public var deviceNetworks: [IPNetwork] { devices.flatMap(\.networks) }
}

extension Device {
    /// Whether it goes by more than its address, so that it may turn up anywhere.
    var roams: Bool { !hardware.isEmpty || !identities.isEmpty }

    /// What the network may tell where it is; `nil` where it goes by its address alone.
    public var presence: Presence? {
        roams ? Presence(hardware: hardware.first, identity: identities.first) : nil
    }

    /// Its addresses, as networks of one address each.
    public var networks: [IPNetwork] {
        addresses.map { IPNetwork(address: $0, prefixLength: 128) }
    }
}

/// Clients whom the same rules reach: those of a group, a device, or those of a group within a
/// network that a rule names.
public struct Audience: Hashable, Sendable {
    /// The group, as a place in `Policy.groups`.
    public let group: Int
    /// The devices that it is, as places in `Policy.devices`: at most one each by its address, by
    /// the identity that is logged in there and by its hardware address, in this order.
    public let devices: [Int]
    /// The networks named by rules in which the client is, as places among those networks.
    let scopes: [Int]

    /// The first of its devices; `nil` for a client that is none.
    public var device: Int? { devices.first }
}

/// The audiences of a policy, and which addresses belong to each.
struct AudienceMap {
    /// All audiences; first those of the groups, in their order.
    let audiences: [Audience]
    /// The networks that rules name, each once.
    let scopes: [IPNetwork]
    /// From an address to its audience.
    let clients: ClientTable
    /// Audiences that no address has by itself.
    let others: [Audience]

    init(policy: Policy, rules: [Rule], others: [Audience]) {
        self.others = others
        var known: Set<IPNetwork> = []
        scopes = rules.flatMap(\.networks).filter { known.insert($0).inserted }
        let devices = policy.devices.prefix(PolicyLimits.devices)
        let groups = policy.groups.prefix(PolicyLimits.groups)
        // Of what covers the same addresses the lowest owner counts: devices before groups.
        let firstScope = devices.count + groups.count
        var owned = devices.enumerated().flatMap { place, device in
            device.networks.map { ($0, place) }
        }
        for (place, group) in groups.enumerated() {
            owned += group.networks.map { ($0, devices.count + place) }
        }
        owned += scopes.enumerated().map { ($1, firstScope + $0) }

        var audiences = groups.indices.map { Audience(group: $0, devices: [], scopes: []) }
        var places: [Audience: Int32] = [:]
        for (place, audience) in audiences.enumerated() { places[audience] = Int32(place) }
        clients = ClientTable(owned) { owners in
            let device = owners.last { $0 < devices.count }
            let network = owners.last { $0 >= devices.count && $0 < firstScope }
            let group =
                device.flatMap { devices[$0].group } ?? network.map { $0 - devices.count }
                ?? policy.unknownDevices
            let scopes = owners.filter { $0 >= firstScope }.map { $0 - firstScope }
            guard let group, groups.indices.contains(group) else { return -1 }
            // Unknown devices are told from others by whoever asks, where no rule names them.
            if device == nil, network == nil, scopes.isEmpty { return -1 }
            let audience = Audience(
                group: group, devices: device.map { [$0] } ?? [], scopes: scopes.sorted())
            if let place = places[audience] { return place }
            let place = Int32(audiences.count)
            places[audience] = place
            audiences.append(audience)
            return place
        }
        self.audiences = audiences
    }
}
