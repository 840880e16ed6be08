public import DomainLists
import Foundation
import Glibc
import LDNSBridge

/// A list that comes from the web, as the policy names it.
public struct WebList: Hashable, Sendable {
    /// Its name under `lists:`.
    public var name: String
    /// Where it is fetched from: `http` or `https`, without user or password.
    public var url: String
    /// How often, in seconds.
    public var everySeconds: Int64
    /// Whether a redirection may lead to a private or loopback address.
    public var mayRedirectInside: Bool
    /// How its lines are written; `nil` guesses.
    public var format: ListFormat?
    /// What a line covers; `nil` goes by the format.
    public var match: Coverage?

    /// Takes all parts.
    public init(
        name: String, url: String, everySeconds: Int64, mayRedirectInside: Bool,
        format: ListFormat?, match: Coverage?
    ) {
        self.name = name
        self.url = url
        self.everySeconds = everySeconds
        self.mayRedirectInside = mayRedirectInside
        self.format = format
        self.match = match
    }
}

/// What is known of the copy of a list from the web.
public struct ListCopyState: Codable, Sendable {
    /// Where it comes from.
    public var url: String
    /// The SHA-256 digest of the copy in use, hexadecimal; empty if there is none.
    public var digest = ""
    /// Usable names in the copy.
    public var names = 0
    /// When its contents last changed here, in seconds since 1970 UTC; `nil` if never fetched.
    public var changedAt: Int64?
    /// When the copy was last known to be what the web has, in seconds since 1970 UTC.
    public var currentAt: Int64?
    /// When it was last tried, in seconds since 1970 UTC.
    public var triedAt: Int64?
    /// When it is to be tried next, in seconds since 1970 UTC.
    public var dueAt: Int64 = 0
    /// Attempts in a row that failed.
    public var failures = 0
    /// Why the last attempt failed; `nil` if it did not.
    public var problem: String?
    /// What the server called the contents last fetched (RFC 9110, section 8.8).
    public var etag: String?
    /// When the server last changed them, in its words.
    public var lastModified: String?
    /// Contents that were fetched and are not used.
    public var held: Held?

    /// Contents that look wrong and wait for a person.
    public struct Held: Codable, Sendable {
        /// Why.
        public var reason: String
        /// When they were fetched, in seconds since 1970 UTC.
        public var at: Int64
        /// Usable names in them.
        public var names: Int
        /// Their digest, as above.
        public var digest: String

        /// Takes all parts.
        public init(reason: String, at: Int64, names: Int, digest: String) {
            self.reason = reason
            self.at = at
            self.names = names
            self.digest = digest
        }
    }

    /// What is known of a list that was never fetched.
    public init(url: String) { self.url = url }
}

/// The folder with the last good copy of each list from the web.
///
/// For each address there is a copy (`.list`), what is known of it (`.json`) and, at times, contents
/// that were held back (`.held`). Files are replaced whole, by renaming.
public struct ListCopies: Sendable {
    /// The folder.
    public let folder: String

    /// Takes the folder, which need not be there.
    public init(folder: String) { self.folder = folder }

    /// The folder that goes with a policy without a server: `lists` beside it.
    public static func beside(policy path: String) -> ListCopies {
        ListCopies(folder: FileBytes.path("lists", relativeTo: path))
    }

    /// Where the copy in use lies.
    public func path(of url: String) -> String { stem(url) + ".list" }

    /// Where contents lie that were held back.
    public func heldPath(of url: String) -> String { stem(url) + ".held" }

    /// What is known of a list; one that was never fetched, or whose notes cannot be read, is due.
    public func state(of url: String) -> ListCopyState {
        guard let contents = try? FileBytes.read(statePath(url), limit: Self.maximumStateBytes),
            let state = try? JSONDecoder().decode(
                ListCopyState.self, from: Data(contents.bytes)), state.url == url
        else { return ListCopyState(url: url) }
        return state
    }

    /// Keeps what is known of a list.
    ///
    /// - Throws: Foundation's error if it cannot be written.
    public func save(_ state: ListCopyState) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let path = statePath(state.url)
        try encoder.encode(state).write(to: URL(fileURLWithPath: path), options: .atomic)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: path)
    }

    /// Makes the folder, for the server's user alone.
    ///
    /// - Throws: Foundation's error if it cannot be made.
    public func makeFolder() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }

    private static let maximumStateBytes = 1 << 20

    private func statePath(_ url: String) -> String { stem(url) + ".json" }

    /// The address's digest: any address makes a file's name, and two never the same.
    private func stem(_ url: String) -> String {
        "\(folder)/" + String(hexadecimal(sha256(Array(url.utf8))).prefix(16))
    }
}

/// The digest and the size of a file's contents, and what becomes of its lines as a list.
public struct ListInspection: Sendable {
    /// SHA-256, hexadecimal.
    public var digest: String
    /// What becomes of its lines.
    public var summary: ListSummary
    /// Whether the file starts as a web page does: a login or error page in the list's place.
    public var isWebPage: Bool
}

/// Reads a file as the list that it is to become; takes about a second for a million names.
///
/// - Returns: `nil` if it cannot be read.
public func inspectList(
    at path: String, format: ListFormat?, match: Coverage?
) -> ListInspection? {
    guard let contents = try? FileBytes.read(path, limit: FileBytes.maximumListBytes)
    else { return nil }
    var builder = DomainIndexBuilder(helpers: ListLoader.helpers)
    // SAFETY: the builder copies what it keeps; the buffer does not leave the closure.
    let summary = unsafe contents.bytes.withUnsafeBytes { buffer in
        unsafe builder.addList(
            buffer, format: format, match: match, source: SourceID(rawValue: 0), progress: { _ in })
    }
    let start = String(decoding: contents.bytes.prefix(512), as: UTF8.self).lowercased()
    let opening = start.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    return ListInspection(
        digest: hexadecimal(sha256(contents.bytes)), summary: summary,
        isWebPage: opening.hasPrefix("<!doctype") || opening.hasPrefix("<html")
            || opening.hasPrefix("<?xml"))
}

/// The digest of a file as `ListCopyState` keeps it; `nil` if it cannot be read.
public func listDigest(of path: String) -> String? {
    guard let contents = try? FileBytes.read(path, limit: FileBytes.maximumListBytes)
    else { return nil }
    return hexadecimal(sha256(contents.bytes))
}

/// The most octets that a list may have.
public let maximumListOctets = FileBytes.maximumListBytes
