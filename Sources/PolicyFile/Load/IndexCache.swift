import DomainLists
import Foundation
import LDNSBridge

/// Compiled lists kept between runs: a folder with the index of the lists that were loaded last.
///
/// A file is found by a stamp of all that went into it: each list's path, size and time of change,
/// how it is read, and every name that the catalogue and the policy add. Lists that have not
/// changed are thus neither read nor compiled again, and the index is mapped from the file, so that
/// its pages are the kernel's to keep. A file that is damaged in any way is made anew.
struct IndexCache {
    let folder: String
    let reporter: Reporter

    /// What is found for a stamp.
    struct Kept {
        var index: DomainIndex
        /// By source: what became of its list's lines.
        var summaries: [Int: ListSummary]
    }

    /// Raised whenever the same lists would compile to something else.
    private static let version = 1

    /// The stamp of the names of some sources; `nil` if a list file is not there.
    ///
    /// - Parameters:
    ///   - lists: for each list source, its path and how it is read.
    ///   - names: for every other source, its names.
    static func stamp(
        lists: [(source: Int, path: String, format: ListFormat?, match: Coverage?)],
        names: [(source: Int, names: [DomainText])]
    ) -> String? {
        var text = "bellgate index \(version)\n"
        for list in lists {
            guard let file = FileBytes.identity(of: list.path) else { return nil }
            text += "\(list.source) \(file) \(list.format?.rawValue ?? "-") "
            text += "\(list.match.map { "\($0)" } ?? "-") \(list.path)\n"
        }
        for source in names {
            text += "\(source.source)"
            for name in source.names { text += " \(name.coverage) \(name.name)" }
            text += "\n"
        }
        return String(hexadecimal(sha256(Array(text.utf8))).prefix(32))
    }

    /// The index of a stamp, if a whole and sound one is kept; one that is there and cannot be used
    /// is told of.
    func load(_ stamp: String) -> Kept? {
        let index: DomainIndex
        do {
            index = try DomainIndex(mapping: indexPath(stamp))
        } catch .system {
            // None there, or not for this user to read.
            return nil
        } catch .otherVersion(let version) {
            refuse(
                indexPath(stamp), "\(IndexProblem.otherVersion(version))",
                "they are compiled anew, as once after each update that changes them")
            return nil
        } catch {
            refuse(indexPath(stamp), "\(error)", Self.checkTheDisk)
            return nil
        }
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: summaryPath(stamp))),
            let summaries = try? JSONDecoder().decode([Int: StoredSummary].self, from: data)
        else {
            refuse(summaryPath(stamp), "it cannot be read", Self.checkTheDisk)
            return nil
        }
        return Kept(index: index, summaries: summaries.compactMapValues(\.summary))
    }

    private static let checkTheDisk =
        "they are compiled anew; if it happens again, check the disk"

    private func refuse(_ path: String, _ reason: String, _ cure: String) {
        reporter.warning(
            SourcePlace(file: path, line: 1, column: 1),
            "the compiled lists that were kept cannot be used: \(reason)",
            "nothing needs doing, \(cure)")
    }

    /// Keeps an index in place of those kept before, and gives it back mapped from its file.
    ///
    /// - Returns: `nil`, and a warning, if it cannot be kept; the index in memory is as good.
    func store(_ index: DomainIndex, _ summaries: [Int: ListSummary], stamp: String) -> DomainIndex?
    {
        let manager = FileManager.default
        do {
            try manager.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            // The summary first: an index that is there has its summary.
            let data = try JSONEncoder().encode(summaries.mapValues(StoredSummary.init))
            try data.write(to: URL(fileURLWithPath: summaryPath(stamp)), options: .atomic)
            try index.write(to: indexPath(stamp))
            let mapped = try DomainIndex(mapping: indexPath(stamp))
            removeAll(but: stamp)
            return mapped
        } catch {
            let reason = (error as? IndexProblem)?.description ?? error.localizedDescription
            reporter.warning(
                SourcePlace(file: folder, line: 1, column: 1),
                "the compiled lists cannot be kept: \(reason)",
                "make room there and let this user write; until then they take memory, and every "
                    + "start compiles them again")
            return nil
        }
    }

    /// Removes what was kept before, and what a crash left half-written. A file that is still
    /// mapped stays until it is let go of.
    private func removeAll(but stamp: String) {
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix("index-") && name != "index-\(stamp).bgi"
            && name != "index-\(stamp).json"
        {
            try? manager.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    private func indexPath(_ stamp: String) -> String { "\(folder)/index-\(stamp).bgi" }
    private func summaryPath(_ stamp: String) -> String { "\(folder)/index-\(stamp).json" }
}

/// A list's summary as it is kept beside the index.
private struct StoredSummary: Codable {
    struct Line: Codable {
        var line: Int
        var text: String
        var reason: String
    }

    var format: String
    var formatWasGuessed: Bool
    var names: Int
    var exceptions: Int
    var duplicates: Int
    var unusableCount: Int
    var unusable: [Line]

    init(_ summary: ListSummary) {
        format = summary.format.rawValue
        formatWasGuessed = summary.formatWasGuessed
        names = summary.names
        exceptions = summary.exceptions
        duplicates = summary.duplicates
        unusableCount = summary.unusableCount
        unusable = summary.unusable.map { Line(line: $0.line, text: $0.text, reason: $0.reason) }
    }

    var summary: ListSummary? {
        guard let format = ListFormat(rawValue: format) else { return nil }
        return ListSummary(
            format: format, formatWasGuessed: formatWasGuessed, names: names,
            exceptions: exceptions, duplicates: duplicates, unusableCount: unusableCount,
            unusable: unusable.map {
                UnusableLine(line: $0.line, text: $0.text, reason: $0.reason)
            })
    }
}
