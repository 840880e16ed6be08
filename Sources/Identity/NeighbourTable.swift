import CPacketIO
import DNSServer
import DNSWire
import PolicyEngine

/// Who is at which hardware address on the networks that this machine is on, as the kernel tells.
///
/// A mapping holds until the kernel says otherwise: that the neighbour does not answer, that it was
/// removed, or that another hardware address is there. What the kernel merely forgot, because it
/// was quiet, counts for a while more.
struct NeighbourTable {
    private var neighbours: [IPAddress: HardwareAddress] = [:]
    /// Until when those count that the kernel has forgotten, in monotonic milliseconds.
    private var forgotten: [IPAddress: Int64] = [:]
    /// Own networks by own address and interface.
    private var own: Set<AttachedNetwork> = []
    /// What a dump has told so far; `nil` while there is none. Until it has ended, what was known
    /// before counts.
    private var dumped: Set<IPAddress>?
    /// The same, of own addresses.
    private var dumpedOwn: Set<AttachedNetwork>?

    /// The networks that this machine is on, loopback aside; the narrowest first.
    var attached: [AttachedNetwork] {
        own.sorted { left, right in
            let (first, second) = (left.network.prefixLength, right.network.prefixLength)
            return first != second ? first > second : left.network.address < right.network.address
        }
    }

    /// The hardware address of a neighbour; `nil` for none.
    func hardware(of address: IPAddress) -> HardwareAddress? { neighbours[address] }

    /// All neighbours that count.
    var all: [(address: IPAddress, hardware: HardwareAddress)] {
        neighbours.map { ($0.key, $0.value) }
    }

    /// How many neighbours count.
    var count: Int { neighbours.count }

    /// The interface of loopback, which has no neighbours.
    private static let loopback: UInt32 = 1

    /// Takes what the kernel tells.
    ///
    /// - Returns: whether that changes who is where.
    mutating func take(_ news: cpio_neighbour, nowMilliseconds: Int64) -> Bool {
        let address = IPAddress(high: news.high, low: news.low)
        switch Int(news.kind) {
        case CPIO_OWN_ADDRESS where news.interface != Self.loopback:
            let network = Self.network(news, address)
            dumpedOwn?.insert(network)
            return own.insert(network).inserted
        case CPIO_OWN_ADDRESS_GONE:
            let network = Self.network(news, address)
            dumpedOwn?.remove(network)
            guard own.remove(network) != nil else { return false }
            keepNeighboursOfOwnNetworks()
            return true
        case CPIO_NEIGHBOUR: return takeNeighbour(news, address)
        case CPIO_NEIGHBOUR_GONE: return lose(address, news, nowMilliseconds)
        default: return false
        }
    }

    private static func network(_ news: cpio_neighbour, _ address: IPAddress) -> AttachedNetwork {
        AttachedNetwork(
            network: IPNetwork(address: address, prefixLength: min(128, Int(news.prefix_bits))),
            interface: news.interface)
    }

    private mutating func keepNeighboursOfOwnNetworks() {
        let attached = own
        neighbours = neighbours.filter { neighbour in
            attached.contains { $0.network.contains(neighbour.key) }
        }
    }

    private mutating func takeNeighbour(_ news: cpio_neighbour, _ address: IPAddress) -> Bool {
        let state = NeighbourState(news.state)
        let hardware = HardwareAddress(value: news.hardware)
        guard state.isKnown, hardware.isOfOneCard, news.interface != Self.loopback else {
            // One that is being looked for keeps its mapping until it has failed to answer.
            guard state.hasFailed else { return false }
            forgotten[address] = nil
            return neighbours.removeValue(forKey: address) != nil
        }
        dumped?.insert(address)
        forgotten[address] = nil
        let known = neighbours[address]
        guard known != nil || neighbours.count < IdentityLimits.neighbours else { return false }
        neighbours[address] = hardware
        return known != hardware
    }

    private mutating func lose(
        _ address: IPAddress, _ news: cpio_neighbour, _ nowMilliseconds: Int64
    ) -> Bool {
        guard let known = neighbours[address] else { return false }
        let hardware = HardwareAddress(value: news.hardware)
        // What was removed by hand had its state taken away first.
        let isForgotten = NeighbourState(news.state).isKnown && hardware == known
        guard isForgotten, own.contains(where: { $0.network.contains(address) }) else {
            neighbours[address] = nil
            forgotten[address] = nil
            return true
        }
        forgotten[address] = nowMilliseconds + IdentityLimits.forgottenSeconds * 1000
        return false
    }

    /// When the next neighbour that was forgotten counts no more, in monotonic milliseconds.
    var nextEnd: Int64? { forgotten.values.min() }

    /// Lets those go that count no more.
    ///
    /// - Returns: whether there were any.
    mutating func expire(nowMilliseconds: Int64) -> Bool {
        let over = forgotten.filter { $0.value <= nowMilliseconds }.map(\.key)
        for address in over {
            forgotten[address] = nil
            neighbours[address] = nil
        }
        return !over.isEmpty
    }

    /// A dump of all neighbours begins.
    mutating func beginDump() { dumped = [] }

    /// A dump of all own addresses begins.
    mutating func beginOwn() { dumpedOwn = [] }

    /// The dump has told all: own addresses that are not in it are ours no more.
    ///
    /// - Returns: whether that changes which networks this machine is on.
    mutating func endOwn() -> Bool {
        guard let seen = dumpedOwn else { return false }
        dumpedOwn = nil
        guard own != seen else { return false }
        own = seen
        keepNeighboursOfOwnNetworks()
        return true
    }

    /// The dump has told all: who is not in it was lost while nobody listened, or is forgotten.
    ///
    /// - Returns: whether that changes who is where.
    mutating func endDump() -> Bool {
        guard let seen = dumped else { return false }
        dumped = nil
        let before = neighbours.count
        neighbours = neighbours.filter { seen.contains($0.key) || forgotten[$0.key] != nil }
        return neighbours.count != before
    }
}
