import DNSWire

/// Reads lists line by line and hands what they say to a sink. Nothing in a list stops it: a line
/// that cannot be used is refused, and the next one is read.
struct ListParser: ~Copyable {
    let helpers: ListHelpers
    /// The name of the line at hand.
    var name = NameBuffer()
    /// What the list covers instead of what its format says.
    var match: Coverage?
    /// Is told how many octets of the text have been read, every so many lines.
    var progress: ((Int) -> Void)?

    init(helpers: ListHelpers) { self.helpers = helpers }

    /// Takes a name for the line at hand that needs no reading.
    mutating func read(_ name: DomainName) { self.name.take(name.wire) }

    /// Reads all of `text`.
    mutating func parse(
        _ text: Span<UInt8>, _ format: ListFormat, into sink: inout some ListingSink & ~Copyable
    ) {
        switch format {
        case .hosts: forEachLine(text, into: &sink) { $0.hostsLine(text, $1, $2, $3, &$4) }
        case .domains, .wildcard:
            forEachLine(text, into: &sink) { $0.domainsLine(text, $1, $2, $3, &$4) }
        case .dnsmasq: forEachLine(text, into: &sink) { $0.dnsmasqLine(text, $1, $2, $3, &$4) }
        case .adblock:
            let disabled = AdblockRule.disabledRules(in: text)
            forEachLine(text, into: &sink) { parser, line, start, end, sink in
                parser.adblockLine(text, line, start, end, disabled, &sink)
            }
        case .rpz: parseZone(text, into: &sink)
        }
    }

    /// Calls `take` for each line that is more than a comment; what it returns is why the line
    /// cannot be used.
    @inline(__always)
    private mutating func forEachLine<Sink: ListingSink & ~Copyable>(
        _ text: Span<UInt8>, into sink: inout Sink,
        _ take: (inout ListParser, _ line: Int, _ start: Int, _ end: Int, inout Sink) -> String?
    ) {
        text.forEachLine { line, start, end in
            if line & Self.progressMask == 0 { progress?(end) }
            if let reason = take(&self, line, start, end, &sink) {
                sink.refuse(line: line, start..<end, reason: reason)
            }
            return !sink.isSatisfied
        }
    }

    /// 65,536 lines take some 20 ms.
    private static let progressMask = 0xFFFF

    // MARK: hosts

    @inline(__always)
    mutating func hostsLine(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        guard !Self.isComment(text[start]) else { return nil }
        let addressEnd = text.wordEnd(start, end)
        let isAddress = text.isAddress(start, addressEnd)
        var next = text.skipBlanks(addressEnd, end)
        let hasNames = next < end && text[next] != UInt8(ascii: "#")
        if !isAddress {
            // Some hosts lists have lines of a name alone; their meaning is plain.
            if hasNames { return "the line does not start with an address" }
            return hostsName(text, line, start, addressEnd, &sink)
        }
        guard hasNames else { return "there is an address and no name" }
        var reason: String?
        while next < end, text[next] != UInt8(ascii: "#") {
            let nameEnd = text.wordEnd(next, end)
            if let problem = hostsName(text, line, next, nameEnd, &sink) {
                reason = reason ?? problem
            }
            next = text.skipBlanks(nameEnd, end)
        }
        return reason
    }

    @inline(__always)
    private mutating func hostsName(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        if let problem = readName(text, start, end) {
            return text.hasPrefix("0.0.0.0", start, end) && end == start + 7 ? nil : problem
        }
        guard !isBoilerplate else { return nil }
        sink.list(name, .block, Reach.exact.overridden(by: match), line: line)
        return nil
    }

    /// The names that every hosts file has for the machine itself.
    private var isBoilerplate: Bool {
        guard name.labels <= 2 else { return false }
        // SAFETY: `count` octets, two or more, at `wire` are the name.
        let wire = unsafe UnsafeBufferPointer(start: name.wire, count: name.count)
        switch unsafe wire[1] {
        case UInt8(ascii: "l"), UInt8(ascii: "b"):
            return Self.boilerplate.contains { unsafe wire.elementsEqual($0) }
        case UInt8(ascii: "i"):
            guard name.labels == 1 else { return false }
            return unsafe wire.dropFirst().starts(with: "ip6-".utf8)
        default: return false
        }
    }

    /// In wire format.
    private static let boilerplate = [
        "\u{9}localhost\0", "\u{9}localhost\u{B}localdomain\0", "\u{5}local\0",
        "\u{D}broadcasthost\0",
    ].map { Array($0.utf8) }

    // MARK: domains and wildcard

