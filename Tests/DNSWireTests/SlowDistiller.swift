import DNSWire
import Testing

/// The rules of which records are kept, written down again over the text that ldns makes.
struct SlowDistiller {
    private struct Record {
        var line: SecondOpinion.Line
        var owner: DomainName
        var type: String
        var covered: String
        var target: DomainName?

        init(_ line: SecondOpinion.Line) throws {
            self.line = line
            owner = try DomainName(parsing: line.owner)
            let fields = line.rest.split(separator: " ")
            type = line.type
            covered = type == "rrsig" && fields.count > 2 ? String(fields[2]) : ""
            if type == "cname", fields.count == 3 { target = try DomainName(parsing: fields[2]) }
        }
    }

    /// `owner class type data` of each record that is kept.
    var answers: [String] = []
    var authorities: [String] = []

    /// Nil where the chain has no end.
    init?(_ upstream: SecondOpinion, qname: String, qtype: RecordType, dnssecOK: Bool) throws {
        let type = "\(qtype)".lowercased()
        let answers = try upstream.answers.map(Record.init).filter {
            $0.line.rest.hasPrefix("in ")
        }
        var chain = [try DomainName(parsing: qname)]
        var aliases: Set<Int> = []
        while qtype != .cname || chain.count == 1, let last = chain.last,
            let next = answers.firstIndex(where: { $0.type == "cname" && $0.owner == last })
        {
            guard let target = answers[next].target, qtype == .cname || !chain.contains(target),
                chain.count <= 16
            else { return nil }
            aliases.insert(next)
            chain.append(target)
        }
        let kept = answers.enumerated().filter { number, record in
            guard record.type != "rrsig" || dnssecOK || qtype == .rrsig else { return false }
            let isOn =
                qtype == .cname ? record.owner == chain[0] : chain.contains(record.owner)
            let isAbove = chain.contains { $0.isEqualOrUnder(record.owner) }
            return aliases.contains(number)
                || isOn && record.type != "cname" && [type, "rrsig"].contains(record.type)
                || isAbove && (record.type == "dname" || record.covered == "dname")
        }.map(\.element)
        let isFinal = kept.contains { $0.type == type }
        self.answers = kept.map { "\($0.owner) \($0.line.rest)" }
        authorities = try upstream.authorities.map(Record.init).filter { record in
            guard record.line.rest.hasPrefix("in "), let last = chain.last else { return false }
            let subject = record.covered.isEmpty ? record.type : record.covered
            guard dnssecOK || record.type != "rrsig" && subject != "nsec" && subject != "nsec3"
            else { return false }
            return subject == "soa" && !isFinal && last.isEqualOrUnder(record.owner)
                || subject == "nsec" || subject == "nsec3"
        }.map { "\($0.owner) \($0.line.rest)" }
    }

    /// What ldns sees in a message that was written, in the same form; MINIMUM not compared.
    static func texts(_ lines: [SecondOpinion.Line]) throws -> [String] {
        try lines.map { "\(try DomainName(parsing: $0.owner)) \($0.rest)" }
    }
}
