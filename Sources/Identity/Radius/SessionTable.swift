import DNSWire
import PolicyEngine

/// One login to the network.
struct Session: Hashable {
    /// Which one it is.
    struct Key: Hashable {
        /// Who reported it.
        var client: IPAddress
        /// The access point, where a report names it.
        var station: String?
        /// Its name there.
        var session: String
    }

    /// Who has logged in; `nil` where no report said so.
    var identity: String?
    /// Where: single addresses, and wider networks of IPv6.
    var networks: [IPNetwork]
    /// The device's hardware address.
    var hardware: HardwareAddress?
    /// When the last report came, less its delay, in seconds since 1970 UTC.
    var newsSeconds: Int64
    /// When the last report that counted happened by the access point's clock.
    var eventSeconds: Int64?
    /// When it ended by a report; `nil` while it goes on.
    var endedSeconds: Int64?
    /// Grows with each report of any session: of two logins at one place the later counts.
    var order: UInt64
}

/// The logins that are going on, as access points report them; without a clock or a socket.
struct SessionTable {
    /// What a report came to.
    enum Outcome: Equatable {
        /// It changed who is where.
        case changed
        /// All that it said was known.
        case known
        /// It came too late: the session had ended, or something newer was known.
        case late
        /// There is no room for another session.
        case full
    }

    private(set) var sessions: [Session.Key: Session] = [:]
    private var lastOrder: UInt64 = 0
    private let forgetSeconds: Int64

    /// - Parameter forgetSeconds: how long after its last report a session counts.
    init(forgetSeconds: Int64) { self.forgetSeconds = forgetSeconds }

    /// Takes a report that has been verified.
    mutating func take(
        _ request: AccountingRequest, from client: IPAddress, nowSeconds: Int64
    ) -> Outcome {
        let happened = nowSeconds - request.delaySeconds
        switch request.status {
        case .on, .off: return clear(request.station, of: client, upTo: happened)
        case .stop: return stop(request, from: client, happened)
        case .start, .interim: return hear(request, from: client, happened)
        }
    }

    private func key(_ request: AccountingRequest, _ client: IPAddress) -> Session.Key {
        Session.Key(client: client, station: request.station, session: request.session ?? "")
    }

    private mutating func hear(
        _ request: AccountingRequest, from client: IPAddress, _ happened: Int64
    ) -> Outcome {
        let key = key(request, client)
        let known = sessions[key]
        if let known, isLate(request, known, happened) { return .late }
        if known == nil {
            // What happened longer ago than a login counts, begins none.
            if request.delaySeconds >= forgetSeconds { return .late }
            guard sessions.count < IdentityLimits.sessions else { return .full }
        }
        let begins = known == nil || known?.endedSeconds != nil
        lastOrder += 1
        var session = Session(
            identity: request.identity, networks: request.networks, hardware: request.hardware,
            newsSeconds: happened, eventSeconds: request.eventSeconds, endedSeconds: nil,
            order: lastOrder)
        if let known, !begins {
            // A report may leave out what an earlier one said.
            session.identity = session.identity ?? known.identity
            session.hardware = session.hardware ?? known.hardware
            if session.networks.isEmpty { session.networks = known.networks }
            session.eventSeconds = session.eventSeconds ?? known.eventSeconds
            session.newsSeconds = max(known.newsSeconds, happened)
        }
        sessions[key] = session
        let isSame =
            !begins && known?.identity == session.identity && known?.networks == session.networks
            && known?.hardware == session.hardware
        return isSame ? .known : .changed
    }

    /// Whether a report is older than what is known of its session.
    private func isLate(
        _ request: AccountingRequest, _ known: Session, _ happened: Int64
    ) -> Bool {
        guard let ended = known.endedSeconds else {
            if let event = request.eventSeconds, let last = known.eventSeconds {
                return event < last
            }
            return happened < known.newsSeconds
        }
        // Only a new beginning opens a name again, and only where its time says that it is one.
        guard request.status == .start, let event = request.eventSeconds else { return true }
        return event <= known.eventSeconds ?? ended
    }

    private mutating func stop(
        _ request: AccountingRequest, from client: IPAddress, _ happened: Int64
    ) -> Outcome {
        let key = key(request, client)
        guard var session = sessions[key] else {
            guard sessions.count < IdentityLimits.sessions else { return .full }
            // Its beginning may come later than its end.
            sessions[key] = Session(
                identity: nil, networks: [], hardware: nil, newsSeconds: happened,
                eventSeconds: request.eventSeconds, endedSeconds: happened, order: 0)
            return .known
        }
        guard session.endedSeconds == nil else { return .known }
        if let event = request.eventSeconds, let last = session.eventSeconds, event < last {
            return .late
        }
        session.endedSeconds = happened
        session.newsSeconds = max(session.newsSeconds, happened)
        session.eventSeconds = request.eventSeconds ?? session.eventSeconds
        sessions[key] = session
        return .changed
    }

    /// An access point has begun or ends: none of its sessions before that goes on.
    private mutating func clear(
        _ station: String?, of client: IPAddress, upTo happened: Int64
    ) -> Outcome {
        var outcome = Outcome.known
        for (key, session) in sessions
        where key.client == client && (station == nil || key.station == station)
            && session.endedSeconds == nil && session.newsSeconds <= happened
        {
            sessions[key]?.endedSeconds = happened
            outcome = .changed
        }
        return outcome
    }

    /// Lets sessions end of which nothing was heard, and forgets those that ended long ago.
    ///
    /// - Returns: whether that changes who is where.
    mutating func expire(nowSeconds: Int64) -> Bool {
        var hasChanged = false
        for (key, session) in sessions {
            if let ended = session.endedSeconds {
                if ended + IdentityLimits.endedSeconds <= nowSeconds { sessions[key] = nil }
            } else if session.newsSeconds + forgetSeconds <= nowSeconds {
                sessions[key]?.endedSeconds = nowSeconds
                hasChanged = true
            }
        }
        return hasChanged
    }

    /// The sessions that go on, the earliest first.
    var open: [Session] {
        sessions.values.filter { $0.endedSeconds == nil }.sorted { $0.order < $1.order }
    }

    /// How many go on.
    var openCount: Int { sessions.values.count { $0.endedSeconds == nil } }

    /// Puts back what was written down.
    mutating func restore(_ sessions: [(Session.Key, Session)]) {
        for (key, session) in sessions.prefix(IdentityLimits.sessions) {
            self.sessions[key] = session
            lastOrder = max(lastOrder, session.order)
        }
    }
}