    @inline(__always)
    private mutating func domainsLine(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        guard !Self.isComment(text[start]) else { return nil }
        let wordEnd = text.wordEnd(start, end)
        if wordEnd < end, !text.isBlankOrComment(wordEnd, end) {
            return "there is more than a name on the line"
        }
        var nameStart = start
        var reach = Reach.subtree.overridden(by: match)
        switch text[start] {
        case UInt8(ascii: "="):
            nameStart += 1
            // The line's own word is stronger than the list's.
            reach = .exact
        case UInt8(ascii: "*") where text.hasPrefix("*.", start, wordEnd): nameStart += 2
        case UInt8(ascii: "."): nameStart += 1
        default: break
        }
        if let problem = readName(text, nameStart, wordEnd) { return problem }
        sink.list(name, .block, reach, line: line)
        return nil
    }

    // MARK: dnsmasq

    private mutating func dnsmasqLine(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        guard !Self.isComment(text[start]) else { return nil }
        let isAddress = text.hasPrefix("address=/", start, end)
        guard
            isAddress || text.hasPrefix("server=/", start, end)
                || text.hasPrefix("local=/", start, end)
        else { return "only address=/…/, server=/…/ and local=/…/ list names" }
        var end = end
        if let comment = text.first(UInt8(ascii: "#"), start, end),
            comment > start, text[comment - 1].isBlank
        {
            end = comment
            while end > start, text[end - 1].isBlank { end -= 1 }
        }
        guard let slash = text.first(UInt8(ascii: "/"), start, end) else { return nil }
        var last = end - 1
        while last > slash, text[last] != UInt8(ascii: "/") { last -= 1 }
        guard last > slash else { return "there is no name between slashes" }
        let isHash = end - last == 2 && text[last + 1] == UInt8(ascii: "#")
        if !isAddress, last + 1 < end, !isHash {
            return "it sends the name to another server, which is no listing"
        }
        // `server=/name/#` goes back to the usual servers, whatever lists a shorter name.
        let kind: ListingKind = !isAddress && isHash ? .passthrough : .block
        var reason: String?
        var next = slash + 1
        while next <= last {
            let nameEnd = text.first(UInt8(ascii: "/"), next, end) ?? end
            let nameStart = text.hasPrefix(".", next, nameEnd) ? next + 1 : next
            if let problem = readName(text, nameStart, nameEnd) {
                reason = reason ?? problem
            } else {
                sink.list(name, kind, Reach.subtree.overridden(by: match), line: line)
            }
            next = nameEnd + 1
        }
        return reason
    }

    // MARK: response policy zones

    private mutating func parseZone(
        _ text: Span<UInt8>, into sink: inout some ListingSink & ~Copyable
    ) {
        // SAFETY: the buffer is the text's, and is copied at once.
        let octets = unsafe text.withUnsafeBufferPointer { unsafe Array($0) }
        // Where the lines lie, for those that are refused.
        var refused: [Int: String] = [:]
        let taken = readZone(octets, &refused, into: &sink)
        guard taken, !refused.isEmpty else { return }
        text.forEachLine { line, start, end in
            if let reason = refused[line] {
                sink.refuse(line: line, start..<end, reason: reason)
            }
            return true
        }
    }

    /// Hands the zone's entries to the sink; whether it wanted all of them.
    private mutating func readZone(
        _ octets: [UInt8], _ refused: inout [Int: String],
        into sink: inout some ListingSink & ~Copyable
    ) -> Bool {
        let readRPZ = helpers.readRPZ
        readRPZ(octets) { line, owner, isPassthrough, problem in
            let reason = problem ?? zoneRecord(line, owner, isPassthrough, &sink)
            if let reason { refused[line] = reason }
            return !sink.isSatisfied
        }
        return !sink.isSatisfied
    }

    @inline(__always)
    private mutating func zoneRecord(
        _ line: Int, _ owner: Span<UInt8>, _ isPassthrough: Bool,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        let isWildcard = owner.hasPrefix("*.", 0, owner.count)
        let reach: Reach = isWildcard ? .below : .exact
        if let problem = readName(owner, isWildcard ? 2 : 0, owner.count) { return problem }
        sink.list(
            name, isPassthrough ? .passthrough : .block, reach.overridden(by: match), line: line)
        return nil
    }

    // MARK: what the formats share

    static func isComment(_ octet: UInt8) -> Bool {
        octet == UInt8(ascii: "#") || octet == UInt8(ascii: "!") || octet == UInt8(ascii: ";")
    }

    /// Reads a name into `name`, by way of IDNA where it is not ASCII; returns why it is none.
    @inline(__always)
    mutating func readName(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> String? {
        guard let problem = name.read(text, start, end) else { return nil }
        if problem == .unicode { return readUnicodeName(text, start, end) }
        if problem == .character, text.first(UInt8(ascii: "*"), start, end) != nil {
            return "a wildcard may only stand before the name, as *."
        }
        return problem.reason
    }

    private mutating func readUnicodeName(
        _ text: Span<UInt8>, _ start: Int, _ end: Int
    ) -> String? {
        let written = text.text(start, end)
        guard let ascii = helpers.idnToASCII(written) else { return NameProblem.unicode.reason }
        let octets = Array(ascii.utf8)
        return name.read(octets.span, 0, octets.count)?.reason
    }
}
