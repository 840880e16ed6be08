import ArgumentParser
import DNSWire
import DomainLists
import Glibc
import PolicyEngine

/// What the parts of Bellgate cost, measured one by one: `benchmarks VERB --help`.
@main struct Benchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks",
        abstract: "Measure what the parts of Bellgate cost.",
        discussion: """
            Times are processor time of the measuring thread, each the least and the median of many \
            repetitions. Without --list, names are made up, the same in every run.
            """,
        subcommands: [
            Parts.self, Count.self, Compiling.self, Tenfold.self, PlaneCosts.self, Hostile.self,
            StoreCosts.self, Replaying.self,
        ])
}

/// Which names are listed.
struct ListOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Names to list, one a line.", valueName: "file"))
    var list: String?

    @Option(help: "How many names to make up where there is no list.")
    var names = 1_250_000

    @Flag(help: "Print JSON.")
    var json = false

    func read() throws -> [String] { try list.map(Names.read) ?? Names.madeUp(names) }
}

/// The parts of a query's way, by the names under which they are measured.
struct QueryParts {
    static let names = [
        "query view", "look-up hit", "look-up miss", "look-up hit, batched",
        "look-up miss, batched",
        "plane look-up", "answer writer", "journal append", "cache hit",
        "query blocked, whole", "query cached, whole",
    ]

    let index: DomainIndex
    let folder: String
    private let messages: Messages
    private let listed: WireNames
    private let unlisted: WireNames
    private let names: [String]
    private let program = LargePolicy.program()

    init(_ names: [String], _ index: DomainIndex, folder: String) throws {
        self.index = index
        self.folder = folder
        self.names = names
        messages = try Messages(names)
        listed = try Asked.listed(names)
        unlisted = try Asked.unlisted(names, index)
    }

    func work(_ name: String) throws -> (any Work)? {
        switch name {
        case "query view": QueryViews(messages)
        case "look-up hit": LookUps(index, listed)
        case "look-up miss": LookUps(index, unlisted)
        case "look-up hit, batched": BatchedLookUps(index, listed)
        case "look-up miss, batched": BatchedLookUps(index, unlisted)
        case "plane look-up":
            PlaneLookUps(
                program.plane(at: Instant(seconds: 1_795_435_200)), sets: LargePolicy.setCount)
        case "answer writer": BlockAnswers(messages)
        case "journal append": try JournalAppends(listed, folder: folder)
        case "cache hit": CacheHits(messages, unlisted)
        case "query blocked, whole":
            try WholeQueries(blocked: listed, list: names, folder: folder)
        case "query cached, whole":
            try WholeQueries(cached: unlisted, list: names, folder: folder)
        default: nil
        }
    }
}

/// `benchmarks parts`
struct Parts: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Nanoseconds per operation of each part of a query's way.")

    @OptionGroup var options: ListOptions

    @Option(help: "Seconds for each part.")
    var seconds = 1.0

    func run() throws {
        let names = try options.read()
        let folder = try TemporaryFolder()
        let index = try mappedIndex(names, in: folder)
        let parts = try QueryParts(names, index, folder: folder.path)
        var figures: [(String, JSONText)] = []
        if !options.json { print("nanoseconds per operation, \(index.nameCount) names") }
        for name in QueryParts.names {
            guard let work = try parts.work(name) else { continue }
            let spread = nanoseconds(of: work, seconds: seconds)
            try Self.check(work)
            figures.append(
                (
                    name,
                    .object([
                        ("minimum_ns", .number(spread.minimum)),
                        ("median_ns", .number(spread.median)),
                    ])
                ))
            if !options.json {
                print(
                    "\(padded(name, 24)) \(fixed(spread.minimum)) least, \(fixed(spread.median)) median"
                )
            }
        }
        if options.json { print(JSONText.object(figures).rendered) }
    }

    private static func check(_ work: any Work) throws {
        if let journal = work as? JournalAppends, journal.lost > 0 {
            throw ValidationError("the journal lost \(journal.lost) decisions; its figure is void")
        }
        if let whole = work as? WholeQueries, whole.lost > 0 || whole.unanswered > 0 {
            throw ValidationError(
                "\(whole.lost) decisions were lost, \(whole.unanswered) batches not answered at once; "
                    + "the figure is void")
        }
        if let hits = work as? CacheHits, hits.missed > 0 {
            throw ValidationError(
                "the cache missed \(hits.missed) answers that it was given; its figure is void")
        }
    }
}

/// `benchmarks count`
struct Count: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Do one part so many times, for a program that counts instructions.",
        discussion: """
            Run it, stripped of debugging information (`strip --strip-debug`), under `valgrind --tool=callgrind` with two numbers of operations: the difference of \
            the instructions over that of the operations is what one takes. `figures` does it for all.
            """)

    @Argument(help: "One of: \(QueryParts.names.joined(separator: "; ")).")
    var part: String

    @OptionGroup var options: ListOptions

    @Option(help: "How many times.")
    var operations = 1000

    func run() throws {
        let names = try options.read()
        let folder = try TemporaryFolder()
        let index = try mappedIndex(names, in: folder)
        guard let work = try QueryParts(names, index, folder: folder.path).work(part) else {
            throw ValidationError("there is no part \"\(part)\"")
        }
        work.run(operations)
    }
}
