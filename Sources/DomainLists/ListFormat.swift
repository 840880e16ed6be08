/// How the lines of a list are written.
public enum ListFormat: String, CaseIterable, Sendable {
    /// `0.0.0.0 name name …`; a line covers its names alone.
    case hosts
    /// A name a line, which covers itself and all under it; `=name` covers itself alone.
    case domains
    /// `*.name` a line: the name and all under it.
    case wildcard
    /// `||name^` and its kin, as AdGuard and its like read them for a DNS filter.
    case adblock
    /// `address=/name/…`, `server=/name/` and `local=/name/`: the name and all under it.
    case dnsmasq
    /// A response policy zone; covers as written: `name` itself, `*.name` what is under it.
    case rpz
}

/// A line of a list that says nothing this filter can do.
public struct UnusableLine: Hashable, Sendable {
    /// Which line, from 1.
    public let line: Int
    /// The line as written, cut to 120 characters.
    public let text: String
    /// Why, for a person, without control characters; cut to 120 characters.
    public let reason: String

    /// Makes a line from its parts; cuts them, since a reason may quote the line.
    public init(line: Int, text: String, reason: String) {
        self.line = line
        self.text = String(text.prefix(Self.maximumCharacters))
        self.reason = Self.printable(reason)
    }

    /// A reason is shown on terminals, which would obey what a line of anyone's list told them.
    private static func printable(_ reason: String) -> String {
        var printable = String.UnicodeScalarView()
        for scalar in reason.prefix(maximumCharacters).unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            printable.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(printable)
    }

    /// How much of each is kept: enough to find the line, not enough to fill a report.
    static let maximumCharacters = 120
}

/// What became of a list's lines.
public struct ListSummary: Hashable, Sendable {
    /// The format it was read in.
    public let format: ListFormat
    /// Whether nobody had said so.
    public let formatWasGuessed: Bool
    /// Distinct names listed.
    public let names: Int
    /// Distinct names excepted: `@@`, and a response policy zone's passthrough.
    public let exceptions: Int
    /// Listings that added nothing to what the same source had said before.
    public let duplicates: Int
    /// Lines that could not be used, all of them.
    public let unusableCount: Int
    /// The first hundred of the lines that could not be used.
    public let unusable: [UnusableLine]

    /// How many unusable lines are kept with their text.
    public static let maximumUnusableKept = 100

    /// Takes all the parts, as a summary that was kept had them.
    public init(
        format: ListFormat, formatWasGuessed: Bool, names: Int, exceptions: Int, duplicates: Int,
        unusableCount: Int, unusable: [UnusableLine]
    ) {
        self.format = format
        self.formatWasGuessed = formatWasGuessed
        self.names = names
        self.exceptions = exceptions
        self.duplicates = duplicates
        self.unusableCount = unusableCount
        self.unusable = unusable
    }
}

/// What reading lists needs from other libraries; the caller passes it in, so that this room
/// depends on none.
public struct ListHelpers: Sendable {
    /// Turns a name with Unicode labels into ASCII; `nil` where it has no such form.
    public var idnToASCII: @Sendable (String) -> String?
    /// Reads a response policy zone file, and hands on one record after the other until it is told
    /// false.
    public var readRPZ: @Sendable ([UInt8], RPZTaker) -> Void

    /// Takes a record of a response policy zone; whether the next one is wanted.
    ///
    /// It gets the record's line, from 1; the owner relative to the zone, in presentation format,
    /// such as `example.com` or `*.example.com`; whether the name is to be left alone, instead of
    /// blocked; and why the record cannot be used, if so.
    public typealias RPZTaker = (
        _ line: Int, _ owner: Span<UInt8>, _ isPassthrough: Bool, _ problem: String?
    ) -> Bool

    /// Makes the helpers.
    public init(
        idnToASCII: @escaping @Sendable (String) -> String?,
        readRPZ: @escaping @Sendable ([UInt8], RPZTaker) -> Void
    ) {
        self.idnToASCII = idnToASCII
        self.readRPZ = readRPZ
    }
}
