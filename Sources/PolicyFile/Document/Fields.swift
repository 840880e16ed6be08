import DNSWire
import PolicyEngine

/// The keys of one mapping, checked against those that the language knows there.
///
/// What is misspelt, or belongs to a later version, is reported when the value is made; the rest
/// can then be asked for by name. A misspelt key is found under the name that it was meant to be.
struct Fields {
    /// What a person calls the mapping: "a rule", "the policy file".
    let what: String
    /// Where to point when a key is missing.
    let place: SourcePlace
    /// The pairs by known keys.
    private let pairs: [String: YAMLPair]
    private let reporter: Reporter

    /// Takes a node apart; `nil` if it is no mapping, which is then reported.
    ///
    /// - Parameter notYet: keys of the language that this version refuses, with what they serve.
    init?(
        _ node: YAMLNode, of what: String, at place: SourcePlace? = nil, known: [String],
        notYet: [String: String] = [:], reporter: Reporter
    ) {
        guard case .mapping(let written) = node.content else {
            reporter.error(
                node.place, "\(what) needs keys, and here is \(node.kind)",
                "its keys are: \(known.joined(separator: ", "))")
            return nil
        }
        let unique = written.unique(reporter: reporter)
        var pairs: [String: YAMLPair] = [:]
        for pair in unique where known.contains(pair.key) { pairs[pair.key] = pair }
        for pair in unique where !known.contains(pair.key) {
            if let purpose = notYet[pair.key] {
                reporter.error(
                    pair.keyPlace, "\"\(pair.key)\" (\(purpose)) is not yet supported",
                    "remove it until a version that has it is installed")
                continue
            }
            // One mistake is one error: what a misspelt key was meant to be is not missing. It was
            // hardly meant to be a key that stands beside it.
            let meant = NearestName.of(pair.key, among: known.filter { pairs[$0] == nil })
            reporter.error(
                pair.keyPlace, "\"\(pair.key)\" is no key of \(what)",
                NearestName.advice(
                    for: pair.key, among: meant.map { [$0] } ?? known,
                    otherwise: "use a key that it has"))
            if let meant {
                pairs[meant] = YAMLPair(key: meant, keyPlace: pair.keyPlace, value: pair.value)
            }
        }
        self.what = what
        self.place = place ?? node.place
        self.pairs = pairs
        self.reporter = reporter
    }

    subscript(key: String) -> YAMLPair? { pairs[key] }

    /// A key that must be there; its absence is reported.
    func required(_ key: String, _ hint: String) -> YAMLPair? {
        if let pair = pairs[key] { return pair }
        reporter.error(place, "\(what) has no \"\(key)\"", hint)
        return nil
    }
}

/// Reads values of the kinds that both files are made of.
struct ValueReader {
    let reporter: Reporter

    /// A text that is not empty; what else stands there is reported.
    func text(_ pair: YAMLPair?) -> Located<String>? {
        guard let pair else { return nil }
        return text(pair.value, of: "\"\(pair.key)\"")
    }

    /// A text that is not empty; line breaks within it become spaces.
    func text(_ node: YAMLNode, of what: String) -> Located<String>? {
        guard case .scalar(let written, _) = node.content, !node.isNothing else {
            reporter.error(
                node.place, "\(what) needs a single value, and here is \(node.kind)",
                "write one text behind it")
            return nil
        }
        let words = written.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        guard !words.isEmpty else {
            reporter.error(node.place, "\(what) is empty", "write a text, or remove the key")
            return nil
        }
        if words.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            reporter.error(node.place, "\(what) holds a control character", "type it anew")
            return nil
        }
        return Located(words, at: node.place)
    }

    /// The items of a list with at least one item.
    func items(_ pair: YAMLPair?) -> [YAMLNode]? {
        guard let pair else { return nil }
        switch pair.value.content {
        case .sequence(let items) where !items.isEmpty:
            return items
        case .sequence:
            reporter.error(
                pair.value.place, "\"\(pair.key)\" is an empty list", "fill it, or remove the key")
        case .scalar(let written, _) where !pair.value.isNothing:
            reporter.error(
                pair.value.place, "\"\(pair.key)\" needs a list", "write [\(written)]")
        default:
            reporter.error(
                pair.value.place, "\"\(pair.key)\" needs a list, and here is \(pair.value.kind)",
                "write [first, second]")
        }
        return nil
    }

    /// A list of texts.
    func texts(_ pair: YAMLPair?) -> [Located<String>]? {
        guard let pair, let items = items(pair) else { return nil }
        return items.compactMap { text($0, of: "an item of \"\(pair.key)\"") }
    }

    /// The pairs of a mapping that people fill with names of their own.
    func entries(_ pair: YAMLPair?) -> [YAMLPair] {
        guard let pair, !pair.value.isNothing else { return [] }
        guard case .mapping(let entries) = pair.value.content else {
            reporter.error(
                pair.value.place, "\"\(pair.key)\" needs names, and here is \(pair.value.kind)",
                "write each name, a colon, and what it stands for")
            return []
        }
        return entries.unique(reporter: reporter)
    }

    /// One of a few words.
    func choice<Value>(_ pair: YAMLPair?, of choices: KeyValuePairs<String, Value>) -> Value? {
        guard let text = text(pair) else { return nil }
        if let choice = choices.first(where: { $0.key == text.value }) { return choice.value }
        let words = choices.map(\.key)
        let nearest = NearestName.of(text.value, among: words)
        let last = words.count > 1 ? [words.suffix(2).joined(separator: " or ")] : words
        let all = (words.dropLast(2) + last).joined(separator: ", ")
        reporter.error(
            text.place, "\"\(text.value)\" is no value of \"\(pair?.key ?? "")\"",
            nearest.map { "did you mean \"\($0)\"?" } ?? "write \(all)")
        return nil
    }

    /// A date as `2026-09-01`.
    func date(_ text: Located<String>) -> Located<CivilDate>? {
        if let date = CivilDate(parsing: text.value) { return Located(date, at: text.place) }
        reporter.error(
            text.place, "\"\(text.value)\" is no date",
            "write year-month-day, such as 2026-09-01, of a day that exists")
        return nil
    }

    /// A date as `2026-09-01`.
    func date(_ pair: YAMLPair?) -> Located<CivilDate>? { text(pair).flatMap { date($0) } }

    /// Seconds, written as `90`, `60s`, `5m`, `12h` or `90d`.
    ///
    /// - Parameter range: the seconds that make sense for the key.
    func seconds(_ pair: YAMLPair?, in range: ClosedRange<Int64>) -> Int64? {
        guard let pair, let text = text(pair) else { return nil }
        guard let seconds = Self.seconds(text.value) else {
            reporter.error(
                text.place, "\"\(text.value)\" is no length of time",
                "write a number with s, m, h or d behind it, such as 60s or 90d")
            return nil
        }
        guard range.contains(seconds) else {
            reporter.error(
                text.place, "\"\(pair.key)\" of \(text.value) is out of range",
                "it may be \(range.lowerBound) to \(range.upperBound) seconds")
            return nil
        }
        return seconds
    }

    private static func seconds(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = text.last.flatMap { units[$0] }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard digits.utf8.allSatisfy({ $0.decimalDigit != nil }), let count = Int64(digits)
        else { return nil }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? nil : seconds
    }
}
