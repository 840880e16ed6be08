import Glibc
import LDNSBridge

/// One entry of the audit trail.
public struct AuditEntry: Sendable, Equatable {
    /// What was done.
    public enum Kind: String, Sendable, CaseIterable {
        /// Somebody is about to see which device or address asked, or what one address did.
        case look
        /// What a look came to: how many rows were shown.
        case shown
        /// Rows were deleted since they are older than they may be kept.
        case purge
        /// A new key makes the pseudonyms, or an old one was destroyed with its rows.
        case rekey
        /// Something was amiss when the server started.
        case found
        /// Somebody's access to the internet is about to be suspended.
        case suspend
        /// A suspension is about to end before its time.
        case lift
        /// The rows of one device were written out for those who deal with a case.
        case evidence
        /// A summary of one device was written out for parents or carers.
        case disclosure
        /// A policy that came into force has an exception that was not on record.
        case exception
        /// A device passed a limit of use; once a day for each device and limit.
        case flag
        /// The annual review was recorded, or an action of it opened or closed.
        case review
        /// A report came in from the block page, or somebody took a step with one.
        case report
    }

    /// Its place in the trail, from 1.
    public internal(set) var number: UInt64
    /// When, in microseconds since 1970 UTC.
    public internal(set) var timeMicros: Int64
    /// What was done.
    public internal(set) var kind: Kind
    /// Who did it.
    public internal(set) var by: AuditUser
    /// What was asked, as the command line or the setting says it.
    public internal(set) var question: String
    /// Why.
    public internal(set) var reason: String?
    /// How many rows are concerned.
    public internal(set) var rows: UInt64?
    /// Of `shown`, `evidence` and `disclosure`: the look that it completes.
    public internal(set) var look: UInt64?
    /// The rows that are concerned.
    public internal(set) var seqs: Range<UInt64>?
    /// SHA-256: of a purge, of the last file that went; of evidence, of the digests of its files; of a
    /// report, of its entry.
    public internal(set) var digest: [UInt8]?
    /// SHA-256 of the one before's and of all the above.
    public internal(set) var chain: [UInt8] = []

    /// What the first entry goes on from.
    static let beginning = [UInt8](repeating: 0, count: 32)

    init(
        number: UInt64, timeMicros: Int64, kind: Kind, by: AuditUser, question: String,
        reason: String?, rows: UInt64?, look: UInt64?, seqs: Range<UInt64>?, digest: [UInt8]?
    ) {
        self.number = number
        self.timeMicros = timeMicros
        self.kind = kind
        self.by = by
        self.question = question
        self.reason = reason
        self.rows = rows
        self.look = look
        self.seqs = seqs
        self.digest = digest
    }

    // MARK: The line

    private static let chainKey = ",\"chain\":\""

    /// The line up to the chain's value: what the chain is made of.
    private var head: [UInt8] {
        var bytes = Array("{\"number\":\(number),\"time\":\"\(LogTime.utc(timeMicros))\"".utf8)
        func put(_ key: String, _ text: String?) {
            guard let text else { return }
            bytes += ",\"\(key)\":\"".utf8
            let start = bytes.count
            bytes += text.utf8
            bytes.escapeJSON(from: start)
            bytes.append(UInt8(ascii: "\""))
        }
        func put(_ key: String, _ number: UInt64?) {
            if let number { bytes += ",\"\(key)\":\(number)".utf8 }
        }
        put("kind", kind.rawValue)
        put("user", by.name)
        put("uid", UInt64(by.uid))
        put("sudoUser", by.sudoUser)
        put("question", question)
        put("reason", reason)
        put("rows", rows)
        put("look", look)
        put("firstSeq", seqs?.lowerBound)
        put("endSeq", seqs?.upperBound)
        put("digest", digest.map { hexadecimal($0) })
        return bytes + Self.chainKey.utf8
    }

    private func chained(to before: [UInt8]) -> [UInt8] { sha256(before + head) }

    /// Makes the entry go on from the one before.
    mutating func chain(to before: [UInt8]) { chain = chained(to: before) }

