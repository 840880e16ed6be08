import DNSWire

/// One line of a response policy zone that says something about a name.
public struct RPZLine: Hashable, Sendable {
    /// Which line of the file, from 1; of a record in parentheses, the first.
    public let line: Int
    /// The owner relative to the zone, without final dot, such as `*.example.com`; what could be
    /// read of it where the line is unusable.
    public let owner: String
    /// What the record asks for.
    public let action: RPZAction

    /// Makes a line from its parts.
    public init(line: Int, owner: String, action: RPZAction) {
        self.line = line
        self.owner = owner
        self.action = action
    }
}

/// What a record of a response policy zone asks for, as far as a list of names can carry it.
public enum RPZAction: Hashable, Sendable {
    /// Any answer but the real one: NXDOMAIN, NODATA, drop, or local data.
    case block
    /// `CNAME rpz-passthru.`: this name is left alone.
    case passthrough
    /// Not about a query name, or not to be read; with the reason for a person.
    case unusable(String)
}

/// Reads a response policy zone file (the format of BIND and unbound), record by record by ldns.
///
/// `$ORIGIN` and `$TTL` hold; the zone is the owner of the SOA record, or else the first
/// `$ORIGIN`, or else the root. SOA, NS and DNSSEC records and comments yield nothing. A line that
/// cannot be read yields an unusable line, and reading goes on with the next.
///
/// - Complexity: linear, some microseconds a record.
public func readRPZ(_ bytes: [UInt8]) -> [RPZLine] {
    var lines: [RPZLine] = []
    readRPZ(bytes) { line, owner, isPassthrough, problem in
        let action = problem.map(RPZAction.unusable) ?? (isPassthrough ? .passthrough : .block)
        lines.append(RPZLine(line: line, owner: lowercased(owner), action: action))
        return true
    }
    return lines
}

/// Reads as `readRPZ(_:)` does, and hands on line by line until `take` returns false.
///
/// Allocates nothing for a line of the plainest form, such as `name CNAME .`, in the zone itself.
///
/// - Parameter take: gets the line's number, its owner, which may have capital letters, whether the
///   name passes through, and the reason why the line is unusable, if it is.
public func readRPZ(
    _ bytes: [UInt8],
    _ take: (_ line: Int, _ owner: Span<UInt8>, _ isPassthrough: Bool, _ problem: String?) -> Bool
) {
    var reader = RPZReader(zone: findZone(bytes), of: bytes)
    forEachEntry(in: bytes) { line in
        switch line {
        case .entry(let entry): reader.take(entry)
        case .plain(let number, let record):
            if reader.takesAsWritten(record) {
                let owner = bytes.span.extracting(record.owner)
                return take(number, owner, record.isPassthrough, nil)
            }
            reader.take(record, line: number)
        }
        let goesOn = reader.lines.allSatisfy { line in
            let owner = line.owner.utf8.span
            return switch line.action {
            case .block: take(line.line, owner, false, nil)
            case .passthrough: take(line.line, owner, true, nil)
            case .unusable(let reason): take(line.line, owner, false, reason)
            }
        }
        reader.lines.removeAll(keepingCapacity: true)
        return goesOn
    }
}

/// The zone's own name, lower case with its final dot: the SOA's owner or the first `$ORIGIN`.
private func findZone(_ bytes: [UInt8]) -> String {
    var origin: String?
    var apex: String?
    var seen = 0
    forEachEntry(in: bytes) { line in
        // The SOA comes first in any zone; a limit keeps the search from reading a long list twice.
        seen += 1
        guard case .entry(let entry) = line else { return seen < 100 }
        let words = entry.words
        if let first = words.first, first.uppercased() == "$ORIGIN", words.count > 1 {
            origin = origin ?? absolute(String(words[1]), origin: ".")
        } else if words.contains(where: { $0.uppercased() == "SOA" }),
            let name = LDNSName(origin ?? "."),
            let record = try? LDNSRecord(text: entry.text, origin: name), record.type == .soa
        {
            apex = record.owner?.lowercased()
        }
        return apex == nil && seen < 100
    }
    return apex ?? origin ?? "."
}

private func absolute(_ name: String, origin: String) -> String {
    let name = name.lowercased()
    if name == "@" { return origin }
    if name.hasSuffix(".") { return name }
    return origin == "." ? name + "." : name + "." + origin
}

