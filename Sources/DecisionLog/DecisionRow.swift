public import DNSWire

/// One row of the log as it is read back, with the texts that its numbers stand for.
///
/// The texts are looked up when they are asked for; a row itself costs one small allocation.
public struct DecisionRow: Sendable {
    /// The row's place in the log: dense, from 1.
    public let seq: UInt64
    /// The numbers as they were recorded.
    public let record: DecisionRecord
    /// What a gap row says; `nil` for a decision.
    public let gap: RecordGap?
    /// The name asked for and then the name that was judged in its place, in wire format.
    private let names: [UInt8]
    private let nameBytes: Int
    package let dictionary: ResolvedDictionary

    /// The name asked for, in wire format; empty for a gap.
    public var nameWire: ArraySlice<UInt8> { names[..<nameBytes] }
    /// The CNAME target that was judged, in wire format; empty if it was the name itself.
    public var viaWire: ArraySlice<UInt8> { names[nameBytes...] }

    /// When the query came in (of a gap: when it was noted), in microseconds since 1970 UTC.
    public var timeMicros: Int64 { record.timeMicros }
    /// What was done.
    public var verdict: RecordVerdict { record.verdict }
    /// Whether the row notes a gap.
    public var isGap: Bool { gap != nil }
    /// Who asked.
    public var client: IPAddress? { isGap ? nil : record.client }
    /// The device's name.
    public var device: String? { ResolvedDictionary.text(record.device, in: dictionary.devices) }
    /// The group's name.
    public var group: String? { ResolvedDictionary.text(record.group, in: dictionary.groups) }
    /// The name asked for, lower case, without the final dot.
    public var name: String? { isGap ? nil : DomainName.presentation(of: lowercased(nameWire)) }
    /// The CNAME target that was judged in the name's place.
    public var via: String? {
        viaWire.isEmpty ? nil : DomainName.presentation(of: lowercased(viaWire))
    }
    /// The type asked for.
    public var type: RecordType? { isGap ? nil : RecordType(record.qtype) }
    /// The deciding rule's id, `default` where none decided; of a gap, what it says.
    public var rule: String {
        if let gap { return gap.description }
        return ResolvedDictionary.text(record.rule, in: dictionary.rules) ?? "default"
    }
    /// The category's path.
    public var category: String? {
        ResolvedDictionary.text(record.category, in: dictionary.categories)
    }
    /// The list's name.
    public var list: String? { ResolvedDictionary.text(record.list, in: dictionary.lists) }
    /// The period's name.
    public var period: String? { ResolvedDictionary.text(record.period, in: dictionary.periods) }
    /// The deciding rule's level of concern.
    public var concern: String? {
        guard Int(record.rule) < dictionary.concerns.count else { return nil }
        let text = dictionary.concerns[Int(record.rule)]
        return text.isEmpty ? nil : text
    }
    /// The hash of the policy that decided.
    public var policy: String? { dictionary.policyHash.isEmpty ? nil : dictionary.policyHash }
    /// The response code of the answer.
    public var rcode: ResponseCode? { isGap ? nil : ResponseCode(rawValue: record.rcode) }
    /// The TTL of the answer.
    public var ttlSeconds: UInt32? { record.ttlSeconds == .max ? nil : record.ttlSeconds }
    /// Where the answer came from.
    public var source: RecordSource { record.source }
    /// From receipt to answer.
    public var micros: UInt32? { isGap ? nil : record.micros }

    private func lowercased(_ wire: ArraySlice<UInt8>) -> [UInt8] { wire.map(\.asciiLowercased) }

    /// A row that was kept elsewhere.
    ///
    /// - Parameters:
    ///   - name: in wire format; empty for a gap.
    ///   - via: in wire format; empty where there is none.
    package init(
        seq: UInt64, record: DecisionRecord, gap: RecordGap?, name: [UInt8], via: [UInt8],
        dictionary: ResolvedDictionary
    ) {
        self.seq = seq
        self.record = record
        self.gap = gap
        names = via.isEmpty ? name : name + via
        nameBytes = name.count
        self.dictionary = dictionary
    }

    /// A gap row that was kept elsewhere.
    package init(seq: UInt64, micros: Int64, gap: RecordGap) {
        self.init(
            seq: seq,
            record: DecisionRecord(
                timeMicros: micros, client: IPAddress(high: 0, low: 0), verdict: .gap,
                source: .error, qtype: 0),
            gap: gap, name: [], via: [], dictionary: .unknown)
    }

    /// Reads a decision or gap record that is known to be whole.
    init(_ bytes: RecordBytes, dictionary: ResolvedDictionary) {
        seq = bytes.load(RecordLayout.seqOffset)
        self.dictionary = dictionary
        guard bytes.load(RecordLayout.kindOffset) == RecordKind.decision.rawValue else {
            gap = RecordGap(bytes, at: RecordLayout.headerBytes + 8)
            record = DecisionRecord(
                timeMicros: bytes.load(24), client: IPAddress(high: 0, low: 0), verdict: .gap,
                source: .error, qtype: 0)
            names = []
            nameBytes = 0
            return
        }
        gap = nil
        record = DecisionRecord(bytes)
        let first = Int(bytes.load(RecordLayout.nameLengthOffset, as: UInt8.self))
        let second = Int(bytes.load(RecordLayout.viaLengthOffset, as: UInt8.self))
        // SAFETY: `slice` stays within the record, and the octets are copied.
        names = unsafe Array(bytes.slice(RecordLayout.nameOffset, first + second))
        nameBytes = min(first, names.count)
    }
}

extension DecisionRecord {
    /// Reads the fixed part of a decision record.
    @inline(__always) init(_ bytes: RecordBytes) {
        self.init(
            timeMicros: bytes.load(24),
            client: IPAddress(high: bytes.load(32), low: bytes.load(40)), group: bytes.load(56),
            rule: bytes.load(58), category: bytes.load(60), list: bytes.load(62),
            period: bytes.load(64), device: bytes.load(RecordLayout.deviceOffset),
            verdict: RecordVerdict(rawValue: bytes.load(70)) ?? .allow, rcode: bytes.load(68),
            ttlSeconds: bytes.load(48), source: RecordSource(rawValue: bytes.load(71)) ?? .error,
            micros: bytes.load(52), qtype: bytes.load(66), matchedLabels: bytes.load(72))
    }
}
