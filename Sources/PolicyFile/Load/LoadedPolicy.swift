public import DomainLists
public import PolicyEngine

/// A policy file that was read, checked and made ready, with all that it refers to.
///
/// Immutable: a changed file makes another one.
public struct LoadedPolicy: Sendable {
    /// The path that it was loaded from.
    public let path: String
    /// The policy.
    public internal(set) var policy: Policy
    /// The policy made ready for decisions.
    public internal(set) var program: PolicyProgram
    /// All names of its lists, catalogues and rules.
    public let index: DomainIndex
    /// The services of its catalogues.
    public let catalogue: Catalogue
    /// The search engines that it puts into their safe mode for somebody; `nil` if it does not.
    public let safeSearch: SafeSearchCatalogue?
    /// The lists in the order of the file; each category of a catalogue counts as one.
    public let lists: [LoadedList]
    /// Those that come from the web, fetched yet or not.
    public let webLists: [WebList]
    /// The first 16 hexadecimal digits of the SHA-256 digest of the policy file's bytes.
    public let hash: String
    /// The files and folders on which the policy depends: when one changes, it is to be loaded
    /// again.
    public let watchedFiles: [String]
    /// What became of its own `tests:`. All of them hold, or it would not have loaded.
    public let testResults: [PolicyTestResult]
    /// Its exceptions, as they stood when it was loaded.
    public let exceptions: [ExceptionStatus]

    /// Where the names of each source come from, by `SourceID.rawValue`.
    let origins: [SourceOrigin]
    /// For each list place of the document, its place in `lists`.
    let listPlaces: [Int: Int]
}

/// What became of an attempt to load a policy file.
public struct PolicyLoad: Sendable {
    /// Every error and warning, in reading order.
    public let diagnostics: [Diagnostic]
    /// The policy; `nil` if there is an error among the diagnostics.
    public let loaded: LoadedPolicy?
    /// The lists that could be read, whether the policy loaded or not.
    public let lists: [LoadedList]
    /// The lists from the web that it names, fetched yet or not, whether the policy loaded or not.
    public let webLists: [WebList]
    /// The tests that could be run, whether the policy loaded or not.
    public let testResults: [PolicyTestResult]
    /// The files and folders looked at, whether the policy loaded or not.
    public let watchedFiles: [String]
    /// The exceptions that could be read, whether the policy loaded or not.
    public let exceptions: [ExceptionStatus]
    /// The hash of the policy file's bytes; empty if they could not be read.
    public let hash: String
    /// How many rules, groups and other things the file has.
    public let counts: PolicyCounts
}

/// The size of a policy.
public struct PolicyCounts: Sendable {
    /// Rules of the file.
    public var rules = 0
    /// Groups.
    public var groups = 0
    /// Periods.
    public var periods = 0
    /// Devices.
    public var devices = 0
    /// Exceptions.
    public var exceptions = 0

    /// Whether there is nothing at all.
    public var isEmpty: Bool { rules == 0 && groups == 0 && periods == 0 }
}

/// Loads a policy file with its lists and catalogues, and runs its tests.
///
/// Reads files, and takes about a second for a million listed names. A mistake anywhere is a
/// diagnostic; nothing is thrown.
///
/// - Parameter path: the policy file. Relative paths in it are relative to it.
/// - Parameter now: for what depends on today: an overdue review, terms that are over.
/// - Parameter zoneFolder: where the compiled time zones (TZif) lie.
/// - Parameter compilation: where and how its lists are compiled.
/// - Parameter copies: where copies of its lists from the web lie; `nil` for `lists` beside it.
/// - Parameter hasBlockPage: whether the server has a block page, so that rules may answer with it;
///   `nil` where that is not known.
public func loadPolicy(
    at path: String, now: Instant, zoneFolder: String = "/usr/share/zoneinfo",
    compilation: ListCompilation = ListCompilation(), copies: ListCopies? = nil,
    hasBlockPage: Bool? = nil
) -> PolicyLoad {
    var loader = PolicyLoader(
        path: path, now: now, zoneFolder: zoneFolder, compilation: compilation,
        copies: copies ?? .beside(policy: path), hasBlockPage: hasBlockPage)
    let loaded = loader.load()
    return PolicyLoad(
        diagnostics: loader.reporter.diagnostics.inReadingOrder(startingWith: path),
        loaded: loader.reporter.hasErrors ? nil : loaded,
        lists: loader.lists, webLists: loader.webLists, testResults: loader.testResults,
        watchedFiles: loader.watchedFiles, exceptions: loader.exceptions, hash: loader.hash,
        counts: loader.counts)
}

/// The time zone that a policy file names, without its rules and lists; takes milliseconds.
///
/// - Returns: `nil` where the file cannot be read or names no zone that the system knows.
public func timeZone(
    ofPolicyAt path: String, zoneFolder: String = "/usr/share/zoneinfo"
) -> ZoneRules? {
    let reporter = Reporter()
    guard let contents = try? FileBytes.read(path, limit: YAMLReader.maximumBytes),
        let root = YAMLReader.read(contents.bytes, file: path, reporter: reporter),
        let zone = PolicyReader(reporter: reporter).read(root).zone
    else { return nil }
    return ZoneFile.load(zone, folder: zoneFolder, reporter: reporter)
}

/// The offices that a policy file names under `roles:` and who holds each, without its rules and
/// lists; takes milliseconds. Empty where the file cannot be read.
public func roles(ofPolicyAt path: String) -> [String: String] {
    let reporter = Reporter()
    guard let contents = try? FileBytes.read(path, limit: YAMLReader.maximumBytes),
        let root = YAMLReader.read(contents.bytes, file: path, reporter: reporter)
    else { return [:] }
    return PolicyReader(reporter: reporter).read(root).roles
}

/// The lists from the web that a policy file names, without loading it; takes milliseconds.
///
/// - Returns: the lists that are written without a mistake, and how many errors the file has by
///   itself (`loadPolicy` finds more).
public func webLists(ofPolicyAt path: String) -> (lists: [WebList], errorCount: Int) {
    let reporter = Reporter()
    guard let contents = try? FileBytes.read(path, limit: YAMLReader.maximumBytes),
        let root = YAMLReader.read(contents.bytes, file: path, reporter: reporter)
    else { return ([], max(1, reporter.errorCount)) }
    let document = PolicyReader(reporter: reporter).read(root)
    return (document.lists.compactMap(\.web), reporter.errorCount)
}
