import DNSWire
public import DomainLists
import LDNSBridge

/// A list of names as it was loaded.
public struct LoadedList: Sendable {
    /// Its name under `lists:`.
    public var name: String
    /// The file; for a category of a catalogue, that category's file.
    public var path: String
    /// How its lines are written; `nil` for a category of a catalogue.
    public var format: ListFormat?
    /// What became of its lines; `nil` for a category of a catalogue.
    public var summary: ListSummary?
    /// The catalogue's category; `nil` for a list file.
    public var category: String?
    /// How many distinct names it holds.
    public var names: Int
    /// When the file was last changed, in seconds since 1970 UTC; of a list from the web, when the
    /// copy was last known to be what the web has.
    public var modifiedSeconds: Int64
    /// Where it comes from, if from the web.
    public var url: String?
}

/// Reads list files and puts all names of a policy into one index.
struct ListLoader {
    let reporter: Reporter
    /// Where copies of lists from the web lie.
    let copies: ListCopies
    /// Is told how far reading has come.
    var progress: ((ListProgress) -> Void)?

    /// What the other libraries do for list files.
    static let helpers = ListHelpers(
        idnToASCII: { idnToASCII($0) }, readRPZ: { readRPZ($0, $1) })

    /// Reads the policy's list files into an index.
    ///
    /// - Parameter lists: the entries of `lists:`.
    /// - Returns: what became of each list's lines, by source.
    func add(
        lists: [PolicyDocument.ListEntry], sources: [SourceOrigin], policyPath: String,
        to builder: inout DomainIndexBuilder
    ) -> [Int: ListSummary] {
        var summaries: [Int: ListSummary] = [:]
        let files = lists.map { $0.file(policyPath: policyPath, copies: copies) }
        let total = sources.reduce(0) { sum, origin in
            guard case .list(let place) = origin else { return sum }
            return sum + FileBytes.size(files[place])
        }
        var before = 0
        for (number, origin) in sources.enumerated() {
            guard case .list(let place) = origin else { continue }
            let entry = lists[place]
            let path = files[place]
            let tell: (Int) -> Void = { octets in
                progress?(
                    .reading(list: entry.name.value, octets: min(before + octets, total), of: total)
                )
            }
            tell(0)
            do {
                let contents = try FileBytes.read(path, limit: FileBytes.maximumListBytes)
                let source = SourceID(rawValue: UInt16(clamping: number))
                summaries[number] = add(contents.bytes, entry, source, to: &builder, tell)
                before += contents.bytes.count
            } catch  where error.isMissing && entry.web != nil {
                // It is told of where the ages of lists are.
                continue
            } catch {
                let hint =
                    error.isMissing
                    ? "put the list there, or correct the path (it is relative to this file)"
                    : "a list is a text file that this user may read"
                reporter.error(
                    entry.path.place, "list file \(path) \(error.reason)", hint)
            }
        }
        return summaries
    }

    /// The lists as they were loaded, by their place in the document; one that has no usable name
    /// is reported.
    func loaded(
        lists: [PolicyDocument.ListEntry], sources: [SourceOrigin], policyPath: String,
        summaries: [Int: ListSummary]
    ) -> [Int: LoadedList] {
        var loaded: [Int: LoadedList] = [:]
        for (number, origin) in sources.enumerated() {
            guard case .list(let place) = origin, let summary = summaries[number] else { continue }
            let entry = lists[place]
            let path = entry.file(policyPath: policyPath, copies: copies)
            loaded[place] = LoadedList(
                name: entry.name.value, path: path, format: summary.format, summary: summary,
                category: nil, names: summary.names,
                modifiedSeconds: entry.web.flatMap { copies.state(of: $0.url).currentAt }
                    ?? FileBytes.modifiedSeconds(path),
                url: entry.web?.url)
            report(summary, of: entry, path)
        }
        return loaded
    }

    private func add(
        _ bytes: [UInt8], _ entry: PolicyDocument.ListEntry, _ source: SourceID,
        to builder: inout DomainIndexBuilder, _ progress: @escaping (Int) -> Void
    ) -> ListSummary {
        // SAFETY: the builder copies what it keeps; the buffer does not leave the closure.
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe builder.addList(
                buffer, format: entry.format, match: entry.match, source: source,
                progress: progress)
        }
    }

    /// Whoever publishes a list may leave it empty, and a line that cannot be used never refuses its
    /// list; but nobody should believe that such a list blocks anything.
    private func report(
        _ summary: ListSummary, of entry: PolicyDocument.ListEntry, _ path: String
    ) {
        let name = entry.name.value
        let verb = summary.formatWasGuessed ? "taken for" : "read as"
        let first = summary.unusable.first.map { ", the first on line \($0.line): \($0.reason)" }
        let losses =
            "\(verb) \(summary.format.rawValue), \(summary.unusableCount) of its lines cannot be "
            + "used\(first ?? "")"
        if summary.names == 0 {
            reporter.warning(
                entry.path.place, "list \"\(name)\" is empty: \(path) has no usable name",
                summary.unusableCount == 0
                    ? "put names into it, or remove the list" : "\(losses); set its format")
        } else if summary.unusableCount > summary.names {
            reporter.warning(
                entry.path.place, "list \"\(name)\" is mostly unusable: \(losses)",
                "set its format, or ask whoever publishes it")
        }
    }
}
