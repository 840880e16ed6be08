public import DNSWire

/// Which rows are asked for; all that is given must hold.
public struct RowFilter: Sendable {
    /// Not before this instant, in microseconds since 1970 UTC.
    public var sinceMicros: Int64?
    /// Before this instant (which itself is left out), in microseconds since 1970 UTC.
    public var untilMicros: Int64?
    /// The group's name; groups that inherit from it are not meant.
    public var group: String?
    /// The name of the device, as it was recorded.
    public var device: String?
    /// The network of the client.
    public var client: IPNetwork?
    /// The name asked for.
    public var name: NameFilter?
    /// What was done.
    public var verdict: RecordVerdict?
    /// The id of the deciding rule, or `default`.
    public var rule: String?
    /// A category: a whole path, or components of one, as `chatrooms` of `social-media/chatrooms`.
    public var category: String?
    /// Of these categories any, each as above; empty = all.
    public var categories: [String] = []
    /// Only decisions by rules that the policy marks as concerns; of any severity.
    public var isConcern = false
    /// Only rows behind this one.
    public var afterSeq: UInt64?

    /// All rows.
    public init() {}

    /// Whether no row of a sealed segment can pass.
    func excludes(_ seal: SegmentSeal, firstSeq: UInt64) -> Bool {
        if let sinceMicros, seal.greatestMicros < sinceMicros { return true }
        if let untilMicros, seal.leastMicros >= untilMicros { return true }
        if let afterSeq, seal.nextSeq <= afterSeq { return true }
        return false
    }
}

/// A name and everything under it, or with `=` before it that name alone.
public struct NameFilter: Sendable, Equatable {
    /// The name.
    public let domain: DomainName
    /// Whether names under it are left out.
    public let isExact: Bool

    /// Reads `example.com` or `=www.example.com`.
    public init(parsing text: String) throws(NameError) {
        isExact = text.hasPrefix("=")
        domain = try DomainName(parsing: isExact ? String(text.dropFirst()) : text)
    }

    /// Whether a name passes that lies in wire format, in whatever case.
    func matches(_ wire: UnsafeRawBufferPointer) -> Bool {
        let wanted = domain.wire
        guard isExact ? wire.count == wanted.count : wire.count >= wanted.count else {
            return false
        }
        let start = wire.count - wanted.count
        for index in wanted.indices {
            // SAFETY: `start` + `index` is below `wire.count`.
            let octet = unsafe wire[start + index]
            guard octet.asciiLowercased == wanted[index] else { return false }
        }
        var label = 0
        while label < start {
            // SAFETY: `label` is below `start`, which is at most `wire.count`.
            label += unsafe Int(wire[label]) + 1
        }
        return label == start
    }
}

/// A filter that is ready to be asked a million times a second.
///
/// The texts are compared once per dictionary; a row then costs a look into a table.
struct RowMatcher {
    private let filter: RowFilter
    private let needsTexts: Bool
    private var dictionary: ResolvedDictionary?
    private var groups: [Bool] = []
    private var devices: [Bool] = []
    private var rules: [Bool] = []
    private var categories: [Bool] = []
    private var concerns: [Bool] = []

    init(_ filter: RowFilter) {
        self.filter = filter
        needsTexts =
            filter.group != nil || filter.device != nil || filter.rule != nil
            || filter.choosesCategories || filter.isConcern
    }

    mutating func matches(
        _ record: RecordBytes, seq: UInt64, dictionary: ResolvedDictionary
    ) -> Bool {
        if let after = filter.afterSeq, seq <= after { return false }
        let time: Int64 = record.load(RecordLayout.headerBytes)
        if let since = filter.sinceMicros, time < since { return false }
        if let until = filter.untilMicros, time >= until { return false }
        let isGap = record.load(RecordLayout.kindOffset) == RecordKind.gap.rawValue
        if let verdict = filter.verdict {
            let recorded = isGap ? RecordVerdict.gap.rawValue : record.load(70)
            if recorded != verdict.rawValue { return false }
        }
        if isGap { return !needsTexts && filter.client == nil && filter.name == nil }
        if let client = filter.client,
            !client.contains(IPAddress(high: record.load(32), low: record.load(40)))
        {
            return false
        }
        if let name = filter.name {
            let length: UInt8 = record.load(RecordLayout.nameLengthOffset)
            // SAFETY: `slice` stays within the record.
            guard unsafe name.matches(record.slice(RecordLayout.nameOffset, Int(length)))
            else { return false }
        }
        return !needsTexts || matchesTexts(record, dictionary)
    }

