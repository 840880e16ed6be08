import DNSWire
import Glibc

/// How rows are written out.
public enum RowFormat: String, CaseIterable, Sendable {
    /// Aligned columns for people, in local time.
    case text
    /// RFC 4180, with a header line.
    case csv
    /// One JSON object a line; what is absent has no key.
    case jsonl
}

/// Turns rows into lines of one format, in a buffer that is used again and again.
public struct RowWriter: Sendable {
    /// The columns, in their order: CSV header and JSON keys alike.
    public static let columns = [
        "seq", "time", "client", "device", "group", "name", "type", "verdict", "rule", "category",
        "list", "period", "concern", "policy", "rcode", "ttl", "source", "micros",
    ]

    /// The lines so far; whoever writes them out empties it.
    public var buffer: [UInt8] = []
    private let format: RowFormat
    private let isColored: Bool
    /// Mnemonics that were used before.
    private var types: [UInt16: String] = [:]
    private var rcodes: [UInt16: String] = [:]

    /// - Parameter isColored: marks verdicts with terminal colours; of text only.
    public init(_ format: RowFormat, isColored: Bool = false) {
        self.format = format
        self.isColored = isColored && format == .text
    }

    /// Appends the line that goes before all rows; JSON lines have none.
    public mutating func appendHeader() {
        switch format {
        case .csv:
            buffer.append(contentsOf: Self.columns.joined(separator: ",").utf8)
            buffer.append(contentsOf: "\r\n".utf8)
        case .text:
            appendColumns([
                ("TIME", 19), ("VERDICT", 7), ("GROUP", 13), ("CLIENT", 15), ("TYPE", 5),
                ("RULE", 20), ("NAME", 0),
            ])
        case .jsonl:
            break
        }
    }

    /// Appends one row's line.
    public mutating func append(_ row: DecisionRow) {
        switch format {
        case .csv: appendCSV(row)
        case .jsonl: appendJSON(row)
        case .text: appendText(row)
        }
    }

    private mutating func typeText(_ row: DecisionRow) -> String? {
        guard let type = row.type else { return nil }
        if let known = types[type.rawValue] { return known }
        types[type.rawValue] = type.description
        return type.description
    }

    private mutating func rcodeText(_ row: DecisionRow) -> String? {
        guard let rcode = row.rcode else { return nil }
        if let known = rcodes[rcode.rawValue] { return known }
        rcodes[rcode.rawValue] = rcode.description
        return rcode.description
    }
}

// MARK: CSV

extension RowWriter {
    private mutating func appendCSV(_ row: DecisionRow) {
        buffer.appendDecimal(row.seq)
        comma()
        LogTime.appendUTC(row.timeMicros, to: &buffer)
        comma()
        if let client = row.client { buffer.appendAddress(client) }
        comma()
        field(row.device)
        field(row.group)
        let start = buffer.count
        if !row.isGap { buffer.appendName(row.nameWire) }
        quote(from: start)
        comma()
        field(typeText(row))
        field(row.verdict.description)
        field(row.rule)
        field(row.category)
        field(row.list)
        field(row.period)
        field(row.concern)
        field(row.policy)
        field(rcodeText(row))
        if let ttl = row.ttlSeconds { buffer.appendDecimal(UInt64(ttl)) }
        comma()
        field(row.source.description)
        if let micros = row.micros { buffer.appendDecimal(UInt64(micros)) }
        buffer.append(UInt8(ascii: "\r"))
        buffer.append(UInt8(ascii: "\n"))
    }

    private mutating func comma() { buffer.append(UInt8(ascii: ",")) }

    private mutating func field(_ text: String?) {
        if let text {
            let start = buffer.count
            buffer.append(contentsOf: text.utf8)
            quote(from: start)
        }
        comma()
    }

    /// Quotes what was appended since `start` if it holds a comma, a quote or a line break.
    private mutating func quote(from start: Int) {
        let needsQuotes = buffer[start...].contains { octet in
            octet <= 0x2C
                && (octet == UInt8(ascii: ",") || octet == UInt8(ascii: "\"") || octet == 0x0A
                    || octet == 0x0D)
        }
        guard needsQuotes else { return }
        let plain = Array(buffer[start...])
        buffer.removeSubrange(start...)
        buffer.append(UInt8(ascii: "\""))
        for octet in plain {
            if octet == UInt8(ascii: "\"") { buffer.append(octet) }
            buffer.append(octet)
        }
        buffer.append(UInt8(ascii: "\""))
    }
}

// MARK: JSON

