/// What alerts may take, and when they come.
public enum AlertLimits {
    /// Look-ups of one device against one rule within this time are one alert, in microseconds: an
    /// app asks again and again, and a person reads the mail once.
    static let foldMicros: Int64 = 600_000_000
    /// An alert waits until no look-up has come for this long, in microseconds: opening one page
    /// asks for many names, and the mail should name them together.
    static let settleMicros: Int64 = 3_000_000
    /// An alert waits no longer than this, in microseconds.
    static let longestWaitMicros: Int64 = 15_000_000
    /// Alerts of one day. More are no longer read: then the digest has the rest, and one message says
    /// so.
    static let alertsPerDay = 50
    /// Worries from the block page that are told at once on one day, beside those alerts; more come
    /// in the digest.
    static let worriesPerDay = 50
    /// Alerts that are folded at a time: a room full of devices with a rule each.
    static let openFolds = 4096
    /// Names that an alert tells one by one.
    static let names = 8
    /// Lines of a digest.
    static let digestLines = 500
    /// Days for which it is remembered which limits of use were told: a flag is of today or, after a
    /// restart, of yesterday.
    static let daysOfUse = 3
    /// Messages that wait for delivery; the oldest digest goes when there are more.
    static let outbox = 256
    /// The wait after the first failed delivery, in seconds; each further one doubles it.
    static let firstRetrySeconds: Int64 = 15
    /// The longest wait between attempts, in seconds.
    static let longestRetrySeconds: Int64 = 3600
    /// How long one delivery may take, in seconds.
    public static let deliverySeconds = 30
    /// The largest book that is read, in octets.
    static let bookOctets = 16 << 20
}
