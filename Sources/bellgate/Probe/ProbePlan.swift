import DNSWire
import DomainLists
import PolicyEngine
import PolicyFile

/// Whom a probe asks as, for what and when: every cell of the policy's table.
struct ProbePlan {
    /// A client that stands for its kind.
    struct Subject {
        /// The group as written, or `unknown`.
        var group: String
        /// What tells who it is: the network, the login, or the device's name.
        var place: String
        /// What kind of a device it is, where the policy says so.
        var kind: String?
        var client: IPAddress
        /// What the network tells of it besides.
        var presence = Presence()
        /// Its row of verdicts; `nil` where the policy refuses it.
        var row: Int?
    }

    /// A name and the category that it stands for.
    struct Name {
        var category: String
        var name: DomainName
        var set: UInt32
    }

    /// An instant of a day that stands for its kind.
    struct Moment {
        /// `term day, Mon` or another kind of day.
        var day: String
        /// The periods that are on, or `no period`.
        var period: String
        var instant: Instant
        var text: String
    }

    let policy: LoadedPolicy
    private(set) var subjects: [Subject] = []
    private(set) var names: [Name] = []
    private(set) var moments: [Moment] = []
    /// What could not be asked for, in words.
    private(set) var notes: [String] = []

    /// Cells of one probe; beyond it only the middle of each period is asked for, and beyond that the
    /// names that the policy writes itself are left out: ten minutes of a small machine.
    static let maximumCells = 600_000
    /// Networks of a group that are asked from, each a site or a VLAN, and logins of a group.
    private static let networksOfGroup = 16
    /// Devices that are asked as: one of each kind and group, and those of exceptions.
    private static let devices = 64

    var cellCount: Int { subjects.count * names.count * moments.count }

    /// - Parameter allowFrom: who may ask the server at all.
    init(_ policy: LoadedPolicy, allowFrom: [IPNetwork], now: Instant) {
        self.policy = policy
        addGroups()
        let unknown = Self.addressInNoNetwork(of: policy.policy)
        // Who logs in, or brings a card, may be anywhere from where the server is asked at all.
        let served = subjects.map(\.client).first { client in
            allowFrom.contains { $0.contains(client) }
        }
        if let anywhere = served ?? unknown {
            addLogins(at: anywhere)
            addDevices(roamingAt: anywhere)
        }
        addUnknown(at: unknown)
        for subject in subjects where !allowFrom.contains(where: { $0.contains(subject.client) }) {
            notes.append(
                "\(subject.place) (\(subject.group)) is outside allow-from, so the server answers "
                    + "nobody there: not asked")
        }
        subjects.removeAll { subject in !allowFrom.contains { $0.contains(subject.client) } }
        names = policy.representatives().map(name)
        if let nothing = domainName(typed: "www.in-no-category.example.com") {
            names.append(name(Representative(category: "no category", name: nothing)))
        }
        let days = ProbeDays(policy.policy, today: policy.policy.zone.civilTime(at: now).date)
        notes += days.missing
        for edges in [true, false] {
            moments = days.days.flatMap { moments(of: $0.date, $0.words, withEdges: edges) }
            if cellCount <= Self.maximumCells { break }
            notes.append("the table is so large that only the middle of each period is asked for")
        }
        let room = max(1, Self.maximumCells / max(1, subjects.count * moments.count))
        if names.count > room {
            notes.append("the table is so large that \(room) of \(names.count) names are asked for")
            names.removeLast(names.count - room)
        }
    }

    private func name(_ one: Representative) -> Name {
        Name(category: one.category, name: one.name, set: policy.index.match(one.name).set)
    }

    // MARK: Whom

    private mutating func addGroups() {
        let program = policy.program
        for (place, group) in policy.policy.groups.enumerated() {
            let networks = group.networks.prefix(Self.networksOfGroup)
            let isUnknown = policy.policy.unknownDevices == place
            if networks.isEmpty, group.identities.isEmpty, !isUnknown {
                notes.append(
                    "group \(group.name) has no network and no logins: only its devices are asked as"
                )
            }
            for network in networks {
                guard let client = Self.address(in: network, { program.audience(of: $0) == place })
                else {
                    notes.append("no address of \(network) is group \(group.name)'s alone")
                    continue
                }
                subjects.append(
                    Subject(
                        group: group.name, place: "\(network)", client: client,
                        row: program.row(ofAudience: place)))
            }
        }
    }

    /// The first address of a network, of those tried, that fits.
    private static func address(
        in network: IPNetwork, _ fits: (IPAddress) -> Bool
    ) -> IPAddress? {
        let first = network.address
        let tried: [UInt64] = [1, 2, 3, 77, 200, 250, 0]
        return tried.map { IPAddress(high: first.high, low: first.low &+ $0) }
            .first { network.contains($0) && fits($0) }
    }

