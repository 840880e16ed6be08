/// What this room allows itself, each with its unit and its reason.
public enum ServerLimits {
    /// Datagrams taken and sent by one system call: what a busy worker lets gather, with room for
    /// what comes while it works. What one client gets out of one batch can go together.
    static let datagramsPerBatch: UInt32 = 256
    /// Queries whose memory is asked for together. To answer so many takes longer than memory does;
    /// with more, what was asked for first would be pushed out before its turn.
    static let queriesAhead = 10
    /// The longest that a busy worker lets datagrams gather from one turn to the next, in
    /// microseconds: less than anybody on a network can tell.
    static let longestTurnMicros: UInt32 = 1000
    /// The shortest pause that is worth the kernel's work for it, in microseconds.
    static let shortestPauseMicros: Int64 = 20
    /// Datagrams that follow each other no faster than this, in nanoseconds, never wait: 80,000 a
    /// second, more than a college of any size asks.
    static let busyIntervalNanos: Int64 = 12_500
    /// How long one pace is watched before it is compared, in microseconds: at those rates some
    /// hundred datagrams and several turns.
    static let paceSpellMicros: Int64 = 5_000
    /// Pairs of spells of which the majority decides between two paces; an odd number.
    static let pacePairsPerTrial = 7
    /// Spells between two trials of another pace, once several have brought nothing: half a second
    /// or so, and a trial that costs half of what is answered costs about a percent.
    static let paceSpellsBetweenTrials = 128
    /// Pauses one after the other that bring less than half of what they were to bring, before there
    /// are none for a while: one alone may have met a client that was busy otherwise.
    static let pausesInVain = 4
    /// The longest query taken by UDP, in octets: a longer one is none of an honest client's.
    static let queryOctets = 1472
    /// The longest answer sent by UDP, in octets (RFC 9715), as told in our OPT record.
    static let datagramAnswerOctets = 1232
    /// What a client without EDNS takes by UDP, in octets (RFC 1035 section 2.3.4).
    static let plainDatagramOctets = 512
    /// The longest message by TCP, in octets: its length has 16 bits.
    static let streamAnswerOctets = 65535
    /// Connections that one worker keeps: a college's clients that were all told to use TCP.
    static let connectionsPerWorker = 2048
    /// How long a connection may be silent, in milliseconds (RFC 7766 section 6.2.3).
    static let idleConnectionMilliseconds: Int64 = 10_000
    /// Questions in flight on one connection: past it no more is read until one is answered.
    static let queriesPerConnection = 256
    /// Octets waiting to be sent on one connection: past it no more is read from a client that
    /// does not read its answers.
    static let backlogOctets = 1 << 20
    /// How long a full socket buffer is waited for, in milliseconds, before an answer is given up.
    static let sendPatienceMilliseconds: Int32 = 10
    /// How long SIGTERM waits for questions in flight, in milliseconds.
    public static let drainMilliseconds: Int64 = 2000
    /// Questions in flight that a worker keeps for use again, about 1 KiB each: as many as are
    /// likely to be in flight at once, not as many as may be.
    static let spareQuestions = 1024
    /// Room for the decision records of one turn of a worker, in octets.
    static let recordBatchOctets = 256 * 1024
    /// The longest block notice sent to a client, in octets: with header, question and SOA it must
    /// fit the 512 octets of a plain client's neighbours.
    static let noticeOctets = 300
    /// TTL of answers that this server makes up itself (localhost, ANY), in seconds.
    static let localTTLSeconds: UInt32 = 3600
    /// TTL of the alias of a rewritten name, in seconds, before it is cut to its verdict's end: as
    /// long as engines let their own answers live, and soon over once a policy is changed.
    static let aliasTTLSeconds: UInt32 = 300
    /// How often the background thread looks at the log, the bell and the connections, in ms.
    static let maintenanceMilliseconds: Int32 = 200
    /// How long file changes must have settled before they are read, in milliseconds: editors
    /// write in several steps.
    static let settleMilliseconds: Int64 = 150
    /// How long a probe's key holds after it was last asked for, in microseconds: ten minutes, longer
    /// than a probe takes.
    static let probeKeyMicros: Int64 = 600_000_000
    /// Clients of which a worker remembers what the kernel said of them; a power of two. As many as
    /// come within a second, in a college of some thousand devices.
    static let firstSights = 1024
    /// How long it remembers that, in milliseconds: what follows the kernel's news knows by then.
    static let firstSightMilliseconds: Int64 = 1000
    /// The longest request on the control socket, in octets.
    static let controlRequestOctets = 4096
}
