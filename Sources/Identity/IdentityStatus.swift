/// What there is to say of who tells who is where.
public struct IdentityStatus: Codable, Sendable, Equatable {
    /// The kernel's neighbours.
    public struct Neighbours: Codable, Sendable, Equatable {
        /// How many are known.
        public var known: Int
        /// How often the kernel had to leave news out, and all was asked for again.
        public var overflows: Int
    }

    /// A file of leases.
    public struct Leases: Codable, Sendable, Equatable {
        /// Where it lies.
        public var file: String
        /// Whose it is, if it has been read.
        public var format: String?
        /// How many leases hold.
        public var leases: Int
        /// How long ago it changed, in seconds; `nil` where it is not there.
        public var ageSeconds: Int64?
        /// What is wrong with it.
        public var problem: String?
    }

    /// Reports of logins.
    public struct Radius: Codable, Sendable, Equatable {
        /// How many logins go on.
        public var sessions: Int
        /// Reports that were taken.
        public var taken: Int
        /// Of them, what came too late to count.
        public var late: Int
        /// Packets that were dropped, by reason.
        public var dropped: [String: Int]
        /// What is wrong.
        public var problem: String?
    }

    /// The kernel; `nil` where the policy has no use for it.
    public var neighbours: Neighbours?
    /// The lease files, in order.
    public var leases: [Leases] = []
    /// The logins; `nil` where none are reported.
    public var radius: Radius?
    /// What keeps the kernel from being asked.
    public var problem: String?

    /// Whether there is nothing to say.
    public var isEmpty: Bool { self == IdentityStatus() }

    /// What a person should look at.
    public var warnings: [String] {
        var warnings = leases.compactMap { file in
            file.problem.map {
                "lease file \(file.file): \($0); what it said before holds until it ends"
            }
        }
        if let problem { warnings.append(problem) }
        if let problem = radius?.problem { warnings.append("identity.radius: \(problem)") }
        return warnings
    }
}
