import ArgumentParser
import DNSWire
import DecisionLog
import DomainLists
import Glibc
import LogStore
import PolicyEngine
import PolicyFile
import Replay

/// `benchmarks replay`
struct Replaying: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Queries a second that are decided again by two policies.",
        discussion: """
            Writes a log of a week of queries as the policy decides them: names by rank, of which \
            every fourth is a service's of the policy's catalogue, asked by 2,000 clients. Then \
            decides them again by the policy and by another.

            With --log the log stays there, for `bellgate replay` itself.
            """)

    @Option(help: ArgumentHelp("The policy that decided.", valueName: "file"))
    var policy = "deploy/samples/kite/policy.yaml"

    @Option(help: ArgumentHelp("The policy to be tried; without one, the same.", valueName: "file"))
    var with: String?

    @Option(help: "How many queries.")
    var rows = 2_000_000

    @Flag(help: "Take the log into the store first, and read it from there.")
    var stored = false

    @Option(help: ArgumentHelp("Where the log is written and kept.", valueName: "dir"))
    var log: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let folder = try TemporaryFolder()
        let directory = log ?? "\(folder.path)/log"
        let today = try Self.load(policy)
        let new = try Self.load(with ?? policy)
        try RecordedWeek(today).write(rows, to: directory)
        if stored { try Self.follow(directory) }
        let deciding = try Deciding(today, new, directory: directory)
        let spread = nanoseconds(of: deciding, seconds: 2)
        let begun = Clock.processCPU
        let whole = try Self.replay(directory, today, new)
        let each = Double(Clock.processCPU - begun) / Double(max(whole.queries, 1))
        if json {
            print(
                JSONText.object([
                    ("rows", .number(Double(whole.queries))),
                    ("deciding_minimum_ns", .number(spread.minimum)),
                    ("deciding_median_ns", .number(spread.median)),
                    ("reading_and_deciding_ns", .number(each)),
                    ("rss_bytes", .number(Double(memory("VmHWM")))),
                ]).rendered)
            return
        }
        print("\(whole.queries) queries, of which \(whole.changes.total) differ")
        print(
            "deciding              \(fixed(spread.minimum)) ns least, \(fixed(spread.median)) median: "
                + "\(fixed(1e3 / spread.median, 2)) million a second")
        print("reading and deciding  \(fixed(each)) ns: \(fixed(1e3 / each, 2)) million a second")
    }

    private static func load(_ path: String) throws -> LoadedPolicy {
        let load = loadPolicy(at: path, now: Instant(seconds: RecordedWeek.startSeconds))
        guard let loaded = load.loaded else {
            throw ValidationError(load.diagnostics.map(\.description).joined(separator: "\n"))
        }
        return loaded
    }

    private static func follow(_ directory: String) throws {
        guard
            let follower = try StoreFollower.start(logDirectory: directory, keepSeconds: nil)
        else { throw ValidationError("another process follows the log in \(directory)") }
        let end = (RecordedWeek.startSeconds + RecordedWeek.weekSeconds) * 1_000_000
        while try follower.follow(nowMicros: end, isFinal: true).isBehind {}
    }

    static func replayer(_ today: LoadedPolicy, _ new: LoadedPolicy) -> Replayer {
        Replayer(
            today: ReplayPolicy(program: today.program, index: today.index),
            new: ReplayPolicy(program: new.program, index: new.index),
            allowFrom: [IPNetwork("10.0.0.0/8")].compactMap { $0 }, examples: 20)
    }

    private static func replay(
        _ directory: String, _ today: LoadedPolicy, _ new: LoadedPolicy
    ) throws -> ReplayResult {
        let replayer = replayer(today, new)
        try StoreReader(directory: directory).forEachRow { replayer.take($0) }
        return replayer.result
    }
}

/// Rows in memory, decided again: what deciding takes without reading.
private final class Deciding: Work {
    private let replayer: Replayer
    private var rows: [DecisionRow] = []
    private var next = 0

