import ArgumentParser
import DNSWire
import DecisionLog
import LogStore
import PolicyEngine
import PolicyFile

/// What may be counted by.
enum CountBy: String, CaseIterable {
    case hour, day, group

    var isTime: Bool { self != .group }
}

/// What the most frequent may be asked of.
enum TopKey: String, CaseIterable {
    case client, name, category, rule

    var tallyKey: TallyKey {
        switch self {
        case .client: .client
        case .name: .name
        case .category: .category
        case .rule: .rule
        }
    }
}

/// Whether rows are counted in place of being shown.
struct LogCountOptions: ParsableArguments {
    @Flag(help: "Tell how many rows pass, in place of showing them.")
    var count = false

    @Option(
        help: ArgumentHelp("Count by hour, day or group.", valueName: "key"),
        transform: { try word($0) })
    var by: CountBy?

    @Option(
        help: ArgumentHelp(
            "Tell which client, name, category or rule occurs most.", valueName: "key"),
        transform: topKey)
    var top: TopKey?

    /// Whether anything is to be counted.
    var isAsked: Bool { count || by != nil || top != nil }

    func validate() throws {
        if count, top != nil {
            throw ValidationError("--top tells the counts already: leave --count out.")
        }
    }

    /// What is ranked. Groups are few: they are told apart, not ranked.
    private static func topKey(_ text: String) throws -> TopKey {
        guard (try? word(text, TopKey.self)) == nil, let part = try? word(text, CountBy.self) else {
            return try word(text)
        }
        throw ValidationError(
            "\"\(text)\" is none of \(words(TopKey.self)); to count by \(part.rawValue), write "
                + "--by \(part.rawValue).")
    }
}

/// Counts rows, and folds what the store counted by quarters of an hour into hours and days.
struct LogCounter {
    let reader: StoreReader
    let filter: RowFilter
    let by: CountBy?
    /// What stands for clients; `nil` = their addresses.
    let pseudonyms: Pseudonyms?
    let zone: ZoneRules

    /// A part of what is counted: an hour, a day, a group, or all.
    private struct Part: Hashable, Comparable {
        /// When the hour or day begins; 0 for others.
        var startSeconds: Int64 = 0
        var group: String?

        static func < (left: Part, right: Part) -> Bool {
            // What has no group comes last.
            (left.startSeconds, left.group == nil ? 1 : 0, left.group ?? "")
                < (right.startSeconds, right.group == nil ? 1 : 0, right.group ?? "")
        }
    }

    /// How many rows there are, in all or in each part; gap rows are among them.
    func counts() throws -> CountTable {
        guard let by else {
            return CountTable(columns: [], rows: [([], try reader.count(filter))])
        }
        var counts: [Part: UInt64] = [:]
        for tally in try reader.tally(by: [by.isTime ? .quarter : .group], filter) {
            counts[part(tally, group: tally.texts[0]), default: 0] += tally.count
        }
        for gap in try reader.gaps(filter) {
            counts[part(ofMicros: gap.timeMicros, group: nil), default: 0] += 1
        }
        return CountTable(
            columns: [by.rawValue],
            rows: counts.sorted { $0.key < $1.key }.map { ([text(of: $0.key)], $0.value) })
    }

    /// What occurs most, in all or in each part; rows that have no such value are left out, and so
    /// are support services: they are in no ranking.
    ///
    /// - Parameter limit: how many in each part.
    func top(_ key: TopKey, limit: Int) throws -> CountTable {
        let isLeftOut = { Catalogue.isEssential(rule: $0, category: $1) }
        if key == .name, by == nil,
            let names = try reader.topNames(limit, filter, leavingOut: isLeftOut), !names.isEmpty
        {
            return CountTable(
                columns: [key.rawValue], rows: names.map { ([$0.texts[0]], $0.count) })
        }
        var keys = [key.tallyKey]
        if let by { keys.append(by.isTime ? .quarter : .group) }
        // A client may have another pseudonym from some day on.
        if key == .client, (pseudonyms?.periods.count ?? 0) > 1, by?.isTime != true {
            keys.append(.day)
        }
        var counts: [Part: [Subject: UInt64]] = [:]
        let periods = pseudonyms?.periods ?? []
        for tally in try reader.tally(by: keys, filter, leavingOut: isLeftOut) {
            guard let text = tally.texts[0] else { continue }
            let period = periods.last { $0.contains(tally.startMicros) }
            let subject = Subject(text: text, client: tally.client, period: period)
            let part = part(tally, group: by == .group ? tally.texts[1] : nil)
            counts[part, default: [:]][subject, default: 0] += tally.count
        }
        if counts.isEmpty,
            try reader.tally(by: [.rule, .category], filter).contains(where: {
                isLeftOut($0.texts[0], $0.texts[1])
            })
        {
            standardError("note: support services are in no ranking; rows and --count have them")
        }
        let names = names(Set(counts.values.flatMap(\.keys)))
        let rows = counts.sorted { $0.key < $1.key }.flatMap { part, counts in
            counts.map { (name: names[$0] ?? "", count: $1) }
                .sorted { ($1.count, $0.name) < ($0.count, $1.name) }.prefix(limit)
                .map { ((by == nil ? [] : [text(of: part)]) + [$0.name], $0.count) }
        }
        return CountTable(columns: (by.map { [$0.rawValue] } ?? []) + [key.rawValue], rows: rows)
    }

