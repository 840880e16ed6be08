import DecisionLog
import Glibc

/// Takes the journal's records into the day files, each exactly once.
///
/// A file's rows and how far the journal has been taken in change in one transaction, so the
/// process may end at any moment. Belongs to one thread. Nothing waits for it: what it has not
/// taken in yet is read from the journal.
public final class StoreFollower {
    let logDirectory: String
    let folder: StoreFolder
    private let lock: Int32
    private let keepSeconds: Int64?
    private var reader: JournalReader?
    /// A row that was read and not looked at.
    private var waiting: DecisionRow?
    /// How much of the reader's damage was told.
    private var toldDamage = 0
    private var pending: [StoreDay: PendingDay] = [:]
    private var pendingRows = 0
    private var pendingSinceMicros: Int64?
    /// The last row that was read.
    private var readSeq: UInt64 = 0
    /// All rows up to here are in the files of their days.
    public private(set) var storedSeq: UInt64 = 0
    var files: [StoreDay: DayFile] = [:]
    /// Days of which rows are to be read again.
    var owed: [StoreDay] = []
    /// Files that are known to be set aside.
    var setAside: [StoreDay: String] = [:]
    /// Rows that a chunk may have; tests make do with fewer.
    package var chunkRows = StoreLimits.chunkRows
    /// Days whose file is from a later version: they are left alone.
    var refused: [StoreDay: StoreError] = [:]

    /// What is to be written to a day's file.
    struct PendingDay {
        var builder: ChunkBuilder
        var gaps: [StoredGap] = []

        init(_ day: StoreDay) { builder = ChunkBuilder(dayStartMicros: day.startMicros) }

        mutating func append(_ row: DecisionRow) {
            if let gap = row.gap {
                gaps.append(StoredGap(seq: row.seq, micros: row.timeMicros, gap: gap))
            } else {
                builder.append(row)
            }
        }
    }

    /// What one round did.
    public struct Progress: Sendable, Equatable {
        /// Rows that were taken in.
        public var rows = 0
        /// Whether the journal has more that was not looked at for the limit's sake.
        public var isBehind = false
        /// Days that were deleted since `keep` is over: the last of each.
        public var purgedDays: [String] = []
        /// Files that were found damaged, and what became of them.
        public var notes: [String] = []
    }

    private init(
        logDirectory: String, folder: StoreFolder, lock: Int32, keepSeconds: Int64?
    ) {
        self.logDirectory = logDirectory
        self.folder = folder
        self.lock = lock
        self.keepSeconds = keepSeconds
    }

    /// Takes the store for this process.
    ///
    /// - Parameter keepSeconds: how long a row stays; `nil` = for ever.
    /// - Returns: `nil` where another process follows the journal.
    /// - Throws: `StoreError` where the store's folder cannot be written.
    public static func start(logDirectory: String, keepSeconds: Int64?) throws -> StoreFollower? {
        let folder = StoreFolder(logDirectory: logDirectory)
        try folder.create()
        guard let lock = try folder.lock() else { return nil }
        return StoreFollower(
            logDirectory: logDirectory, folder: folder, lock: lock, keepSeconds: keepSeconds)
    }

    deinit { close(lock) }

    /// Takes in what the journal has now.
    ///
    /// - Parameters:
    ///   - nowMicros: the wall clock, in microseconds since 1970 UTC.
    ///   - rowLimit: how many rows to look at before it comes back.
    ///   - isFinal: writes all that was read, however little it is.
    /// - Throws: `StoreError` or `JournalError`; the next call goes on from the saved place.
    public func follow(
        nowMicros: Int64, rowLimit: Int = .max, isFinal: Bool = false
    ) throws -> Progress {
        do {
            return try round(nowMicros, rowLimit, isFinal)
        } catch let error as StoreError where error.code == .damaged {
            // The file has come under suspicion: now it is set aside, and made anew.
            return try round(nowMicros, rowLimit, isFinal)
        }
    }

