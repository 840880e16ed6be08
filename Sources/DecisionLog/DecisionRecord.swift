public import DNSWire

/// What was done with a query.
@frozen public enum RecordVerdict: UInt8, Sendable, CaseIterable {
    /// The question was answered as it stands.
    case allow
    /// The question was refused by a rule.
    case block
    /// Another name was answered in its place.
    case rewrite
    /// No decision: a note that decisions could not be recorded.
    case gap
}

/// Where an answer came from.
@frozen public enum RecordSource: UInt8, Sendable, CaseIterable {
    /// The policy alone: a block.
    case policy
    /// The cache.
    case cache
    /// The cache, past its time, since no upstream answered.
    case stale
    /// An upstream.
    case upstream
    /// The server's own records.
    case local
    /// No answer could be had.
    case error
}

/// One decision as a worker hands it over: numbers only, no text, no reference.
///
/// The small numbers index the `RecordDictionary` that the record is committed with; `.max` stands
/// for "none" (of `rule`: the policy's default decided).
@frozen public struct DecisionRecord: Sendable, Equatable {
    /// When the query came in: wall clock, microseconds since 1970 UTC.
    public var timeMicros: Int64
    /// Who asked.
    public var client: IPAddress
    /// Index of the client's group.
    public var group: UInt16
    /// Index of the deciding rule; `.max` = the default.
    public var rule: UInt16
    /// Index of the category.
    public var category: UInt16
    /// Index of the list.
    public var list: UInt16
    /// Index of the period.
    public var period: UInt16
    /// Index of the device.
    public var device: UInt16
    /// What was done.
    public var verdict: RecordVerdict
    /// The response code of the answer.
    public var rcode: UInt16
    /// The TTL that the answer carried, in seconds; `.max` = the answer carried no record.
    public var ttlSeconds: UInt32
    /// Where the answer came from.
    public var source: RecordSource
    /// Time from receipt to answer, in microseconds.
    public var micros: UInt32
    /// The type asked for.
    public var qtype: UInt16
    /// How many labels of the name the listed name has; 0 = none.
    public var matchedLabels: UInt8

    /// A record of a default decision; the indices that are not given are "none".
    @inlinable public init(
        timeMicros: Int64, client: IPAddress, group: UInt16 = .max, rule: UInt16 = .max,
        category: UInt16 = .max, list: UInt16 = .max, period: UInt16 = .max,
        device: UInt16 = .max, verdict: RecordVerdict, rcode: UInt16 = 0, ttlSeconds: UInt32 = .max,
        source: RecordSource, micros: UInt32 = 0, qtype: UInt16, matchedLabels: UInt8 = 0
    ) {
        self.timeMicros = timeMicros
        self.client = client
        self.group = group
        self.rule = rule
        self.category = category
        self.list = list
        self.period = period
        self.device = device
        self.verdict = verdict
        self.rcode = rcode
        self.ttlSeconds = ttlSeconds
        self.source = source
        self.micros = micros
        self.qtype = qtype
        self.matchedLabels = matchedLabels
    }

    /// Lets `micros` say when the query came until the record is committed, so that the clock is
    /// read once for all records of a batch, when their answers are about to leave.
    ///
    /// - Parameter monotonicMicros: less than half an hour before it is answered.
    @inlinable public mutating func begin(atMonotonicMicros monotonicMicros: Int64) {
        micros = UInt32(truncatingIfNeeded: monotonicMicros)
    }
}

extension RecordVerdict: CustomStringConvertible {
    /// The word in the log's columns.
    public var description: String {
        switch self {
        case .allow: "allow"
        case .block: "block"
        case .rewrite: "rewrite"
        case .gap: "gap"
        }
    }
}

extension RecordSource: CustomStringConvertible {
    /// The word in the log's columns.
    public var description: String {
        switch self {
        case .policy: "policy"
        case .cache: "cache"
        case .stale: "stale"
        case .upstream: "upstream"
        case .local: "local"
        case .error: "error"
        }
    }
}
