import DNSWire
import PolicyEngine

extension LeaseReading {
    /// ISC dhcpd: `lease ADDRESS { ... }`, and for IPv6 `ia-na "..." { iaaddr ADDRESS { ... } }`; the
    /// last entry of an address counts.
    mutating func readISC(_ octets: [UInt8]) {
        var words = ISCWords(octets)
        var duid: [UInt8] = []
        while let word = words.next() {
            switch word.text {
            case "ia-na", "ia-ta":
                // Four octets of IAID, then the DUID.
                duid = Array((words.next()?.octets ?? []).dropFirst(4))
            case "ia-pd":
                duid = []
                guard words.skipBlock() else { break }
            case "lease", "iaaddr":
                guard let text = words.next()?.text, let address = IPAddress(text) else {
                    note("line \(words.line) names no address")
                    continue
                }
                guard var lease = iscLease(address, &words) else { break }
                if let known = lease, known.hardware == nil, !address.isV4 {
                    lease?.hardware = DUID.hardware(duid)
                }
                put(lease, at: address)
            default: continue
            }
        }
        if !words.isWhole { note("its last entry is cut short") }
    }

    /// The block of a lease: `nil` where it does not end, and a lease of `nil` where it is not held.
    private func iscLease(_ address: IPAddress, _ words: inout ISCWords) -> Lease?? {
        guard words.next()?.text == "{" else { return .none }
        var lease = Lease(address: address)
        var isActive = false
        var statement: [ISCWords.Word] = []
        while let word = words.next() {
            switch word.text {
            case "}": return .some(isActive ? lease : nil)
            case "{":
                guard words.skipRest() else { return .none }
                statement = []
            case ";":
                let texts = statement.map(\.text)
                switch texts.first {
                case "binding" where texts.count == 3: isActive = texts[2] == "active"
                case "hardware" where texts.count == 3:
                    lease.hardware = HardwareAddress(Self.padded(texts[2])).flatMap {
                        $0.isOfOneCard ? $0 : nil
                    }
                case "client-hostname" where texts.count == 2:
                    lease.hostName = Lease.fit(hostName: texts[1])
                case "ends": lease.endSeconds = ISCTime.seconds(texts.dropFirst())
                default: break
                }
                statement = []
            default: statement.append(word)
            }
        }
        return .none
    }

    /// dhcpd writes `2:0:5e:10:0:1`.
    private static func padded(_ text: String) -> String {
        text.split(separator: ":", omittingEmptySubsequences: false)
            .map { $0.count == 1 ? "0" + $0 : String($0) }.joined(separator: ":")
    }
}

/// Times as dhcpd writes them: `2 2026/11/24 20:00:00` in UTC, `epoch 1795550400` or `never`.
enum ISCTime {
    /// Seconds since 1970 UTC; `nil` for never. What cannot be read is long over.
    static func seconds(_ words: some Collection<String>) -> Int64? {
        let words = Array(words)
        if words == ["never"] { return nil }
        if words.count == 2, words[0] == "epoch" { return Int64(words[1]) ?? 0 }
        guard words.count >= 3 else { return 0 }
        let time = CivilTime(
            parsing: words[1].map { $0 == "/" ? "-" : "\($0)" }.joined() + " " + words[2])
        return time.map { ZoneRules.utc.instant(of: $0).seconds } ?? 0
    }
}

/// The words of a dhcpd file: bare ones, quoted ones with what they stand for, `{`, `}` and `;`.
struct ISCWords {
    struct Word {
        var octets: [UInt8]
        var text: String { String(decoding: octets, as: UTF8.self) }
    }

    private let octets: [UInt8]
    private var place = 0
    private var depth = 0
    private var isInStatement = false
    /// The line that was read last, from 1.
    private(set) var line = 1

    init(_ octets: [UInt8]) { self.octets = octets }

    /// Whether all blocks and statements so far have ended.
    var isWhole: Bool { depth == 0 && !isInStatement }

    mutating func next() -> Word? {
        skipBlanks()
        guard place < octets.count else { return nil }
        let first = octets[place]
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ";"):
            place += 1
            isInStatement = false
            if first == UInt8(ascii: "{") { depth += 1 }
            if first == UInt8(ascii: "}") { depth = max(0, depth - 1) }
            return Word(octets: [first])
        case UInt8(ascii: "\""):
            isInStatement = true
            return quoted()
        default:
            isInStatement = true
            let start = place
            while place < octets.count, !Self.ends(octets[place]) { place += 1 }
            return Word(octets: Array(octets[start..<place]))
        }
    }

    /// Skips up to the end of the block that comes; false where it does not end.
    mutating func skipBlock() -> Bool {
        while let word = next() {
            if word.text == "{" { return skipRest() }
        }
        return false
    }

    /// Skips up to the end of the block that has begun; false where it does not end.
    mutating func skipRest() -> Bool {
        let outside = depth - 1
        while depth > outside {
            if next() == nil { return false }
        }
        return true
    }

    private mutating func skipBlanks() {
        while place < octets.count {
            switch octets[place] {
            case UInt8(ascii: "\n"):
                line += 1
                place += 1
            case UInt8(ascii: "#"):
                while place < octets.count, octets[place] != UInt8(ascii: "\n") { place += 1 }
            // Spaces, and whatever control characters a broken disk left: none is part of a word.
            case ...0x20: place += 1
            default: return
            }
        }
    }

    private static func ends(_ octet: UInt8) -> Bool {
        octet <= 0x20 || [UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ";")].contains(octet)
    }

    /// A text in quotes, with `\"`, `\\` and `\ooo` for an octet; `nil` where it does not end.
    private mutating func quoted() -> Word? {
        place += 1
        var text: [UInt8] = []
        while place < octets.count {
            let octet = octets[place]
            place += 1
            if octet == UInt8(ascii: "\"") { return Word(octets: text) }
            guard octet == UInt8(ascii: "\\"), place < octets.count else {
                text.append(octet)
                continue
            }
            let digits = octets[place...].prefix(3)
            if digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                text.append(
                    UInt8(truncatingIfNeeded: digits.reduce(0) { $0 << 3 | Int($1 & 7) }))
                place += 3
            } else {
                text.append(octets[place])
                place += 1
            }
        }
        return nil
    }
}