    private static let rowsHeld = 500_000

    init(_ today: LoadedPolicy, _ new: LoadedPolicy, directory: String) throws {
        replayer = Replaying.replayer(today, new)
        let reader = try JournalReader(directory: directory)
        while rows.count < Self.rowsHeld, let row = reader.next() { rows.append(row) }
        if rows.isEmpty { throw ValidationError("there are no rows in \(directory)") }
    }

    func run(_ operations: Int) {
        for _ in 0..<operations {
            replayer.take(rows[next])
            next = next + 1 == rows.count ? 0 : next + 1
        }
    }
}

/// A week of queries as a policy decides them.
private struct RecordedWeek {
    /// 2026-11-16 00:00 UTC, a Monday.
    static let startSeconds: Int64 = 1_794_787_200
    static let weekSeconds: Int64 = 7 * 86_400
    private static let clients = 2000
    private static let ownNames = 75_000

    private let loaded: LoadedPolicy
    private let judge: ReplayPolicy
    private let names: [[UInt8]]

    init(_ loaded: LoadedPolicy) throws {
        self.loaded = loaded
        judge = ReplayPolicy(program: loaded.program, index: loaded.index)
        let services = loaded.catalogue.services.flatMap(\.names).map(\.name)
        var names: [[UInt8]] = []
        for (number, own) in Names.madeUp(Self.ownNames).enumerated() {
            names.append(try DomainName(parsing: own).wire.map { $0 })
            if number % 3 == 2, !services.isEmpty {
                names.append(services[number / 3 % services.count].wire.map { $0 })
            }
        }
        self.names = names
    }

    func write(_ rows: Int, to directory: String) throws {
        let journal = try Journal(directory: directory, segmentBytes: 64 << 20, keepSeconds: nil)
        defer { journal.close() }
        let program = loaded.program
        let dictionary = journal.register(
            RecordDictionary(
                policyHash: loaded.hash, groups: program.policy.groups.map(\.name),
                rules: program.rules.map { ($0.id, $0.concern.map { "\($0)" }) },
                categories: program.categoryNames, lists: [],
                periods: program.policy.periods.map(\.name)))
        var batch = RecordBatch(capacityBytes: 1 << 16)
        var dice = SeededGenerator(state: 47)
        var name = RecordedName()
        for number in 0..<rows {
            let seconds =
                Self.startSeconds + Int64(number) * Self.weekSeconds / Int64(max(rows, 1))
            // The rank falls off as popularity does: half of all queries ask a hundredth of names.
            let share = Double.random(in: 0..<1, using: &dice)
            let wire = names[Int(share * share * share * share * Double(names.count))]
            let device = UInt32.random(in: 0..<UInt32(Self.clients), using: &dice)
            let network = [20, 21, 30, 40][Int(device % 4)]
            let client = IPAddress(v4: 10 << 24 | UInt32(network) << 16 | device)
            name.take(wire[...])
            let judged = judge.judge(
                client: client, name: name, via: RecordedName(), atSeconds: seconds)
            let isBlock = judged.action == .block
            let record = DecisionRecord(
                timeMicros: seconds * 1_000_000 + Int64(number % 1_000_000), client: client,
                group: UInt16(truncatingIfNeeded: judged.group), rule: judged.rule,
                category: judged.category, verdict: isBlock ? .block : .allow,
                rcode: isBlock ? 3 : 0, ttlSeconds: 60, source: isBlock ? .policy : .cache,
                micros: 9, qtype: number % 3 == 0 ? 28 : 1)
            // SAFETY: the name is read within the call alone.
            unsafe wire.withUnsafeBytes {
                unsafe batch.append(
                    record, qname: $0, via: UnsafeRawBufferPointer(start: nil, count: 0))
            }
            if batch.count == 128 { journal.commit(&batch, dictionary: dictionary) }
            if number % (1 << 16) == 0 { journal.maintain(nowMicros: record.timeMicros) }
        }
        journal.commit(&batch, dictionary: dictionary)
    }
}
