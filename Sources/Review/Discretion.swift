/// Hides what so few did that it might be one person.
///
/// A count under five is hidden; so is the smallest count beside it in the same row or column where
/// that one could otherwise be worked out from the total. Zero is no secret. A concern itself is never
/// left out: only its counts are hidden.
extension ReviewFigures {
    /// The figures as a report on the whole college may show them.
    func hidingSmallCounts() -> ReviewFigures {
        var figures = self
        figures.scope.hidesSmallCounts = true
        figures.hideTotals()
        figures.hideCourses()
        figures.hideCategories()
        figures.hideConcerns()
        figures.hideLists()
        return figures
    }

    private mutating func hideTotals() {
        totals.hideSmall()
        for place in weeks.indices {
            weeks[place].totals.hideSmall()
            weeks[place].concerns.hideSmall()
        }
        Discretion.hide(&groups, \.totals.allowed)
        Discretion.hide(&groups, \.totals.blocked)
        for place in groups.indices {
            // All asked less those allowed are those blocked.
            let totals = groups[place].totals
            if totals.allowed == .hidden || totals.blocked == .hidden {
                groups[place].totals.asked = .hidden
            }
        }
        Discretion.hide(&groups, \.totals.asked)
        Discretion.hide(&groups, \.totals.devices)
    }

    private mutating func hideCourses() {
        for place in groups.indices {
            let totals = groups[place].totals
            for course in [\GroupFigures.day, \GroupFigures.week] {
                Discretion.hide(&groups[place][keyPath: course].allowed, of: totals.allowed)
                Discretion.hide(&groups[place][keyPath: course].blocked, of: totals.blocked)
            }
        }
    }

    private mutating func hideCategories() {
        Discretion.hide(&categories, \.blocked)
        let hidden = Set(categories.filter { $0.blocked == .hidden }.map(\.category))
        for name in Set(groups.flatMap(\.categories).map(\.category)) {
            let places = groups.indices.compactMap { group in
                groups[group].categories.firstIndex { $0.category == name }.map { (group, $0) }
            }
            var counts = places.map { groups[$0.0].categories[$0.1].blocked }
            Discretion.hide(&counts, of: hidden.contains(name) ? .hidden : ReviewCount(0))
            for (place, count) in zip(places, counts) {
                groups[place.0].categories[place.1].blocked = count
            }
        }
        for place in groups.indices where groups[place].totals.blocked == .hidden {
            for category in groups[place].categories.indices {
                groups[place].categories[category].blocked = .hidden
            }
        }
    }

    private mutating func hideConcerns() {
        for place in concerns.severities.indices {
            concerns.severities[place].attempts.hideSmall()
            concerns.severities[place].hits.hideSmall()
        }
        for severity in concerns.severities {
            let places = concerns.list.indices.filter {
                concerns.list[$0].severity == severity.severity
            }
            for count in [\Concern.attempts, \Concern.hits] {
                let total = count == \.attempts ? severity.attempts : severity.hits
                var counts = places.map { concerns.list[$0][keyPath: count] }
                Discretion.hide(&counts, of: total)
                for (place, value) in zip(places, counts) {
                    concerns.list[place][keyPath: count] = value
                }
            }
        }
        for place in concerns.list.indices {
            concerns.list[place].blocked.hideSmall()
            concerns.list[place].moreNames.hideSmall()
        }
    }

    private mutating func hideLists() {
        // A name that hardly anybody asked for may be one person's.
        newNames.list.removeAll { ($0.asked.value ?? 0) < ReviewLimits.smallestCount }
        for place in newNames.list.indices {
            newNames.list[place].blocked.hideSmall()
            newNames.list[place].devices.hideSmall()
        }
        for place in bypass.list.indices {
            bypass.list[place].allowed.hideSmall()
            bypass.list[place].blocked.hideSmall()
            bypass.list[place].devices.hideSmall()
        }
        for place in outsideHours.indices { outsideHours[place].blocked.hideSmall() }
        coverage.devicesSeen.hideSmall()
        coverage.devicesSilent.hideSmall()
        coverage.devicesUnknown.hideSmall()
        // A list tells its own length.
        if coverage.devicesSilent == .hidden { coverage.silent = [] }
        if coverage.devicesUnknown == .hidden { coverage.unknown = [] }
    }
}

enum Discretion {
    /// Hides one count of each of some parts whose total is shown.
    static func hide<Part>(_ parts: inout [Part], _ count: WritableKeyPath<Part, ReviewCount>) {
        var counts = parts.map { $0[keyPath: count] }
        hide(&counts, of: ReviewCount(0))
        for (place, value) in zip(parts.indices, counts) { parts[place][keyPath: count] = value }
    }

    /// Hides parts of a total; all of them where the total itself is hidden.
    static func hide(_ counts: inout [ReviewCount], of total: ReviewCount) {
        if total == .hidden {
            for place in counts.indices where counts[place].value != 0 { counts[place] = .hidden }
            return
        }
        var hidden: (count: Int, sum: UInt64) = (0, 0)
        let exact = counts
        for place in counts.indices where counts[place].isSmall {
            hidden.count += 1
            hidden.sum += counts[place].drawn
            counts[place] = .hidden
        }
        hidden.count += exact.count { $0 == .hidden }
        // One hidden part, or two of 1 each, could be worked out from the total.
        while hidden.count == 1 || (hidden.count > 0 && hidden.sum < ReviewLimits.smallestCount) {
            let next = counts.indices.filter { (counts[$0].value ?? 0) > 0 }
                .min { counts[$0].drawn < counts[$1].drawn }
            guard let next else { return }
            hidden.count += 1
            hidden.sum += counts[next].drawn
            counts[next] = .hidden
        }
    }
}

extension ReviewCount {
    fileprivate var isSmall: Bool {
        value.map { $0 > 0 && $0 < ReviewLimits.smallestCount } ?? false
    }

    fileprivate mutating func hideSmall() { if isSmall { self = .hidden } }
}

extension ReviewFigures.Totals {
    /// Hides small counts; all asked less those allowed are those blocked, so two go together.
    fileprivate mutating func hideSmall() {
        allowed.hideSmall()
        blocked.hideSmall()
        devices.hideSmall()
        asked.hideSmall()
        if allowed == .hidden || blocked == .hidden { asked = .hidden }
    }
}