    private func round(_ nowMicros: Int64, _ rowLimit: Int, _ isFinal: Bool) throws -> Progress {
        var progress = Progress()
        var left = max(rowLimit, 1)
        do {
            try lookAtPlaces()
            try requireRoom(nowMicros, &progress)
            try lookAtSuspects(&progress)
            guard let reader = try openReader(&progress) else { return progress }
            try readAgain(&left, &progress)
            while left > 0, let row = next(of: reader) {
                left -= 1
                try take(row, nowMicros: nowMicros)
                if pendingRows >= min(StoreLimits.batchRows, chunkRows) {
                    progress.rows += try write()
                }
            }
            progress.isBehind = left == 0
            tellDamage(of: reader, &progress)
            let age = nowMicros &- (pendingSinceMicros ?? nowMicros)
            if isFinal || pendingRows >= StoreLimits.eagerRows || age < 0
                || age >= StoreLimits.patienceMicros
            {
                progress.rows += try write()
            }
            if pendingRows == 0, owed.isEmpty { storedSeq = max(storedSeq, readSeq) }
            try tidy(nowMicros: nowMicros)
            try purge(nowMicros: nowMicros, &progress)
        } catch {
            forget()
            noteDamage(error)
            throw error
        }
        return progress
    }

    /// Goes back to what the files say: after an error nobody knows what of a batch was written.
    func forget() {
        reader = nil
        waiting = nil
        pending.removeAll()
        pendingRows = 0
        pendingSinceMicros = nil
        files.removeAll()
        owed.removeAll()
    }

    // MARK: Taking in

    /// Sees whether the store is still where it was: somebody may have taken files away.
    private func lookAtPlaces() throws {
        guard folder.isLock(lock) else {
            throw StoreError(
                .unusable, path: folder.path, reason: "the folder was taken away meanwhile")
        }
        if !files.values.allSatisfy(\.isInPlace) { forget() }
    }

    private func requireRoom(_ nowMicros: Int64, _ progress: inout Progress) throws {
        do {
            try folder.requireRoom()
        } catch {
            // What goes because it is old makes room.
            try purge(nowMicros: nowMicros, &progress)
            try folder.requireRoom()
        }
    }

    private func openReader(_ progress: inout Progress) throws -> JournalReader? {
        if let reader { return reader }
        let wholeSeq = try openFiles(&progress)
        var filter = RowFilter()
        filter.afterSeq = wholeSeq
        let reader = try JournalReader(
            directory: logDirectory, filter: filter, tellsMissing: true,
            follows: wholeSeq > 0 ? wholeSeq : nil)
        waiting = reader.next()
        // Where nothing was ever recorded, another log may begin.
        if waiting == nil, reader.segmentCount == 0 { return nil }
        tellLost(before: waiting, wholeSeq, &progress)
        toldDamage = 0
        readSeq = wholeSeq
        storedSeq = wholeSeq
        self.reader = reader
        return reader
    }

    /// Says which rows went from the log before they came in: what is next begins behind them, or
    /// is the gap row that stands for them.
    private func tellLost(
        before row: DecisionRow?, _ wholeSeq: UInt64, _ progress: inout Progress
    ) {
        guard let row else { return }
        let isInTheirPlace = row.gap?.firstSeq == row.seq && row.gap?.reason == .missingSegment
        let next = isInTheirPlace ? row.gap?.endSeq ?? row.seq : row.seq
        guard next > wholeSeq + 1 else { return }
        progress.notes.append(
            "rows \(wholeSeq + 1) to \(next - 1) are no longer in the log and never came into its "
                + "store")
    }

    private func next(of reader: JournalReader) -> DecisionRow? {
        guard let row = waiting else { return reader.next() }
        waiting = nil
        return row
    }

    /// What of the log cannot be read is not in the store either.
    private func tellDamage(of reader: JournalReader, _ progress: inout Progress) {
        let new = reader.damage.dropFirst(toldDamage).filter { $0.kind != .tornTail }
        toldDamage = reader.damage.count
        progress.notes += new.prefix(StoreLimits.toldDamage).map {
            "the log's store goes on without what is damaged in the log: \($0)"
        }
        if new.count > StoreLimits.toldDamage {
            progress.notes.append("\(new.count) places of the log are damaged; see log verify")
        }
    }

