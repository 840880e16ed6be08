extension ListFormat {
    /// How many lines say what a list is: enough to outlast a preamble.
    private static let linesToRead = 500

    /// The format that most of the first lines are written in.
    ///
    /// A zone needs half of them, adblock a tenth: its lists may be hosts lines for the most part.
    static func guess(_ text: Span<UInt8>) -> ListFormat {
        var lines = 0
        var counts: [ListFormat: Int] = [:]
        var isAdblock = false
        text.forEachLine { _, start, end in
            if lines == 0, text.hasPrefix("[Adblock", start, end) { isAdblock = true }
            if let format = guessLine(text, start, end) {
                counts[format, default: 0] += 1
                lines += 1
            }
            return lines < linesToRead
        }
        func share(_ format: ListFormat) -> Int { counts[format] ?? 0 }
        if isAdblock || share(.adblock) * 10 >= max(lines, 1) { return .adblock }
        if share(.rpz) * 2 >= max(lines, 1) { return .rpz }
        // In this order: of two formats with equal shares, the one that is harder to mistake.
        let rest: [ListFormat] = [.dnsmasq, .hosts, .wildcard, .domains]
        var best = ListFormat.domains
        for format in rest.reversed() where share(format) >= share(best) && share(format) > 0 {
            best = format
        }
        return best
    }

    /// What one line looks like; `nil` for a comment and for what no format has.
    private static func guessLine(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> ListFormat? {
        if text.hasPrefix("||", start, end) || text.hasPrefix("@@", start, end)
            || text.hasPrefix("|", start, end) || text.hasPrefix("://", start, end)
            || AdblockRule.isCosmetic(text, start, end)
        {
            return .adblock
        }
        guard !ListParser.isComment(text[start]) else { return nil }
        if text.hasPrefix("$ORIGIN", start, end) || text.hasPrefix("$TTL", start, end) {
            return .rpz
        }
        for option: StaticString in ["address=/", "server=/", "local=/"]
        where text.hasPrefix(option, start, end) {
            return .dnsmasq
        }
        let wordEnd = text.wordEnd(start, end)
        let next = text.skipBlanks(wordEnd, end)
        let hasMore = next < end && !text.isBlankOrComment(wordEnd, end)
        if text.isAddress(start, wordEnd) { return hasMore ? .hosts : nil }
        if hasMore { return hasRecordType(text, next, end) ? .rpz : nil }
        if text.hasPrefix("*.", start, end) { return .wildcard }
        return text.first(UInt8(ascii: "/"), start, wordEnd) == nil ? .domains : nil
    }

    /// Whether a word from `start` on is a record type that such zones have.
    private static func hasRecordType(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var next = start
        while next < end {
            let wordEnd = text.wordEnd(next, end)
            guard wordEnd > next else { return false }
            for type: StaticString in ["CNAME", "SOA", "NS", "A", "AAAA", "TXT"]
            where wordEnd - next == type.utf8CodeUnitCount
                && text.hasPrefix(type, next, wordEnd)
            {
                return true
            }
            next = text.skipBlanks(wordEnd, end)
        }
        return false
    }
}
