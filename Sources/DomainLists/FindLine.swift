public import DNSWire

/// The first line of a list that lists exactly `name`, from 1; `nil` where none does.
///
/// Reads the list again: for an explanation, not for a query.
public func findLine(
    of name: DomainName, in bytes: UnsafeRawBufferPointer, format: ListFormat,
    helpers: ListHelpers
) -> Int? {
    // SAFETY: the caller's buffer is valid for the call, in which it is only read.
    unsafe bytes.withMemoryRebound(to: UInt8.self) { octets in
        var parser = ListParser(helpers: helpers)
        var finder = LineFinder(wire: name.wire)
        parser.parse(unsafe octets.span, format, into: &finder)
        return finder.line
    }
}

private struct LineFinder: ListingSink {
    let wire: [UInt8]
    private(set) var line: Int?

    init(wire: [UInt8]) { self.wire = wire }

    var isSatisfied: Bool { line != nil }

    mutating func list(
        _ name: borrowing NameBuffer, _ kind: ListingKind, _ reach: Reach, line: Int
    ) {
        guard self.line == nil, kind == .block || kind == .importantBlock, name.equals(wire)
        else { return }
        self.line = line
    }

    mutating func refuse(line: Int, _ range: Range<Int>, reason: @autoclosure () -> String) {}
}