    /// Somebody of each of a group's logins.
    private mutating func addLogins(at client: IPAddress) {
        for (place, group) in policy.policy.groups.enumerated() {
            for pattern in group.identities.prefix(Self.networksOfGroup) {
                let identity = pattern.text.replacing("*", with: "somebody")
                let login = pattern.isExact ? "login \(identity)" : "logins \(pattern.text)"
                let presence = Presence(identity: identity)
                if policy.program.seat(of: client, presence)?.audience.group != place {
                    notes.append("\(login) is not group \(group.name)'s alone")
                } else {
                    add(login, nil, at: client, presence)
                }
            }
        }
    }

    private mutating func addDevices(roamingAt anywhere: IPAddress) {
        let excepted = Set(policy.policy.rules.flatMap(\.devices))
        var seen: Set<[Int]> = []
        for (place, device) in policy.policy.devices.enumerated() {
            let presence = device.addresses.isEmpty ? device.presence : Presence()
            guard let presence else { continue }
            let isFirst = seen.insert([
                device.group ?? -1, device.kind.map { Int($0.rawValue) } ?? -1,
            ])
            .inserted
            guard isFirst || excepted.contains(place) else { continue }
            add(
                device.name, device.kind.map { "\($0)" }, at: device.addresses.first ?? anywhere,
                presence)
            if subjects.count(where: { $0.kind != nil }) >= Self.devices { return }
        }
    }

    /// Adds somebody of whom more is known than an address.
    private mutating func add(
        _ place: String, _ kind: String?, at client: IPAddress, _ presence: Presence
    ) {
        guard let audience = policy.program.seat(of: client, presence)?.audience else { return }
        guard let row = policy.program.row(of: audience) else {
            notes.append("\(place) has no verdicts of its own until it turns up: not asked")
            return
        }
        subjects.append(
            Subject(
                group: policy.policy.groups[audience.group].name, place: place, kind: kind,
                client: client, presence: presence, row: row))
    }

    private mutating func addUnknown(at client: IPAddress?) {
        guard let client else {
            notes.append("there is no private address that is in none of the networks")
            return
        }
        let program = policy.program
        subjects.append(
            Subject(
                group: "unknown", place: "in no network", client: client,
                row: program.audience(of: client).map { program.row(ofAudience: $0) }))
    }

    /// A private address that no group and no device has; `nil` if there is none.
    private static func addressInNoNetwork(of policy: Policy) -> IPAddress? {
        let known = policy.groups.flatMap(\.networks) + policy.deviceNetworks
        let places = ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.0/8"]
        for network in places.compactMap({ IPNetwork($0) }) {
            let high = network.lastAddress
            for back in 1...64 as ClosedRange<UInt64> {
                let client = IPAddress(high: high.high, low: high.low &- back)
                if !known.contains(where: { $0.contains(client) }) { return client }
            }
        }
        return nil
    }

    // MARK: When

    /// The middle of each stretch of a day between two changes, and its first and last second.
    private func moments(of date: CivilDate, _ words: String, withEdges: Bool) -> [Moment] {
        let zone = policy.policy.zone
        let counted = counted
        let start = zone.instant(of: CivilTime(date: date, secondOfDay: 0)).seconds
        let end = zone.instant(of: CivilTime(date: date.advanced(byDays: 1), secondOfDay: 0))
            .seconds
        // Also the bells that no rule of this file names: a server with another policy may go by them.
        var bells = bells(from: start, until: end)
        var next = policy.program.plane(at: Instant(seconds: start)).until
        while next < end {
            bells.insert(next)
            next = policy.program.plane(at: Instant(seconds: next)).until
        }
        let edges = bells.union([start, end]).sorted()
        var seconds: Set<Int64> = []
        for (from, until) in zip(edges, edges.dropFirst()) {
            let middle = from + (until - from) / 2
            seconds.formUnion(withEdges ? [from, middle, until - 1] : [middle])
        }
        return seconds.sorted().map { second in
            let instant = Instant(seconds: second)
            let periods = zip(policy.policy.periods, counted).filter { $1.counts(at: instant) }
                .map(\.0.name)
            return Moment(
                day: words, period: periods.isEmpty ? "no period" : periods.joined(separator: "+"),
                instant: instant, text: zone.iso8601(instant))
        }
    }

    /// When a period begins or ends.
    private func bells(from start: Int64, until end: Int64) -> Set<Int64> {
        var found: Set<Int64> = []
        for time in counted {
            var before = time.counts(at: Instant(seconds: start))
            for second in stride(from: start + 60, to: end, by: 60) {
                let now = time.counts(at: Instant(seconds: second))
                if now != before { found.insert(second) }
                before = now
            }
        }
        return found
    }

    /// When each period is on.
    private var counted: [CountedTime] {
        policy.policy.periods.indices.map { CountedTime(.during($0), in: policy.policy) }
    }
}