    private mutating func matchesTexts(
        _ record: RecordBytes, _ dictionary: ResolvedDictionary
    ) -> Bool {
        if self.dictionary !== dictionary { prepare(dictionary) }
        if let group = filter.group, !Self.look(record.load(56), groups, none: false, group) {
            return false
        }
        if let device = filter.device,
            !Self.look(record.load(RecordLayout.deviceOffset), devices, none: false, device)
        {
            return false
        }
        if let rule = filter.rule, !Self.look(record.load(58), rules, none: rule == "default", rule)
        {
            return false
        }
        if filter.isConcern, !Self.look(record.load(58), concerns, none: false, "") {
            return false
        }
        if filter.choosesCategories,
            !Self.look(record.load(60), categories, none: false, filter.category ?? "")
        {
            return false
        }
        return true
    }

    private static func look(
        _ number: UInt16, _ table: [Bool], none: Bool, _ wanted: String
    ) -> Bool {
        if number == .max { return none }
        return Int(number) < table.count ? table[Int(number)] : wanted == "#\(number)"
    }

    private mutating func prepare(_ dictionary: ResolvedDictionary) {
        self.dictionary = dictionary
        groups = dictionary.groups.map { $0 == filter.group }
        devices = dictionary.devices.map { $0 == filter.device }
        rules = dictionary.rules.map { $0 == filter.rule }
        concerns = dictionary.concerns.map { !$0.isEmpty }
        categories = dictionary.categories.map { filter.acceptsCategory($0) }
    }
}

extension RowFilter {
    /// Whether a category is a path, or components of it.
    package static func isPart(_ category: String, of path: String) -> Bool {
        let wanted = category.split(separator: "/")
        let parts = path.split(separator: "/")
        guard !wanted.isEmpty, parts.count >= wanted.count else { return false }
        return (0...(parts.count - wanted.count)).contains { start in
            parts[start...].starts(with: wanted)
        }
    }

    /// Whether what a decision's numbers stand for passes: group, verdict, rule and category.
    package func acceptsTexts(_ record: DecisionRecord, _ dictionary: ResolvedDictionary) -> Bool {
        if let verdict, record.verdict != verdict { return false }
        if let group, ResolvedDictionary.text(record.group, in: dictionary.groups) != group {
            return false
        }
        if let device, ResolvedDictionary.text(record.device, in: dictionary.devices) != device {
            return false
        }
        if let rule,
            ResolvedDictionary.text(record.rule, in: dictionary.rules) ?? "default" != rule
        {
            return false
        }
        if isConcern {
            let rule = Int(record.rule)
            guard rule < dictionary.concerns.count, !dictionary.concerns[rule].isEmpty
            else { return false }
        }
        guard choosesCategories else { return true }
        guard let path = ResolvedDictionary.text(record.category, in: dictionary.categories)
        else { return false }
        return acceptsCategory(path)
    }

    /// Whether it matters which category a row has.
    var choosesCategories: Bool { category != nil || !categories.isEmpty }

    /// Whether rows of a category's path pass.
    func acceptsCategory(_ path: String) -> Bool {
        if let category, !Self.isPart(category, of: path) { return false }
        return categories.isEmpty || categories.contains { Self.isPart($0, of: path) }
    }

    /// Whether a gap row can pass at all: it has a time, a seq and the verdict `gap`.
    package var acceptsGaps: Bool {
        (verdict == nil || verdict == .gap) && group == nil && device == nil && rule == nil
            && !choosesCategories && !isConcern && client == nil && name == nil
    }
}
