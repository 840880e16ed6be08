import DNSWire
import DomainLists
import PolicyEngine

extension PolicyCompiler {
    /// The limits of use in the order of the file.
    mutating func useLimits() -> [UseLimit] {
        refuseSharedLimits()
        let groups = groupPlaces
        return document.useLimits.compactMap { entry in
            let counted = counted(entry.count)
            let sources = entry.category.flatMap { countedSources($0) }
            let places = entry.groups?.compactMap { place(of: $0, as: "group", in: groups) }
            guard let category = entry.category, let sources, let counted else { return nil }
            return UseLimit(
                groups: places, category: category.value, sources: sources,
                minutesADay: entry.minutesADay, counted: counted, concern: entry.concern)
        }
    }

    /// The period that counts where a limit names none, as the policies of colleges say it.
    private static let usualPeriod = "college-hours"
    /// The word for every hour.
    private static let everyHour = "always"

    private func counted(_ word: Located<String>?) -> UseLimit.Counted? {
        var periods = Self.places(document.periods.map(\.name.value))
        guard let word else {
            return periods[Self.usualPeriod].map { .during($0) } ?? .always
        }
        if word.value == Self.everyHour { return .always }
        if let period = periods[word.value] { return .during(period) }
        // Only a candidate for the advice.
        periods[Self.everyHour] = -1
        return place(of: word, as: "period", in: periods).map { .during($0) }
    }

    /// The sources of a category or list whose use can be counted.
    private mutating func countedSources(_ word: Located<String>) -> Set<SourceID>? {
        guard let meaning = scope.meaning(of: word, in: "limit of use") else { return nil }
        switch meaning {
        case .literal:
            reporter.error(
                word.place, "\"\(word.value)\" is a name, and a limit of use counts a category",
                "put the name into a category under categories:, and count that")
            return nil
        case .underAge:
            reporter.error(
                word.place, "\"\(word.value)\" differs from group to group and cannot be counted",
                "name a category or a list")
            return nil
        case .catalogueCategory(let name, _) where name == Catalogue.essentials:
            reporter.error(
                word.place, "\"\(word.value)\" are support services, which are never counted",
                "name another category")
            return nil
        default: return Set(scope.expand(meaning).keys)
        }
    }

    /// One group has one limit for a category.
    private func refuseSharedLimits() {
        struct Use: Hashable {
            var group: String?
            var category: String
        }
        var first: [Use: SourcePlace] = [:]
        for entry in document.useLimits {
            guard let category = entry.category?.value else { continue }
            let named = entry.groups?.map { ($0.value as String?, $0.place) }
            for (group, place) in named ?? [(nil, entry.place)] {
                let use = Use(group: group, category: category)
                guard let earlier = first[use] else {
                    first[use] = place
                    continue
                }
                let whom = group.map { "group \"\($0)\"" } ?? "every group"
                reporter.error(
                    place,
                    "the use of \"\(category)\" by \(whom) is limited already, on line "
                        + "\(earlier.line)", "keep one of the two limits")
            }
        }
    }
}
