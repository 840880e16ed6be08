import ArgumentParser
import DomainLists
import Glibc

/// `benchmarks compile`
struct Compiling: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compile",
        abstract: "Seconds to compile the names from the text of each format.")

    @OptionGroup var options: ListOptions

    @Option(
        help: "Only this format: \(ListFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
    var format: String?

    @Option(help: "How often each is compiled.")
    var repetitions = 3

    func run() throws {
        let names = try options.read()
        var figures: [(String, JSONText)] = []
        for format in ListFormat.allCases where self.format ?? format.rawValue == format.rawValue {
            let text = Names.text(names, format)
            var seconds: [Double] = []
            var bytesPerName = 0.0
            var (count, unusable) = (0, 0)
            for _ in 0..<repetitions {
                let begun = Clock.processCPU
                let (index, summary) = compile(text, format)
                seconds.append(Double(Clock.processCPU - begun) / 1e9)
                bytesPerName = Double(index.sizeBytes) / Double(index.nameCount)
                count = index.nameCount
                unusable = summary.unusableCount
            }
            let spread = Spread(seconds)
            figures.append(
                (
                    format.rawValue,
                    .object([
                        ("names", .number(Double(count))),
                        ("unusable_lines", .number(Double(unusable))),
                        ("minimum_s", .number(spread.minimum)),
                        ("median_s", .number(spread.median)),
                        ("index_bytes_per_name", .number(bytesPerName)),
                    ])
                ))
            if !options.json {
                print(
                    "\(padded(format.rawValue, 9)) \(count) names, \(fixed(spread.minimum, 3)) s least, "
                        + "\(fixed(spread.median, 3)) s median, \(fixed(bytesPerName)) octets a name"
                )
            }
        }
        if options.json { print(JSONText.object(figures).rendered) }
    }
}

/// `benchmarks tenfold`
struct Tenfold: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ten times the names: how memory and look-ups grow.")

    @OptionGroup var options: ListOptions

    @Option(help: "Seconds for each kind of look-up.")
    var seconds = 1.0

    func run() throws {
        let names = try options.read()
        let many = Names.multiplied(names, by: 10)
        let folder = try TemporaryFolder()
        let small = try mappedIndex(names, in: folder)
        let large = try mappedIndex(many, in: folder)
        let pairs: [(String, any Work, any Work)] = [
            (
                "hit, batched", BatchedLookUps(small, try Asked.listed(names)),
                BatchedLookUps(large, try Asked.listed(many))
            ),
            (
                "miss, batched", BatchedLookUps(small, try Asked.unlisted(names, small)),
                BatchedLookUps(large, try Asked.unlisted(many, large))
            ),
            (
                "hit, one by one", LookUps(small, try Asked.listed(names)),
                LookUps(large, try Asked.listed(many))
            ),
        ]
        let growth =
            (Double(large.sizeBytes) / Double(large.nameCount))
            / (Double(small.sizeBytes) / Double(small.nameCount))
        var figures: [(String, JSONText)] = [
            ("names", .number(Double(small.nameCount))),
            ("names_tenfold", .number(Double(large.nameCount))),
            ("bytes_per_name_ratio", .number(growth)),
        ]
        if !options.json {
            print(
                "\(small.nameCount) and \(large.nameCount) names; octets a name: \(fixed(growth, 3)) times"
            )
        }
        for (name, one, ten) in pairs {
            let (before, after, ratio) = paired(one, ten, seconds: seconds)
            figures.append(
                (
                    name,
                    .object([
                        ("ns", .number(before)), ("ns_tenfold", .number(after)),
                        ("ratio", .number(ratio)),
                    ])
                ))
            if !options.json {
                print(
                    "\(padded(name, 16)) \(fixed(before)) and \(fixed(after)) ns: \(fixed(ratio, 2))"
                )
            }
        }
        if options.json { print(JSONText.object(figures).rendered) }
    }

    /// Medians of both, and of the ratios of neighbours: in turn, so that what disturbs one disturbs
    /// the other.
    private func paired(
        _ one: any Work, _ ten: any Work, seconds: Double
    ) -> (before: Double, after: Double, ratio: Double) {
        var (ones, tens, ratios): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<11 {
            let before = nanoseconds(of: one, seconds: seconds / 10, repetitions: 9).median
            let after = nanoseconds(of: ten, seconds: seconds / 10, repetitions: 9).median
            ones.append(before)
            tens.append(after)
            ratios.append(after / before)
        }
        return (Spread(ones).median, Spread(tens).median, Spread(ratios).median)
    }
}

/// `benchmarks hostile`
struct Hostile: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Names and lists made to cost much, beside ordinary ones.")

    @OptionGroup var options: ListOptions

    @Option(help: "Seconds for each kind.")
    var seconds = 0.5

    func run() throws {
        let names = try options.read()
        let folder = try TemporaryFolder()
        let index = try mappedIndex(names, in: folder)
        let normal = nanoseconds(
            of: LookUps(index, try Asked.listed(names)), seconds: seconds
        ).median
        var figures: [(String, JSONText)] = [("ordinary_ns", .number(normal))]
        if !options.json { print("\(padded("ordinary, listed", 24)) \(fixed(normal)) ns") }
        for kind in try HostileNames.kinds(names, index, in: folder) {
            let cost = nanoseconds(of: kind.work, seconds: seconds).median
            figures.append(
                (
                    kind.name,
                    .object([("ns", .number(cost)), ("ratio", .number(cost / normal))])
                ))
            if !options.json {
                print(
                    "\(padded(kind.name, 24)) \(fixed(cost)) ns: \(fixed(cost / normal, 2)) times, "
                        + "\(fixed(cost / Double(kind.labels))) a label")
            }
        }
        let (same, different) = HostileNames.duplicates(1_000_000)
        figures.append(
            (
                "million_lines",
                .object([("same_s", .number(same)), ("different_s", .number(different))])
            ))
        if !options.json {
            print(
                "a million lines: \(fixed(same, 3)) s all the same, \(fixed(different, 3)) s all different"
            )
        }
        if options.json { print(JSONText.object(figures).rendered) }
    }
}

/// `benchmarks planes`
struct PlaneCosts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "planes", abstract: "What making a plane and changing over to it cost.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let program = LargePolicy.program()
        let making = PlaneFigures.making(program)
        let swapping = PlaneFigures.swapping(program)
        guard !json else {
            let figures: [(String, JSONText)] = [
                ("making_median_ms", .number(making.median)),
                ("making_worst_ms", .number(making.maximum)),
                ("dearest_look_up_after_a_bell_us", .number(swapping.dearest)),
                ("worst_us", .number(swapping.worst)),
                ("worst_without_a_bell_us", .number(swapping.worstWithoutBell)),
            ]
            return print(JSONText.object(figures).rendered)
        }
        print(
            "\(LargePolicy.groupCount) groups, \(LargePolicy.ruleCount) rules, five years: a plane in "
                + "\(fixed(making.median, 2)) ms, \(fixed(making.maximum, 2)) ms at worst")
        print(
            "the dearest of 4096 look-ups after a bell: \(fixed(swapping.dearest)) us; worst with all "
                + "that disturbs \(fixed(swapping.worst)) us, without a bell "
                + "\(fixed(swapping.worstWithoutBell)) us")
    }
}
