import DNSWire
import Synchronization

/// How many connections there are, in all and of each client.
final class ConnectionCount: Sendable {
    private let counts = Mutex<(all: Int, ofClient: [IPAddress: Int])>((0, [:]))

    /// Counts a connection; `false` where there are too many, and then it is not counted.
    func enter(_ client: IPAddress) -> Bool {
        counts.withLock { counts in
            let own = counts.ofClient[client] ?? 0
            guard counts.all < BlockPageLimits.connections,
                own < BlockPageLimits.connectionsPerClient
            else { return false }
            counts.all += 1
            counts.ofClient[client] = own + 1
            return true
        }
    }

    /// A connection has ended.
    func leave(_ client: IPAddress) {
        counts.withLock { counts in
            counts.all -= 1
            let rest = (counts.ofClient[client] ?? 1) - 1
            counts.ofClient[client] = rest > 0 ? rest : nil
        }
    }
}
