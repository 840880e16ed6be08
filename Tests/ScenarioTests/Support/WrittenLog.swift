import DNSWire
import DecisionLog
import Foundation

/// A log that no server wrote: what is in it, and when it was asked, is the test's choice.
final class WrittenLog {
    let folder: Folder
    let journal: Journal

    /// A row as a test writes it and counts it.
    struct Row {
        var time: String
        var client: String
        var group: String?
        var name: String
        var verdict: RecordVerdict
        var rule: String?
        var category: String?
    }

    private static let groups = ["learner", "staff", "guest"]
    private static let rules = ["never", "breaks", "comma, \"quoted\"", "essentials"]
    private static let categories = ["social", "harm/adult", "essentials"]

    /// - Parameter keepSeconds: how long rows and pseudonyms stay, once `journal` is maintained.
    init(_ rows: [Row], keepSeconds: Int64? = nil) throws {
        folder = try Folder()
        journal = try Journal(
            directory: "\(folder.path)/log", segmentBytes: 1 << 20, keepSeconds: keepSeconds)
        try write(rows)
    }

    deinit { journal.close() }

    func write(_ rows: [Row]) throws {
        let number = journal.register(
            RecordDictionary(
                policyHash: "feed", groups: Self.groups,
                rules: Self.rules.map { ($0, nil) }, categories: Self.categories, lists: [],
                periods: [], devices: ["library-pc-1"]))
        var batch = RecordBatch(capacityBytes: 1 << 16)
        for row in rows {
            guard let client = IPAddress(row.client) else { throw ScenarioFailure(row.client) }
            let name = try DomainName(parsing: row.name).wire
            let record = DecisionRecord(
                timeMicros: LogTime.parse(row.time, nowMicros: 0) ?? 0, client: client,
                group: Self.place(row.group, Self.groups), rule: Self.place(row.rule, Self.rules),
                category: Self.place(row.category, Self.categories),
                device: row.client.hasSuffix("1") ? 0 : .max, verdict: row.verdict, source: .policy,
                qtype: 1)
            // SAFETY: the bytes are only read, within the call.
            unsafe name.withUnsafeBytes { bytes in
                unsafe batch.append(
                    record, qname: bytes, via: UnsafeRawBufferPointer(start: nil, count: 0))
            }
            if !batch.hasRoom || batch.count == 50 { journal.commit(&batch, dictionary: number) }
        }
        journal.commit(&batch, dictionary: number)
    }

    private static func place(_ text: String?, _ texts: [String]) -> UInt16 {
        text.flatMap { texts.firstIndex(of: $0) }.map { UInt16($0) } ?? .max
    }

    /// Rows of some days, of few clients and names, so that counts are greater than one.
    static func random(_ count: Int, from start: String, hours: Int) -> [Row] {
        var generator = SystemRandomNumberGenerator()
        let first = LogTime.parse(start, nowMicros: 0) ?? 0
        let span = Int64(hours) * 3_600_000_000
        var times = (0..<count).map { _ in first + Int64.random(in: 0..<span, using: &generator) }
        times.sort()
        return times.map { time in
            Row(
                time: LogTime.utc(time), client: "10.20.0.\(Int.random(in: 1...6))",
                group: (groups + [nil]).randomElement() ?? nil,
                name: "n\(Int.random(in: 1...30)).example.\(Bool.random() ? "com" : "net")",
                verdict: [.allow, .block, .rewrite].randomElement() ?? .allow,
                rule: (rules + [nil]).randomElement() ?? nil,
                category: (categories + [nil]).randomElement() ?? nil)
        }
    }

    /// Runs `bellgate log` on it.
    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Run {
        try Run(
            Program.bellgate(), ["log"] + arguments + ["--directory", "\(folder.path)/log"],
            environment: environment)
    }

    /// All rows of it, from an export that shows who is who.
    func rows() throws -> [[String: Any]] {
        try run(["export", "--format", "jsonl"] + TestServer.identify).jsonLines
    }
}
