import DecisionLog
import Foundation
import Testing

/// Questions to the log: what is counted, listed and written out is what the rows say.
@Suite(.scenario) struct LogQuestionTests {
    private static let columns = ["client", "name", "category", "rule"]

    /// A log over the end of summer time in London (25 October 2026, 01:00 UTC), two days each way.
    private static func log(_ count: Int = 600) throws -> WrittenLog {
        try WrittenLog(
            WrittenLog.random(count, from: "2026-10-23T22:00:00Z", hours: 76))
    }

    /// A configuration beside the log whose policy names a time zone.
    private static func configured(_ log: WrittenLog, zone: String?) throws -> String {
        let policy = zone.map { "bellgate: 1\ntime-zone: \($0)\n" } ?? "bellgate: 1\n"
        try log.folder.write(policy, to: "policy.yaml")
        return try log.folder.write(
            """
            policy: policy.yaml
            listen: { dns: ["127.0.0.1:5399"] }
            upstreams: ["127.0.0.1:5398"]
            allow-from: ["127.0.0.0/8"]
            log: { directory: log }

            """, to: "bellgate.yaml")
    }

    private func ask(_ config: String, _ arguments: [String]) throws -> Run {
        try Run(Program.bellgate(), ["log", "query", "--config", config] + arguments)
    }

    // MARK: - Counts

