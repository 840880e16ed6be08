public import DNSWire

/// The first line of a list that lists exactly `name`, from 1; `nil` where none does.
///
/// Reads the list again: for an explanation, not for a query.
///
/// - Parameter forNameBelow: whether a name under `name` was asked for: then a line that reaches
///   those (`*.name` of a response policy zone) goes before one that is about `name` alone.
public func findLine(
    of name: DomainName, in bytes: UnsafeRawBufferPointer, format: ListFormat,
    helpers: ListHelpers, forNameBelow: Bool = false
) -> Int? {
    // SAFETY: the caller's buffer is valid for the call, in which it is only read.
    unsafe bytes.withMemoryRebound(to: UInt8.self) { octets in
        var parser = ListParser(helpers: helpers)
        var finder = LineFinder(wire: name.wire, reach: forNameBelow ? .below : .exact)
        parser.parse(unsafe octets.span, format, into: &finder)
        return finder.line ?? finder.otherLine
    }
}

private struct LineFinder: ListingSink {
    let wire: [UInt8]
    let reach: Reach
    private(set) var line: Int?
    /// The first line with the name that does not reach what was asked for: it is the one that
    /// counts where the list's `match:` says so.
    private(set) var otherLine: Int?

    init(wire: [UInt8], reach: Reach) {
        self.wire = wire
        self.reach = reach
    }

    var isSatisfied: Bool { line != nil }

    mutating func list(
        _ name: borrowing NameBuffer, _ kind: ListingKind, _ reach: Reach, line: Int
    ) {
        guard self.line == nil, kind == .block || kind == .importantBlock, name.equals(wire)
        else { return }
        if reach.rawValue & self.reach.rawValue != 0 {
            self.line = line
        } else if otherLine == nil {
            otherLine = line
        }
    }

    mutating func refuse(line: Int, _ range: Range<Int>, reason: @autoclosure () -> String) {}
}
