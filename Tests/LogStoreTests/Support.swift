import DNSWire
import DecisionLog
import Dice
import LogFixtures
import LogStore

/// Writes a random log: several days, two policies, clock changes, gaps.
final class RandomLog {
    static let startMicros: Int64 = 1_795_000_000_000_000
    let directory = TemporaryLog()
    let journal: Journal
    private var generator: SeededGenerator
    private var micros = RandomLog.startMicros
    private let policies: [UInt32]
    private var batch = RecordBatch(capacityBytes: 1 << 14)

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 18, keepSeconds: nil)
        self.journal = journal
        policies = ["4f1d", "77aa"].map { hash in
            journal.register(
                RecordDictionary(
                    policyHash: hash, groups: ["learner", "staff", "guest", hash],
                    rules: [("harm", "high"), ("breaks", nil), ("essentials", nil)],
                    categories: [
                        "social-media", "social-media/chatrooms", "harm/adult", "essentials",
                    ], lists: ["services", "malware"], periods: ["break", "lunch"],
                    devices: ["library-pc-1"]))
        }
    }

    /// Appends rows; time goes on by up to a few minutes a row and is set back now and then.
    func write(_ count: Int, step: Int64 = 60_000_000) {
        var policy = policies[0]
        for _ in 0..<count {
            if chance(40) {
                journal.commit(&batch, dictionary: policy)
                policy = policies.randomElement(using: &generator) ?? policy
            }
            if chance(200) { micros -= 3_600_000_000 }
            micros += Int64.random(in: 0...step, using: &generator)
            append()
            if batch.count >= 40 { journal.commit(&batch, dictionary: policy) }
            if chance(300) { overflow(policy) }
        }
        journal.commit(&batch, dictionary: policy)
        journal.maintain(nowMicros: micros)
    }

    /// Sets the clock back.
    func turnBack(days: Int64) { micros -= days * 86_400_000_000 }

    /// Fills the batch beyond what it takes, which makes a gap row.
    private func overflow(_ policy: UInt32) {
        while batch.refused == 0 { append() }
        journal.commit(&batch, dictionary: policy)
        journal.maintain(nowMicros: micros)
    }

    private func append() {
        let record = DecisionRecord(
            timeMicros: micros, client: Self.client(&generator), group: index(4), rule: index(3),
            category: index(5), list: index(2), period: index(2), device: index(1),
            verdict: [.allow, .block, .rewrite].randomElement(using: &generator) ?? .allow,
            rcode: [0, 2, 3, 77].randomElement(using: &generator) ?? 0,
            ttlSeconds: [0, 60, 86400, .max].randomElement(using: &generator) ?? 0,
            source: RecordSource.allCases.randomElement(using: &generator) ?? .cache,
            micros: UInt32.random(in: 0...5_000_000, using: &generator),
            qtype: [1, 28, 65, 4711].randomElement(using: &generator) ?? 1,
            matchedLabels: UInt8.random(in: 0...5, using: &generator))
        let name = chance(2) ? Self.popular(&generator) : Self.name(&generator)
        let via = chance(8) ? Self.name(&generator) : []
        // SAFETY: the bytes are only read, within the call.
        unsafe name.withUnsafeBytes { name in
            unsafe via.withUnsafeBytes { via in
                unsafe batch.append(record, qname: name, via: via)
            }
        }
    }

    func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &generator) == 0 }

    /// A number below a bound, or "none".
    private func index(_ bound: UInt16) -> UInt16 {
        let number = UInt16.random(in: 0...bound, using: &generator)
        return number == bound ? .max : number
    }

    static func client(_ generator: inout SeededGenerator) -> IPAddress {
        Bool.random(using: &generator)
            ? IPAddress(v4: 0x0A14_0000 | UInt32.random(in: 0..<24, using: &generator))
            : IPAddress(high: 0x2001_0DB8 << 32, low: UInt64.random(in: 0..<9, using: &generator))
    }

    /// Half of the rows are of few names, as in life.
    private static func popular(_ generator: inout SeededGenerator) -> [UInt8] {
        let names = ["www.example.com", "example.net", "a-b.test.example.com"]
        let name = names[Int.random(in: 0..<6, using: &generator) % 5 % 3]
        return (try? DomainName(parsing: name))?.wire ?? [0]
    }

    static func name(_ generator: inout SeededGenerator) -> [UInt8] {
        if UInt8.random(in: 0..<50, using: &generator) == 0 { return [0] }
        let words = ["www", "example", "test", "com", "net", "a-b", "exampl", "x,\"y", "A.b\\"]
        var wire: [UInt8] = []
        for _ in 0..<UInt8.random(in: 1...4, using: &generator) {
            let label = Array((words.randomElement(using: &generator) ?? "www").utf8)
            wire += [UInt8(label.count)] + label
        }
        if UInt8.random(in: 0..<40, using: &generator) == 0 {
            while wire.count + 51 < 255 { wire += [50] + [UInt8](repeating: 0x61, count: 50) }
        }
        return wire + [0]
    }

    /// A random filter that often lets something pass.
    func filter() -> RowFilter {
        var filter = RowFilter()
        let span = micros - Self.startMicros
        func instant() -> Int64 {
            let instant = Self.startMicros + Int64.random(in: 0...span, using: &generator)
            return Bool.random(using: &generator) ? instant : instant - instant % 900_000_000
        }
        if chance(3) { filter.sinceMicros = instant() }
        if chance(3) { filter.untilMicros = instant() }
        if chance(4) {
            filter.group = ["learner", "staff", "77aa", "none"].randomElement(using: &generator)
        }
        if chance(6) {
            filter.device = ["library-pc-1", "none"].randomElement(using: &generator)
        }
        if chance(4) { filter.verdict = RecordVerdict.allCases.randomElement(using: &generator) }
        if chance(5) {
            filter.rule = ["harm", "default", "essentials"].randomElement(using: &generator)
        }
        if chance(5) {
            filter.category = ["social-media", "chatrooms", "harm/adult", "adult/harm"]
                .randomElement(using: &generator)
        }
        if chance(4) {
            let prefix = [128, 126, 120, 100, 0].randomElement(using: &generator) ?? 0
            filter.client = IPNetwork("\(Self.client(&generator))/\(prefix)", hostBitsAllowed: true)
        }
        if chance(4) {
            let text =
                ["com", "example.com", "=example.com", "www.test.net", "net", "=com", "."]
                .randomElement(using: &generator) ?? "com"
            filter.name = try? NameFilter(parsing: text)
        }
        if chance(6) { filter.afterSeq = UInt64.random(in: 0...3000, using: &generator) }
        return filter
    }

    /// All rows as the journal has them: what every answer is compared with.
    func plainRows(_ filter: RowFilter = RowFilter()) throws -> [DecisionRow] {
        let reader = try JournalReader(
            directory: directory.path, filter: filter, tellsMissing: true)
        var rows: [DecisionRow] = []
        while let row = reader.next() { rows.append(row) }
        return rows
    }

    var nowMicros: Int64 { micros }
}