    @Test func aCountIsTheNumberOfRows() throws {
        let log = try Self.log()
        let rows = try log.rows()
        #expect(rows.count == 600)
        for filter in [
            [], ["--verdict", "block"], ["--group", "staff"], ["--name", "example.com"],
            ["--category", "adult"], ["--rule", "default"], ["--after-seq", "590"],
            ["--since", "2026-10-24T10:10:10Z"], ["--until", "2026-10-24T10:10:10Z"],
        ] {
            let expected = try log.run(["export", "--format", "jsonl"] + filter).lines.count
            #expect(
                try log.run(["query", "--count"] + filter).output == "\(expected)\n", "\(filter)")
            let csv = try log.run(["query", "--count", "--format", "csv"] + filter).output
            #expect(csv == "count\r\n\(expected)\r\n")
        }
        let none = try log.run(["query", "--count", "--verdict", "gap", "--format", "jsonl"])
        #expect(none.output == "{\"count\":0}\n")
    }

    @Test func groupsAreCountedOneByOne() throws {
        let log = try Self.log()
        var expected: [String: Int] = [:]
        for row in try log.rows() { expected[row["group"] as? String ?? "", default: 0] += 1 }
        let run = try log.run(["query", "--count", "--by", "group", "--format", "csv"])
        let lines = run.lines
        #expect(lines.first == "group,count")
        #expect(
            lines.dropFirst()
                == expected.sorted {
                    ($0.key.isEmpty ? "~" : $0.key) < ($1.key.isEmpty ? "~" : $1.key)
                }.map { "\($0.key),\($0.value)" }[...])
        let text = try log.run(["query", "--by", "group"])
        #expect(text.lines.first?.split(separator: " ") == ["GROUP", "COUNT"])
        #expect(text.lines.last?.hasPrefix("- ") == true)
        #expect(Set(text.lines.map(\.count)).count == 1, "the columns are aligned")
    }

    /// Hours and days are those of the policy's zone, on the day of a clock change, too.
    @Test(arguments: ["Europe/London", "Asia/Kathmandu", "America/St_Johns", "UTC"])
    func hoursAndDaysAreThoseOfThePolicysZone(_ zone: String) throws {
        let log = try Self.log()
        let config = try Self.configured(log, zone: zone)
        let reader = ISO8601DateFormatter()
        reader.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let writer = DateFormatter()
        writer.locale = Locale(identifier: "en_US_POSIX")
        writer.timeZone = TimeZone(identifier: zone)
        for (key, format) in [("hour", "yyyy-MM-dd'T'HH:'00:00'xxx"), ("day", "yyyy-MM-dd")] {
            writer.dateFormat = format
            var expected: [String: Int] = [:]
            for row in try log.rows() {
                // Of six digits of a fraction the reader takes three.
                let time = try #require(row["time"] as? String).prefix(23) + "Z"
                let date = try #require(reader.date(from: String(time)))
                expected[writer.string(from: date), default: 0] += 1
            }
            let run = try ask(config, ["--count", "--by", key, "--format", "jsonl"])
            #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
            let found = run.jsonLines.map { ($0[key] as? String ?? "", $0["count"] as? Int ?? 0) }
            #expect(Dictionary(found) { $0 + $1 } == expected)
            #expect(found.count == expected.count, "each once")
            // In the order of time: the offset's change makes texts alone misleading.
            if key == "day" { #expect(found.map(\.0) == found.map(\.0).sorted()) }
        }
    }

    /// The hour that London's clocks show twice is two.
    @Test func anHourThatComesTwiceIsTwo() throws {
        func row(_ time: String) -> WrittenLog.Row {
            WrittenLog.Row(
                time: time, client: "10.20.0.1", group: "staff", name: "www.example.com",
                verdict: .allow)
        }
        let log = try WrittenLog([
            row("2026-10-25T00:30:00Z"), row("2026-10-25T00:59:59Z"), row("2026-10-25T01:00:00Z"),
            row("2026-10-25T02:00:00Z"),
        ])
        let config = try Self.configured(log, zone: "Europe/London")
        let hours = try ask(config, ["--by", "hour", "--format", "csv"]).lines
        #expect(
            hours == [
                "hour,count", "2026-10-25T01:00:00+01:00,2", "2026-10-25T01:00:00+00:00,1",
                "2026-10-25T02:00:00+00:00,1",
            ])
        #expect(
            try ask(config, ["--by", "day", "--format", "csv"]).lines
                == ["day,count", "2026-10-25,4"])
    }

    @Test func withoutAZoneItIsUTCAndThatIsSaid() throws {
        let log = try Self.log(20)
        let config = try Self.configured(log, zone: nil)
        let unknown = try ask(config, ["--by", "day"])
        #expect(unknown.status == 0 && unknown.errors.contains("UTC, since"))
        let bare = try log.run(["query", "--by", "hour"])
        #expect(bare.status == 0 && bare.errors.contains("--config would tell"))
        #expect(try log.run(["query", "--by", "group"]).errors.isEmpty)
    }

    // MARK: - The most frequent

    private func isEssential(_ row: [String: Any]) -> Bool {
        row["rule"] as? String == "essentials" || row["category"] as? String == "essentials"
    }

    /// Who asks a help line, and how often, is in no ranking; the record itself has it.
    @Test func supportServicesAreInNoRanking() throws {
        let log = try Self.log()
        for column in Self.columns {
            let top = ["query", "--top", column, "--category", "essentials"]
            let run = try log.run(top + ["--format", "jsonl"])
            #expect(run.status == 0 && run.output.isEmpty)
            #expect(run.errors.contains("support services are in no ranking"), "\(run.errors)")
        }
        let rows = try log.run(["export", "--category", "essentials", "--format", "jsonl"]).lines
        #expect(!rows.isEmpty)
        let count = try log.run(["query", "--count", "--category", "essentials"]).output
        #expect(count == "\(rows.count)\n")
    }

    @Test(arguments: columns)
    func theMostFrequentComeFirst(_ column: String) throws {
        let log = try Self.log()
        let rows = try log.rows()
        let identify = column == "client" ? TestServer.identify : []
        for group in [nil, "staff"] as [String?] {
            var counts: [String: Int] = [:]
            for row in rows where group == nil || row["group"] as? String == group {
                guard !isEssential(row) else { continue }
                guard let value = row[column] as? String else { continue }
                counts[value, default: 0] += 1
            }
            let expected = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            for limit in [nil, 3, 100] as [Int?] {
                let run = try log.run(
                    ["query", "--top", column, "--format", "jsonl"] + identify
                        + (limit.map { ["--limit", "\($0)"] } ?? [])
                        + (group.map { ["--group", $0] } ?? []))
                #expect(run.status == 0, "\(run.errors)")
                let found = run.jsonLines
                #expect(
                    found.map { $0["count"] as? Int } == expected.prefix(limit ?? 10).map(\.value))
                #expect(
                    found.map { $0[column] as? String } == expected.prefix(limit ?? 10).map(\.key))
            }
        }
    }

    @Test func theMostFrequentOfEachGroupAndDay() throws {
        let log = try Self.log()
        let rows = try log.rows()
        for (by, part) in [
            ("group", { $0["group"] as? String ?? "" }),
            ("day", { String(($0["time"] as? String ?? "").prefix(10)) }),
        ] as [(String, ([String: Any]) -> String)] {
            var counts: [String: [String: Int]] = [:]
            for row in rows {
                guard let name = row["name"] as? String, !isEssential(row) else { continue }
                counts[part(row), default: [:]][name, default: 0] += 1
            }
            var expected: [[String]] = [[by, "name", "count"]]
            // What has no group comes last.
            for key in counts.keys.sorted(by: { ($0.isEmpty ? "~" : $0) < ($1.isEmpty ? "~" : $1) })
            {
                let names = (counts[key] ?? [:]).sorted {
                    ($1.value, $0.key) < ($0.value, $1.key)
                }
                expected += names.prefix(2).map { [key, $0.key, "\($0.value)"] }
            }
            let run = try log.run(
                ["query", "--top", "name", "--by", by, "--limit", "2", "--format", "csv"])
            #expect(
                run.lines.map { $0.components(separatedBy: ",") } == expected, "\(run.errors)")
        }
    }

    @Test func textsAreQuotedAsTheFormatAsks() throws {
        let log = try Self.log()
        let csv = try log.run(["query", "--top", "rule", "--format", "csv"]).output
        #expect(csv.contains("\"comma, \"\"quoted\"\"\","))
        let json = try log.run(["query", "--top", "rule", "--format", "jsonl"]).jsonLines
        #expect(json.contains { $0["rule"] as? String == "comma, \"quoted\"" })
    }

    @Test(arguments: [
        (["--count", "--top", "name"], "leave --count out"),
        (["--count", "--limit", "5"], "--limit goes with rows"),
        (["--top", "verdict"], "none of client, name, category, rule"),
        (["--top", "nmaes"], "none of client, name, category, rule; did you mean \"name\"?"),
        (["--top", "groups"], "to count by group, write --by group"),
        (["--by", "week"], "none of hour, day, group"),
        (["--by", "huor"], "did you mean \"hour\"?"),
        (["--verdict", "blocked"], "did you mean \"block\"?"),
        (["--format", "json"], "none of text, csv, jsonl; did you mean \"jsonl\"?"),
        (["--top", "name", "--limit=-1"], "from 0 on"),
        (["--client", "10.20.0"], "no pseudonym, no address"),
        (["--identify"], "--reason"),
        (["--identify", "--reason", String(repeating: "why", count: 334)], "at most 1000 octets"),
        (["--identify", "--reason", " "], "--reason"), (["--reason", "why"], "--identify"),
    ])
    func whatMakesNoSenseIsRefused(_ row: (options: [String], words: String)) throws {
        let log = try Self.log(3)
        let run = try log.run(["query"] + row.options)
        #expect(run.status == 2 && run.output.isEmpty && run.errors.contains(row.words), "\(run)")
        #expect(log.folder.read("log/audit.jsonl").isEmpty, "and nothing is noted")
    }

    @Test(arguments: [
        ["--top", "name"], ["--top", "client"], ["--top", "rule"], ["--top", "category"],
        ["--by", "hour"], ["--by", "day"], ["--by", "group"], ["--verdict", "block"],
    ])
    func aPluralIsTheWord(_ options: [String]) throws {
        let log = try Self.log(30)
        var plural = options
        plural[1] = plural[1] == "category" ? "categories" : plural[1] + "s"
        let one = try log.run(["query", "--format", "csv"] + options)
        let many = try log.run(["query", "--format", "csv"] + plural)
        #expect(one.status == 0 && one.output == many.output, "\(many.errors)")
        #expect(one.lines.count > 1)
    }

    @Test func aFolderWithoutALogIsLeftAsItIs() throws {
        let folder = try Folder()
        for verb in ["query", "tail", "export"] {
            let run = try Run(
                Program.bellgate(),
                ["log", verb, "--directory", folder.path] + TestServer.identify)
            #expect(run.status == 1 && run.errors.contains("there is no log in"))
            let bare = try Run(Program.bellgate(), ["log", verb, "--directory", folder.path])
            #expect(bare.status == 1 && bare.errors.contains("there is no log in"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    // MARK: - Export

    /// Wherever an export is cut, going on from there gives the rest: no gap, no row twice.
    @Test(arguments: ["csv", "jsonl"], [[], ["--verdict", "block"]])
    func anExportGoesOnWhereItWasCut(_ format: String, _ filter: [String]) throws {
        let log = try Self.log(300)
        func export(_ more: [String]) throws -> String {
            try log.run(["export", "--format", format] + filter + more).output
        }
        let whole = try export([])
        let header = format == "csv" ? String(whole.prefix { $0 != "\r\n" }) + "\r\n" : ""
        let rows = whole.dropFirst(header.count).split(
            omittingEmptySubsequences: true, whereSeparator: \.isNewline)
        #expect(rows.count > 50)
        for cut in [0, 1, 2, rows.count / 2, rows.count - 1, rows.count] {
            let first = try export(["--limit", "\(cut)"])
            let digits = first.split(whereSeparator: \.isNewline).last?
                .drop { !$0.isNumber }.prefix { $0.isNumber }
            let rest = try export([
                "--after-seq", digits.flatMap { UInt64($0) }.map { "\($0)" } ?? "0",
            ])
            #expect(first + rest.dropFirst(header.count) == whole, "cut behind \(cut)")
        }
    }

    /// 300,000 rows take no more memory than a tenth of them, within what is read at a time.
    @Test func anExportTakesNoMoreMemoryForMoreRows() throws {
        // Ordinals in place of random names, so that no two rows share one.
        let log = try WrittenLog([])
        let start = LogTime.parse("2026-11-23T00:00:00Z", nowMicros: 0) ?? 0
        for part in 0..<30 {
            try log.write(
                (0..<10_000).map { number in
                    let place = part * 10_000 + number
                    return WrittenLog.Row(
                        time: LogTime.utc(start + Int64(place) * 1000),
                        client: "10.20.\(place % 50).\(place % 40)", group: "learner",
                        name: "name-of-row-\(place).example.com", verdict: .allow)
                })
            log.journal.maintain(nowMicros: 0)
        }
        func peak(_ rows: Int) throws -> (kilobytes: Int, lines: Int) {
            let export = try Program(
                Program.bellgate(),
                ["log", "export", "--limit", "\(rows)", "--directory", "\(log.folder.path)/log"])
            var peak = 0
            while export.status == nil {
                let status = try? String(
                    contentsOfFile: "/proc/\(export.pid)/status", encoding: .utf8)
                let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
                peak = max(peak, line.flatMap { Int($0.filter(\.isNumber)) } ?? 0)
                pause(0.002)
            }
            return (peak, export.output.utf8.count { $0 == 0x0A })
        }
        let few = try peak(30_000)
        let many = try peak(300_000)
        #expect(few.lines == 30_001 && many.lines == 300_001)
        #expect(few.kilobytes > 1000 && many.kilobytes < few.kilobytes + 48_000)
    }

    // MARK: - Following

    @Test func tailGoesOnAndTellsEachRowOnce() throws {
        let log = try Self.log(30)
        let tail = try Program(
            Program.bellgate(),
            [
                "log", "tail", "-f", "-n", "5", "--format", "jsonl", "--directory",
                "\(log.folder.path)/log",
            ])
        defer { tail.stop() }
        #expect(eventually(within: 10) { tail.output.split(separator: "\n").count == 5 })
        for _ in 0..<4 {
            try log.write(WrittenLog.random(7000, from: "2026-11-03T00:00:00Z", hours: 1))
            log.journal.maintain(nowMicros: 0)
        }
        #expect(eventually(within: 20) { tail.output.split(separator: "\n").count == 28_005 })
        let seqs = tail.output.split(separator: "\n").compactMap {
            Int($0.drop { !$0.isNumber }.prefix { $0.isNumber })
        }
        #expect(seqs == Array(26...28_030), "across files, none twice")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(log.folder.path)/log").count {
                $0.hasSuffix(".bgl")
            } > 2)
    }
}
