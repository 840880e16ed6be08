import DNSWire
public import DecisionLog
public import LimitsOfUse
import PolicyEngine
public import PolicyFile
import Synchronization

/// Follows the log and tells those who answer for safeguarding of its concerns.
///
/// `look` reads what is new and makes messages of it; `deliver` hands one over. Whoever calls them
/// chooses the threads: `look` belongs to one, and each way of telling may have one of its own. What
/// was made and not yet delivered is kept in a file, so that a restart neither loses nor repeats it;
/// a crash in the middle of a delivery repeats that one, under the same id.
public final class Alerter: Sendable {
    private let path: String
    let logDirectory: String
    /// Whether reports from the block page are told too.
    let tellsOfReports: Bool
    private let settings: AlertConfiguration
    private let deliverySeconds: Int
    private let state: Mutex<State>

    private struct State {
        var book: AlertBook
        var policy: Policy
        var catalogue: Catalogue
        /// Why the book cannot be kept.
        var problem: String?
        /// The size of the file of reports when it was read last, in octets.
        var reportOctets = -1
    }

    /// Opens the book that lies in the log's folder; without one, begins with what comes from now on.
    ///
    /// - Parameters:
    ///   - lastSeq: the last row of the log at this moment.
    ///   - tellsOfReports: whether reports from the block page are told too.
    ///   - deliverySeconds: how long one delivery may take.
    ///   - problem: set to what there is to say of a book that could not be used.
    public init(
        logDirectory: String, settings: AlertConfiguration, policy: LoadedPolicy, lastSeq: UInt64,
        tellsOfReports: Bool = false, deliverySeconds: Int = AlertLimits.deliverySeconds,
        problem: inout AlertProblem?
    ) {
        self.deliverySeconds = deliverySeconds
        path = logDirectory + "/alerts.json"
        self.logDirectory = logDirectory
        self.tellsOfReports = tellsOfReports
        self.settings = settings
        var book = AlertBook(afterSeq: lastSeq)
        do throws(AlertProblem) {
            if let kept = try AlertBook.read(path) { book = kept }
        } catch {
            problem = error
        }
        if tellsOfReports, book.reportsTold == nil {
            // Written at once: what comes in next must be told even if the server is killed first.
            do {
                book.reportsTold =
                    try ReportBook(directory: logDirectory).read().reports.last?.id ?? 0
                try book.write(path)
            } catch {
                problem = problem ?? AlertProblem("\(error)")
            }
        }
        // A log that was begun anew has no such rows.
        book.afterSeq = min(book.afterSeq, lastSeq)
        state = Mutex(
            State(book: book, policy: policy.policy, catalogue: policy.catalogue))
    }

    /// The ways of telling that the configuration names.
    public var ways: [AlertWay] {
        AlertWay.allCases.filter { way in
            switch way {
            case .email: settings.email != nil
            case .webhook: settings.webhook != nil
            case .command: settings.command != nil
            }
        }
    }

    /// Goes by another policy from now on.
    public func replacePolicy(_ policy: LoadedPolicy) {
        state.withLock { ($0.policy, $0.catalogue) = (policy.policy, policy.catalogue) }
    }

    /// How it goes, for the server's status.
    public var status: (waiting: Int, problem: String?) {
        state.withLock { state in
            let failing = state.book.outbox.lazy.flatMap(\.deliveries.values).compactMap(\.problem)
            return (state.book.outbox.count, state.problem ?? failing.first)
        }
    }

    // MARK: Reading

    /// Reads the rows that are new, up to some thousands, and makes messages of what is ripe.
    ///
    /// - Parameters:
    ///   - reader: where reading goes on; made where there is none. Throw it away after an error.
    ///   - nowMicros: the wall clock, in microseconds since 1970 UTC.
    /// - Returns: whether there is more to read at once.
    /// - Throws: `JournalError` where the log cannot be read; `AlertProblem` where the book cannot be
    ///   kept: then nothing is delivered, so that nothing can be repeated for ever.
    public func look(
        _ reader: inout JournalReader?, nowMicros: Int64, rowLimit: Int = 4096
    ) throws -> Bool {
        let (after, catalogue) = state.withLock { ($0.book.afterSeq, $0.catalogue) }
        let reader = try open(&reader, after: after)
        var rows: [DecisionRow] = []
        while rows.count < rowLimit, let row = reader.next() { rows.append(row) }
        let isMore = rows.count == rowLimit
        let readTo = isMore ? rows.last?.seq ?? after : max(after, reader.lastSeq)
        let wanted = rows.filter { Self.isTold($0, catalogue) }
        let pseudonyms = wanted.isEmpty ? nil : try Pseudonyms(directory: logDirectory)
        let hits = wanted.compactMap { Hit($0, pseudonyms) }
        try change(nowMicros: nowMicros) { folder in
            hits.forEach { folder.add($0) }
            folder.book.afterSeq = max(readTo, folder.book.afterSeq)
            folder.ripen()
        }
        return isMore
    }

