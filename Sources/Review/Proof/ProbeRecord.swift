import Foundation

/// What a probe found: whether a server does what its policy says, cell by cell.
///
/// Kept with the annual review. Instants are RFC 3339 texts by the policy's wall clock.
public struct ProbeRecord: Codable, Hashable, Sendable {
    /// When it was made.
    public var at: String
    /// The program's version.
    public var version: String
    /// The policy that was compared with.
    public var policy: PolicyFacts
    /// The servers that were asked.
    public var servers: [Server]
    /// Cells of the policy's table; each was asked of each server.
    public var cells: Int
    /// Answers that were as the policy says, of all servers together.
    public var agreed: Int
    /// Answers that were not.
    public var differing: Int
    /// The first of those, in the order of the table.
    public var differences: [Difference]
    /// Cells that two servers answered differently.
    public var drifting: Int
    /// The first of those.
    public var drift: [Drift]
    /// Whom was asked as.
    public var subjects: [Subject]
    /// What was asked for.
    public var names: [Name]
    /// When it was asked as of.
    public var moments: [Moment]
    /// What the table could not cover, in words.
    public var notes: [String]

    /// Differences, and cells that drift, that are written down one by one; the rest is counted: a server
    /// with another policy altogether would fill the disk.
    public static let listed = 1000

    /// Whether all is as the policy says, on every server.
    public var isFine: Bool {
        differing == 0 && drifting == 0 && servers.allSatisfy { $0.policyHash == policy.hash }
    }

    /// The policy that was compared with.
    public struct PolicyFacts: Codable, Hashable, Sendable {
        /// Its title.
        public var name: String
        /// Its reference.
        public var reference: String
        /// The hash of its file.
        public var hash: String

        /// Takes the parts.
        public init(name: String, reference: String, hash: String) {
            (self.name, self.reference, self.hash) = (name, reference, hash)
        }
    }

    /// A server that was asked.
    public struct Server: Codable, Hashable, Sendable {
        /// Where it serves.
        public var address: String
        /// The policy that it has in force.
        public var policyHash: String
        /// Its version.
        public var version: String
        /// Questions that it was asked, each cell once and some again by TCP.
        public var asked: Int
        /// Of them: by TCP.
        public var byTCP: Int
        /// Of them: as the policy says.
        public var agreed: Int
        /// Of them: not as it says.
        public var differing: Int
        /// Of those: without an answer.
        public var unanswered: Int

        /// Begins with nothing asked.
        public init(address: String, policyHash: String, version: String) {
            self.address = address
            self.policyHash = policyHash
            self.version = version
            (asked, byTCP, agreed, differing, unanswered) = (0, 0, 0, 0, 0)
        }
    }

    /// A cell of the table.
    public struct Cell: Codable, Hashable, Sendable {
        /// The group, or `unknown`.
        public var group: String
        /// The address that was asked as.
        public var client: String
        /// The network or device that it stands for.
        public var place: String
        /// The kind of device, where the policy says so.
        public var kind: String?
        /// The category.
        public var category: String
        /// The name that stands for it.
        public var name: String
        /// The kind of day.
        public var day: String
        /// The periods that are on, or `no period`.
        public var period: String
        /// The instant.
        public var at: String

        /// Takes the parts.
        public init(
            group: String, client: String, place: String, kind: String?, category: String,
            name: String, day: String, period: String, at: String
        ) {
            (self.group, self.client, self.place, self.kind) = (group, client, place, kind)
            (self.category, self.name) = (category, name)
            (self.day, self.period, self.at) = (day, period, at)
        }
    }

    /// An answer, or what it should have been.
    public struct Outcome: Codable, Hashable, Sendable {
        /// `allow`, `block`, `rewrite`, `refused` or `no answer`.
        public var verdict: String
        /// The deciding rule, or `default`; `nil` where it cannot be told.
        public var rule: String?
        /// What the block said; of a rewrite, the host that answers.
        public var reason: String?
        /// What is wrong though the verdict is right, such as a TTL that outlives it.
        public var problem: String?

        /// Takes the parts.
        public init(
            verdict: String, rule: String? = nil, reason: String? = nil, problem: String? = nil
        ) {
            (self.verdict, self.rule, self.reason) = (verdict, rule, reason)
            self.problem = problem
        }
    }

    /// A cell in which a server did not do what the policy says.
    public struct Difference: Codable, Hashable, Sendable {
        /// Where the server serves.
        public var server: String
        /// Where in the table.
        public var cell: Cell
        /// What the policy says.
        public var expected: Outcome
        /// What the server did.
        public var got: Outcome

        /// Takes the parts.
        public init(server: String, cell: Cell, expected: Outcome, got: Outcome) {
            (self.server, self.cell) = (server, cell)
            (self.expected, self.got) = (expected, got)
        }
    }

    /// A cell that servers answered differently.
    public struct Drift: Codable, Hashable, Sendable {
        /// Where in the table.
        public var cell: Cell
        /// What each server did, in the order of the servers.
        public var got: [Outcome]

        /// Takes the parts.
        public init(cell: Cell, got: [Outcome]) { (self.cell, self.got) = (cell, got) }
    }

    /// A client that was asked as.
    public struct Subject: Codable, Hashable, Sendable {
        /// The group, or `unknown`.
        public var group: String
        /// The network or device that it stands for.
        public var place: String
        /// The kind of device, where the policy says so.
        public var kind: String?
        /// The address.
        public var client: String

        /// Takes the parts.
        public init(group: String, place: String, kind: String?, client: String) {
            (self.group, self.place, self.kind, self.client) = (group, place, kind, client)
        }
    }

    /// A name and the category that it stands for.
    public struct Name: Codable, Hashable, Sendable {
        /// The category.
        public var category: String
        /// The name.
        public var name: String

        /// Takes both.
        public init(category: String, name: String) {
            (self.category, self.name) = (category, name)
        }
    }

    /// An instant and what it stands for.
    public struct Moment: Codable, Hashable, Sendable {
        /// The kind of day.
        public var day: String
        /// The periods that are on.
        public var period: String
        /// The instant.
        public var at: String

        /// Takes the parts.
        public init(day: String, period: String, at: String) {
            (self.day, self.period, self.at) = (day, period, at)
        }
    }

    /// Differences that say the same of one group, name and period on one server.
    public struct Finding: Sendable {
        /// The first of them.
        public var first: Difference
        /// How many cells they are.
        public var cells = 1
        /// The networks and devices, in order.
        public var places: [String]
    }

    /// The differences that are listed, those together that say the same, in the order of the table.
    public var findings: [Finding] {
        struct Key: Hashable {
            var texts: [String]
            var outcomes: [Outcome]
        }
        var found: [Finding] = []
        var known: [Key: Int] = [:]
        for difference in differences {
            let cell = difference.cell
            let key = Key(
                texts: [difference.server, cell.group, cell.category, cell.name, cell.period],
                outcomes: [difference.expected, difference.got])
            guard let place = known[key] else {
                known[key] = found.count
                found.append(Finding(first: difference, places: [cell.place]))
                continue
            }
            found[place].cells += 1
            if !found[place].places.contains(cell.place) {
                found[place].places.append(cell.place)
            }
        }
        return found
    }

    /// Begins with nothing asked.
    public init(at: String, version: String, policy: PolicyFacts) {
        (self.at, self.version, self.policy) = (at, version, policy)
        (cells, agreed, differing, drifting) = (0, 0, 0, 0)
        (servers, differences, drift) = ([], [], [])
        (subjects, names, moments, notes) = ([], [], [], [])
    }

    /// The record as one JSON object (RFC 8259), keys in alphabetical order.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}
