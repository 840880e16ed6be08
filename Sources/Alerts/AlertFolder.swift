import LimitsOfUse
import PolicyEngine
import PolicyFile

/// Folds look-ups into alerts, and makes messages of them when they are ripe.
struct AlertFolder {
    var book: AlertBook
    let text: AlertText
    let settings: AlertConfiguration
    let ways: [AlertWay]
    let nowMicros: Int64
    /// Whether the book has to be kept.
    private(set) var hasChanged = false

    init(
        book: AlertBook, text: AlertText, settings: AlertConfiguration, ways: [AlertWay],
        nowMicros: Int64
    ) {
        self.book = book
        self.text = text
        self.settings = settings
        self.ways = ways
        self.nowMicros = nowMicros
    }

    // MARK: Folding

    mutating func add(_ hit: Alerter.Hit) {
        hasChanged = true
        let open = book.folds.firstIndex {
            $0.device == hit.device && $0.rule == hit.rule && $0.group == hit.group
                && hit.micros < $0.firstMicros + AlertLimits.foldMicros
        }
        if let open {
            book.folds[open].add(hit, nowMicros)
        } else if book.folds.count < AlertLimits.openFolds {
            var fold = AlertBook.Fold(
                severity: hit.severity, rule: hit.rule, group: hit.group, device: hit.device,
                category: hit.category, firstMicros: hit.micros, lastMicros: hit.micros,
                readMicros: nowMicros, lastReadMicros: nowMicros)
            fold.add(hit, nowMicros)
            book.folds.append(fold)
        } else {
            book.digestOverflow += 1
        }
    }

    /// Makes the messages whose time has come.
    mutating func ripen() {
        for place in book.folds.indices where book.folds[place].told == nil {
            let fold = book.folds[place]
            guard isAtOnce(fold.severity) else { continue }
            let isQuiet = nowMicros - fold.lastReadMicros >= AlertLimits.settleMicros
            let hasWaited = nowMicros - fold.readMicros >= AlertLimits.longestWaitMicros
            // A clock that was set back must not hold an alert up.
            guard isQuiet || hasWaited || nowMicros < fold.readMicros else { continue }
            tell(place)
        }
        closeFolds()
        makeDigest()
        while book.outbox.count > AlertLimits.outbox {
            let oldest = book.outbox.firstIndex { $0.kind != .alert } ?? 0
            book.outbox.remove(at: oldest)
            hasChanged = true
        }
    }

    private func isAtOnce(_ severity: String) -> Bool {
        let ranks = ["low": Concern.low, "medium": .medium, "high": .high]
        return ranks[severity].map { $0 >= settings.atOnce } ?? true
    }

    private mutating func tell(_ place: Int) {
        guard mayTellAtOnce() else {
            // It closes into the digest.
            book.folds[place].told = 0
            return
        }
        book.folds[place].told = book.folds[place].count
        send(.alert, text.alert(book.folds[place]))
    }

    /// Counts an alert that is to be told at once; past the day's number it waits for the digest.
    private mutating func mayTellAtOnce() -> Bool {
        hasChanged = true
        let today = day
        if book.countedDay != today { (book.countedDay, book.alertsOfDay) = (today, 0) }
        book.alertsOfDay += 1
        if book.alertsOfDay == AlertLimits.alertsPerDay + 1 {
            send(.paused, text.paused(AlertLimits.alertsPerDay))
        }
        return book.alertsOfDay <= AlertLimits.alertsPerDay
    }

    // MARK: Limits of use

    /// Takes up that a limit of use was passed.
    ///
    /// - Returns: whether that is new.
    mutating func add(_ flag: UseFlag) -> Bool {
        var taken = book.usesTaken ?? [:]
        guard taken[flag.id] == nil else { return false }
        taken = taken.filter { $0.value >= day - AlertLimits.daysOfUse }
        taken[flag.id] = flag.day.daysSinceEpoch
        book.usesTaken = taken
        let line = AlertBook.UseLine(
            severity: flag.concern, group: flag.group, device: flag.device,
            category: flag.category, limitMinutes: flag.minutesADay,
            firstMicros: flag.firstMicros, overMicros: flag.overMicros)
        if isAtOnce(line.severity), mayTellAtOnce() {
            send(.alert, text.use(line))
        } else if book.uses?.count ?? 0 < AlertLimits.digestLines {
            book.uses = (book.uses ?? []) + [line]
        } else {
            book.digestOverflow += 1
        }
        hasChanged = true
        return true
    }

