public import DNSWire
public import DecisionLog
public import PolicyEngine
import PolicyFile

/// Who used something: a device that the policy names, whatever address it had, or else an address.
public enum UsingDevice: Hashable, Comparable, Sendable {
    /// An address that no device of the policy had.
    case address(IPAddress)
    /// A device, by the policy's name for it.
    case device(String)
}

/// What a device used of a limited category on one day.
public struct DayOfUse: Hashable, Sendable {
    /// The day by the policy's wall clock.
    public var day: CivilDate
    /// Who.
    public var device: UsingDevice
    /// Its group as it was recorded.
    public var group: String
    /// The limit, as a place in `Policy.useLimits`.
    public var limit: Int
    /// Whether it is one of the college's own devices, whose use counts at every hour.
    public var isCollegeDevice: Bool
    /// Active minutes.
    public var minutes: Int
    /// When the first active minute began, in microseconds since 1970 UTC.
    public var firstMicros: Int64
    /// When the last one began.
    public var lastMicros: Int64
    /// When the minute began with which the limit was passed; `nil` if it was not.
    public var overMicros: Int64?
}

/// Counts the active minutes of devices on one day of the policy's wall clock.
///
/// A minute is active once a device got an answer (allowed or rewritten) for a core name of a limited
/// category in it; all services of the category share it. A blocked attempt is no use. What other
/// people's pages ask for (embedded names, shared ones, counters) never counts, nor do support
/// services. Rows may come in any order, and twice: what comes out is the same.
///
/// Costs a few look-ups a row, and 200 octets for each device and limit.
public struct UseMeter: Sendable {
    /// The day.
    public let day: CivilDate
    /// Its first instant and the one after its last, in microseconds since 1970 UTC.
    public let micros: Range<Int64>
    private let policy: UsePolicy
    /// Of each limit, the minutes that count; `nil` for all.
    private let counted: [MinuteSet?]
    private var found: [Key: MinuteSet] = [:]
    private var texts: Texts?
    private var isUse: [[UInt8]: Bool] = [:]
    /// What has come since `changedUse` was asked.
    private var changed: Set<Key> = []

    private struct Key: Hashable {
        var device: UsingDevice
        var group: String
        var limit: Int
        var isCollegeDevice: Bool
    }

    /// What the numbers of one policy's records mean to the limits.
    private struct Texts: Sendable {
        let dictionary: ResolvedDictionary
        /// By category, where a rule decided and where the default did.
        var ruled: [UInt64]
        var defaulted: [UInt64]
        /// By group.
        var ofGroup: [UInt64]
    }

    /// Begins a day with nothing counted.
    public init(_ policy: UsePolicy, day: CivilDate) {
        self.day = day
        self.policy = policy
        let bounds = day.instants(in: policy.policy.zone)
        micros = bounds.lowerBound.seconds * 1_000_000..<bounds.upperBound.seconds * 1_000_000
        counted = policy.policy.useLimits.map { limit in
            guard limit.counted != .always else { return nil }
            let time = CountedTime(limit.counted, in: policy.policy)
            var minutes = MinuteSet()
            for minute in 0..<UseCounting.minutesOfDay
            where time.counts(at: Instant(seconds: bounds.lowerBound.seconds + Int64(minute) * 60))
            {
                minutes.insert(minute)
            }
            return minutes
        }
    }

    // MARK: Counting

    /// Counts a row, where it is use of that day.
    public mutating func add(_ row: DecisionRow) {
        let record = row.record
        guard !row.isGap, row.verdict == .allow || row.verdict == .rewrite,
            micros.contains(record.timeMicros)
        else { return }
        let limits = limits(of: row)
        guard limits != 0, isUse(row.nameWire), let group = row.group else { return }
        let name = row.device
        let device = name.map { .device($0) } ?? UsingDevice.address(record.client)
        let isCollegeDevice = name.map(policy.collegeDevices.contains) ?? false
        let minute = Int((record.timeMicros - micros.lowerBound) / 60_000_000)
        var rest = limits
        while rest != 0 {
            let key = Key(
                device: device, group: group, limit: rest.trailingZeroBitCount,
                isCollegeDevice: isCollegeDevice)
            rest &= rest - 1
            if found[key]?.contains(minute) == true { continue }
            found[key, default: MinuteSet()].insert(minute)
            changed.insert(key)
        }
    }

