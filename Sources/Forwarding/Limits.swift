/// What this room allows itself, each with its unit and its reason.
public enum ForwardingLimits {
    /// Octets that cached answers may take: some 250,000 answers of common size.
    public static let cacheBytes = 64 << 20
    /// Parts of the cache with a lock each: far more than workers, so that they rarely meet.
    static let cacheShards = 64
    /// Clients that wait for one question: a whole college asking for one name.
    public static let waitersPerQuestion = 8192
    /// Questions in flight over all workers: beyond it the newest fail at once, which keeps memory
    /// bounded when every upstream is silent.
    public static let questionsInFlight = 16384
    /// How long a failure is remembered, in seconds (RFC 9520 section 3.2: 1 s ... 5 min): long
    /// enough to spare the upstream a storm, short enough that its return is noticed.
    public static let failureTTLSeconds: UInt32 = 2
    /// What this server takes by UDP, in octets: fits every path unfragmented (RFC 9715).
    public static let udpPayloadSize: UInt16 = 1232
    /// How long each attempt is waited for before the next upstream is asked, in milliseconds.
    /// Earlier attempts stay open: whichever answers first is taken. Two are over before 2 s.
    static let attemptMilliseconds: [Int64] = [700, 700, 1000, 1200]
    /// In this time, in milliseconds, every upstream has been asked once, however many are silent:
    /// where there are more than three, each is waited for a little less.
    static let firstRoundMilliseconds: Int64 = 1800
    /// The age past which a question is not sent again, in milliseconds: with an attempt by TCP on
    /// top, a client that waits for five seconds is still told.
    static let questionMilliseconds: Int64 = 3400
    /// How long an attempt by TCP is waited for, in milliseconds: it has two more round trips.
    static let streamAttemptMilliseconds: Int64 = 1500
    /// Attempts for one question in all, those after truncation or another letter case included.
    static let attemptsPerQuestion = 8
    /// Sockets kept open per upstream and worker, each on a random port.
    static let socketsPerUpstream = 48
    /// New sockets per second and worker: up to that rate every question has a port of its own.
    static let freshSocketsPerSecond = 256
    /// Questions that one socket carries before its port is given up.
    static let questionsPerSocket = 512
    /// Failures in a row after which an upstream counts as down.
    static let failuresUntilDown = 2
    /// How long a down upstream is spared before a question is sent to it as well, in milliseconds;
    /// doubles up to the second number.
    static let downMilliseconds: (first: Int64, most: Int64) = (1000, 16000)
    /// How long an upstream that refuses EDNS is asked without it, in milliseconds.
    static let plainDNSMilliseconds: Int64 = 600_000
    /// How long an upstream that changes letter case is asked in lower case, in milliseconds.
    static let plainCaseMilliseconds: Int64 = 600_000
    /// How long a start-up's question to an upstream is waited for, in milliseconds.
    static let probeMilliseconds: Int64 = 1500
    /// The same where a connection and TLS's handshake come first.
    static let encryptedProbeMilliseconds: Int64 = 4000
}
