/// What the small numbers of a record mean, for one loaded policy.
///
/// Written into each segment before the first record that needs it, so that a segment can be read
/// by itself, whatever the policy has become since.
public struct RecordDictionary: Sendable {
    /// The hash that names the policy.
    public var policyHash: String
    /// Names of the groups.
    public var groups: [String]
    /// The rules in evaluation order: id and level of concern (`low`, `medium`, `high`).
    public var rules: [(id: String, concern: String?)]
    /// Category paths, `social-media/chatrooms`.
    public var categories: [String]
    /// Names of the lists.
    public var lists: [String]
    /// Names of the periods.
    public var periods: [String]
    /// Names of the devices.
    public var devices: [String]

    /// Takes the texts; a table longer than 65535 entries has no number for the rest.
    public init(
        policyHash: String, groups: [String], rules: [(id: String, concern: String?)],
        categories: [String], lists: [String], periods: [String], devices: [String] = []
    ) {
        self.policyHash = policyHash
        self.groups = groups
        self.rules = rules
        self.categories = categories
        self.lists = lists
        self.periods = periods
        self.devices = devices
    }
}

extension RecordDictionary {
    /// The body of a definition: texts as u32 length and UTF-8; tables as u32 count and texts.
    ///
    /// Order: policy hash, groups, rule ids, rule concerns (empty = none), categories, lists,
    /// periods, devices.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        Self.append(policyHash, to: &bytes)
        for table in tables {
            Self.append(UInt32(clamping: table.count), to: &bytes)
            for text in table { Self.append(text, to: &bytes) }
        }
        while bytes.count % 8 != 0 { bytes.append(0) }
        return bytes
    }

    private var tables: [[String]] {
        [
            groups, rules.map(\.id), rules.map { $0.concern ?? "" }, categories, lists, periods,
            devices,
        ]
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(shift)))
        }
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        append(UInt32(clamping: text.utf8.count), to: &bytes)
        bytes.append(contentsOf: text.utf8)
    }
}

/// A definition as read back, shared by the rows that refer to it.
package final class ResolvedDictionary: Sendable {
    package let policyHash: String
    package let groups: [String]
    package let rules: [String]
    package let concerns: [String]
    package let categories: [String]
    package let lists: [String]
    package let periods: [String]
    package let devices: [String]
    /// Stands for a definition that is missing: every number shows as itself.
    package static let unknown = ResolvedDictionary()

    private init() {
        policyHash = ""
        groups = []
        rules = []
        concerns = []
        categories = []
        lists = []
        periods = []
        devices = []
    }

    /// Reads a definition's body; `nil` where it does not hold together.
    init?(_ body: RecordBytes) {
        var cursor = DefinitionCursor(bytes: body)
        guard let policyHash = cursor.text(), let groups = cursor.table(),
            let rules = cursor.table(), let concerns = cursor.table(),
            let categories = cursor.table(), let lists = cursor.table(),
            let periods = cursor.table(), let devices = cursor.table()
        else { return nil }
        self.policyHash = policyHash
        self.groups = groups
        self.rules = rules
        self.concerns = concerns
        self.categories = categories
        self.lists = lists
        self.periods = periods
        self.devices = devices
    }

    /// The text that a number stands for; `#7` where the table has no such entry.
    package static func text(_ number: UInt16, in table: [String]) -> String? {
        if number == .max { return nil }
        return Int(number) < table.count ? table[Int(number)] : "#\(number)"
    }
}

extension ResolvedDictionary {
    /// The definition as it lies in a segment.
    package var encoded: [UInt8] {
        RecordDictionary(
            policyHash: policyHash, groups: groups,
            rules: zip(rules, concerns).map { ($0, $1.isEmpty ? nil : $1) },
            categories: categories, lists: lists, periods: periods, devices: devices
        ).encoded
    }

    /// Reads back what `encoded` gave; `nil` where it does not hold together.
    package static func decoded(_ encoded: [UInt8]) -> ResolvedDictionary? {
        unsafe encoded.withUnsafeBytes { bytes in
            // SAFETY: the buffer outlives the reading, and all texts are copied out of it.
            unsafe ResolvedDictionary(RecordBytes(bytes))
        }
    }
}

private struct DefinitionCursor {
    let bytes: RecordBytes
    private var offset = 0

    init(bytes: RecordBytes) { self.bytes = bytes }

    private mutating func number() -> Int? {
        guard offset + 4 <= bytes.count else { return nil }
        defer { offset += 4 }
        return Int(bytes.load(offset, as: UInt32.self))
    }

    mutating func text() -> String? {
        guard let length = number(), length <= bytes.count - offset else { return nil }
        defer { offset += length }
        // SAFETY: `slice` stays within the bytes, and the text is copied out of them.
        return unsafe String(decoding: bytes.slice(offset, length), as: UTF8.self)
    }

    mutating func table() -> [String]? {
        guard let count = number(), count <= (bytes.count - offset) / 4 else { return nil }
        var texts: [String] = []
        texts.reserveCapacity(count)
        for _ in 0..<count {
            guard let text = text() else { return nil }
            texts.append(text)
        }
        return texts
    }
}