    /// The limits under which a row falls by its category and group.
    private mutating func limits(of row: DecisionRow) -> UInt64 {
        if texts?.dictionary !== row.dictionary { texts = makeTexts(row.dictionary) }
        guard let texts else { return 0 }
        let (category, group) = (Int(row.record.category), Int(row.record.group))
        guard category < texts.ruled.count, group < texts.ofGroup.count else { return 0 }
        let byCategory =
            row.record.rule == .max ? texts.defaulted[category] : texts.ruled[category]
        return byCategory & texts.ofGroup[group]
    }

    private func makeTexts(_ dictionary: ResolvedDictionary) -> Texts {
        Texts(
            dictionary: dictionary,
            ruled: dictionary.categories.map { policy.limits(ofCategory: $0, isDefault: false) },
            defaulted: dictionary.categories.map { policy.limits(ofCategory: $0, isDefault: true) },
            ofGroup: dictionary.groups.map { policy.limitsOfGroup[$0] ?? 0 })
    }

    /// Whether asking for a name is a sign of use: of a service of the catalogue its core names
    /// alone, of other lists every name.
    private mutating func isUse(_ wire: ArraySlice<UInt8>) -> Bool {
        let key = wire.map(\.asciiLowercased)
        if let known = isUse[key] { return known }
        if isUse.count >= UseCounting.namesKept { isUse.removeAll() }
        let answer = DomainName(wire: key).map(policy.catalogue.isUse) ?? false
        isUse[key] = answer
        return answer
    }

    // MARK: What it comes to

    /// What each device used, by device, group and limit; devices without a minute that counts are
    /// left out.
    public var use: [DayOfUse] { found.keys.compactMap { use(of: $0) }.sorted() }

    /// The same of those devices alone of which something has come since this was last asked.
    public mutating func changedUse() -> [DayOfUse] {
        defer { changed.removeAll() }
        return changed.compactMap { use(of: $0) }.sorted()
    }

    private func use(of key: Key) -> DayOfUse? {
        guard let minutes = found[key] else { return nil }
        let active = minutes.bridged(key.isCollegeDevice ? nil : counted[key.limit])
        guard let first = active.first, let last = active.last else { return nil }
        let limit = policy.policy.useLimits[key.limit].minutesADay
        return DayOfUse(
            day: day, device: key.device, group: key.group, limit: key.limit,
            isCollegeDevice: key.isCollegeDevice, minutes: last.total,
            firstMicros: start(of: first.minute), lastMicros: start(of: last.minute),
            overMicros: active.first { $0.total > limit }.map { start(of: $0.minute) })
    }

    private func start(of minute: Int) -> Int64 { micros.lowerBound + Int64(minute) * 60_000_000 }
}

extension DayOfUse: Comparable {
    /// Orders by day, group, limit and, the most first, by minutes.
    public static func < (left: DayOfUse, right: DayOfUse) -> Bool {
        (left.day, left.group, left.limit, -left.minutes)
            != (right.day, right.group, right.limit, -right.minutes)
            ? (left.day, left.group, left.limit, -left.minutes)
                < (right.day, right.group, right.limit, -right.minutes)
            : left.device < right.device
    }
}

extension CivilDate {
    /// Its first instant and the one after its last, by a wall clock.
    public func instants(in zone: ZoneRules) -> Range<Instant> {
        let start = zone.instant(of: CivilTime(date: self, secondOfDay: 0))
        let end = zone.instant(of: CivilTime(date: advanced(byDays: 1), secondOfDay: 0))
        return start..<max(start, end)
    }
}
