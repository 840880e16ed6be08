import DNSWire
import DecisionLog
import LogStore
import PolicyFile

/// Finds a week's safeguarding concerns among the rows of the rules that make them.
///
/// Hits of one device on one rule are one attempt while they come within ten minutes of the first,
/// in the order of the record; the hit at ten minutes begins the next. Support services are left
/// out, whatever decided about them.
struct ConcernFinder {
    private let reviewer: Reviewer
    private let rules: Set<String>
    private var findings: [Key: Finding] = [:]
    private var essential: [String: Bool] = [:]

    private struct Key: Hashable {
        var severity: String
        var rule: String
        var group: String
        var device: ReviewDevice
    }

    fileprivate struct Finding {
        var attempts: UInt64 = 0
        var hits: UInt64 = 0
        var blocked: UInt64 = 0
        var attemptMicros: Int64 = 0
        var firstMicros = Int64.max
        var lastMicros = Int64.min
        var categories: Set<String> = []
        var names: [String: UInt64] = [:]
    }

    init(_ reviewer: Reviewer, rules: Set<String>) {
        self.reviewer = reviewer
        self.rules = rules
    }

    /// Reads the rows and says what they come to.
    func concerns() throws -> ReviewFigures.Concerns {
        var finder = self
        for rule in rules.sorted() {
            var filter = reviewer.weekFilter
            filter.rule = rule
            let rows = try reviewer.reader.rows(filter)
            while let row = try rows.next() { finder.add(row) }
        }
        return finder.summary
    }

    private mutating func add(_ row: DecisionRow) {
        guard let severity = row.concern, let client = row.client, let name = row.name,
            !Catalogue.isEssential(rule: row.rule, category: row.category),
            !isEssential(name)
        else { return }
        let key = Key(
            severity: severity, rule: row.rule, group: row.group ?? WeekCounts.noGroup,
            device: ReviewDevice(client, device: row.device))
        findings[key, default: Finding()].add(row, name)
    }

    private mutating func isEssential(_ name: String) -> Bool {
        if let known = essential[name] { return known }
        // Names made up by a program are all different: what was learnt is worth nothing then.
        if essential.count > 65_536 { essential.removeAll() }
        let answer = reviewer.policy.isEssential(name)
        essential[name] = answer
        return answer
    }

    // MARK: Summary

    private static let severities = ["high", "medium", "low"]

    private var summary: ReviewFigures.Concerns {
        let sorted = findings.sorted { left, right in
            let (first, second) = (Self.rank(left.key.severity), Self.rank(right.key.severity))
            if first != second { return first < second }
            if left.value.attempts != right.value.attempts {
                return left.value.attempts > right.value.attempts
            }
            if left.value.firstMicros != right.value.firstMicros {
                return left.value.firstMicros < right.value.firstMicros
            }
            if left.key.device != right.key.device { return left.key.device < right.key.device }
            return (left.key.rule, left.key.group) < (right.key.rule, right.key.group)
        }
        let severities = Self.severities.map { severity in
            let own = findings.filter { $0.key.severity == severity }.values
            return ReviewFigures.Concerns.Severity(
                severity: severity,
                attempts: ReviewCount(own.reduce(0) { $0 + $1.attempts }),
                hits: ReviewCount(own.reduce(0) { $0 + $1.hits }))
        }
        return ReviewFigures.Concerns(
            severities: severities,
            list: sorted.prefix(ReviewLimits.concerns).map { concern($0.key, $0.value) },
            unlisted: max(0, sorted.count - ReviewLimits.concerns))
    }

    private static func rank(_ severity: String) -> Int {
        severities.firstIndex(of: severity) ?? severities.count
    }

    private func concern(_ key: Key, _ finding: Finding) -> ReviewFigures.Concern {
        let names = finding.names.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let shown = names.prefix(ReviewLimits.namesShown).map(\.key)
        return ReviewFigures.Concern(
            severity: key.severity, rule: key.rule, categories: finding.categories.sorted(),
            group: key.group, device: reviewer.device(key.device, finding.firstMicros),
            attempts: ReviewCount(finding.attempts), hits: ReviewCount(finding.hits),
            blocked: ReviewCount(finding.blocked), firstSeen: reviewer.text(finding.firstMicros),
            lastSeen: reviewer.text(finding.lastMicros), names: shown,
            moreNames: ReviewCount(UInt64(names.count - shown.count)))
    }
}

extension ConcernFinder.Finding {
    fileprivate mutating func add(_ row: DecisionRow, _ name: String) {
        let micros = row.timeMicros
        // Several workers write one record: a hit may be noted a little before an earlier one.
        if attempts == 0 || abs(micros - attemptMicros) >= ReviewLimits.foldMicros {
            attempts += 1
            attemptMicros = micros
        }
        hits += 1
        if row.verdict == .block { blocked += 1 }
        firstMicros = min(firstMicros, micros)
        lastMicros = max(lastMicros, micros)
        if let category = row.category { categories.insert(category) }
        if names[name] != nil || names.count < ReviewLimits.namesOfConcern {
            names[name, default: 0] += 1
        }
    }
}
