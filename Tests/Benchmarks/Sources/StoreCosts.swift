import ArgumentParser
import DNSWire
import DecisionLog
import LogStore

/// `benchmarks store`
struct StoreCosts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "A month of decisions in the store: its size, following it, and asking it.")

    @Option(help: "Days that the rows are spread over.")
    var days = 30

    @Option(help: "How many rows.")
    var rows = 100_000_000

    @Option(help: ArgumentHelp("Where to put them; it is kept.", valueName: "folder"))
    var folder: String?

    @Flag(help: "Ask the store that is in the folder already.")
    var existing = false

    @Option(help: "How often each question is asked.")
    var repetitions = 5

    @Flag(help: "Only see whether it runs: no goal counts.")
    var trial = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let temporary = folder == nil ? try TemporaryFolder() : nil
        let month = try StoreMonth(
            days: days, rows: rows, folder: folder ?? temporary?.path ?? ".")
        var figures: [(String, JSONText)] = []
        if !existing {
            try month.make()
            let perRow = Double(month.storeBytes) / Double(month.rows)
            let rate = Double(month.rows) / (Double(month.followedCPU) / 1e9)
            figures = [
                ("rows", .number(Double(month.rows))), ("days", .number(Double(days))),
                ("bytes_per_row", .number(perRow)), ("rows_per_s", .number(rate)),
                (
                    "rows_per_s_wall",
                    .number(Double(month.rows) / (Double(month.followedWall) / 1e9))
                ),
                ("memory_peak", .number(Double(memory("VmHWM")))),
            ]
            say(
                "\(month.rows) rows in \(days) days: \(fixed(perRow)) octets a row, followed at "
                    + "\(Int(rate)) rows a second of one core, "
                    + "\(memory("VmHWM") >> 20) MiB of memory at the most")
        }
        var missed = 0
        for question in StoreQuestion.all(month) {
            var times: [Double] = []
            var worked: [Double] = []
            for _ in 0..<max(repetitions, 1) {
                let (wall, cpu) = (Clock.wall, Clock.cpu)
                Results.keep(try question.ask())
                times.append(Double(Clock.wall - wall) / 1e6)
                worked.append(Double(Clock.cpu - cpu) / 1e6)
            }
            let spread = Spread(times)
            if spread.median > question.goalMilliseconds { missed += 1 }
            figures.append(
                (
                    question.name,
                    .object([
                        ("median_ms", .number(spread.median)),
                        ("worst_ms", .number(spread.maximum)),
                        ("processor_ms", .number(Spread(worked).median)),
                        ("goal_ms", .number(question.goalMilliseconds)),
                    ])
                ))
            say(
                "\(padded(question.name, 38)) \(fixed(spread.median)) ms, at worst "
                    + "\(fixed(spread.maximum)), of the processor "
                    + "\(fixed(Spread(worked).median)) (goal \(fixed(question.goalMilliseconds, 0)))"
                    + (spread.median > question.goalMilliseconds ? " MISSED" : ""))
        }
        if json { print(JSONText.object(figures).rendered) }
        if missed > 0, !trial { throw ExitCode.failure }
    }

    private func say(_ line: String) { if !json { print(line) } }
}

/// A question put to a store that nobody has open.
struct StoreQuestion {
    let name: String
    let goalMilliseconds: Double
    /// Gives how much was found.
    let ask: () throws -> Int

    static func all(_ month: StoreMonth) -> [StoreQuestion] {
        let folder = month.folder
        func asked(_ name: String, _ goal: Double, _ body: @escaping (StoreReader) throws -> Int)
            -> StoreQuestion
        {
            StoreQuestion(name: name, goalMilliseconds: goal) {
                try body(StoreReader(directory: folder))
            }
        }
        var questions = [asked("count of all", 100) { Int(try $0.count()) }]
        for key in [TallyKey.group, .verdict, .rule, .category] {
            questions.append(asked("counts by \(key)", 100) { try $0.tally(by: [key]).count })
        }
        for key in [TallyKey.client, .name, .category, .rule] {
            questions.append(asked("top 20 of \(key)", 100) { try $0.top(20, by: key).count })
        }
        var blocked = RowFilter()
        blocked.verdict = .block
        for key in [TallyKey.client, .name] {
            questions.append(
                asked("top 20 of \(key), blocked", 100) { try $0.top(20, by: key, blocked).count })
        }
        questions += devices(folder, month) + askers(month, asked)
        return questions
    }

    private static func devices(_ folder: String, _ month: StoreMonth) -> [StoreQuestion] {
        // The one that asks most, and one that asks as much as half of them do.
        [0, StoreMonth.clientCount / 4].map { number in
            StoreQuestion(name: "a day of device \(number)", goalMilliseconds: 200) {
                var filter = RowFilter()
                filter.client = IPNetwork("\(StoreMonth.client(number))/32", hostBitsAllowed: false)
                filter.sinceMicros =
                    StoreMonth.startMicros + Int64(month.days / 2) * StoreMonth.dayMicros
                filter.untilMicros = filter.sinceMicros.map { $0 + StoreMonth.dayMicros }
                let rows = try StoreReader(directory: folder, filter: filter).rows(filter)
                var count = 0
                while try rows.next() != nil { count += 1 }
                return count
            }
        }
    }

    private static func askers(
        _ month: StoreMonth,
        _ asked: (String, Double, @escaping (StoreReader) throws -> Int) -> StoreQuestion
    ) -> [StoreQuestion] {
        [0, 10, 1000, 90_000].map { rank in
            let name = DomainName.presentation(of: month.name(ofRank: rank))
            return asked("who asked for name \(rank)", 1000) { reader in
                var filter = RowFilter()
                filter.name = try NameFilter(parsing: name)
                return try reader.tally(by: [.client], filter).count
            }
        } + [
            asked("who asked for names under a top label", 1000) { reader in
                var filter = RowFilter()
                filter.name = try NameFilter(parsing: "xq")
                return try reader.tally(by: [.client], filter).count
            }
        ]
    }
}
