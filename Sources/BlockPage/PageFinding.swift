import DNSWire
import DomainLists
import PolicyEngine
import PolicyFile
import Review

/// What the policy says at this moment about a name and the client that came to the page.
///
/// The same index, audiences and planes decide as for a query.
struct PageFinding {
    enum Outcome {
        /// The page was opened by its address, without any name.
        case noName
        /// The name is open to this client.
        case open(DomainName)
        /// It is blocked.
        case blocked(DomainName, rule: String, reason: String, until: String?)
    }

    let outcome: Outcome
    let loaded: LoadedPolicy
    /// The client's group; `nil` where the policy refuses it.
    let group: Int?
    /// The device's name, if the policy knows it.
    let device: String?

    /// - Parameters:
    ///   - presence: what the network tells of the client, besides its address.
    ///   - name: what the browser came for; `nil` for nothing.
    init(
        _ loaded: LoadedPolicy, client: IPAddress, _ presence: Presence, name: DomainName?,
        at now: Instant
    ) {
        self.loaded = loaded
        let seat = loaded.program.seat(of: client, presence)
        group = seat?.audience.group
        if case .device(let place)? = seat?.name {
            device = loaded.policy.devices[place].name
        } else {
            device = nil
        }
        guard let name else {
            outcome = .noName
            return
        }
        guard let audience = seat?.audience else {
            outcome = .blocked(
                name, rule: "unknown-devices",
                reason: "This device is in none of the networks that the policy knows.", until: nil)
            return
        }
        // Rules that name several of its devices may need a row of verdicts of their own.
        let isSeated = loaded.program.row(of: audience) != nil
        let program = isSeated ? loaded.program : loaded.seating([audience]).program
        let row = program.row(of: audience) ?? -1
        let set = loaded.index.match(name).set
        let plane = program.plane(at: now)
        let verdict = withExtendedLifetime(plane) { $0.view.verdict(row: row, set: set) }
        guard verdict.action == .block else {
            outcome = .open(name)
            return
        }
        let rule = verdict.rule == Verdict.none ? nil : program.rules[Int(verdict.rule)]
        let opening = Self.opening(of: set, for: row, program, after: verdict.until)
        outcome = .blocked(
            name, rule: rule?.id ?? "default",
            reason: rule?.reason ?? "This policy opens only what it names.",
            until: opening.map { PageWords.until($0, from: now, program) })
    }

    /// The rule that blocks, if one does.
    var rule: String? {
        if case .blocked(_, let rule, _, _) = outcome { return rule }
        return nil
    }

    /// Whether the writer of a report is staff, whose cases are the principal's.
    var isStaff: Bool {
        group.map { Notice.groups(of: .staff, in: loaded.policy).contains($0) } ?? false
    }

    /// The first instant at which the name is open; `nil` if none is in sight.
    private static func opening(
        of set: UInt32, for row: Int, _ program: PolicyProgram, after until: Int64
    ) -> Instant? {
        var seconds = until
        for _ in 0..<BlockPageLimits.bellsAhead where seconds != .max {
            let plane = program.plane(at: Instant(seconds: seconds))
            let verdict = withExtendedLifetime(plane) {
                $0.view.verdict(row: row, set: set)
            }
            if verdict.action != .block { return Instant(seconds: seconds) }
            seconds = verdict.until
        }
        return nil
    }
}

extension Catalogue {
    /// Whether devices ask for a name by themselves to see whether they are on the Internet: what
    /// comes back from there is read by a program.
    func isConnectivityCheck(_ name: DomainName) -> Bool {
        guard let found = service(covering: name) else { return false }
        return found.service.name == "connectivity-checks"
    }
}
