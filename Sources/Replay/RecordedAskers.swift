import DNSWire
import DecisionLog
import PolicyEngine

/// A client as one policy sees it.
struct ReplayAsker {
    /// The row of its verdicts, as `PolicyProgram.row` gives it.
    var row: Int
    /// Its group, as a place in `Policy.groups`.
    var group: Int

    /// A program's audiences, in their order.
    static func all(of program: PolicyProgram) -> [ReplayAsker] {
        program.audiences.indices.map {
            ReplayAsker(
                row: program.row(ofAudience: $0), group: program.audiences[$0].group)
        }
    }
}

/// Who asked, as the record tells it to both policies.
///
/// A record has a client's address, and the name of whoever was known to be there: a device of the
/// policy that decided then, by whatever it was known; somebody who had logged in; or what a device
/// calls itself. A policy goes by the first two. Belongs to one thread.
struct RecordedAskers {
    /// One client, to the policy in force and to the new one; `nil` where it is refused.
    struct Pair {
        var today: ReplayAsker?
        var new: ReplayAsker?
    }

    private let today: ReplayPolicy
    private let new: ReplayPolicy
    /// Where no policy knows anybody by more than an address, no name matters.
    private let goesByNames: Bool
    private var known: [Key: Pair] = [:]
    private var last: (key: Key, pair: Pair)?

    private struct Key: Hashable {
        var client: IPAddress
        var dictionary: ObjectIdentifier
        var device: UInt16
        var group: UInt16
    }

    init(today: ReplayPolicy, new: ReplayPolicy) {
        self.today = today
        self.new = new
        goesByNames =
            today.program.policy.asksWhoIsThere || new.program.policy.asksWhoIsThere
    }

    /// Who asked.
    ///
    /// - Parameter row: its dictionary must live as long as this does.
    @inline(__always)
    mutating func pair(_ row: DecisionRow) -> Pair {
        let record = row.record
        guard goesByNames, record.device != Verdict.none else {
            return Pair(today: today.asker(at: record.client), new: new.asker(at: record.client))
        }
        return named(row)
    }

    @inline(never)
    private mutating func named(_ row: DecisionRow) -> Pair {
        let record = row.record
        let key = Key(
            client: record.client, dictionary: ObjectIdentifier(row.dictionary),
            device: record.device, group: record.group)
        if let last, last.key == key { return last.pair }
        let pair = known[key] ?? look(row, key)
        last = (key, pair)
        return pair
    }

    private mutating func look(_ row: DecisionRow, _ key: Key) -> Pair {
        let rowsMade = (today.rowsMade, new.rowsMade)
        let pair = find(row)
        if rowsMade != (today.rowsMade, new.rowsMade) || known.count >= ReplayLimits.askers {
            known.removeAll()
        }
        known[key] = pair
        return pair
    }

    private func find(_ row: DecisionRow) -> Pair {
        let client = row.record.client
        let name = row.device ?? ""
        if let device = today.presence(ofDevice: name) ?? new.presence(ofDevice: name) {
            return Pair(today: today.asker(at: client, device), new: new.asker(at: client, device))
        }
        // Whether it logged in by that name or calls itself so is told by the group that it had.
        let login = Presence(identity: Identity.folded(name))
        let loggedIn = today.asker(at: client, login)
        let nobody = today.asker(at: client)
        if today.group(loggedIn) != row.group, today.group(nobody) == row.group {
            return Pair(today: nobody, new: new.asker(at: client))
        }
        return Pair(today: loggedIn, new: new.asker(at: client, login))
    }
}
