import CPacketIO
import DNSWire
import Glibc
import PolicyEngine

/// Decides the very first query of a device right: the kernel knows its hardware address by then,
/// and whoever follows the kernel's news may not have heard of it yet.
///
/// Asks the kernel about one address at most once in a while, whatever the answer is. Belongs to
/// one worker.
final class FirstSight {
    /// Opened by the first question; -1 where the system refuses, and then nobody is known.
    private var descriptor: Int32?
    private var guesses: [Guess] = []

    private struct Guess {
        var address = IPAddress(high: 0, low: 0)
        var asker: Gate.Asker?
        var untilMilliseconds: Int64 = .min
    }

    deinit { if let descriptor, descriptor >= 0 { close(descriptor) } }

    /// Forgets all answers: another policy, or another network, is in force.
    func forget() {
        for place in guesses.indices { guesses[place].untilMilliseconds = .min }
    }

    /// Who a client is that nobody knows yet; `nil` where the kernel does not tell either.
    func asker(
        of client: IPAddress, present: PresentClients, program: PolicyProgram,
        nowMilliseconds: Int64
    ) -> Gate.Asker? {
        if guesses.isEmpty {
            guesses = .init(repeating: Guess(), count: ServerLimits.firstSights)
        }
        let place = Int(truncatingIfNeeded: client.low ^ client.low >> 16) & (guesses.count - 1)
        if guesses[place].address == client, nowMilliseconds < guesses[place].untilMilliseconds {
            return guesses[place].asker
        }
        guard let interface = present.interface(of: client) else { return nil }
        let asker = ask(client, interface).flatMap {
            present.asker(of: client, with: $0, in: program)
        }
        guesses[place] = Guess(
            address: client, asker: asker,
            untilMilliseconds: nowMilliseconds + ServerLimits.firstSightMilliseconds)
        return asker
    }

    private func ask(_ client: IPAddress, _ interface: UInt32) -> HardwareAddress? {
        let descriptor = self.descriptor ?? cpio_netlink_open(false)
        self.descriptor = descriptor
        guard descriptor >= 0 else { return nil }
        var neighbour = cpio_neighbour()
        // SAFETY: the one value is filled in by the call.
        guard unsafe cpio_netlink_ask(descriptor, client.high, client.low, interface, &neighbour),
            NeighbourState(neighbour.state).isKnown
        else { return nil }
        let hardware = HardwareAddress(value: neighbour.hardware)
        return hardware.isOfOneCard ? hardware : nil
    }
}

/// What the kernel thinks of a neighbour (linux/neighbour.h).
public struct NeighbourState: Sendable {
    private let bits: UInt16

    /// Takes `ndm_state`.
    public init(_ bits: UInt16) { self.bits = bits }

    /// Whether its hardware address is known: NUD_REACHABLE, STALE, DELAY, PROBE or PERMANENT.
    public var isKnown: Bool { bits & 0x9E != 0 }
    /// Whether it did not answer: NUD_FAILED.
    public var hasFailed: Bool { bits & 0x20 != 0 }
}
