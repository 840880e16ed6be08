import ArgumentParser
import DecisionLog
import Foundation
import LDNSBridge
import PolicyFile

/// `bellgate evidence verify`
struct EvidenceVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Tell whether evidence is as it was written out.",
        discussion: """
            Compares each file with its digest and, with --config, the digests with the audit trail \
            of the log that it came from. Exit status 1 if anything was changed, added or taken away.
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String?

    func run() throws {
        let sumsPath = "\(folder)/\(EvidenceFolder.sumsName)"
        guard let sums = FileManager.default.contents(atPath: sumsPath) else {
            standardError("\(sumsPath): cannot be read; is \(folder) a folder of evidence?")
            throw ExitCode(ExitStatus.wrong)
        }
        var problems = problems(sums)
        var lines: [String] = []
        if let config {
            let directory = try readConfiguration(at: config).logDirectory
            try reportingLogErrors {
                let trail = try AuditTrail.read(directory: directory)
                problems += trail.damage.map { "\(directory)/\($0)" }
                let digest = sha256(Array(sums))
                if let entry = trail.entries.last(where: {
                    [.evidence, .disclosure].contains($0.kind) && $0.digest == digest
                }) {
                    lines = Self.lines(entry)
                } else {
                    problems.append(
                        "\(sumsPath): the audit trail of \(directory) knows nothing of it: the sums "
                            + "were changed, or it is another log's")
                }
            }
        } else {
            lines = [
                "note     only the files were compared; --config compares the audit trail, too"
            ]
        }
        lines.forEach { print($0) }
        problems.forEach { standardError($0) }
        print(
            problems.isEmpty
                ? "result   as it was written out"
                : "result   \(problems.count) problem"
                    + (problems.count == 1 ? "" : "s"))
        if !problems.isEmpty { throw ExitCode(ExitStatus.wrong) }
    }

    private static func lines(_ entry: AuditEntry) -> [String] {
        [
            "made     \(LogTime.utc(entry.timeMicros)) by \(entry.by.sudoUser ?? entry.by.name)",
            "why      \(TextTable.plain(entry.reason ?? ""))",
            "asked    \(TextTable.plain(entry.question))",
            "record   entry \(entry.number) of the audit trail, \(entry.rows ?? 0) rows",
        ]
    }

    /// What is not as the digests say.
    private func problems(_ sums: Data) -> [String] {
        var problems: [String] = []
        var known: Set = [EvidenceFolder.sumsName]
        for line in String(decoding: sums, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            let name = parts.count == 2 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
            guard !name.isEmpty, !name.contains("/") else {
                problems.append("\(folder)/\(EvidenceFolder.sumsName): \"\(line)\" is no digest")
                continue
            }
            known.insert(name)
            guard let contents = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
                problems.append("\(folder)/\(name): is missing")
                continue
            }
            if hexadecimal(sha256(Array(contents))) != parts[0] {
                problems.append("\(folder)/\(name): was changed")
            }
        }
        let there = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return problems
            + there.filter { !known.contains($0) }.sorted().map {
                "\(folder)/\($0): was added"
            }
    }
}
