import PolicyEngine

extension PolicyDocument {
    /// One entry of `safe-search:`; what it does not say is left to the entry of the group that is
    /// inherited from.
    struct SafeSearchEntry {
        var place: SourcePlace
        /// The groups by name; `nil` for all that no other entry names.
        var groups: [Located<String>]?
        var engines: Engines?
        var youtube: YouTube?

        enum Engines {
            case all
            case off
            case named([Located<String>])
        }

        enum YouTube: String, CaseIterable {
            case strict, moderate, off
        }
    }
}

/// Reads the entries of `safe-search:`.
struct SafeSearchReader {
    let reporter: Reporter
    private let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    func entry(_ node: YAMLNode) -> PolicyDocument.SafeSearchEntry? {
        guard
            let fields = Fields(
                node, of: "the safe-search entry", known: ["for", "engines", "youtube"],
                reporter: reporter)
        else { return nil }
        if fields["engines"] == nil, fields["youtube"] == nil {
            reporter.error(
                fields.place, "the safe-search entry switches nothing",
                "write engines: all, engines: [NAMES] or youtube: strict")
        }
        return PolicyDocument.SafeSearchEntry(
            place: node.place, groups: values.texts(fields["for"]),
            engines: fields["engines"].flatMap(engines),
            youtube: values.choice(
                fields["youtube"],
                of: [
                    "strict": PolicyDocument.SafeSearchEntry.YouTube.strict,
                    "moderate": .moderate, "off": .off,
                ]))
    }

    private func engines(_ pair: YAMLPair) -> PolicyDocument.SafeSearchEntry.Engines? {
        if case .scalar(let word, _) = pair.value.content {
            if word == "all" { return .all }
            if word == "off" { return .off }
            if let nearest = NearestName.of(word, among: ["all", "off"]) {
                reporter.error(
                    pair.value.place, "\"\(word)\" is no value of \"engines\"",
                    "did you mean \"\(nearest)\"?")
                return nil
            }
        }
        return values.texts(pair).map { .named($0) }
    }
}
