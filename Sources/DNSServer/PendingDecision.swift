import DNSWire
import DecisionLog
import PolicyEngine

/// One query's decision while it is being made.
struct PendingDecision {
    let query: Query
    /// When the query came.
    let received: Moment
    /// The moment by which it is judged.
    var now: Moment
    var record: DecisionRecord
    /// Whether the client's answers go without ECH keys and address hints.
    var stripsECH = false

    @inline(__always)
    init(query: Query, client: IPAddress, moment: Moment) {
        self.query = query
        received = moment
        now = moment
        record = DecisionRecord(
            timeMicros: moment.wallMicros, client: client, group: .max, rule: .max, category: .max,
            list: .max, period: .max, verdict: .allow, rcode: 0, ttlSeconds: 0, source: .upstream,
            micros: 0, qtype: query.qtype.rawValue, matchedLabels: 0)
        record.begin(atMonotonicMicros: moment.monotonicMicros)
    }

    @inline(__always)
    mutating func take(_ asker: Gate.Asker) {
        record.group = asker.group
        record.device = asker.device
        stripsECH = asker.stripsECH
    }

    @inline(__always)
    mutating func take(_ verdict: Verdict, labels: UInt8, view: GateView) {
        record.verdict = verdict.action == .rewrite ? .rewrite : .allow
        record.rule = verdict.rule
        record.category = verdict.category
        record.list = view.list(ofSource: verdict.source)
        record.period = verdict.period
        record.matchedLabels = verdict.tier == 0 ? labels : 0
    }
}

extension Query {
    /// What the client takes, in octets.
    @inline(__always)
    func answerLimit(isStream: Bool, capacity: Int) -> Int {
        if isStream { return min(capacity, ServerLimits.streamAnswerOctets) }
        guard hasOPT else { return min(capacity, ServerLimits.plainDatagramOctets) }
        let size = max(Int(udpPayloadSize), ServerLimits.plainDatagramOctets)
        return min(capacity, size, ServerLimits.datagramAnswerOctets)
    }
}