    /// What is counted: a client is one for as long as its pseudonym is.
    private struct Subject: Hashable {
        var text: String
        var client: IPAddress?
        var period: Range<Int64>?
    }

    /// What subjects are called; clients by pseudonyms of which no two are the same.
    private func names(_ subjects: Set<Subject>) -> [Subject: String] {
        var long: [Subject: String] = [:]
        for subject in subjects {
            guard let pseudonyms, let client = subject.client, let period = subject.period
            else { continue }
            long[subject] = pseudonyms.longClient(client, micros: period.lowerBound)
        }
        let short = Pseudonyms.shortened(Set(long.values))
        return Dictionary(
            uniqueKeysWithValues: subjects.map { subject in
                (subject, long[subject].flatMap { short[$0] } ?? subject.text)
            })
    }

    // MARK: Parts

    private func part(_ tally: Tally, group: String?) -> Part {
        part(ofMicros: tally.startMicros, group: group)
    }

    private func part(ofMicros micros: Int64, group: String?) -> Part {
        guard let by else { return Part() }
        guard by.isTime else { return Part(group: group) }
        let instant = Instant(seconds: Self.floorDivide(micros, 1_000_000))
        guard by == .hour else {
            let date = zone.civilTime(at: instant).date
            return Part(startSeconds: Int64(date.daysSinceEpoch) * 86400)
        }
        // An hour that the clocks show twice is two.
        let offset = Int64(zone.offset(at: instant))
        let shown = instant.seconds + offset
        return Part(startSeconds: Self.floorDivide(shown, 3600) * 3600 - offset)
    }

    private func text(of part: Part) -> String? {
        switch by {
        case .hour: zone.iso8601(Instant(seconds: part.startSeconds))
        case .day: "\(CivilDate(daysSinceEpoch: Int(part.startSeconds / 86400)))"
        case .group, nil: part.group
        }
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value / divisor - (value % divisor < 0 ? 1 : 0)
    }
}

/// Counts as they are written out.
struct CountTable {
    /// The names of what stands before each count.
    var columns: [String]
    var rows: [(texts: [String?], count: UInt64)]

    private static let countColumn = "count"

    /// The whole table, with its header where the format has one.
    func bytes(_ format: RowFormat) -> [UInt8] {
        switch format {
        case .csv: Array(csv.utf8)
        case .jsonl: Array(jsonl.utf8)
        case .text: Array(text.utf8)
        }
    }

    private var csv: String {
        let lines = rows.map { $0.texts.map { Self.quoted($0 ?? "") } + ["\($0.count)"] }
        return ([columns + [Self.countColumn]] + lines)
            .map { $0.joined(separator: ",") + "\r\n" }.joined()
    }

    /// RFC 4180.
    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else {
            return text
        }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    private var jsonl: String {
        rows.map { row in
            let members = zip(columns, row.texts).compactMap { column, text in
                text.map { "\"\(column)\":\(JSONText.string($0).rendered())," }
            }
            return "{\(members.joined())\"\(Self.countColumn)\":\(row.count)}\n"
        }.joined()
    }

    /// Aligned columns; a single count is the number alone.
    private var text: String {
        guard !columns.isEmpty else { return rows.map { "\($0.count)\n" }.joined() }
        let header = (columns + [Self.countColumn]).map { $0.uppercased() }
        let lines = rows.map { row in
            row.texts.map { TextTable.plain($0 ?? "-") } + ["\(row.count)"]
        }
        return TextTable.lines([header] + lines, numbers: columns.count...)
            .map { $0.dropFirst(2) + "\n" }.joined()
    }
}
