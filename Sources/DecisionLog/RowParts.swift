import DNSWire

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

    /// Quotes what was appended since `start` if it holds a comma, a quote or a line break
    /// (RFC 4180).
    mutating func quoteCSV(from start: Int) {
        guard self[start...].contains(where: Self.needsQuotes) else { return }
        let plain = Array(self[start...])
        removeSubrange(start...)
        append(UInt8(ascii: "\""))
        for octet in plain {
            if octet == UInt8(ascii: "\"") { append(octet) }
            append(octet)
        }
        append(UInt8(ascii: "\""))
    }

    private static func needsQuotes(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: ","), UInt8(ascii: "\""), 0x0A, 0x0D: true
        default: false
        }
    }

    /// Escapes what was appended since `start` as RFC 8259 section 7 asks.
    mutating func escapeJSON(from start: Int) {
        guard self[start...].contains(where: Self.needsEscape) else { return }
        let plain = Array(self[start...])
        removeSubrange(start...)
        for octet in plain {
            if octet < 0x20 {
                append(contentsOf: "\\u00".utf8)
                for digit in [octet >> 4, octet & 15] {
                    append(digit < 10 ? 0x30 + digit : 0x57 + digit)
                }
                continue
            }
            if Self.needsEscape(octet) { append(UInt8(ascii: "\\")) }
            append(octet)
        }
    }

    private static func needsEscape(_ octet: UInt8) -> Bool {
        octet < 0x20 || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
    }
}

/// The columns that are texts of few values, ready to be copied into a line.
///
/// Of CSV the field as it is quoted, of JSON the whole member with its key. Made once per
/// dictionary and value; a row then costs a look-up and a copy.
struct FieldCache {
    enum Column: Int, CaseIterable {
        case device, group, type, verdict, rule, category, list, period, concern, policy, rcode
        case source
    }

    private let format: RowFormat
    private let pseudonyms: Pseudonyms?
    private var dictionary: ResolvedDictionary?
    /// The period of the pseudonyms' key.
    private var period = 0
    /// By column and number.
    private var made: [[[UInt8]?]] = Array(repeating: [], count: Column.allCases.count)

    /// How many values of one column are kept; others are made anew each time.
    private static let maximumKept = 4096

    init(_ format: RowFormat, _ pseudonyms: Pseudonyms?) {
        self.format = format
        self.pseudonyms = pseudonyms
    }

    /// Forgets what was made for another dictionary, or by another key.
    mutating func prepare(for row: DecisionRow) {
        let period = pseudonyms?.period(of: row.timeMicros) ?? 0
        guard row.dictionary !== dictionary || period != self.period else { return }
        dictionary = row.dictionary
        self.period = period
        for column in made.indices { made[column].removeAll(keepingCapacity: true) }
    }

    subscript(column: Column, row: DecisionRow) -> [UInt8] {
        mutating get {
            let number = number(column, row)
            let index = column.rawValue
            if number < made[index].count, let known = made[index][number] { return known }
            let bytes = text(column, row).map { encoded(column, $0) } ?? []
            // A gap's texts are its own.
            guard !row.isGap, number < Self.maximumKept else { return bytes }
            while made[index].count <= number { made[index].append(nil) }
            made[index][number] = bytes
            return bytes
        }
    }

    /// What the text depends on, from 0 for "none".
    private func number(_ column: Column, _ row: DecisionRow) -> Int {
        if row.isGap { return .max }
        let record = row.record
        return switch column {
        case .device: Int(record.device &+ 1)
        case .group: Int(record.group &+ 1)
        case .type: Int(record.qtype)
        case .verdict: Int(record.verdict.rawValue)
        case .rule, .concern: Int(record.rule &+ 1)
        case .category: Int(record.category &+ 1)
        case .list: Int(record.list &+ 1)
        case .period: Int(record.period &+ 1)
        case .policy: 0
        case .rcode: Int(record.rcode)
        case .source: Int(record.source.rawValue)
        }
    }

    private func text(_ column: Column, _ row: DecisionRow) -> String? {
        switch column {
        case .device:
            pseudonyms.map { names in
                row.device.map { names.device($0, micros: row.timeMicros) }
            } ?? row.device
        case .group: row.group
        case .type: row.type?.description
        case .verdict: row.verdict.description
        case .rule: row.rule
        case .category: row.category
        case .list: row.list
        case .period: row.period
        case .concern: row.concern
        case .policy: row.policy
        case .rcode: row.rcode?.description
        case .source: row.source.description
        }
    }

    private func encoded(_ column: Column, _ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        guard format == .jsonl else {
            bytes.append(contentsOf: text.utf8)
            bytes.quoteCSV(from: 0)
            return bytes
        }
        bytes.append(contentsOf: ",\"\(column)\":\"".utf8)
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        bytes.escapeJSON(from: start)
        bytes.append(UInt8(ascii: "\""))
        return bytes
    }
}
