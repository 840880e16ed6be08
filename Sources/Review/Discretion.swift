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
        figures.hideOutsideHours(groups)
        figures.hideConcerns()
        figures.hideUse()
        figures.hideLists()
        return figures
    }

    private mutating func hideTotals() {
        totals.hideSmall()
        for place in weeks.indices {
            weeks[place].totals.hideSmall()
            weeks[place].concerns.hideSmall()
            weeks[place].hidePart()
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
        hideSearches()
        Discretion.hide(&groups, \.totals.devices)
    }

    /// Searches that were made safe are a part of what was allowed, in each group and in all.
    private mutating func hideSearches() {
        var isHidden = groups.map { $0.totals.madeSafe.drawn > 0 && $0.totals.hidesSearches }
        Discretion.hide(groups.map(\.totals.madeSafe.drawn), &isHidden)
        for place in groups.indices where isHidden[place] || totals.madeSafe == .hidden {
            groups[place].totals.madeSafe = .hidden
        }
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

    /// A group's categories make up its blocks, and those of all groups make up a category's.
    private mutating func hideCategories() {
        let names = categories.map(\.category)
        let exact = groups.map { group in
            names.map { name in
                group.categories.first { $0.category == name }?.blocked.drawn ?? 0
            }
        }
        var total = categories.map(\.blocked)
        Discretion.hide(&total, of: totals.blocked)
        var isHidden = zip(groups, exact).map { group, counts in
            zip(counts, total).map { count, total in
                count > 0 && (total == .hidden || group.totals.blocked == .hidden)
            }
        }
        Discretion.hide(exact, &isHidden)
        for (place, count) in total.enumerated() { categories[place].blocked = count }
        for group in groups.indices {
            for place in groups[group].categories.indices {
                let name = groups[group].categories[place].category
                guard let column = names.firstIndex(of: name), isHidden[group][column] else {
                    continue
                }
                groups[group].categories[place].blocked = .hidden
            }
        }
    }

    /// What other rules blocked is a group's blocks less these.
    private mutating func hideOutsideHours(_ exact: [GroupFigures]) {
        for (group, shown) in zip(exact, groups) {
            let places = outsideHours.indices.filter { outsideHours[$0].group == group.group }
            let counts = places.map { outsideHours[$0].blocked }
            let sum = counts.reduce(0) { $0 + $1.drawn }
            let blocked = group.totals.blocked.drawn
            var parts = counts + [ReviewCount(blocked < sum ? 0 : blocked - sum)]
            Discretion.hide(&parts, of: shown.totals.blocked)
            for (place, count) in zip(places, parts) { outsideHours[place].blocked = count }
        }
    }

    private mutating func hideConcerns() {
        // The trend shows their sum in this week.
        var hits = concerns.severities.map(\.hits)
        Discretion.hide(&hits, of: weeks.last?.concerns ?? .hidden)
        for (place, count) in hits.enumerated() {
            concerns.severities[place].attempts.hideSmall()
            concerns.severities[place].hits = count
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

    /// A list tells its own length, and days over tell of few devices: they go with what is hidden.
    private mutating func hideUse() {
        for place in use.indices {
            use[place].devices.hideSmall()
            use[place].devicesOver.hideSmall()
            if use[place].devices == .hidden, use[place].devicesOver.value != 0 {
                use[place].devicesOver = .hidden
            }
            use[place].daysOver.hideSmall()
            if use[place].devicesOver == .hidden {
                use[place].daysOver = .hidden
                use[place].list = []
            }
            for line in use[place].list.indices { use[place].list[line].days.hideSmall() }
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
        bypass.signals.devicesBlocked.hideSmall()
        bypass.signals.devicesAllowed.hideSmall()
        // Taken from all devices, those of the other groups would tell how many are hidden.
        if bypass.list.contains(where: { $0.isAutomatic && $0.devices == .hidden }) {
            bypass.signals.hide()
        }
        coverage.devicesSeen.hideSmall()
        coverage.devicesSilent.hideSmall()
        coverage.devicesUnknown.hideSmall()
        // A list tells its own length.
        if coverage.devicesSilent == .hidden { coverage.silent = [] }
        if coverage.devicesUnknown == .hidden { coverage.unknown = [] }
    }
}

extension ReviewFigures.Bypass.Signals {
    fileprivate mutating func hide() {
        if devicesBlocked != ReviewCount(0) { devicesBlocked = .hidden }
        if devicesAllowed != ReviewCount(0) { devicesAllowed = .hidden }
    }
}

extension ReviewFigures.WeekTotals {
    /// A week's blocks up to a time are a part of its blocks, and so is the rest.
    fileprivate mutating func hidePart() {
        guard let part = byThen?.blocked.value else { return }
        var counts = [part, totals.blocked.drawn - min(part, totals.blocked.drawn)].map {
            ReviewCount($0)
        }
        Discretion.hide(&counts, of: totals.blocked)
        if counts.contains(.hidden) { byThen?.blocked = .hidden }
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
        let exact = counts.map(\.drawn)
        var isHidden = exact.map { total == .hidden && $0 > 0 }
        hide(exact, &isHidden)
        for place in counts.indices where isHidden[place] { counts[place] = .hidden }
    }

    /// Marks what is to be hidden of parts whose total is shown, beside what is marked already.
    static func hide(_ exact: [UInt64], _ isHidden: inout [Bool]) {
        for place in exact.indices where 0 < exact[place] && exact[place] < smallest {
            isHidden[place] = true
        }
        while true {
            let hidden = exact.indices.filter { isHidden[$0] }
            // One hidden part, or two of 1 each, could be worked out from the total.
            guard hidden.count == 1 || hidden.reduce(0, { $0 + exact[$1] }) < smallest,
                !hidden.isEmpty,
                let next = exact.indices.filter({ !isHidden[$0] && exact[$0] > 0 })
                    .min(by: { exact[$0] < exact[$1] })
            else { return }
            isHidden[next] = true
        }
    }

    /// Hides cells of a table whose rows and columns both have totals that are shown.
    static func hide(_ table: [[UInt64]], _ isHidden: inout [[Bool]]) {
        let columns = table.first?.count ?? 0
        while true {
            let before = isHidden
            for row in table.indices { hide(table[row], &isHidden[row]) }
            for column in 0..<columns {
                var marks = isHidden.map { $0[column] }
                hide(table.map { $0[column] }, &marks)
                for row in table.indices { isHidden[row][column] = marks[row] }
            }
            // Marks are only added, so this ends.
            if before == isHidden { return }
        }
    }

    private static let smallest = ReviewLimits.smallestCount
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
        if madeSafe.value != 0, hidesSearches { madeSafe = .hidden }
    }

    /// Whether searches made safe, or what else was allowed, are too few to be told.
    fileprivate var hidesSearches: Bool {
        guard let allowed = allowed.value, let safe = madeSafe.value, safe <= allowed
        else { return true }
        return madeSafe.isSmall || ReviewCount(allowed - safe).isSmall
    }
}