extension RowWriter {
    private mutating func appendJSON(_ row: DecisionRow) {
        buffer.append(contentsOf: "{\"seq\":".utf8)
        buffer.appendDecimal(row.seq)
        buffer.append(contentsOf: ",\"time\":\"".utf8)
        LogTime.appendUTC(row.timeMicros, to: &buffer)
        buffer.append(UInt8(ascii: "\""))
        if let client = row.client {
            buffer.append(contentsOf: ",\"client\":\"".utf8)
            buffer.appendAddress(client)
            buffer.append(UInt8(ascii: "\""))
        }
        member(",\"device\":\"", row.device)
        member(",\"group\":\"", row.group)
        if !row.isGap { member(",\"name\":\"", wire: row.nameWire) }
        member(",\"type\":\"", typeText(row))
        member(",\"verdict\":\"", row.verdict.description)
        member(",\"rule\":\"", row.rule)
        member(",\"category\":\"", row.category)
        member(",\"list\":\"", row.list)
        member(",\"period\":\"", row.period)
        member(",\"concern\":\"", row.concern)
        member(",\"policy\":\"", row.policy)
        member(",\"rcode\":\"", rcodeText(row))
        if let ttl = row.ttlSeconds {
            buffer.append(contentsOf: ",\"ttl\":".utf8)
            buffer.appendDecimal(UInt64(ttl))
        }
        member(",\"source\":\"", row.source.description)
        if let micros = row.micros {
            buffer.append(contentsOf: ",\"micros\":".utf8)
            buffer.appendDecimal(UInt64(micros))
        }
        if !row.viaWire.isEmpty { member(",\"via\":\"", wire: row.viaWire) }
        buffer.append(contentsOf: "}\n".utf8)
    }

    private mutating func member(_ key: StaticString, _ text: String?) {
        guard let text else { return }
        append(key)
        let start = buffer.count
        buffer.append(contentsOf: text.utf8)
        escape(from: start)
        buffer.append(UInt8(ascii: "\""))
    }

    private mutating func member(_ key: StaticString, wire: ArraySlice<UInt8>) {
        append(key)
        let start = buffer.count
        buffer.appendName(wire)
        escape(from: start)
        buffer.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ text: StaticString) {
        // SAFETY: a static string's bytes live as long as the program.
        unsafe buffer.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Escapes what was appended since `start` as RFC 8259 section 7 asks.
    private mutating func escape(from start: Int) {
        let needsEscapes = buffer[start...].contains {
            $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\")
        }
        guard needsEscapes else { return }
        let plain = Array(buffer[start...])
        buffer.removeSubrange(start...)
        for octet in plain {
            if octet < 0x20 {
                buffer.append(contentsOf: "\\u00".utf8)
                for digit in [octet >> 4, octet & 15] {
                    buffer.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
                }
                continue
            }
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") {
                buffer.append(UInt8(ascii: "\\"))
            }
            buffer.append(octet)
        }
    }
}

// MARK: Text

extension RowWriter {
    /// The name comes last: it alone may be of any length, and nothing is ever cut.
    private mutating func appendText(_ row: DecisionRow) {
        if row.isGap {
            appendColumns([
                (LogTime.local(row.timeMicros), 19), ("gap", 7), (row.rule, 0),
            ])
            return
        }
        let via = row.via.map { " via \($0)" } ?? ""
        let category = row.category.map { " (\($0))" } ?? ""
        appendColumns([
            (LogTime.local(row.timeMicros), 19), (row.verdict.description, 7),
            (row.group ?? "-", 13), (row.client?.description ?? "-", 15),
            (typeText(row) ?? "-", 5), (row.rule, 20), ((row.name ?? "-") + via + category, 0),
        ])
    }

    private mutating func appendColumns(_ columns: [(text: String, width: Int)]) {
        for (index, column) in columns.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: " ")) }
            let color = index == 1 && isColored ? Self.color(column.text) : nil
            if let color { buffer.append(contentsOf: "\u{1B}[\(color)m".utf8) }
            // Nothing of a row may steer the terminal.
            buffer.append(contentsOf: column.text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 })
            if color != nil { buffer.append(contentsOf: "\u{1B}[0m".utf8) }
            for _ in column.text.unicodeScalars
                .count..<max(
                    column.width, column.text.unicodeScalars.count)
            {
                buffer.append(UInt8(ascii: " "))
            }
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    private static func color(_ verdict: String) -> Int? {
        switch verdict {
        case "block": 31
        case "allow": 32
        case "rewrite": 33
        case "gap": 35
        default: nil
        }
    }
}

// MARK: Parts

extension [UInt8] {
    /// Appends a number in decimal.
    mutating func appendDecimal(_ value: UInt64) {
        if value >= 10 { appendDecimal(value / 10) }
        append(0x30 + UInt8(truncatingIfNeeded: value % 10))
    }

    /// Appends an address in its usual form.
    mutating func appendAddress(_ address: IPAddress) {
        guard address.isV4 else {
            append(contentsOf: address.description.utf8)
            return
        }
        for shift in [24, 16, 8] as [UInt32] {
            appendDecimal(UInt64(address.v4 >> shift & 0xFF))
            append(UInt8(ascii: "."))
        }
        appendDecimal(UInt64(address.v4 & 0xFF))
    }

    /// Appends a name in presentation format, lower case; as `DomainName.presentation` does it.
    mutating func appendName(_ wire: ArraySlice<UInt8>) {
        let start = count
        var remaining = 0
        for octet in wire {
            if remaining == 0 {
                if octet == 0 || octet > UInt8(DomainName.maximumLabelOctets) { break }
                if count > start { append(UInt8(ascii: ".")) }
                remaining = Int(octet)
                continue
            }
            remaining -= 1
            switch octet {
            case UInt8(ascii: "."), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(octet)
            case 0x21...0x7E:
                append(octet.asciiLowercased)
            default:
                append(UInt8(ascii: "\\"))
                append(0x30 + octet / 100)
                append(0x30 + octet / 10 % 10)
                append(0x30 + octet % 10)
            }
        }
        if count == start { append(UInt8(ascii: ".")) }
    }
}
