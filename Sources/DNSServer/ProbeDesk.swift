import DNSWire
import Synchronization

/// Who may ask the server as somebody else and at another time, to prove what it does: whoever has
/// the key that the control socket gives to the server's own user, from this machine, for some minutes.
///
/// While no key is out, ordinary queries cost one look at a flag, and so they do while one is.
public final class ProbeDesk: Sendable {
    /// The path of the control socket, which programs of this machine may be told.
    let controlPath: String
    private let localAddresses: Mutex<[IPAddress]>
    private let open = Atomic(false)
    private let state = Mutex(State())

    private struct State {
        var key: [UInt8] = []
        /// Until when it holds, in microseconds of the monotonic clock.
        var untilMicros: Int64 = 0
    }

    /// - Parameter controlPath: the absolute path of the server's control socket; empty for none.
    init(controlPath: String) {
        self.controlPath = controlPath
        localAddresses = Mutex([])
    }

    /// Says which addresses are this machine's own, besides loopback.
    func serve(on addresses: [IPAddress]) { localAddresses.withLock { $0 = addresses } }

    /// The key for a probe: the one that is out, which then holds longer, or a new one.
    ///
    /// - Returns: 32 octets.
    public func issueKey() -> [UInt8] {
        let now = Moment.now.monotonicMicros
        return state.withLock { state in
            if state.untilMicros < now {
                var generator = SystemRandomNumberGenerator()
                state.key = (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
            }
            state.untilMicros = now + ServerLimits.probeKeyMicros
            open.store(true, ordering: .releasing)
            return state.key
        }
    }

    /// Whether a key is out.
    @inline(__always)
    var isOpen: Bool { open.load(ordering: .relaxed) }

    /// The key, while it holds.
    func key(at moment: Moment) -> [UInt8]? {
        state.withLock { state in
            guard moment.monotonicMicros < state.untilMicros else {
                state = State()
                open.store(false, ordering: .releasing)
                return nil
            }
            return state.key
        }
    }

    /// Whether a client is a program of this machine.
    func isLocal(_ client: IPAddress) -> Bool {
        if client.isV4, client.v4 >> 24 == 127 { return true }
        if client == IPAddress(high: 0, low: 1) { return true }
        return localAddresses.withLock { $0.contains(client) }
    }
}
