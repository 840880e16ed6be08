import DNSServer
import DNSWire
import PolicyEngine

/// Puts together what the kernel, lease files and logins tell of who is where.
///
/// An address's hardware address is what the kernel sees there; where the address is behind a
/// router, what its lease says, or else its login. Its identity is that of the latest login at the
/// address, unless the kernel sees another device there than the one that logged in; or else that
/// of the latest login by the hardware address.
struct Whereabouts {
    /// The kernel's neighbours; `nil` where it was not asked.
    var neighbours: NeighbourTable?
    /// The leases by file, the first file first.
    var leases: [[IPAddress: Lease]] = []
    /// The logins that go on, the earliest first.
    var sessions: [Session] = []
    /// The names that devices gave themselves and that may go into the record.
    var hostNames: HostNames = HostNames()

    /// The whole of it.
    var network: PresentNetwork {
        var byAddress: [IPAddress: Session] = [:]
        var byPrefix: [IPNetwork: Session] = [:]
        var byHardware: [HardwareAddress: Session] = [:]
        for session in sessions {
            for network in session.networks {
                if network.prefixLength == 128 {
                    byAddress[network.address] = session
                } else {
                    byPrefix[network] = session
                }
            }
            if let hardware = session.hardware { byHardware[hardware] = session }
        }
        var hardware: [HardwareAddress: Presence] = [:]
        for (address, session) in byHardware where session.identity != nil {
            hardware[address] = Presence(hardware: address, identity: session.identity)
        }
        let merged = merged
        for lease in merged.values {
            guard let address = lease.hardware, let name = hostNames.name(of: lease) else {
                continue
            }
            hardware[address, default: Presence(hardware: address)].hostName = name
        }
        var addresses = Set(merged.keys).union(byAddress.keys)
        for neighbour in neighbours?.all ?? [] { addresses.insert(neighbour.address) }
        var clients: [IPAddress: Presence] = [:]
        for address in addresses {
            clients[address] = presence(
                at: address, lease: merged[address], session: byAddress[address], hardware)
        }
        return PresentNetwork(
            clients: clients, hardware: hardware,
            prefixes: byPrefix.mapValues {
                Presence(hardware: $0.hardware, identity: $0.identity)
            }, attached: neighbours?.attached ?? [])
    }

    /// Of two files that tell of one address, the first counts.
    private var merged: [IPAddress: Lease] {
        leases.reduce(into: [:]) { all, file in all.merge(file) { first, _ in first } }
    }

    private func presence(
        at address: IPAddress, lease: Lease?, session: Session?,
        _ known: [HardwareAddress: Presence]
    ) -> Presence {
        let seen = neighbours?.hardware(of: address)
        var presence = Presence(hardware: seen ?? lease?.hardware ?? session?.hardware)
        let isAnother = seen != nil && session?.hardware != nil && seen != session?.hardware
        if !isAnother { presence.identity = session?.identity }
        let device = presence.hardware.flatMap { known[$0] }
        presence.identity = presence.identity ?? device?.identity
        presence.hostName = lease.flatMap(hostNames.name) ?? device?.hostName
        return presence
    }
}

/// What devices call themselves, as the record may call them.
///
/// A name is a device's own word: it never decides anything. In the record it is as it was given,
/// but for names that two devices have, or that a device or a login of the policy has: those get
/// the end of the hardware address behind them.
struct HostNames {
    private struct Owner: Hashable {
        var address: IPAddress
        var hardware: HardwareAddress?
        var hostName: String

        init?(_ lease: Lease) {
            guard let name = lease.hostName else { return nil }
            hostName = name
            address = lease.address
            hardware = lease.hardware
        }
    }

    private var names: [Owner: String] = [:]
    /// Names that the record has had already.
    private var announced: Set<String> = []
    /// How often new names may still be taken up at once, and when once more.
    private var turns = IdentityLimits.nameBursts
    private var nextTurn: Int64?

    /// When names that wait may be taken up, in monotonic milliseconds; `nil` where none wait.
    private(set) var due: Int64?

    /// Works out the names anew.
    ///
    /// - Parameter taken: names, folded, that belong to somebody else.
    mutating func refresh(
        _ leases: [[IPAddress: Lease]], taken: Set<String>, nowMilliseconds: Int64
    ) {
        let owners = leases.flatMap { $0.values.compactMap { Owner($0) } }
        var devices: [String: Set<HardwareAddress?>] = [:]
        for owner in owners {
            devices[Identity.folded(owner.hostName), default: []].insert(owner.hardware)
        }
        names = [:]
        for owner in owners {
            let folded = Identity.folded(owner.hostName)
            let isAlone = devices[folded]?.count == 1 && !taken.contains(folded)
            names[owner] = isAlone ? owner.hostName : "\(owner.hostName)~\(Self.mark(owner))"
        }
        admit(nowMilliseconds)
    }

    /// The end of the hardware address, or else the address.
    private static func mark(_ owner: Owner) -> String {
        guard let hardware = owner.hardware else { return "\(owner.address)" }
        let digits = String(hardware.value & 0xFF_FFFF, radix: 16)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    /// Lets new names wait where there were many of late.
    private mutating func admit(_ now: Int64) {
        if let next = nextTurn, now >= next {
            turns = min(IdentityLimits.nameBursts, turns + 1)
            nextTurn =
                turns < IdentityLimits.nameBursts ? now + IdentityLimits.nameMilliseconds : nil
        }
        due = nil
        let new = Set(names.values).subtracting(announced)
        guard !new.isEmpty else { return }
        if turns > 0 {
            turns -= 1
            nextTurn = nextTurn ?? now + IdentityLimits.nameMilliseconds
            announced.formUnion(new)
        } else {
            names = names.filter { !new.contains($0.value) }
            due = nextTurn
        }
    }

    /// What the record calls the device with a lease.
    func name(of lease: Lease) -> String? { Owner(lease).flatMap { names[$0] } }
}
