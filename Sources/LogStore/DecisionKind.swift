import DNSWire
import DecisionLog

/// What decisions are counted by: all that a policy gave, none of what the question was.
struct DecisionClass: Hashable {
    /// Which of the chunk's definitions the numbers refer to.
    var definition: UInt16
    var group: UInt16
    var rule: UInt16
    var category: UInt16
    var list: UInt16
    var period: UInt16
    var device: UInt16
    var verdict: UInt8
}

/// All of a decision that takes few values.
struct DecisionKind: Hashable {
    var rank: DecisionClass
    var rcode: UInt16
    var qtype: UInt16
    var source: UInt8
    var matchedLabels: UInt8

    init(_ record: DecisionRecord, definition: UInt16) {
        rank = DecisionClass(
            definition: definition, group: record.group, rule: record.rule,
            category: record.category, list: record.list, period: record.period,
            device: record.device, verdict: record.verdict.rawValue)
        rcode = record.rcode
        qtype = record.qtype
        source = record.source.rawValue
        matchedLabels = record.matchedLabels
    }

    init(_ reader: inout PackReader, classes: [DecisionClass]) {
        let number = Int(reader.small())
        rank =
            number < classes.count
            ? classes[number]
            : DecisionClass(
                definition: .max, group: .max, rule: .max, category: .max, list: .max,
                period: .max, device: .max, verdict: 0)
        rcode = UInt16(truncatingIfNeeded: reader.number())
        qtype = UInt16(truncatingIfNeeded: reader.number())
        source = UInt8(truncatingIfNeeded: reader.number())
        matchedLabels = UInt8(truncatingIfNeeded: reader.number())
    }

    func pack(into writer: inout PackWriter, number: UInt32) {
        writer.number(number)
        for value in [rcode, qtype, UInt16(source), UInt16(matchedLabels)] {
            writer.number(UInt64(value))
        }
    }

    /// The record without what is of one row alone.
    var record: DecisionRecord {
        var record = rank.record
        record.rcode = rcode
        record.qtype = qtype
        record.source = RecordSource(rawValue: source) ?? .error
        record.matchedLabels = matchedLabels
        return record
    }
}

extension DecisionClass {
    init(_ reader: inout PackReader) {
        // "None" is the greatest number; one more makes it the least.
        func next() -> UInt16 { UInt16(truncatingIfNeeded: reader.number()) &- 1 }
        definition = UInt16(truncatingIfNeeded: reader.number())
        group = next()
        rule = next()
        category = next()
        list = next()
        period = next()
        device = next()
        verdict = UInt8(truncatingIfNeeded: reader.number())
    }

    func pack(into writer: inout PackWriter) {
        writer.number(UInt64(definition))
        for value in [group, rule, category, list, period, device] {
            writer.number(UInt64(value &+ 1))
        }
        writer.number(UInt64(verdict))
    }

    /// A record that says what this says.
    var record: DecisionRecord {
        DecisionRecord(
            timeMicros: 0, client: IPAddress(high: 0, low: 0), group: group, rule: rule,
            category: category, list: list, period: period, device: device,
            verdict: RecordVerdict(rawValue: verdict) ?? .allow, source: .error, qtype: 0)
    }
}
