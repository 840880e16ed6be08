import ArgumentParser
import DecisionLog

/// `bellgate log verify`: whether every row is there and as it was written.
struct LogVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every record's checksum, every header, and that no row is missing.",
        discussion: """
            Exit status 1 if anything is wrong; the first bad place is named.

            EXAMPLES
              bellgate log verify --config /etc/bellgate/bellgate.yaml
              bellgate log verify --directory /srv/copies/log --json
            """)

    @OptionGroup var location: LogLocation

    @Flag(help: "Print one JSON object for programs.")
    var json = false

    func run() throws {
        let directory = try location.directoryPath()
        try reportingLogErrors {
            let result = try LogVerification(directory: directory)
            guard result.segmentCount > 0 else {
                // Every log has a first file; without one, nothing was checked.
                standardError("there is no log in \(directory); is it the right folder?")
                throw ExitCode(ExitStatus.wrong)
            }
            print(json ? Self.json(result).rendered() : Self.text(result))
            if !result.isSound { throw ExitCode(ExitStatus.wrong) }
        }
    }

    /// How many bad places are named.
    private static let placesShown = 21

    private static func text(_ result: LogVerification) -> String {
        var range = ""
        if let first = result.firstSeq, let last = result.lastSeq {
            range = ", seq \(first) to \(last)"
        }
        var lines = ["segments \(result.segmentCount)", "rows     \(result.rowCount)\(range)"]
        if result.gapCount > 0 {
            lines.append("gaps     \(result.gapCount), \(result.lostCount) decisions not recorded")
        }
        lines += result.tornTails.map { "note     \($0)" }
        if let first = result.damage.first {
            lines.append("result   bad places: \(result.damage.count), the first: \(first)")
            lines += result.damage.prefix(placesShown).dropFirst().map { "         \($0)" }
        } else {
            lines.append("result   sound")
        }
        return lines.joined(separator: "\n")
    }

    private static func json(_ result: LogVerification) -> JSONText {
        .object(present: [
            "ok": .bool(result.isSound),
            "segments": .number(Int64(result.segmentCount)),
            "rows": .number(Int64(result.rowCount)),
            "firstSeq": result.firstSeq.map { .number(Int64(clamping: $0)) },
            "lastSeq": result.lastSeq.map { .number(Int64(clamping: $0)) },
            "gaps": .number(Int64(result.gapCount)),
            "lost": .number(Int64(clamping: result.lostCount)),
            "notes": .array(result.tornTails.map { .string("\($0)") }),
            "badPlaces": .number(Int64(result.damage.count)),
            "damage": .array(result.damage.prefix(placesShown).map { .string("\($0)") }),
        ])
    }
}
