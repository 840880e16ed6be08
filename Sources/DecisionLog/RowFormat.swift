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
public struct RowWriter {
    /// The columns, in their order: CSV header and JSON keys alike.
    public static let columns = [
        "seq", "time", "client", "device", "group", "name", "type", "verdict", "rule", "category",
        "list", "period", "concern", "policy", "rcode", "ttl", "source", "micros",
    ]

    /// The lines so far; whoever writes them out empties it.
    public var buffer: [UInt8] = []
    private let format: RowFormat
    private let isColored: Bool
    private let pseudonyms: Pseudonyms?
    private var fields: FieldCache
    /// The second that the last row was of, as text: most rows share it with the one before.
    private var second = Int64.min
    private var secondText: [UInt8] = []

    /// - Parameters:
    ///   - isColored: marks verdicts with terminal colours; of text only.
    ///   - pseudonyms: what stands for clients and devices; `nil` shows who they are, which is for
    ///     looks that the audit trail tells of.
    public init(_ format: RowFormat, isColored: Bool = false, pseudonyms: Pseudonyms?) {
        self.format = format
        self.isColored = isColored && format == .text
        self.pseudonyms = pseudonyms
        fields = FieldCache(format, pseudonyms)
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

    /// Appends who asked, or what stands for it; nothing for a gap.
    private mutating func appendClient(_ row: DecisionRow) {
        guard let client = row.client else { return }
        guard let pseudonyms else { return buffer.appendAddress(client) }
        let period = pseudonyms.period(of: row.timeMicros)
        buffer.append(contentsOf: pseudonyms.clientBytes(client, period: period))
    }

    /// Appends the time in RFC 3339.
    private mutating func appendTime(_ micros: Int64) {
        let now = LogTime.floorDivide(micros, 1_000_000)
        if now != second {
            second = now
            secondText.removeAll(keepingCapacity: true)
            LogTime.appendUTC(now * 1_000_000, to: &secondText)
            secondText.removeLast(7)
        }
        buffer.append(contentsOf: secondText)
        var fraction = Int(micros - now * 1_000_000)
        let start = buffer.count
        buffer.append(contentsOf: [0x30, 0x30, 0x30, 0x30, 0x30, 0x30, UInt8(ascii: "Z")])
        for place in stride(from: start + 5, through: start, by: -1) {
            buffer[place] = 0x30 + UInt8(truncatingIfNeeded: fraction % 10)
            fraction /= 10
        }
    }
}

// MARK: CSV

extension RowWriter {
    private mutating func appendCSV(_ row: DecisionRow) {
        fields.prepare(for: row)
        buffer.appendDecimal(row.seq)
        comma()
        appendTime(row.timeMicros)
        comma()
        appendClient(row)
        comma()
        buffer.append(contentsOf: fields[.device, row])
        comma()
        buffer.append(contentsOf: fields[.group, row])
        comma()
        if !row.isGap {
            let start = buffer.count
            buffer.appendName(row.nameWire)
            quote(from: start)
        }
        comma()
        buffer.append(contentsOf: fields[.type, row])
        comma()
        buffer.append(contentsOf: fields[.verdict, row])
        comma()
        buffer.append(contentsOf: fields[.rule, row])
        comma()
        buffer.append(contentsOf: fields[.category, row])
        comma()
        buffer.append(contentsOf: fields[.list, row])
        comma()
        buffer.append(contentsOf: fields[.period, row])
        comma()
        buffer.append(contentsOf: fields[.concern, row])
        comma()
        buffer.append(contentsOf: fields[.policy, row])
        comma()
        buffer.append(contentsOf: fields[.rcode, row])
        comma()
        if let ttl = row.ttlSeconds { buffer.appendDecimal(UInt64(ttl)) }
        comma()
        buffer.append(contentsOf: fields[.source, row])
        comma()
        if let micros = row.micros { buffer.appendDecimal(UInt64(micros)) }
        buffer.append(UInt8(ascii: "\r"))
        buffer.append(UInt8(ascii: "\n"))
    }

    private mutating func comma() { buffer.append(UInt8(ascii: ",")) }

    private mutating func quote(from start: Int) { buffer.quoteCSV(from: start) }
}

// MARK: JSON

extension RowWriter {
    private mutating func appendJSON(_ row: DecisionRow) {
        fields.prepare(for: row)
        append("{\"seq\":")
        buffer.appendDecimal(row.seq)
        append(",\"time\":\"")
        appendTime(row.timeMicros)
        buffer.append(UInt8(ascii: "\""))
        if !row.isGap {
            append(",\"client\":\"")
            appendClient(row)
            buffer.append(UInt8(ascii: "\""))
        }
        buffer.append(contentsOf: fields[.device, row])
        buffer.append(contentsOf: fields[.group, row])
        if !row.isGap { member(",\"name\":\"", wire: row.nameWire) }
        buffer.append(contentsOf: fields[.type, row])
        buffer.append(contentsOf: fields[.verdict, row])
        buffer.append(contentsOf: fields[.rule, row])
        buffer.append(contentsOf: fields[.category, row])
        buffer.append(contentsOf: fields[.list, row])
        buffer.append(contentsOf: fields[.period, row])
        buffer.append(contentsOf: fields[.concern, row])
        buffer.append(contentsOf: fields[.policy, row])
        buffer.append(contentsOf: fields[.rcode, row])
        if let ttl = row.ttlSeconds {
            append(",\"ttl\":")
            buffer.appendDecimal(UInt64(ttl))
        }
        buffer.append(contentsOf: fields[.source, row])
        if let micros = row.micros {
            append(",\"micros\":")
            buffer.appendDecimal(UInt64(micros))
        }
        if !row.viaWire.isEmpty { member(",\"via\":\"", wire: row.viaWire) }
        append("}\n")
    }

    private mutating func member(_ key: StaticString, wire: ArraySlice<UInt8>) {
        append(key)
        let start = buffer.count
        buffer.appendName(wire)
        buffer.escapeJSON(from: start)
        buffer.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ text: StaticString) {
        // SAFETY: a static string's bytes live as long as the program.
        unsafe buffer.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
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
        let failure = row.rcode == .servFail ? " SERVFAIL" : ""
        appendColumns([
            (LogTime.local(row.timeMicros), 19), (row.verdict.description, 7),
            (row.group ?? "-", 13), (client(row) ?? "-", 15),
            (row.type?.description ?? "-", 5), (row.rule, 20),
            ((row.name ?? "-") + via + category + failure, 0),
        ])
    }

    private func client(_ row: DecisionRow) -> String? {
        guard let pseudonyms else { return row.client?.description }
        return row.client.map { pseudonyms.client($0, micros: row.timeMicros) }
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