    /// Whether it goes on from the one before, and says what it said.
    func follows(_ before: [UInt8]) -> Bool { chain == chained(to: before) }

    /// The whole line with its end.
    var line: [UInt8] { head + hexadecimal(chain).utf8 + "\"}\n".utf8 }

    /// Reads a line; `nil` unless it is to the byte what `line` would write.
    init?(line bytes: [UInt8]) {
        var fields: [String: String] = [:]
        var cursor = MemberCursor(bytes)
        while let (key, value) = cursor.next() { fields[key] = value }
        func number(_ key: String) -> UInt64? { fields[key].flatMap { UInt64($0) } }
        guard cursor.isAtEnd, let place = number("number"),
            let micros = fields["time"].flatMap({ LogTime.parse($0, nowMicros: 0) }),
            let kind = fields["kind"].flatMap({ Kind(rawValue: $0) }), let user = fields["user"],
            let uid = number("uid").flatMap({ UInt32(exactly: $0) }),
            let question = fields["question"], let chain = fields["chain"].flatMap(Self.octets)
        else { return nil }
        var seqs: Range<UInt64>?
        if let first = number("firstSeq"), let end = number("endSeq"), first <= end {
            seqs = first..<end
        }
        self.init(
            number: place, timeMicros: micros, kind: kind,
            by: AuditUser(name: user, uid: uid, sudoUser: fields["sudoUser"]), question: question,
            reason: fields["reason"], rows: number("rows"), look: number("look"), seqs: seqs,
            digest: fields["digest"].flatMap(Self.octets))
        self.chain = chain
        guard line.dropLast() == bytes[...] else { return nil }
    }

    static func octets(_ text: String) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

/// Who did something.
public struct AuditUser: Sendable, Equatable {
    /// The account's name; its number where it has none.
    public internal(set) var name: String
    /// The account's number.
    public internal(set) var uid: UInt32
    /// Who came by `sudo`, if anybody.
    public internal(set) var sudoUser: String?

    /// The user of this process.
    static var current: AuditUser {
        let uid = getuid()
        var record = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        let name = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            // SAFETY: the buffer is as long as is said, and the name within it is copied.
            guard let base = buffer.baseAddress,
                unsafe getpwuid_r(uid, &record, base, 4096, &found) == 0, unsafe found != nil,
                let name = unsafe record.pw_name
            else { return String?.none }
            return unsafe String(cString: name)
        }
        let sudo = unsafe getenv("SUDO_USER").map { unsafe String(cString: $0) }
        return AuditUser(name: name ?? "\(uid)", uid: uid, sudoUser: sudo)
    }
}

/// Goes through the members of one flat JSON object: texts and whole numbers.
struct MemberCursor {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count && bytes.last == UInt8(ascii: "}") }

    mutating func next() -> (key: String, value: String)? {
        guard take(offset == 0 ? "{" : ","), let key = text(), take(":"),
            let value = bytes[offset...].first == UInt8(ascii: "\"") ? text() : number()
        else { return nil }
        if offset == bytes.count - 1 { _ = take("}") }
        return (key, value)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func number() -> String? {
        let digits = bytes[offset...].prefix { 0x30...0x39 ~= $0 }
        offset += digits.count
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }

    private mutating func text() -> String? {
        guard take("\"") else { return nil }
        var octets: [UInt8] = []
        while offset < bytes.count {
            let octet = bytes[offset]
            offset += 1
            if octet == UInt8(ascii: "\"") { return String(decoding: octets, as: UTF8.self) }
            guard octet == UInt8(ascii: "\\") else {
                octets.append(octet)
                continue
            }
            guard let escaped = escape() else { return nil }
            octets.append(escaped)
        }
        return nil
    }

    /// What stands behind a backslash: itself, or `u00` and two digits.
    private mutating func escape() -> UInt8? {
        guard offset < bytes.count else { return nil }
        let octet = bytes[offset]
        offset += 1
        guard octet == UInt8(ascii: "u") else { return octet }
        let digits = String(decoding: bytes[offset...].prefix(4), as: UTF8.self)
        offset = min(offset + 4, bytes.count)
        return UInt8(digits, radix: 16)
    }
}
