import CPacketIO
public import DNSWire
public import PolicyEngine
import PolicyFile

/// What is known just now of who is at which address: what a server goes by until it is given the
/// next.
public struct PresentNetwork: Sendable {
    /// What is known of each address.
    public var clients: [IPAddress: Presence]
    /// What is known of hardware addresses, wherever they are.
    public var hardware: [HardwareAddress: Presence]
    /// What is known of whole networks, where an address is not known by itself.
    public var prefixes: [IPNetwork: Presence]
    /// The networks that this machine is on itself.
    public var attached: [AttachedNetwork]

    /// Takes what is known.
    public init(
        clients: [IPAddress: Presence] = [:], hardware: [HardwareAddress: Presence] = [:],
        prefixes: [IPNetwork: Presence] = [:], attached: [AttachedNetwork] = []
    ) {
        self.clients = clients
        self.hardware = hardware
        self.prefixes = prefixes
        self.attached = attached
    }
}

/// A network that this machine has an address of, and so sees the hardware addresses in.
public struct AttachedNetwork: Hashable, Sendable {
    /// Its addresses.
    public var network: IPNetwork
    /// The number of the interface.
    public var interface: UInt32

    /// Takes both.
    public init(network: IPNetwork, interface: UInt32) {
        self.network = network
        self.interface = interface
    }
}

/// The clients of which more is known than their network, as one policy sees them.
///
/// Immutable. A client is found by one look-up in a table of its own; a policy that goes by
/// addresses and networks alone has an empty one, which is never asked.
@safe final class PresentClients: @unchecked Sendable {
    // Guarded by all being constant after init.

    /// The number under which the log knows the policy's names and those of the clients here.
    let dictionary: UInt32
    /// Whether a client that is not here may be found by asking the kernel for its neighbour.
    let asksKernel: Bool
    /// How many clients there are.
    let count: Int
    private let network: PresentNetwork
    private let names: RecordNames
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    private let prefixes: ClientTable
    private let prefixAskers: [Gate.Asker]

    private struct Slot {
        var address = IPAddress(high: 0, low: 0)
        var asker = Gate.Asker.nobody
        var isUsed = false
    }

    /// Works out who the clients of a network are.
    ///
    /// - Parameter missing: gets those for whom the program has no row of verdicts yet.
    init(
        _ network: PresentNetwork, in program: PolicyProgram, names: RecordNames,
        dictionary: UInt32, missing: inout [Audience]
    ) {
        self.dictionary = dictionary
        self.network = network
        self.names = names
        asksKernel =
            !network.attached.isEmpty
            && (program.policy.namesHardware || !network.hardware.isEmpty)
        var known: [(IPAddress, Gate.Asker)] = []
        func take(_ presence: Presence, at address: IPAddress) -> Gate.Asker? {
            guard let seat = program.seat(of: address, presence) else { return nil }
            if seat == program.seat(of: address, Presence()) { return nil }
            guard let row = program.row(of: seat.audience) else {
                missing.append(seat.audience)
                return nil
            }
            return names.asker(seat, row: row, in: program.policy)
        }
        for (address, presence) in network.clients {
            if let asker = take(presence, at: address) { known.append((address, asker)) }
        }
        let wide = network.prefixes.compactMap { prefix, presence in
            take(presence, at: prefix.address).map { (prefix, $0) }
        }
        prefixes = ClientTable(wide.map { [$0.0] })
        prefixAskers = wide.map(\.1)
        count = known.count + wide.count
        // At most half full, so that a look-up ends soon.
        var size = 8
        while size < 2 * known.count { size *= 2 }
        mask = size - 1
        unsafe slots = .allocate(capacity: size)
        // SAFETY: all `size` slots are initialized, and every place is cut to `mask`.
        unsafe slots.initialize(repeating: Slot(), count: size)
        for (address, asker) in known {
            var place = Self.hash(address) & mask
            while unsafe slots[place].isUsed { place = (place + 1) & mask }
            unsafe slots[place] = Slot(address: address, asker: asker, isUsed: true)
        }
    }

