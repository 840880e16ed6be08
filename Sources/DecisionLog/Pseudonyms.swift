public import DNSWire
import LDNSBridge

/// Names that stand for clients and devices where it is nobody's business who they are.
///
/// A pseudonym is made of an address or a device's name and a secret key (HMAC-SHA-256, RFC 2104)
/// that lies beside the log, so it is the same in every output, and nobody who lacks the key can
/// find the address by trying all of them. A key stands for whole days of UTC, as many as `keep`
/// says; the next one is made on the last of them, and it is destroyed with the last row of its
/// days.
///
/// Belongs to one thread.
public final class Pseudonyms {
    private let keys: [KeyedDigest]
    private let starts: [Int64]
    /// By period: what was made already.
    private var made: [[IPAddress: [UInt8]]]
    private var madeCount = 0

    /// Letters and digits behind the prefix: 50 bits. Of 100,000 addresses two share a pseudonym
    /// with a chance of 1 in 200,000; then more digits tell them apart.
    public static let length = 10
    /// The most letters and digits that a pseudonym can be given with: 100 bits.
    public static let maximumLength = 20
    /// How many pseudonyms are kept; beyond that all are made anew.
    static let maximumMade = 1 << 17
    private let maximumMade: Int
    private static let microsPerDay: Int64 = 86_400_000_000
    /// The digits of Crockford's base 32: none can be taken for another.
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Reads the keys of a log, and makes the first where there is none.
    ///
    /// - Parameter directory: the log's.
    /// - Throws: `JournalError` where there is no log, or the key file cannot be read or made, or is
    ///   damaged.
    public convenience init(directory path: String) throws {
        let directory = try LogDirectory(path: path, create: false)
        try directory.requireLog()
        self.init(try PseudonymKeys.open(in: directory, nowMicros: Clock.wallMicros()))
    }

    init(_ keys: PseudonymKeys, maximumMade: Int = Pseudonyms.maximumMade) {
        self.maximumMade = maximumMade
        self.keys = keys.periods.map { KeyedDigest($0.key) }
        starts = keys.periods.map { $0.startDay &* Self.microsPerDay }
        made = keys.periods.map { _ in [:] }
    }

    /// Stands for a client: `c-` and ten letters or digits.
    ///
    /// - Parameter micros: when it asked, in microseconds since 1970 UTC: that chooses the key.
    public func client(_ address: IPAddress, micros: Int64) -> String {
        String(decoding: clientBytes(address, period: period(of: micros)), as: UTF8.self)
    }

    /// The pseudonym of a client, and behind it the digits that no other one shares: `c-` and twenty
    /// letters or digits.
    ///
    /// - Parameter micros: when it asked, in microseconds since 1970 UTC: that chooses the key.
    public func longClient(_ address: IPAddress, micros: Int64) -> String {
        let bytes = make(
            address, period: period(of: micros), length: Self.maximumLength)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What tells long pseudonyms apart: the usual length, and of those that share that, as much
    /// more as it takes.
    ///
    /// - Returns: by long pseudonym; O(n).
    public static func shortened(_ long: some Sequence<String>) -> [String: String] {
        var short: [String: String] = [:]
        var open = Set(long)
        for length in length...maximumLength where !open.isEmpty {
            for (text, whole) in Dictionary(grouping: open, by: { String($0.prefix(length + 2)) })
            where whole.count == 1 || length == maximumLength {
                for name in whole {
                    short[name] = text
                    open.remove(name)
                }
            }
        }
        return short
    }

    /// Stands for a device that the policy names: `d-` and ten letters or digits.
    ///
    /// - Parameter micros: when it asked, in microseconds since 1970 UTC: that chooses the key.
    public func device(_ name: String, micros: Int64) -> String {
        let bytes = make(UInt8(ascii: "d"), [2] + Array(name.utf8), period: period(of: micros))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The stretches of time, in microseconds since 1970 UTC, within each of which a client keeps
    /// its pseudonym; they meet, the first has no beginning and the last no end.
    public var periods: [Range<Int64>] {
        starts.indices.map { index in
            let start = index == 0 ? .min : starts[index]
            return start..<(index + 1 < starts.count ? starts[index + 1] : .max)
        }
    }

    /// What a pseudonym stands for.
    public enum Kind: String, Sendable {
        /// A client's address.
        case client = "c-"
        /// A device that the policy names.
        case device = "d-"
    }

    /// A pseudonym as it is written, from what a person typed: in any case, with O for 0 and I or L
    /// for 1, of ten letters or digits or, of a client, as many more as tell it apart; `nil` if it is
    /// none of that kind.
    public static func canonical(_ text: String, _ kind: Kind) -> String? {
        let octets = Array(text.uppercased().utf8)
        guard (length...(kind == .client ? maximumLength : length)).contains(octets.count - 2),
            octets.starts(with: kind.rawValue.uppercased().utf8)
        else { return nil }
        let read = octets.dropFirst(2).map { octet -> UInt8 in
            switch octet {
            case UInt8(ascii: "O"): UInt8(ascii: "0")
            case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
            default: octet
            }
        }
        guard read.allSatisfy(digits.contains) else { return nil }
        return kind.rawValue + String(decoding: read, as: UTF8.self)
    }

    // MARK: Making

    /// Which period an instant belongs to.
    func period(of micros: Int64) -> Int {
        (starts.lastIndex { $0 <= micros }) ?? 0
    }

    func clientBytes(_ address: IPAddress, period: Int) -> [UInt8] {
        if let known = made[period][address] { return known }
        if madeCount >= maximumMade {
            for index in made.indices { made[index].removeAll(keepingCapacity: true) }
            madeCount = 0
        }
        let bytes = make(address, period: period, length: Self.length)
        made[period][address] = bytes
        madeCount += 1
        return bytes
    }

    private func make(_ address: IPAddress, period: Int, length: Int) -> [UInt8] {
        let octets = [address.high, address.low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
        return make(UInt8(ascii: "c"), [1] + octets, period: period, length: length)
    }

    private func make(
        _ prefix: UInt8, _ subject: [UInt8], period: Int, length: Int = Pseudonyms.length
    ) -> [UInt8] {
        let digest = keys[period].digest(of: subject)
        var bytes = [prefix, UInt8(ascii: "-")]
        for place in 0..<length {
            // Five bits, which lie in one octet or in two.
            let (octet, bit) = (place * 5 / 8, place * 5 % 8)
            let pair = UInt16(digest[octet]) << 8 | UInt16(digest[octet + 1])
            bytes.append(Self.digits[Int(pair >> (11 - bit) & 31)])
        }
        return bytes
    }
}

/// HMAC-SHA-256 (RFC 2104) with the key's share worked out once.
package struct KeyedDigest {
    private var inner = SHA256()
    private var outer = SHA256()

    private static let blockBytes = 64

    /// - Parameter key: at most a block's 64 octets.
    package init(_ key: [UInt8]) {
        let block = key + [UInt8](repeating: 0, count: max(0, Self.blockBytes - key.count))
        Self.update(&inner, block.map { $0 ^ 0x36 })
        Self.update(&outer, block.map { $0 ^ 0x5C })
    }

    package func digest(of bytes: [UInt8]) -> [UInt8] {
        var inner = inner
        Self.update(&inner, bytes)
        var outer = outer
        Self.update(&outer, inner.digest)
        return outer.digest
    }

    private static func update(_ digest: inout SHA256, _ bytes: [UInt8]) {
        // SAFETY: the array outlives the call.
        unsafe bytes.withUnsafeBytes { unsafe digest.update($0) }
    }
}
