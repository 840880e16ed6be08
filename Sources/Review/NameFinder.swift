import DNSWire
import DecisionLog
import DomainLists
import LogStore
import PolicyFile

/// What a week's names tell: which are new, and which lead round the filter.
struct NameFinder {
    private let reviewer: Reviewer
    /// The week's names without those of support services.
    private var uses: [String: Use] = [:]
    /// Those that no week before has.
    private var fresh: Set<String> = []
    /// The weeks before that have a record.
    private var compared: [String] = []
    /// By week: names of support services that something decided about which is not for them, as a
    /// locked rule does, or a policy before they were known.
    private(set) var essentials: [ReviewWeek: Set<String>] = [:]

    private struct Use {
        var asked: UInt64 = 0
        var blocked: UInt64 = 0
    }

    init(_ reviewer: Reviewer) throws {
        self.reviewer = reviewer
        for tally in try reviewer.reader.tally(
            by: [.name, .verdict, .rule, .category], reviewer.weekFilter)
        {
            guard let name = tally.texts[0],
                !Catalogue.isEssential(rule: tally.texts[2], category: tally.texts[3])
            else { continue }
            uses[name, default: Use()].asked += tally.count
            if tally.texts[1] == "block" { uses[name, default: Use()].blocked += tally.count }
        }
        let own = Set(uses.keys.filter(reviewer.policy.isEssential))
        for name in own { uses[name] = nil }
        essentials[reviewer.week] = own
        fresh = Set(uses.keys)
        // A week at a time, so that no more than two weeks' names are held at once.
        for week in reviewer.weeksBefore { try compare(week) }
    }

    private mutating func compare(_ week: ReviewWeek) throws {
        let tallies = try reviewer.reader.tally(
            by: [.name, .rule, .category], reviewer.filter(week))
        if !tallies.isEmpty { compared.append(week.description) }
        for tally in tallies {
            guard let name = tally.texts[0] else { continue }
            fresh.remove(name)
            // What was asked for in this week is known to be none: that spares most of the work.
            if uses[name] == nil,
                !Catalogue.isEssential(rule: tally.texts[1], category: tally.texts[2]),
                reviewer.policy.isEssential(name)
            {
                essentials[week, default: []].insert(name)
            }
        }
    }

    // MARK: New names

    /// Names that no week before has, those asked for most first.
    func newNames() throws -> ReviewFigures.NewNames {
        // Without a record of the weeks before, every name would be new.
        guard !compared.isEmpty else {
            return ReviewFigures.NewNames(comparedWeeks: [], list: [], count: ReviewCount(0))
        }
        let most = fresh.map { (name: $0, use: uses[$0] ?? Use()) }
            .sorted { ($1.use.asked, $0.name) < ($0.use.asked, $1.name) }
        let list = try most.prefix(ReviewLimits.newNames).map { name, use in
            ReviewFigures.NewName(
                name: name, asked: ReviewCount(use.asked), blocked: ReviewCount(use.blocked),
                devices: ReviewCount(UInt64(try devices(askingFor: name))))
        }
        return ReviewFigures.NewNames(
            comparedWeeks: compared, list: list, count: ReviewCount(UInt64(fresh.count)))
    }

    private func devices(askingFor name: String) throws -> Int {
        guard let exact = try? NameFilter(parsing: "=\(name)") else { return 0 }
        var filter = reviewer.weekFilter
        filter.name = exact
        return Set(
            try reviewer.reader.tally(by: [.client, .device], filter).compactMap { tally in
                tally.client.map { ReviewDevice($0, device: tally.texts[1]) }
            }
        ).count
    }

    // MARK: Ways round the filter

    private struct BypassKey: Hashable {
        var group: String
        var service: String
        var isAutomatic: Bool
    }

    fileprivate struct BypassCount {
        var allowed: UInt64 = 0
        var blocked: UInt64 = 0
        var devices: Set<ReviewDevice> = []
    }

