/// What this room allows itself, each with its unit and its reason.
public enum IdentityLimits {
    /// Neighbours that are kept: more than the kernel keeps by itself (net.ipv4.neigh.default.gc_thresh3).
    static let neighbours = 65_536
    /// How long a neighbour counts, in seconds, that the kernel has forgotten because it was quiet:
    /// the kernel forgets after a minute, a device does not ask anew where we are before it asks a
    /// question, and whoever else takes the address is heard of at once.
    static let forgottenSeconds: Int64 = 600
    /// How long after a refusal neighbours are asked for again, in milliseconds.
    static let dumpRetryMilliseconds: Int64 = 1000
    /// How often files of leases are looked at, in milliseconds: their servers keep them open while
    /// they write, so that nothing tells when they are done.
    static let lookMilliseconds: Int64 = 250
    /// The longest lease file, in octets: a log of a large college's leases, of many days.
    static let leaseFileOctets = 64 << 20
    /// Leases that are kept of one file: a /16 of them.
    static let leases = 65_536
    /// A lease that a whole file has no more is over once the file has been still for so long, in
    /// milliseconds: a server writes its file anew in place, and we may look meanwhile.
    static let settleMilliseconds: Int64 = 1000
    /// The longest name of a device by its own account, in octets: a label (RFC 1035).
    static let hostNameOctets = 63
    /// How many times names that devices gave themselves are taken up at once, and how often one
    /// more time, in milliseconds: each writes all names into the log again.
    static let nameBursts = 30
    static let nameMilliseconds: Int64 = 60_000
    /// The longest RADIUS packet, in octets (RFC 2865 section 3).
    static let packetOctets = 4096
    /// Packets taken before others have their turn.
    static let packetsPerTurn = 64
    /// Logins that are kept: those of a large college's devices, a few each.
    static let sessions = 65_536
    /// How long a login that has ended is remembered, in seconds, so that a late or repeated packet
    /// does not begin it again.
    static let endedSeconds: Int64 = 86_400
    /// The longest file of logins, in octets.
    static let sessionFileOctets = 64 << 20
    /// The shortest time between two tables of who is where, in milliseconds: a whole room of
    /// devices comes at once. The first change of several is not held back.
    static let publishMilliseconds: Int64 = 20
}
