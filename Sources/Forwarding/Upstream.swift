public import DNSWire
import Synchronization

/// Where questions are sent on to.
public enum UpstreamEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A server asked by UDP, and by TCP where an answer is cut.
    case plain(address: IPAddress, port: UInt16)
    /// A server asked by TLS or HTTPS.
    case encrypted(EncryptedEndpoint)
    /// The embedded demonstration: every name has an address from the documentation ranges.
    case demo

    /// As an administrator writes it.
    public var description: String {
        switch self {
        case .plain(let address, let port):
            if port == 53 { return "\(address)" }
            return address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .encrypted(let endpoint): return "\(endpoint)"
        case .demo: return "demo"
        }
    }
}

/// One upstream and what is known of its health; shared by all workers, which report to it.
public final class Upstream: Sendable {
    /// Where it is.
    public let endpoint: UpstreamEndpoint
    let encrypted: EncryptedUpstream?

    private let failuresInARow = Atomic<Int>(0)
    private let lastSuccess = Atomic<Int64>(0)
    /// When a down upstream may be asked again, in monotonic milliseconds; 0: it is up.
    private let downUntil = Atomic<Int64>(0)
    private let plainCaseUntil = Atomic<Int64>(0)
    private let plainDNSUntil = Atomic<Int64>(0)
    private let answerCount = Atomic<Int>(0)
    private let failureCount = Atomic<Int>(0)

    init(endpoint: UpstreamEndpoint) {
        self.endpoint = endpoint
        if case .encrypted(let place) = endpoint {
            encrypted = EncryptedUpstream(endpoint: place)
        } else {
            encrypted = nil
        }
    }

    /// Whether it answered last time it was asked, as far as is known.
    public var isUp: Bool { downUntil.load(ordering: .relaxed) == 0 }
    /// Answers that it gave.
    public var answers: Int { answerCount.load(ordering: .relaxed) }
    /// Attempts that it left unanswered or refused.
    public var failures: Int { failureCount.load(ordering: .relaxed) }

    func noteAnswer(nowMilliseconds: Int64) {
        answerCount.add(1, ordering: .relaxed)
        lastSuccess.store(nowMilliseconds, ordering: .relaxed)
        failuresInARow.store(0, ordering: .relaxed)
        downUntil.store(0, ordering: .relaxed)
    }

    /// Notes an attempt that got no answer.
    ///
    /// - Parameters:
    ///   - sentMilliseconds: when the attempt was made: an upstream that has answered others
    ///     since then is merely slow with this name.
    ///   - isCertain: whether the network itself said that nobody is there.
    func noteFailure(sentMilliseconds: Int64, nowMilliseconds: Int64, isCertain: Bool) {
        failureCount.add(1, ordering: .relaxed)
        guard isCertain || lastSuccess.load(ordering: .relaxed) < sentMilliseconds else { return }
        let count = failuresInARow.add(1, ordering: .relaxed).newValue
        guard isCertain || count >= ForwardingLimits.failuresUntilDown else { return }
        let doublings = min(max(0, count - ForwardingLimits.failuresUntilDown), 8)
        let spared = min(
            ForwardingLimits.downMilliseconds.first << Int64(doublings),
            ForwardingLimits.downMilliseconds.most)
        downUntil.store(nowMilliseconds + spared, ordering: .relaxed)
    }

    /// Whether it is time to see if a down upstream is back; true for one caller only.
    func claimTrial(nowMilliseconds: Int64) -> Bool {
        let until = downUntil.load(ordering: .relaxed)
        guard until != 0, until <= nowMilliseconds else { return false }
        return downUntil.compareExchange(
            expected: until, desired: nowMilliseconds + ForwardingLimits.downMilliseconds.first,
            ordering: .relaxed
        ).exchanged
    }

    /// Whether letter case comes back as it was sent, so that it can be mixed (0x20).
    func keepsCase(nowMilliseconds: Int64) -> Bool {
        plainCaseUntil.load(ordering: .relaxed) <= nowMilliseconds
    }

    /// Whether it understands EDNS, as far as is known (RFC 6891 section 6.2.2).
    func speaksEDNS(nowMilliseconds: Int64) -> Bool {
        plainDNSUntil.load(ordering: .relaxed) <= nowMilliseconds
    }

    func noteNoEDNS(nowMilliseconds: Int64) {
        plainDNSUntil.store(
            nowMilliseconds + ForwardingLimits.plainDNSMilliseconds, ordering: .relaxed)
    }

    func noteCaseChanged(nowMilliseconds: Int64) {
        plainCaseUntil.store(
            nowMilliseconds + ForwardingLimits.plainCaseMilliseconds, ordering: .relaxed)
    }
}

/// Which upstreams are asked for which names.
public final class UpstreamTable: Sendable {
    /// A zone and the upstreams that answer for it and all under it.
    public struct Zone: Sendable {
        /// The zone; the root for the upstreams that answer for everything else.
        public let name: DomainName
        /// The upstreams in the order in which they are preferred.
        public let upstreams: [Upstream]
    }

    /// Longest names first; the last one is the root.
    public let zones: [Zone]

    /// Takes the upstreams for everything, and those for single zones.
    ///
    /// An endpoint that is named in several places is one upstream, whose health is known once.
    public init(
        defaults: [UpstreamEndpoint], zones named: [(DomainName, [UpstreamEndpoint])]
    ) {
        var known: [UpstreamEndpoint: Upstream] = [:]
        func upstreams(_ endpoints: [UpstreamEndpoint]) -> [Upstream] {
            endpoints.map { endpoint in
                if let upstream = known[endpoint] { return upstream }
                let upstream = Upstream(endpoint: endpoint)
                known[endpoint] = upstream
                return upstream
            }
        }
        zones =
            named.map { Zone(name: $0.0, upstreams: upstreams($0.1)) }
            .sorted { $0.name.wire.count > $1.name.wire.count }
            + [Zone(name: .root, upstreams: upstreams(defaults))]
    }

    /// Every upstream once, in the order of the configuration's zones, the defaults first.
    public var all: [Upstream] {
        var seen: Set<UpstreamEndpoint> = []
        return ([zones[zones.count - 1]] + zones.dropLast()).flatMap(\.upstreams).filter {
            seen.insert($0.endpoint).inserted
        }
    }

    /// Who may be asked for a name, given in wire format and lower case.
    ///
    /// Those that are up come first; among them the order is the administrator's. Allocates only
    /// while one is down.
    func candidates(for name: UnsafeRawBufferPointer) -> [Upstream] {
        let upstreams = unsafe zones[zone(of: name)].upstreams
        if upstreams.allSatisfy(\.isUp) { return upstreams }
        return upstreams.filter(\.isUp) + upstreams.filter { !$0.isUp }
    }

    /// The index of the longest zone that holds a name given in wire format and lower case.
    func zone(of name: UnsafeRawBufferPointer) -> Int {
        for index in 0..<zones.count - 1 {
            let suffix = zones[index].name.wire
            var offset = 0
            // SAFETY: labels end where the name does, and the suffix is shorter than what is left.
            while name.count - offset > suffix.count { unsafe offset += Int(name[offset]) + 1 }
            if name.count - offset == suffix.count,
                unsafe UnsafeRawBufferPointer(rebasing: name[offset...]).elementsEqual(suffix)
            {
                return index
            }
        }
        return zones.count - 1
    }
}
