/// Adblock rules as a filter of names reads them: the pattern must be a whole name, and every
/// modifier must be one that such a filter can honour.
enum AdblockRule {
    /// How the pattern is anchored in front.
    enum Anchor {
        /// `||`: at the name or at one of its labels.
        case label
        /// `|` or `://`: at the start of the name.
        case start
        /// Nothing: a plain name, or the middle of one.
        case none
    }

    /// Rules that `$badfilter` lines switch off, in the spelling of `canonical`.
    static func disabledRules(in text: Span<UInt8>) -> Set<String> {
        var disabled: Set<String> = []
        text.forEachLine { _, start, end in
            guard let dollar = text.first(UInt8(ascii: "$"), start, end) else { return true }
            var modifiers = text.text(dollar + 1, end).split(separator: ",").map(String.init)
            guard modifiers.contains("badfilter") else { return true }
            modifiers.removeAll { $0 == "badfilter" }
            disabled.insert(canonical(text.text(start, dollar), modifiers))
            return true
        }
        return disabled
    }

    /// One spelling for all rules that say the same: letter case and the modifiers' order are gone.
    static func canonical(_ pattern: String, _ modifiers: [String]) -> String {
        pattern.lowercased() + "$"
            + modifiers.map { $0.lowercased() }.sorted().joined(separator: ",")
    }

    /// Whether the line is about elements of a page: `##`, `#@#`, `#?#`, `#$#`, `#%#`, `$$`.
    static func isCosmetic(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var index = start
        while index < end {
            if text[index] == UInt8(ascii: "#") {
                let rest = index + 1
                for separator: StaticString in ["#", "@#", "?#", "$#", "%#", "@?#", "@$#", "@%#"]
                where text.hasPrefix(separator, rest, end) {
                    let after = rest + separator.utf8CodeUnitCount
                    // "## Heading" and "####" are comments.
                    return after < end && !text[after].isBlank && text[after] != UInt8(ascii: "#")
                }
                if index > start, text[index - 1].isBlank { return false }
            }
            if text.hasPrefix("$$", index, end) || text.hasPrefix("$@$", index, end) { return true }
            index += 1
        }
        return false
    }
}

extension ListParser {
    @inline(__always)
    mutating func adblockLine(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int, _ disabled: Set<String>,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        // Nearly every line of a real list is `||name^`.
        if disabled.isEmpty, end - start > 3, text[end - 1] == UInt8(ascii: "^"),
            text.hasPrefix("||", start, end), name.read(text, start + 2, end - 1) == nil
        {
            sink.list(name, .block, Reach.subtree.overridden(by: match), line: line)
            return nil
        }
        return anyAdblockLine(text, line, start, end, disabled, &sink)
    }

    private mutating func anyAdblockLine(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int, _ disabled: Set<String>,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        let first = text[start]
        if first == UInt8(ascii: "!") { return nil }
        if first == UInt8(ascii: "["), text[end - 1] == UInt8(ascii: "]") { return nil }
        if AdblockRule.isCosmetic(text, start, end) {
            return "it is about elements of a page, which a DNS filter never sees"
        }
        if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") { return nil }
        let isException = text.hasPrefix("@@", start, end)
        let patternStart = isException ? start + 2 : start
        guard patternStart < end else { return NameProblem.empty.reason }
        if text[patternStart] == UInt8(ascii: "/") {
            return "it is a regular expression or a path; list the names themselves"
        }
        let patternEnd = text.first(UInt8(ascii: "$"), patternStart, end) ?? end
        var modifiers: [String] = []
        if patternEnd < end {
            modifiers = text.text(patternEnd + 1, end).split(
                separator: ",", omittingEmptySubsequences: false
            ).map(String.init)
        }
        if modifiers.contains("badfilter") { return nil }
        if !disabled.isEmpty,
            disabled.contains(AdblockRule.canonical(text.text(start, patternEnd), modifiers))
        {
            return nil
        }
        var isImportant = false
        for modifier in modifiers {
            switch modifier {
            case "important": isImportant = true
            case "all": break
            case "": return "a modifier is empty"
            default: return "a DNS filter of lists cannot honour the modifier $\(modifier)"
            }
        }
        let kind: ListingKind =
            isException
            ? (isImportant ? .importantException : .exception)
            : (isImportant ? .importantBlock : .block)
        return pattern(text, line, patternStart, patternEnd, kind, &sink)
    }

    private mutating func pattern(
        _ text: Span<UInt8>, _ line: Int, _ start: Int, _ end: Int, _ kind: ListingKind,
        _ sink: inout some ListingSink & ~Copyable
    ) -> String? {
        var anchor = AdblockRule.Anchor.none
        var nameStart = start
        if text.hasPrefix("||", start, end) {
            anchor = .label
            nameStart += 2
        } else if text.hasPrefix("|", start, end) {
            anchor = .start
            nameStart += 1
        } else if text.hasPrefix("://", start, end) {
            anchor = .start
            nameStart += 3
        }
        if case .none = anchor, kind == .block, text.wordEnd(start, end) < end {
            // A line of a hosts file, as these lists may have; comments are its own matter.
            return hostsLine(text, line, start, end, &sink)
        }
        var isBelow = false
        if text.hasPrefix("*.", nameStart, end) {
            isBelow = true
            nameStart += 2
        } else if case .none = anchor, text.hasPrefix(".", nameStart, end) {
            isBelow = true
            nameStart += 1
        }
        var nameEnd = nameStart
        while nameEnd < end, !Self.endsName(text[nameEnd]) { nameEnd += 1 }
        let isClosed = nameEnd < end
        guard Self.isWholeName(text, nameEnd, end) else {
            return "it asks for more than a name: a path, a port or a wildcard"
        }
        if let problem = readName(text, nameStart, nameEnd) { return problem }
        let reach: Reach
        switch anchor {
        case .label: reach = isBelow ? .below : .subtree
        case .start: reach = isBelow ? .below : .exact
        case .none where isBelow: reach = .below
        case .none:
            if isClosed { return "it may start in the middle of a name; write ||name^" }
            // A plain name is the name alone, as in a hosts file.
            reach = .exact
        }
        sink.list(name, kind, reach.overridden(by: match), line: line)
        return nil
    }

    private static func endsName(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "^"), UInt8(ascii: "|"), UInt8(ascii: "/"), UInt8(ascii: ":"): true
        default: false
        }
    }

    /// Whether what follows the name takes nothing away from it.
    private static func isWholeName(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        if start == end { return true }
        for ending: StaticString in ["^", "|", "^|", "^*", "/", "/*", "/^"]
        where end - start == ending.utf8CodeUnitCount && text.hasPrefix(ending, start, end) {
            return true
        }
        return false
    }
}