    private func take(_ row: DecisionRow, nowMicros: Int64) throws {
        let day = StoreDay(micros: row.timeMicros)
        readSeq = row.seq
        if let file = try openFile(of: day), row.seq <= file.place.appliedSeq { return }
        if refused[day] != nil { return }
        // Its own while it changes: else all that it holds were copied.
        var entry = pending.removeValue(forKey: day) ?? PendingDay(day)
        entry.append(row)
        pending[day] = entry
        pendingRows += 1
        if pendingSinceMicros == nil { pendingSinceMicros = nowMicros }
    }

    /// Writes what is pending: of several days the last one's transaction says that all are done.
    private func write() throws -> Int {
        let rows = pendingRows
        let days = pending.keys.sorted()
        for day in days {
            guard let entry = pending[day], let file = try openFile(of: day, creates: true) else {
                continue
            }
            var place = file.place
            place.appliedSeq = readSeq
            if day == days.last {
                place.wholeSeq = readSeq
                place.segment = SegmentIdentity(ofRow: readSeq, directory: logDirectory)
            }
            try file.append(ChunkEncoder(entry.builder).encode(), gaps: entry.gaps, place: place)
        }
        if let last = days.last { try notePlace(after: last) }
        pending.removeAll()
        pendingRows = 0
        pendingSinceMicros = nil
        storedSeq = readSeq
        return rows
    }

    /// Notes how far the store is in the newest file, where readers look for it: after the clock was
    /// set back that is not the file of the last row.
    private func notePlace(after last: StoreDay) throws {
        guard let newest = folder.days.last, newest > last, let file = try openFile(of: newest)
        else { return }
        var place = file.place
        place.wholeSeq = readSeq
        place.segment = SegmentIdentity(ofRow: readSeq, directory: logDirectory)
        try file.append(nil, gaps: [], place: place)
    }

    /// The open file of a day; `nil` where there is none or it is left alone.
    private func openFile(of day: StoreDay, creates: Bool = false) throws -> DayFile? {
        if let known = files[day] { return known }
        if refused[day] != nil { return nil }
        guard creates || folder.has(day) else { return nil }
        let file = try DayFile(day, in: folder.path, isWritable: true)
        // Before a row is in it, so that it is missed if it goes.
        try list(day)
        files[day] = file
        return file
    }

    // MARK: Merging and purging

    private func tidy(nowMicros: Int64) throws {
        var maySumUp = true
        for (day, file) in files where !owed.contains(day) {
            let isOver = nowMicros > day.endMicros + StoreLimits.closeAfterMicros
            if isOver, pending[day] != nil { continue }
            let merged = try ChunkMerger(file, chunkRows: chunkRows).run(isFinal: isOver)
            guard isOver else { continue }
            // One a round: each takes as long as some hundred thousand rows.
            if file.needsSums {
                guard maySumUp else { continue }
                try file.sumUp()
                maySumUp = false
            }
            if merged > 0 || file.needsCompacting { try file.compact() }
            // What is over for long and whole needs no open file.
            if files.count > 3 { files[day] = nil }
        }
    }

    /// Deletes days that are older than `keep`, each once that is noted in the audit trail.
    private func purge(nowMicros: Int64, _ progress: inout Progress) throws {
        guard let keepSeconds else { return }
        let keepMicros = min(max(keepSeconds, 0), Int64.max / 2_000_000) * 1_000_000
        // The newest file stays, whatever it holds: it says how far the journal was read.
        for day in folder.days.dropLast() where day.endMicros <= nowMicros &- keepMicros {
            let file = try? DayFile(day, in: folder.path, isWritable: false)
            let rows = file.map { UInt64($0.rowCount) + UInt64((try? $0.gaps().count) ?? 0) }
            try AuditTrail(directory: logDirectory).append(
                .purge, question: "keep \(keepSeconds)s",
                reason: "\(folder.name)/\(day.fileName): all rows are older than that", rows: rows)
            files[day] = nil
            try unlist(day)
            if folder.remove(day) { progress.purgedDays.append("\(day)") }
        }
    }
}