    /// What was asked for of the names that lead round the filter.
    func bypass() throws -> ReviewFigures.Bypass {
        guard reviewer.policy.knowsBypass else {
            return ReviewFigures.Bypass(isKnown: false, list: [])
        }
        var counts: [BypassKey: BypassCount] = [:]
        var askedByThemselves: (blocked: Set<ReviewDevice>, allowed: Set<ReviewDevice>) = ([], [])
        for (filter, isOfCatalogue) in bypassFilters {
            let tallies = try reviewer.reader.tally(
                by: [.group, .client, .name, .verdict, .category, .rule, .device], filter)
            for tally in tallies {
                guard let name = tally.texts[2], let client = tally.client, uses[name] != nil,
                    !Catalogue.isEssential(rule: tally.texts[5], category: tally.texts[4])
                else { continue }
                let service = reviewer.policy.service(of: name)
                let isSignal = service?.category == ReviewPolicy.signals
                let isKnown = isSignal || service?.category == ReviewPolicy.bypass
                // What the catalogue knows is found by its names, the rest by the category.
                guard isKnown == isOfCatalogue else { continue }
                let key = BypassKey(
                    group: tally.texts[0] ?? WeekCounts.noGroup,
                    service: isKnown ? service?.name ?? "" : tally.texts[4] ?? "",
                    isAutomatic: isSignal)
                let isBlocked = tally.texts[3] == "block"
                let device = ReviewDevice(client, device: tally.texts[6])
                counts[key, default: BypassCount()].add(tally.count, device, isBlocked)
                guard isSignal else { continue }
                if isBlocked {
                    askedByThemselves.blocked.insert(device)
                } else {
                    askedByThemselves.allowed.insert(device)
                }
            }
        }
        return ReviewFigures.Bypass(
            isKnown: true, list: Self.list(counts),
            signals: ReviewFigures.Bypass.Signals(
                devicesBlocked: ReviewCount(UInt64(askedByThemselves.blocked.count)),
                devicesAllowed: ReviewCount(UInt64(askedByThemselves.allowed.count))))
    }

    /// The questions that find them; one for each of the catalogue's outermost names.
    private var bypassFilters: [(filter: RowFilter, isOfCatalogue: Bool)] {
        var byCategory = reviewer.weekFilter
        byCategory.category = ReviewPolicy.bypass
        var asked: Set<DomainName> = []
        for name in uses.keys {
            var domain = try? DomainName(parsing: name)
            while let current = domain {
                asked.insert(current)
                domain = current.parent
            }
        }
        let names = reviewer.policy.catalogue.services
            .filter { [ReviewPolicy.bypass, ReviewPolicy.signals].contains($0.category) }
            .flatMap(\.names).filter { asked.contains($0.name) }
        let subtrees = Set(names.filter { $0.coverage == .subtree }.map(\.name))
        let outermost = names.filter { name in
            var above = name.name.parent
            while let current = above {
                if subtrees.contains(current) { return false }
                above = current.parent
            }
            return name.coverage == .subtree || !subtrees.contains(name.name)
        }
        let distinct = Set(
            outermost.map { ($0.coverage == .exact ? "=" : "") + $0.name.description })
        return [(byCategory, false)]
            + distinct.sorted().compactMap { text in
                var filter = reviewer.weekFilter
                filter.name = try? NameFilter(parsing: text)
                return filter.name == nil ? nil : (filter, true)
            }
    }

    private static func list(_ counts: [BypassKey: BypassCount]) -> [ReviewFigures.BypassUse] {
        counts.map { key, count in
            ReviewFigures.BypassUse(
                group: key.group, service: key.service,
                isAutomatic: key.isAutomatic,
                allowed: ReviewCount(count.allowed), blocked: ReviewCount(count.blocked),
                devices: ReviewCount(UInt64(count.devices.count)))
        }.sorted { left, right in
            if left.isAutomatic != right.isAutomatic { return right.isAutomatic }
            let counts = (
                left.allowed.drawn + left.blocked.drawn, right.allowed.drawn + right.blocked.drawn
            )
            if counts.0 != counts.1 { return counts.0 > counts.1 }
            return (left.group, left.service) < (right.group, right.service)
        }
    }
}

extension NameFinder.BypassCount {
    fileprivate mutating func add(_ count: UInt64, _ device: ReviewDevice, _ isBlocked: Bool) {
        if isBlocked { blocked += count } else { allowed += count }
        devices.insert(device)
    }
}