    /// What is older than ten minutes takes no more look-ups; what was not told goes into the digest.
    private mutating func closeFolds() {
        var open: [AlertBook.Fold] = []
        for fold in book.folds {
            let isOpen = nowMicros < fold.readMicros + AlertLimits.foldMicros
            let isDue = fold.told != nil || !isAtOnce(fold.severity)
            guard !isOpen, isDue else {
                open.append(fold)
                continue
            }
            hasChanged = true
            let untold = fold.count - (fold.told ?? 0)
            if untold > 0 { noteForDigest(fold, count: untold) }
        }
        book.folds = open
    }

    private mutating func noteForDigest(_ fold: AlertBook.Fold, count: Int) {
        let place = book.digest.firstIndex {
            $0.device == fold.device && $0.rule == fold.rule && $0.group == fold.group
        }
        if let place {
            book.digest[place].attempts += 1
            book.digest[place].count += count
            book.digest[place].firstMicros = min(
                book.digest[place].firstMicros, fold.firstMicros)
            book.digest[place].lastMicros = max(book.digest[place].lastMicros, fold.lastMicros)
        } else if book.digest.count < AlertLimits.digestLines {
            book.digest.append(
                AlertBook.DigestLine(
                    severity: fold.severity, rule: fold.rule, group: fold.group,
                    device: fold.device, attempts: 1, count: count,
                    firstMicros: fold.firstMicros, lastMicros: fold.lastMicros))
        } else {
            book.digestOverflow += count
        }
    }

    // MARK: Messages

    private var local: CivilTime {
        text.policy.zone.civilTime(at: Instant(seconds: nowMicros / 1_000_000))
    }

    var day: Int { local.date.daysSinceEpoch }

    private mutating func makeDigest() {
        guard let minute = settings.digestMinute else { return }
        let isTime = local.secondOfDay >= minute * 60
        guard let last = book.digestDay else {
            // The first digest is due at the next such time, not at once.
            book.digestDay = isTime ? day : day - 1
            hasChanged = true
            return
        }
        guard isTime, last < day else { return }
        book.digestDay = day
        hasChanged = true
        let (uses, reports) = (book.uses ?? [], book.reports ?? [])
        let isEmpty = book.digest.isEmpty && uses.isEmpty && reports.isEmpty
        guard !isEmpty || book.digestOverflow > 0 else { return }
        send(
            .digest,
            text.digest(
                book.digest, uses: uses, reports: reports, overflow: book.digestOverflow))
        book.digest = []
        book.uses = nil
        book.reports = nil
        book.digestOverflow = 0
    }

    /// The book has to be kept.
    mutating func noteChange() { hasChanged = true }

    mutating func send(
        _ kind: AlertMessage.Kind, _ words: (subject: String, text: String, json: String)
    ) {
        let id = "\(nowMicros / 1_000_000).\(book.nextNumber)"
        book.nextNumber += 1
        book.outbox.append(
            AlertMessage(
                id: id, kind: kind, subject: words.subject, text: words.text, json: words.json,
                madeAt: nowMicros / 1_000_000,
                deliveries: Dictionary(
                    uniqueKeysWithValues: ways.map { ($0, AlertMessage.Delivery()) })))
    }
}

extension AlertBook.Fold {
    /// Distinct names that are counted one by one.
    private static let namesCounted = 64

    mutating func add(_ hit: Alerter.Hit, _ nowMicros: Int64) {
        count += 1
        if hit.isBlocked { blocked += 1 }
        firstMicros = min(firstMicros, hit.micros)
        lastMicros = max(lastMicros, hit.micros)
        lastReadMicros = nowMicros
        if names[hit.name] != nil || names.count < Self.namesCounted {
            names[hit.name, default: 0] += 1
        }
    }
}
