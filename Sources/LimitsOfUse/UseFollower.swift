import DecisionLog
import PolicyEngine
public import PolicyFile

/// Follows the log and finds, once a day for each, the devices that pass a limit of use.
///
/// What counts is worked out from the log alone: after a restart the rows of yesterday and today are
/// read again. What was flagged is in the audit trail, so nothing is flagged twice and nothing is
/// left out. Belongs to one thread; nothing waits for it.
public final class UseFollower {
    private let directory: String
    private var policy: UsePolicy
    private var reader: JournalReader?
    /// Of yesterday and today, as far as there were rows.
    private var meters: [UseMeter] = []
    /// The ids of what is in the audit trail; read with the first rows.
    private var noted: Set<String>?

    /// - Parameter directory: the log's.
    public init(directory: String, policy: LoadedPolicy) {
        self.directory = directory
        self.policy = UsePolicy(policy)
    }

    /// Goes by another policy from now on: yesterday and today are counted anew by it.
    public func replacePolicy(_ policy: LoadedPolicy) {
        self.policy = UsePolicy(policy)
        startAnew()
    }

    /// Forgets how far was read; for after an error.
    public func startAnew() {
        reader = nil
        meters = []
        noted = nil
    }

    /// Reads the rows that are new.
    ///
    /// - Parameter nowMicros: the wall clock, in microseconds since 1970 UTC.
    /// - Returns: flags that are to be noted, and whether there is more to read at once.
    /// - Throws: `JournalError` where the log or the audit trail cannot be read.
    public func look(nowMicros: Int64) throws -> (flags: [UseFlag], hasMore: Bool) {
        guard !policy.policy.useLimits.isEmpty else { return ([], false) }
        let today = day(of: nowMicros)
        let reader = try open(yesterday: today.advanced(byDays: -1))
        meters.removeAll { $0.day < today.advanced(byDays: -1) }
        var rows = 0
        while rows < UseCounting.rowsPerLook, let row = reader.next() {
            rows += 1
            add(row, today)
        }
        // Flags are made once all that is there was read: until then a device's minutes are not whole.
        guard rows < UseCounting.rowsPerLook else { return ([], true) }
        return (try flags(), false)
    }

    private func open(yesterday: CivilDate) throws -> JournalReader {
        if let reader { return reader }
        var filter = RowFilter()
        filter.sinceMicros =
            yesterday.instants(in: policy.policy.zone).lowerBound.seconds * 1_000_000
        filter.categories = policy.categories
        let made = try JournalReader(directory: directory, filter: filter)
        reader = made
        return made
    }

    private func add(_ row: DecisionRow, _ today: CivilDate) {
        if let place = meters.firstIndex(where: { $0.micros.contains(row.timeMicros) }) {
            return meters[place].add(row)
        }
        let day = day(of: row.timeMicros)
        guard day >= today.advanced(byDays: -1) else { return }
        var meter = UseMeter(policy, day: day)
        meter.add(row)
        meters.append(meter)
    }

    private func day(of micros: Int64) -> CivilDate {
        policy.policy.zone.civilTime(at: Instant(seconds: micros / 1_000_000)).date
    }

    private func flags() throws -> [UseFlag] {
        var over: [(use: DayOfUse, noon: Int64)] = []
        for place in meters.indices {
            let noon = meters[place].noonMicros
            over += meters[place].changedUse().filter { $0.overMicros != nil }.map { ($0, noon) }
        }
        guard !over.isEmpty else { return [] }
        let pseudonyms = try Pseudonyms(directory: directory)
        let noted = try readNoted()
        let limits = policy.policy.useLimits
        return over.compactMap {
            UseFlag($0.use, limits[$0.use.limit], pseudonyms, noonMicros: $0.noon)
        }.filter { !noted.contains($0.id) }
    }

    private func readNoted() throws -> Set<String> {
        if let noted { return noted }
        let known = Set(
            try AuditTrail.read(directory: directory).entries.filter { $0.kind == .flag }
                .map(\.question))
        noted = known
        return known
    }

    /// Puts a flag into the audit trail.
    ///
    /// - Throws: `JournalError`; then it is not there, and is to be noted again.
    public func note(_ flag: UseFlag) throws {
        let zone = policy.policy.zone
        try AuditTrail(directory: directory).append(
            .flag, question: flag.id,
            reason: "more than \(flag.minutesADay) minutes of \(flag.category), at "
                + zone.iso8601(Instant(seconds: flag.overMicros / 1_000_000))
                + "; concern \(flag.concern)")
        noted?.insert(flag.id)
    }
}
