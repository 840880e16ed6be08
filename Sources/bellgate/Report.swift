import ArgumentParser
import DNSServer
import DNSWire
import DecisionLog
import Glibc
import PolicyEngine
import PolicyFile
import Review

/// `bellgate report`: what happened in a week, for those who review it.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the monitoring review of a week.",
        discussion: """
            Reads the decision log; the server may be running or not. The same log with the same \
            policy and lists gives the same bytes. A week that is still running is said to be so, \
            and compared with the weeks before up to the same time. Devices appear under pseudonyms; --identify shows \
            their addresses, and first writes who looked and why into the log's audit trail.
            A report on the whole college hides counts under five; one on a group shows them.

            EXAMPLES
              A page to read or print:
                bellgate report --config bellgate.yaml --week 2026-W47 > review.html
              The same figures of one group, for a spreadsheet:
                bellgate report --week 2026-W47 --group learner --format csv > learners.csv
              With addresses:
                bellgate report --week 2026-W47 --identify --reason "Case 17" > case.html
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("The week, Monday to Sunday, as in 2026-W47.", valueName: "week"),
        transform: reviewWeek)
    var week: ReviewWeek

    @Option(help: ArgumentHelp("Only this group, with every count.", valueName: "name"))
    var group: String?

    @Option(help: "html, csv or json.")
    var format = ReportFormat.html

    @OptionGroup var identity: IdentityOptions

    private static let defaultConfig = "bellgate.yaml"

    func validate() throws {
        // SAFETY: the name is passed as a C string for the length of the call.
        guard unsafe config != nil || access(Self.defaultConfig, F_OK) == 0 else {
            throw ValidationError(
                "Give --config FILE; there is no bellgate.yaml in this folder.")
        }
    }

    func run() throws {
        let configuration = try configuration()
        let loaded = try policy(configuration)
        let now = Instant(seconds: WallClock.nowMicros / 1_000_000)
        if let group, !loaded.policy.groups.contains(where: { $0.name == group }) {
            let names = loaded.policy.groups.map(\.name).joined(separator: ", ")
            standardError("there is no group \"\(group)\"; the groups are: \(names)")
            throw ExitCode(ExitStatus.wrong)
        }
        try reportingLogErrors {
            let look = try identity.begin(directory: configuration.logDirectory)
            let names = DeviceNames(look.pseudonyms)
            let figures = try Reviewer(
                logDirectory: configuration.logDirectory, policy: ReviewPolicy(loaded), week: week,
                now: now, group: group, identifiedBecause: identity.reason, device: names.name
            ).figures()
            for problem in figures.coverage.problems { standardError("warning: \(problem)") }
            let output = ByteOutput(look)
            output.append(Array(try format.text(of: figures).utf8), rows: names.count)
            try output.finish()
        }
    }

    private func configuration() throws -> ServerConfiguration {
        let load = loadConfiguration(at: config ?? Self.defaultConfig)
        load.diagnostics.forEach { standardError($0.description) }
        guard let configuration = load.configuration, !load.diagnostics.hasErrors else {
            throw ExitCode(ExitStatus.wrong)
        }
        return configuration
    }

    private func policy(_ configuration: ServerConfiguration) throws -> LoadedPolicy {
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        load.diagnostics.forEach { standardError($0.description) }
        guard let loaded = load.loaded else { throw ExitCode(ExitStatus.wrong) }
        return loaded
    }
}

/// How the figures are written.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
    case html, csv, json

    func text(of figures: ReviewFigures) throws -> String {
        switch self {
        case .html: figures.html()
        case .csv: figures.csv()
        case .json: try figures.json()
        }
    }
}

/// What devices are called: their pseudonyms, or their names and addresses.
private final class DeviceNames {
    /// `nil` where it is shown who they are.
    private let pseudonyms: Pseudonyms?
    private var named: Set<ReviewDevice> = []

    init(_ pseudonyms: Pseudonyms?) { self.pseudonyms = pseudonyms }

    /// How many devices were named.
    var count: Int { named.count }

    func name(_ device: ReviewDevice, micros: Int64) -> String {
        named.insert(device)
        switch device {
        case .address(let address):
            return pseudonyms?.client(address, micros: micros) ?? address.description
        case .device(let name): return pseudonyms?.device(name, micros: micros) ?? name
        }
    }
}

func reviewWeek(_ text: String) throws -> ReviewWeek {
    do {
        return try ReviewWeek(parsing: text)
    } catch {
        throw ValidationError("--week: \(error).")
    }
}
