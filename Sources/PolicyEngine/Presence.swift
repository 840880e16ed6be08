public import DNSWire

/// What the network tells just now of who is at an address.
public struct Presence: Hashable, Sendable {
    /// The hardware address there.
    public var hardware: HardwareAddress?
    /// The person or machine that logged in to the network there, as `Identity.folded` writes it.
    public var identity: String?
    /// What the device there calls itself. Anybody may choose any name: it decides nothing.
    public var hostName: String?

    /// Takes what is known.
    public init(
        hardware: HardwareAddress? = nil, identity: String? = nil, hostName: String? = nil
    ) {
        self.hardware = hardware
        self.identity = identity
        self.hostName = hostName
    }
}

/// Who logs in to the network: `alice`, `alice@kite.example`, `KITE\alice`.
public enum Identity: Sendable {
    /// The one way in which identities are written: directories take no notice of letter case.
    public static func folded(_ text: String) -> String { text.lowercased() }

    /// The longest identity, in octets: that of a RADIUS attribute's value (RFC 2865 section 5).
    public static let maximumOctets = 253
}

/// Identities that belong together: one, or with `*` for any letters all that look alike.
public struct IdentityPattern: Hashable, Sendable {
    /// As it is compared: folded.
    public let text: String
    private let octets: [UInt8]

    /// Takes `alice@kite.example` or `*@staff.kite.example`.
    public init(_ written: String) {
        text = Identity.folded(written)
        octets = Array(text.utf8)
    }

    /// Whether it stands for one identity alone.
    public var isExact: Bool { !octets.contains(Self.star) }

    /// How many octets are given: of two patterns the one that gives more is the more specific.
    public var weight: Int { octets.count { $0 != Self.star } }

    /// Whether a folded identity is one of them. O(pattern × identity) at worst.
    public func matches(_ identity: String) -> Bool {
        let given = Array(identity.utf8)
        var (place, next) = (0, 0)
        var afterStar: (pattern: Int, given: Int)?
        while next < given.count {
            if place < octets.count, octets[place] == Self.star {
                place += 1
                afterStar = (place, next)
            } else if place < octets.count, octets[place] == given[next] {
                place += 1
                next += 1
            } else if let star = afterStar {
                // The star takes one octet more, and the rest is tried again.
                afterStar = (star.pattern, star.given + 1)
                (place, next) = (star.pattern, star.given + 1)
            } else {
                return false
            }
        }
        return octets[place...].allSatisfy { $0 == Self.star }
    }

    private static let star = UInt8(ascii: "*")
}

/// Who a client is, as a policy sees it.
public struct Seat: Hashable, Sendable {
    /// What the record calls a client.
    public enum Name: Hashable, Sendable {
        /// Nothing: its address is all there is.
        case none
        /// A device, as a place in `Policy.devices`.
        case device(Int)
        /// An identity, or what a device calls itself.
        case text(String)
    }

    /// The rules that reach it.
    public var audience: Audience
    /// What the record calls it.
    public var name: Name
}

/// A policy's devices by hardware address and identity, and its groups by identity.
struct IdentityTable: Sendable {
    private var deviceOfHardware: [HardwareAddress: Int] = [:]
    private var deviceOfIdentity: [String: Int] = [:]
    private var groupOfIdentity: [String: Int] = [:]
    /// The most specific first.
    private var patterns: [(pattern: IdentityPattern, group: Int)] = []

    init(_ policy: Policy) {
        for (place, device) in policy.devices.prefix(PolicyLimits.devices).enumerated() {
            for hardware in device.hardware where deviceOfHardware[hardware] == nil {
                deviceOfHardware[hardware] = place
            }
            for identity in device.identities where deviceOfIdentity[identity] == nil {
                deviceOfIdentity[identity] = place
            }
        }
        for (place, group) in policy.groups.prefix(PolicyLimits.groups).enumerated() {
            for pattern in group.identities {
                if !pattern.isExact {
                    patterns.append((pattern, place))
                } else if groupOfIdentity[pattern.text] == nil {
                    groupOfIdentity[pattern.text] = place
                }
            }
        }
        // A stable order: of patterns that give as much, the first in the file.
        patterns = patterns.enumerated().sorted { left, right in
            let (first, second) = (left.element.pattern.weight, right.element.pattern.weight)
            return first != second ? first > second : left.offset < right.offset
        }.map(\.element)
    }

    /// The device with that hardware address.
    func device(_ hardware: HardwareAddress) -> Int? { deviceOfHardware[hardware] }

    /// The device entry of that identity.
    func device(_ identity: String) -> Int? { deviceOfIdentity[identity] }

    /// The group of an identity: by its own name before any pattern.
    func group(_ identity: String) -> Int? {
        groupOfIdentity[identity] ?? patterns.first { $0.pattern.matches(identity) }?.group
    }
}

extension Policy {
    /// Whether it names hardware addresses.
    public var namesHardware: Bool { devices.contains { !$0.hardware.isEmpty } }

    /// Whether it knows anybody by more than an address.
    public var asksWhoIsThere: Bool {
        devices.contains(where: \.roams) || groups.contains { !$0.identities.isEmpty }
    }
}

extension PolicyProgram {
    /// Who a client is, by its address and by what the network tells of it; `nil` for one that is
    /// refused.
    ///
    /// The group is that of, in this order: the device with this address; the identity, by its own
    /// device entry or by a group's `identities`; the device with this hardware address; the
    /// network. All of these devices are reached by the rules that name them. The record names
    /// whoever decided the group, or else a device, the identity, or what the device calls itself.
    ///
    /// - Parameter client: its address; `nil` where no network is to count.
    public func seat(of client: IPAddress?, _ presence: Presence) -> Seat? {
        let place = client.flatMap(clients.place) ?? policy.unknownDevices
        let known = place.flatMap { audiences.indices.contains($0) ? audiences[$0] : nil }
        let byAddress = known?.device
        let byIdentity = presence.identity.flatMap(identities.device)
        let byHardware = presence.hardware.flatMap(identities.device)
        let logins = presence.identity.flatMap { identity in
            byIdentity.flatMap { policy.devices[$0].group } ?? identities.group(identity)
        }
        let addressed = byAddress.flatMap { policy.devices[$0].group }
        let carried = byHardware.flatMap { policy.devices[$0].group }
        guard let group = addressed ?? logins ?? carried ?? known?.group,
            policy.groups.indices.contains(group)
        else { return nil }
        var devices: [Int] = []
        for device in [byAddress, byIdentity, byHardware].compactMap({ $0 })
        where !devices.contains(device) { devices.append(device) }
        let audience = Audience(group: group, devices: devices, scopes: known?.scopes ?? [])
        let name: Seat.Name
        if let byAddress {
            name = .device(byAddress)
        } else if let byIdentity {
            name = .device(byIdentity)
        } else if let identity = presence.identity, logins != nil || byHardware == nil {
            name = .text(identity)
        } else if let byHardware {
            name = .device(byHardware)
        } else {
            name = presence.hostName.map { .text($0) } ?? .none
        }
        return Seat(audience: audience, name: name)
    }

    /// Any device of a group; `nil` where there is no such group.
    public func seat(ofGroup group: Int) -> Seat? {
        guard policy.groups.indices.contains(group) else { return nil }
        return Seat(audience: Audience(group: group, devices: [], scopes: []), name: .none)
    }

    /// The row of verdicts for an audience that may not be among `audiences`; `nil` where its
    /// rules have no row yet: then `init(policy:sets:beside:)` makes one.
    public func row(of audience: Audience) -> Int? { ruleTable.row(of: audience) }
}