/// Rows as they are written out: all columns and the alias.
func lines(_ rows: [DecisionRow]) -> [String] {
    var writer = RowWriter(.jsonl, pseudonyms: nil)
    rows.forEach { writer.append($0) }
    return String(decoding: writer.buffer, as: UTF8.self).split(separator: "\n").map(String.init)
}

/// Rows counted one by one, as `StoreReader.tally` counts them.
func recount(_ rows: [DecisionRow], by keys: [TallyKey]) -> [[String?]: UInt64] {
    var counts: [[String?]: UInt64] = [:]
    for row in rows where !row.isGap { counts[keys.map { value($0, row) }, default: 0] += 1 }
    return counts
}

/// What a tally says, by its values.
func sums(_ tallies: [Tally]) -> [[String?]: UInt64] {
    tallies.reduce(into: [:]) { $0[$1.texts, default: 0] += $1.count }
}

func value(_ key: TallyKey, _ row: DecisionRow) -> String? {
    switch key {
    case .quarter: LogTime.utc(row.timeMicros - row.timeMicros % 900_000_000)
    case .day: LogTime.utc(row.timeMicros - row.timeMicros % 86_400_000_000)
    case .group: row.group
    case .category: row.category
    case .rule: row.rule
    case .verdict: row.verdict.description
    case .concern: row.concern
    case .list: row.list
    case .period: row.period
    case .device: row.device
    case .policy: row.policy
    case .client: row.client?.description
    case .name: row.name
    }
}
