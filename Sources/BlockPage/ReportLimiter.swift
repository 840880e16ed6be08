import DNSWire
import Synchronization

/// How many reports came from whom, lately.
final class ReportLimiter: Sendable {
    /// Why no more is taken.
    enum Refusal: Equatable {
        /// This client has sent several; it may again after so many seconds.
        case client(waitSeconds: Int64)
        /// There were very many today.
        case everybody
    }

    private struct State {
        /// When each client's last reports came, in seconds since 1970 UTC.
        var times: [IPAddress: [Int64]] = [:]
        var day: Int64 = 0
        var ofDay = 0
    }

    private let state = Mutex(State())

    /// Whether a report may be taken now; it is counted by `count`.
    func refusal(_ client: IPAddress, nowSeconds: Int64) -> Refusal? {
        state.withLock { state in
            if state.day == nowSeconds / 86_400, state.ofDay >= BlockPageLimits.reportsPerDay {
                return .everybody
            }
            let recent = Self.recent(state.times[client] ?? [], nowSeconds)
            guard recent.count >= BlockPageLimits.reportsPerClient, let first = recent.first
            else { return nil }
            return .client(waitSeconds: first + BlockPageLimits.reportSeconds - nowSeconds)
        }
    }

    /// Counts a report that was kept.
    func count(_ client: IPAddress, nowSeconds: Int64) {
        state.withLock { state in
            let day = nowSeconds / 86_400
            if state.day != day { (state.day, state.ofDay) = (day, 0) }
            state.ofDay += 1
            if state.times[client] == nil, state.times.count >= BlockPageLimits.countedClients,
                let oldest = state.times.min(by: { $0.value.last ?? 0 < $1.value.last ?? 0 })
            {
                state.times[oldest.key] = nil
            }
            state.times[client] = Self.recent(state.times[client] ?? [], nowSeconds) + [nowSeconds]
        }
    }

    private static func recent(_ times: [Int64], _ now: Int64) -> [Int64] {
        times.filter { $0 <= now && now - $0 < BlockPageLimits.reportSeconds }
    }
}
