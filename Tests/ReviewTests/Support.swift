import DNSWire
import DecisionLog
import Glibc
import LogStore
import PolicyEngine
import PolicyFile

@testable import Review

/// A directory that is there while the value lives.
final class TemporaryLog {
    let path = "/tmp/review-\(getpid())-\(UInt64.random(in: 0 ... .max))"

    init() {
        // SAFETY: the path is passed as a C string for the length of the call.
        _ = unsafe mkdir(path, 0o700)
    }

    deinit {
        for folder in ["\(path)/store", path] {
            for name in Self.files(folder) { unsafe unlink("\(folder)/\(name)") }
            unsafe rmdir(folder)
        }
    }

    private static func files(_ path: String) -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: the name is terminated within the entry; the text is copied.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// One decision of a test, in texts.
struct Row {
    var at: Int64
    var client = "10.20.0.1"
    var group: String? = "learner"
    var name = "www.example.com"
    var verdict = RecordVerdict.allow
    var rule: String? = nil
    var category: String? = nil
    var period: String? = nil
    var device: String? = nil
}

/// A log that is written row by row.
final class TestLog {
    static let groups = ["learner", "staff", "guest"]
    static let rules: [(id: String, concern: String?)] = [
        ("essentials", nil), ("harm", "high"), ("dating", "low"), ("breaks", nil),
    ]
    static let categories = [
        "essentials", "harm/adult", "social-media", "dating", "bypass", "games",
    ]
    static let periods = ["college-hours", "break"]
    static let devices = ["library-pc-1", "head-laptop"]

    let directory = TemporaryLog()
    private let journal: Journal
    private let policies: [String: UInt32]
    private var batch = RecordBatch(capacityBytes: 1 << 14)
    private var lastMicros: Int64 = 0

    init() throws {
        journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 18, keepSeconds: nil)
        var numbers: [String: UInt32] = [:]
        for hash in ["first", "second"] {
            numbers[hash] = journal.register(
                RecordDictionary(
                    policyHash: hash, groups: Self.groups, rules: Self.rules,
                    categories: Self.categories, lists: [], periods: Self.periods,
                    devices: Self.devices))
        }
        policies = numbers
    }

    func write(_ rows: [Row], policy: String = "first") {
        for row in rows {
            append(row)
            if !batch.hasRoom || batch.count >= 50 { commit(policy) }
        }
        commit(policy)
    }

    private func commit(_ policy: String) {
        journal.commit(&batch, dictionary: policies[policy] ?? 0)
        journal.maintain(nowMicros: lastMicros)
    }

    private func append(_ row: Row) {
        func place(_ text: String?, _ table: [String]) -> UInt16 {
            text.flatMap { table.firstIndex(of: $0) }.map(UInt16.init) ?? .max
        }
        lastMicros = max(lastMicros, row.at)
        let record = DecisionRecord(
            timeMicros: row.at, client: IPAddress(row.client) ?? IPAddress(v4: 0),
            group: place(row.group, Self.groups), rule: place(row.rule, Self.rules.map(\.id)),
            category: place(row.category, Self.categories),
            period: place(row.period, Self.periods), device: place(row.device, Self.devices),
            verdict: row.verdict, source: .cache, qtype: 1)
        let name = (try? DomainName(parsing: row.name))?.wire ?? [0]
        // SAFETY: the bytes are only read, within the call.
        unsafe name.withUnsafeBytes { name in
            unsafe batch.append(
                record, qname: name, via: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Fills a batch beyond what it takes, which makes a gap row.
    func overflow(at micros: Int64) {
        while batch.refused == 0 { append(Row(at: micros)) }
        commit("first")
    }

    /// Takes what there is into the store.
    func follow() throws {
        let follower = try StoreFollower.start(logDirectory: directory.path, keepSeconds: nil)
        _ = try follower?.follow(nowMicros: lastMicros, isFinal: true)
    }

    var plainRows: [DecisionRow] {
        get throws {
            let reader = try JournalReader(directory: directory.path)
            var rows: [DecisionRow] = []
            while let row = reader.next() { rows.append(row) }
            return rows
        }
    }

    func reviewer(
        _ week: String = "2026-W47", now: String = "2027-01-04 00:00", group: String? = nil,
        policy: ReviewPolicy = College.review
    ) throws -> Reviewer {
        try Reviewer(
            logDirectory: directory.path, policy: policy, week: ReviewWeek(parsing: week),
            now: Instant(seconds: College.at(now) / 1_000_000), group: group,
            device: { device, _ in
                switch device {
                case .address(let address): "pseudonym of \(address)"
                case .device(let name): "pseudonym of \(name)"
                }
            })
    }
}

/// A college with a timetable, in London.
enum College {
    static let zone = ZoneRules(
        name: "Europe/London", initialOffsetSeconds: 0,
        transitions: [
            (at: Instant(seconds: 1_774_746_000), offsetSeconds: 3600),  // 2026-03-29 01:00 UTC
            (at: Instant(seconds: 1_792_890_000), offsetSeconds: 0),  // 2026-10-25 01:00 UTC
        ])

    static let policy = Policy(
        name: "Example College", reference: "EC-1", approvedBy: "Principal",
        reviewBy: CivilDate(parsing: "2026-11-20"), contact: "mailto:dsl@college.example",
        roles: ["dsl": "Designated Safeguarding Lead"], zone: zone,
        calendar: AcademicCalendar(terms: terms),
        periods: [
            Period(name: "college-hours", windows: days(525, 975)),
            Period(name: "break", windows: days(630, 645)),
        ],
        groups: [
            Group(name: "learner", networks: networks("10.20.0.0/16")),
            Group(name: "staff", networks: networks("10.30.0.0/16")), Group(name: "guest"),
        ],
        unknownDevices: 2,
        rules: [
            Rule(id: "harm", action: .block, target: .everything, concern: .high),
            Rule(
                id: "breaks", action: .block, target: .everything, during: [0], exceptDuring: [1],
                reason: "Breaks only."),
        ],
        sources: [
            SourceInfo(listName: "ways", defaultCategory: "bypass")
        ])

    static let review = ReviewPolicy(
        policy: policy, hash: "second",
        lists: [
            ReviewPolicy.List(
                name: "malware", names: 3, modifiedSeconds: at("2026-11-10 12:00") / 1_000_000)
        ])

    private static let terms = [CivilDate(parsing: "2026-09-01"), CivilDate(parsing: "2026-12-18")]
        .compactMap { $0 }.chunked

    private static func networks(_ text: String) -> [IPNetwork] {
        IPNetwork(text).map { [$0] } ?? []
    }

    private static func days(_ start: Int, _ end: Int) -> [[Window]] {
        Array(repeating: [Window(startMinute: start, endMinute: end)], count: 5)
    }

    /// Microseconds of a time of the college's wall clock.
    static func at(_ text: String) -> Int64 {
        CivilTime(parsing: text).map { zone.instant(of: $0).seconds * 1_000_000 } ?? 0
    }
}

extension [CivilDate] {
    fileprivate var chunked: [ClosedRange<CivilDate>] { count == 2 ? [self[0]...self[1]] : [] }
}