    // SAFETY: the slots were allocated in init, and hold plain numbers.
    deinit { unsafe slots.deallocate() }

    /// A client that is here; `nil` for any other. O(1), allocates nothing.
    @inline(__always)
    func asker(of client: IPAddress) -> Gate.Asker? {
        guard count > 0 else { return nil }
        var place = Self.hash(client) & mask
        // SAFETY: every place is cut to `mask`, and a free slot ends the search.
        while unsafe slots[place].isUsed {
            if unsafe slots[place].address == client { return unsafe slots[place].asker }
            place = (place &+ 1) & mask
        }
        return prefixAskers.isEmpty ? nil : prefixes.place(of: client).map { prefixAskers[$0] }
    }

    /// A client that is here, or that the kernel tells of; `nil` for any other.
    @inline(__always)
    func asker(
        of client: IPAddress, _ firstSight: FirstSight, under gate: Gate, at moment: Moment
    ) -> Gate.Asker? {
        if let known = asker(of: client) { return known }
        guard asksKernel else { return nil }
        return firstSight.asker(
            of: client, present: self, program: gate.loaded.program,
            nowMilliseconds: moment.monotonicMilliseconds)
    }

    /// The interface behind which a client is a neighbour of this machine; `nil` for no neighbour.
    func interface(of client: IPAddress) -> UInt32? {
        network.attached.first { $0.network.contains(client) }?.interface
    }

    /// The client with a hardware address that the kernel has just told; `nil` where that makes no
    /// difference, or must wait until a row of verdicts has been made.
    func asker(
        of client: IPAddress, with hardware: HardwareAddress, in program: PolicyProgram
    ) -> Gate.Asker? {
        var presence = network.hardware[hardware] ?? Presence()
        presence.hardware = hardware
        guard let seat = program.seat(of: client, presence), seat.name != .none,
            let row = program.row(of: seat.audience)
        else { return nil }
        return names.asker(seat, row: row, in: program.policy)
    }

    @inline(__always)
    private static func hash(_ address: IPAddress) -> Int {
        // Neighbours differ in their last octets: those are spread over the whole word.
        let mixed = (address.high ^ address.low &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        return Int(truncatingIfNeeded: mixed >> 32)
    }
}

/// The numbers by which records name devices: the policy's, then identities and what devices call
/// themselves, in the order in which they were first seen.
struct RecordNames: Sendable {
    /// Names beside those of the policy's devices.
    let texts: [String]
    private let numbers: [String: Int]
    private let deviceCount: Int

    /// Takes the names seen so far and those that a network adds.
    init(_ network: PresentNetwork, after seen: [String], deviceCount: Int) {
        var texts = seen
        var numbers: [String: Int] = [:]
        for (number, text) in seen.enumerated() { numbers[text] = number }
        let room = Int(UInt16.max) - deviceCount
        let present = [
            network.clients.values.map(\.self), network.hardware.values.map(\.self),
            network.prefixes.values.map(\.self),
        ]
        for text in present.joined().flatMap({ [$0.identity, $0.hostName].compactMap(\.self) })
            .sorted() where numbers[text] == nil && texts.count < room
        {
            numbers[text] = texts.count
            texts.append(text)
        }
        self.texts = texts
        self.numbers = numbers
        self.deviceCount = deviceCount
    }

    /// A seat in the record's numbers.
    func asker(_ seat: Seat, row: Int, in policy: Policy) -> Gate.Asker {
        let device: UInt16
        switch seat.name {
        case .none: device = .max
        case .device(let place): device = UInt16(clamping: place)
        case .text(let text):
            device = numbers[text].map { UInt16(clamping: deviceCount + $0) } ?? .max
        }
        return Gate.Asker(
            row: Int32(truncatingIfNeeded: row),
            group: UInt16(truncatingIfNeeded: seat.audience.group), device: device,
            stripsECH: policy.stripsECH(forGroup: seat.audience.group))
    }
}
