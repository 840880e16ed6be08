import PolicyEngine

/// Reads `bypass:`, the switch against ways round the filter.
struct BypassReader {
    let reporter: Reporter

    /// Stands for all groups, in place of a list of them.
    private static let everyone = "everyone"
    /// How grave an attempt is where the switch does not say: worth a look within the day, and no
    /// alarm, since some programs try by themselves.
    static let defaultConcern = Concern.medium

    func bypass(_ pair: YAMLPair?) -> PolicyDocument.BypassEntry? {
        let values = ValueReader(reporter: reporter)
        guard let pair,
            let fields = Fields(
                pair.value, of: "\"bypass\"", at: pair.keyPlace,
                known: ["block-for", "strip-ech", "also", "concern"], reporter: reporter)
        else { return nil }
        let isWritten =
            fields.required(
                "block-for",
                "name the groups, such as block-for: [learner, guest], or write block-for: everyone"
            ) != nil
        var entry = PolicyDocument.BypassEntry(
            place: pair.keyPlace, groups: isWritten ? nil : [],
            stripsECH: values.choice(fields["strip-ech"], of: ["true": true, "false": false])
                ?? true,
            also: values.texts(fields["also"]) ?? [],
            concern: values.choice(
                fields["concern"], of: ["low": Concern.low, "medium": .medium, "high": .high])
                ?? Self.defaultConcern)
        if let named = fields["block-for"], !isEveryone(named) {
            entry.groups = values.texts(named) ?? []
        }
        return entry
    }

    private func isEveryone(_ pair: YAMLPair) -> Bool {
        if case .scalar(let word, _) = pair.value.content { word == Self.everyone } else { false }
    }
}
