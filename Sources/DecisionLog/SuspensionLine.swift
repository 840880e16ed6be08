import LDNSBridge

/// A line of the file of suspensions.
enum SuspensionLine {
    /// Somebody's access is suspended.
    case suspend(SuspensionRecord)
    /// A suspension ends before its time.
    case lift(
        number: UInt64, timeMicros: Int64, suspension: UInt64, authorisedBy: String?, user: String)

    var number: UInt64 {
        switch self {
        case .suspend(let record): record.number
        case .lift(let number, _, _, _, _): number
        }
    }

    private static let checkKey = ",\"check\":\""

    /// The line up to the digest's value: what the digest is made of.
    private var head: [UInt8] {
        var members = MemberWriter()
        switch self {
        case .suspend(let record):
            members.put("number", record.number)
            members.put("time", LogTime.utc(record.timeMicros))
            members.put("kind", "suspend")
            members.put("device", record.device)
            members.put("addresses", record.addresses.joined(separator: " "))
            members.put("until", LogTime.utc(record.untilSeconds * 1_000_000))
            members.put("reason", record.reason)
            members.put("authorisedBy", record.authorisedBy)
            members.put("user", record.user)
        case .lift(let number, let micros, let suspension, let authorisedBy, let user):
            members.put("number", number)
            members.put("time", LogTime.utc(micros))
            members.put("kind", "lift")
            members.put("suspension", suspension)
            members.put("authorisedBy", authorisedBy)
            members.put("user", user)
        }
        return members.bytes + Self.checkKey.utf8
    }

    /// The whole line with its end.
    var bytes: [UInt8] {
        let head = head
        return head + hexadecimal(sha256(head)).utf8 + "\"}\n".utf8
    }

    /// Reads a line; `nil` unless it is to the byte what `bytes` would write.
    init?(_ line: [UInt8]) {
        var fields: [String: String] = [:]
        var cursor = MemberCursor(line)
        while let (key, value) = cursor.next() { fields[key] = value }
        func number(_ key: String) -> UInt64? { fields[key].flatMap { UInt64($0) } }
        func micros(_ key: String) -> Int64? {
            fields[key].flatMap { LogTime.parse($0, nowMicros: 0) }
        }
        guard cursor.isAtEnd, let place = number("number"), let time = micros("time"),
            let user = fields["user"]
        else { return nil }
        if fields["kind"] == "lift", let suspension = number("suspension") {
            self = .lift(
                number: place, timeMicros: time, suspension: suspension,
                authorisedBy: fields["authorisedBy"], user: user)
        } else if fields["kind"] == "suspend", let until = micros("until"),
            let reason = fields["reason"], let authorisedBy = fields["authorisedBy"],
            let addresses = fields["addresses"]
        {
            self = .suspend(
                SuspensionRecord(
                    number: place, timeMicros: time, device: fields["device"],
                    addresses: addresses.split(separator: " ").map(String.init),
                    untilSeconds: LogTime.floorDivide(until, 1_000_000), reason: reason,
                    authorisedBy: authorisedBy, user: user))
        } else {
            return nil
        }
        guard bytes.dropLast() == line[...] else { return nil }
    }
}

/// Writes the members of one flat JSON object.
struct MemberWriter {
    private(set) var bytes = Array("{".utf8)

    mutating func put(_ key: String, _ text: String?) {
        guard let text else { return }
        begin(key)
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes += text.utf8
        bytes.escapeJSON(from: start)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func put(_ key: String, _ number: UInt64) {
        begin(key)
        bytes += "\(number)".utf8
    }

    private mutating func begin(_ key: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes += "\"\(key)\":".utf8
    }
}
