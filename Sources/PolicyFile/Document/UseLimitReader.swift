import PolicyEngine

/// Reads the entries of `limits-of-use:`.
struct UseLimitReader {
    let reporter: Reporter
    private let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    /// The minutes of a day: a limit of none, or of more than a day has, says nothing.
    private static let minutes = 1...1440

    func limit(_ node: YAMLNode) -> PolicyDocument.UseLimitEntry? {
        guard
            let fields = Fields(
                node, of: "the limit of use",
                known: ["for", "category", "minutes-a-day", "count", "concern"],
                reporter: reporter)
        else { return nil }
        let category = values.text(
            fields.required("category", "name the category whose use is counted"))
        let written = fields.required("minutes-a-day", "write how many minutes pass without a flag")
        let minutes = values.text(written).flatMap(minutesADay)
        let groups = values.texts(fields["for"])
        let count = values.text(fields["count"])
        let concern = values.choice(
            fields["concern"], of: ["low": Concern.low, "medium": .medium, "high": .high])
        return PolicyDocument.UseLimitEntry(
            place: node.place, groups: fields["for"] == nil ? nil : groups ?? [],
            category: category, minutesADay: minutes ?? Self.minutes.upperBound, count: count,
            concern: concern ?? .low)
    }

    private func minutesADay(_ text: Located<String>) -> Int? {
        if let minutes = Int(text.value), Self.minutes.contains(minutes) { return minutes }
        reporter.error(
            text.place, "\"\(text.value)\" is no number of minutes of a day",
            "write a whole number from \(Self.minutes.lowerBound) to \(Self.minutes.upperBound)")
        return nil
    }
}