    /// Changes the book, and keeps it where there is something to keep: how far was read is written
    /// with the next change, since reading again finds nothing new.
    func change(nowMicros: Int64, _ body: (inout AlertFolder) -> Void) throws(AlertProblem) {
        try state.withLock { state throws(AlertProblem) in
            var folder = AlertFolder(
                book: state.book, text: AlertText(policy: state.policy), settings: settings,
                ways: ways, nowMicros: nowMicros)
            body(&folder)
            if folder.hasChanged { try keep(folder.book, &state) }
            state.book = folder.book
        }
    }

    /// The last report that was told.
    var reportsTold: UInt64? { state.withLock { $0.book.reportsTold } }

    /// The size of the file of reports when it was read last, in octets.
    var seenReportOctets: Int {
        get { state.withLock { $0.reportOctets } }
        set { state.withLock { $0.reportOctets = newValue } }
    }

    /// Takes up that a device passed a limit of use; the same flag again changes nothing.
    ///
    /// - Throws: `AlertProblem` where the book cannot be kept: then it was not taken up.
    public func add(_ flag: UseFlag, nowMicros: Int64) throws {
        try change(nowMicros: nowMicros) { folder in
            if folder.add(flag) { folder.noteChange() }
        }
    }

    private func keep(_ book: AlertBook, _ state: inout State) throws(AlertProblem) {
        do throws(AlertProblem) {
            try book.write(path)
            state.problem = nil
        } catch {
            state.problem = error.description
            throw error
        }
    }

    private func open(_ reader: inout JournalReader?, after: UInt64) throws -> JournalReader {
        if let reader { return reader }
        var filter = RowFilter()
        filter.isConcern = true
        filter.afterSeq = after
        let made = try JournalReader(directory: logDirectory, filter: filter)
        reader = made
        return made
    }

    /// A concern, as far as an alert shows it.
    struct Hit {
        var severity: String
        var rule: String
        var group: String
        var device: String
        var category: String
        var name: String
        var micros: Int64
        var isBlocked: Bool

        init?(_ row: DecisionRow, _ pseudonyms: Pseudonyms?) {
            guard let severity = row.concern, let client = row.client, let name = row.name,
                let pseudonyms
            else { return nil }
            self.severity = severity
            rule = row.rule
            group = row.group ?? "no group"
            device =
                row.device.map { pseudonyms.device($0, micros: row.timeMicros) }
                ?? pseudonyms.client(client, micros: row.timeMicros)
            category = row.category ?? ""
            self.name = name
            micros = row.timeMicros
            isBlocked = row.verdict == .block
        }
    }

    /// Support services never alert, and neither does what other people's pages ask for.
    private static func isTold(_ row: DecisionRow, _ catalogue: Catalogue) -> Bool {
        guard !Catalogue.isEssential(rule: row.rule, category: row.category), let text = row.name,
            let name = try? DomainName(parsing: text)
        else { return false }
        guard let found = catalogue.service(covering: name) else { return true }
        return found.service.category != Catalogue.essentials && found.through.kind != .embedded
    }

    // MARK: Delivering

    /// Hands over the next message that is due by one way. Takes up to half a minute.
    ///
    /// - Returns: what to say of it: that it failed for the first time, or works again; and whether
    ///   there may be another at once.
    /// - Throws: `AlertProblem` where the book cannot be kept.
    public func deliver(
        by way: AlertWay, nowSeconds: () -> Int64
    ) throws -> (news: String?, hasMore: Bool) {
        let now = nowSeconds()
        let due = state.withLock { state -> AlertMessage? in
            // Nothing leaves whose delivery could not be noted.
            guard state.problem == nil else { return nil }
            return state.book.outbox.first { ($0.deliveries[way]?.dueAt ?? .max) <= now }
        }
        guard let message = due else { return (nil, false) }
        let problem = hand(message, by: way)
        return try state.withLock { state in
            guard let place = state.book.outbox.firstIndex(where: { $0.id == message.id }),
                var delivery = state.book.outbox[place].deliveries[way]
            else { return (nil, true) }
            let wasFailing = delivery.failures > 0
            var news: String?
            if let problem {
                delivery.failures += 1
                delivery.problem = problem
                let wait = AlertLimits.firstRetrySeconds << Int64(min(delivery.failures - 1, 12))
                delivery.dueAt = nowSeconds() + min(wait, AlertLimits.longestRetrySeconds)
                state.book.outbox[place].deliveries[way] = delivery
                if !wasFailing {
                    news =
                        "an \(message.kind.rawValue) could not be sent by \(way.rawValue): "
                        + "\(problem); it is kept and tried again"
                }
            } else {
                state.book.outbox[place].deliveries[way] = nil
                if state.book.outbox[place].deliveries.isEmpty {
                    state.book.outbox.remove(at: place)
                }
                if wasFailing { news = "alerts are sent by \(way.rawValue) again" }
            }
            try state.book.write(path)
            return (news, problem == nil)
        }
    }

    private func hand(_ message: AlertMessage, by way: AlertWay) -> String? {
        switch way {
        case .email:
            settings.email.flatMap { Mail(settings: $0, seconds: deliverySeconds).send(message) }
        case .webhook:
            settings.webhook.flatMap {
                Webhook(settings: $0, seconds: deliverySeconds).send(message)
            }
        case .command:
            settings.command.flatMap {
                AlertCommand(arguments: $0, seconds: deliverySeconds).run(message)
            }
        }
    }
}
