import ArgumentParser
import DecisionLog
import LDNSBridge

/// `bellgate log verify`: whether every row is there and as it was written.
struct LogVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Prove that the log is whole and as it was written.",
        discussion: """
            Checks each record, that each goes on from the one before, that each file is the one \
            whose digest the next remembers, that nothing is missing at either end, and the audit \
            trail. Gaps that the log itself tells of are no fault. The server may be running.

            Exit status 1 if anything is wrong; the first bad place is named. The line "newest" \
            stands for all that was written before: kept elsewhere, it shows later whether somebody \
            wrote the whole log anew.

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
            lines += result.gaps.suffix(gapsShown).map { "         seq \($0.seq): \($0.gap)" }
        }
        if !result.auditEntries.isEmpty {
            let looks = result.auditEntries.count { $0.kind == .look }
            lines.append(
                "audit    \(result.auditEntries.count) entries, \(looks) looks at identities")
        }
        if let newest = result.newestDigest {
            lines.append("newest   \(newest.file) sha256 \(hexadecimal(newest.digest))")
        }
        lines += notes(result).map { "note     \($0)" }
        if let first = result.damage.first {
            lines.append("result   bad places: \(result.damage.count), the first: \(first)")
            lines += result.damage.prefix(placesShown).dropFirst().map { "         \($0)" }
        } else {
            lines.append("result   sound")
        }
        return lines.joined(separator: "\n")
    }

    /// How many of the newest gaps are named.
    private static let gapsShown = 20

    private static func notes(_ result: LogVerification) -> [String] {
        result.tornTails.map(\.description)
            + result.pendingGaps.map { "to be noted at the end: \($0)" }
            + (result.exposure.map { [$0] } ?? [])
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
            "gapRows": .array(result.gaps.map(gap)),
            "audit": .number(Int64(result.auditEntries.count)),
            "newest": result.newestDigest.map { newest in
                .object(present: [
                    "file": .string(newest.file), "sha256": .string(hexadecimal(newest.digest)),
                ])
            },
            "notes": .array(notes(result).map { .string($0) }),
            "badPlaces": .number(Int64(result.damage.count)),
            "damage": .array(result.damage.prefix(placesShown).map { .string("\($0)") }),
            "places": .array(result.damage.prefix(placesShown).map(place)),
        ])
    }

    private static func gap(_ row: (seq: UInt64, gap: RecordGap)) -> JSONText {
        .object(present: [
            "seq": .number(Int64(clamping: row.seq)),
            "count": .number(Int64(clamping: row.gap.count)),
            "reason": .string(row.gap.reason.code),
            "text": .string("\(row.gap)"),
        ])
    }

    private static func place(_ place: LogDamage) -> JSONText {
        .object(present: [
            "kind": .string(place.kind.rawValue), "file": .string(place.file),
            "offset": .number(Int64(place.offset)),
            "seq": place.seq.map { .number(Int64(clamping: $0)) },
            "problem": .string(place.problem),
        ])
    }
}
