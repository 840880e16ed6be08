/// What one fetch may take.
public struct FetchLimits: Sendable {
    /// Octets of contents; more is refused while it comes, so that no server fills the disk.
    public var octets: Int
    /// Seconds for all of it: the largest public lists take one of these on a school's line.
    public var seconds: Int
    /// Seconds until there must be a connection.
    public var connectSeconds: Int
    /// Octets a second below which a server is given up as hanging, after `slowSeconds`.
    public var slowOctets: Int
    /// How long it may be that slow, in seconds.
    public var slowSeconds: Int
    /// Redirections that are followed: publishers use one or two, a circle would have no end.
    public var redirections: Int

    /// The limits of a server, unless told otherwise.
    public init(
        octets: Int, seconds: Int = 600, connectSeconds: Int = 15, slowOctets: Int = 256,
        slowSeconds: Int = 30, redirections: Int = 5
    ) {
        self.octets = octets
        self.seconds = seconds
        self.connectSeconds = connectSeconds
        self.slowOctets = slowOctets
        self.slowSeconds = slowSeconds
        self.redirections = redirections
    }
}

/// When lists are fetched again.
enum Patience {
    /// How much earlier than `every:` a list may be fetched, as a part of it: thousands of schools
    /// that were switched on at the same hour should not all ask at once.
    static let jitter = 0.1
    /// The wait after a first failure, in seconds; each further one doubles it.
    static let firstRetrySeconds: Int64 = 60
    /// The longest wait after failures, in seconds.
    static let longestRetrySeconds: Int64 = 6 * 3600
}

/// When the contents of a list look wrong.
enum Doubt {
    /// A list that loses more than this part of its names is held back.
    static let shrinking = 0.5
}