/// ASCII letters in lower case, octet by octet, which takes a fraction of what Unicode's way does.
private func lowercased(_ octets: Span<UInt8>) -> String {
    // SAFETY: the buffer is the span's own, and is copied within the call.
    unsafe octets.withUnsafeBufferPointer { octets in
        unsafe String(
            decoding: octets.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}

extension RecordType {
    fileprivate static let nsec = RecordType(47)
    fileprivate static let dnskey = RecordType(48)
    fileprivate static let nsec3 = RecordType(50)
    fileprivate static let nsec3param = RecordType(51)
}

/// Reads entries one after the other; keeps what one line means for the next.
private struct RPZReader {
    let zone: String
    var lines: [RPZLine] = []
    private let bytes: [UInt8]
    private var originText = "."
    private var origin = LDNSName(".")
    /// Whether names are relative to the zone itself, and plain ones so short that they fit.
    private var isAtZone = false
    private var previous = Owner.unreadable

    /// The owner of the last record that had one.
    private enum Owner {
        case unreadable
        /// Absolute, or relative to the origin.
        case text(String)
        /// Relative to the zone, which is the origin.
        case written(Range<Int>)
    }

    init(zone: String, of bytes: [UInt8]) {
        self.zone = zone
        self.bytes = bytes
        // Names are relative to the zone until an $ORIGIN says otherwise.
        setOrigin(zone)
    }

    private var previousOwner: String? {
        switch previous {
        case .unreadable: nil
        case .text(let owner): owner
        case .written(let place): lowercased(bytes.span.extracting(place))
        }
    }

    private mutating func setOrigin(_ text: String) {
        // An owner that is relative is so to the origin of its own line.
        previous = previousOwner.map { .text(absolute($0, origin: originText)) } ?? .unreadable
        originText = text
        origin = LDNSName(text)
        isAtZone = text == zone && takesPlainOwners
    }

    private var takesPlainOwners: Bool {
        originText.utf8.count < PlainRecord.maximumOwnerBytes - 2
    }

    /// Takes a plain record of which there is no more to be said than what is written.
    mutating func takesAsWritten(_ record: PlainRecord) -> Bool {
        if isAtZone { previous = .written(record.owner) }
        return isAtZone
    }

    mutating func take(_ entry: ZoneEntry) {
        let words = entry.words
        guard let first = words.first else { return }
        if let problem = entry.problem {
            if entry.hasOwner { previous = .unreadable }
            refuse(entry.line, String(first), problem)
        } else if first.hasPrefix("$") {
            takeDirective(words, line: entry.line)
        } else if entry.hasOwner {
            takeRecord(entry.text, written: String(first), line: entry.line)
        } else if let previousOwner {
            takeRecord(previousOwner + " " + entry.text, written: previousOwner, line: entry.line)
        } else {
            refuse(entry.line, "", "the owner, taken from the line before, could not be read")
        }
    }

    /// Takes a plain record below an origin of its own.
    mutating func take(_ record: PlainRecord, line: Int) {
        let owner = lowercased(bytes.span.extracting(record.owner))
        guard takesPlainOwners else {
            let target = record.isPassthrough ? "rpz-passthru." : "."
            return takeRecord("\(owner) CNAME \(target)", written: owner, line: line)
        }
        previous = .text(owner)
        let whole = absolute(owner, origin: originText)
        guard let name = relative(whole) else {
            return refuse(line, whole, "the name is outside the zone \(zone)")
        }
        lines.append(
            RPZLine(line: line, owner: name, action: record.isPassthrough ? .passthrough : .block))
    }

    private mutating func takeDirective(_ words: [Substring], line: Int) {
        switch words.first?.uppercased() {
        case "$TTL": break
        case "$ORIGIN":
            guard words.count > 1 else { return refuse(line, "", "$ORIGIN without a name") }
            let text = absolute(String(words[1]), origin: originText)
            guard LDNSName(text) != nil else { return refuse(line, "", "$ORIGIN is not a name") }
            setOrigin(text)
        default: refuse(line, "", "\(words.first ?? "") is not read from a list")
        }
    }

    private mutating func takeRecord(_ text: String, written: String, line: Int) {
        do throws(LDNSError) {
            let record = try LDNSRecord(text: text, origin: origin)
            guard let owner = record.owner?.lowercased() else {
                throw LDNSError("the owner cannot be printed")
            }
            previous = .text(owner)
            switch record.type {
            case .soa, .ns, .rrsig, .nsec, .dnskey, .nsec3, .nsec3param: return
            default: break
            }
            guard let name = relative(owner) else {
                return refuse(line, owner, "the name is outside the zone \(zone)")
            }
            guard !name.isEmpty else {
                return refuse(line, name, "the record is the zone's own, not about a name")
            }
            let target = record.type == .cname ? record.firstField?.lowercased() : nil
            lines.append(RPZLine(line: line, owner: name, action: action(name, target: target)))
        } catch {
            previous = .unreadable
            refuse(line, written, error.description)
        }
    }

    /// The owner without the zone's name and without final dot; `nil` where it is not in the zone.
    private func relative(_ owner: String) -> String? {
        if owner == zone { return "" }
        if zone == "." { return String(owner.dropLast()) }
        return owner.hasSuffix("." + zone) ? String(owner.dropLast(zone.count + 1)) : nil
    }

    private func action(_ name: String, target: String?) -> RPZAction {
        let last = name.split(separator: ".").last ?? ""
        switch last {
        case "rpz-ip": return .unusable("rpz-ip looks at an answer's address, not at a name")
        case "rpz-client-ip": return .unusable("rpz-client-ip: clients are the policy's matter")
        case "rpz-nsdname", "rpz-nsip":
            return .unusable("\(last) looks at a name's servers, not at the name")
        default: break
        }
        guard let target else { return .block }
        switch target {
        case "rpz-passthru.": return .passthrough
        case "rpz-tcp-only.": return .unusable("rpz-tcp-only does not block a name")
        case "rpz-drop.": return .block
        case _ where target == name + ".":
            // The older spelling of rpz-passthru: a name that is its own alias.
            return .passthrough
        case _ where Self.actionNames.contains { target.hasPrefix($0 + ".") }:
            return .unusable("\(target) is no policy action; is its final dot missing?")
        default: return .block
        }
    }

    private static let actionNames = ["rpz-passthru", "rpz-drop", "rpz-tcp-only"]

    private mutating func refuse(_ line: Int, _ owner: String, _ reason: String) {
        lines.append(RPZLine(line: line, owner: owner, action: .unusable(reason)))
    }
}
