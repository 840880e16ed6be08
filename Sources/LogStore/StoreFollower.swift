import DecisionLog
import Glibc

/// Takes the journal's records into the day files, each exactly once.
///
/// A file's rows and how far the journal has been taken in change in one transaction, so the
/// process may end at any moment. Belongs to one thread. Nothing waits for it: what it has not
/// taken in yet is read from the journal.
public final class StoreFollower {
    private let logDirectory: String
    private let folder: StoreFolder
    private let lock: Int32
    private let keepMicros: Int64?
    private var reader: JournalReader?
    private var pending: [StoreDay: PendingDay] = [:]
    private var pendingRows = 0
    private var pendingSinceMicros: Int64?
    /// The last row that was read.
    private var readSeq: UInt64 = 0
    /// All rows up to here are in the files of their days.
    public private(set) var storedSeq: UInt64 = 0
    private var files: [StoreDay: DayFile] = [:]
    /// Days whose file is from a later version or cannot be opened: they are left alone.
    private var refused: [StoreDay: StoreError] = [:]

    /// What is to be written to a day's file.
    private struct PendingDay {
        var builder: ChunkBuilder
        var gaps: [StoredGap] = []
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
        logDirectory: String, folder: StoreFolder, lock: Int32, keepMicros: Int64?
    ) {
        self.logDirectory = logDirectory
        self.folder = folder
        self.lock = lock
        self.keepMicros = keepMicros
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
            logDirectory: logDirectory, folder: folder, lock: lock,
            keepMicros: keepSeconds.map { min(max($0, 0), Int64.max / 2_000_000) * 1_000_000 })
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
        var progress = Progress()
        do {
            try lookAtSuspects(&progress)
            let reader = try openReader(&progress)
            var left = rowLimit
            while left > 0, let row = reader.next() {
                left -= 1
                try take(row, nowMicros: nowMicros)
                if pendingRows >= StoreLimits.batchRows { progress.rows += try write() }
            }
            progress.isBehind = left == 0
            let age = nowMicros &- (pendingSinceMicros ?? nowMicros)
            if isFinal || pendingRows >= StoreLimits.eagerRows || age < 0
                || age >= StoreLimits.patienceMicros
            {
                progress.rows += try write()
            }
            if pendingRows == 0 { storedSeq = max(storedSeq, readSeq) }
            try tidy(nowMicros: nowMicros)
            purge(nowMicros: nowMicros, &progress)
        } catch {
            forget()
            noteDamage(error)
            throw error
        }
        return progress
    }

    /// Goes back to what the files say: after an error nobody knows what of a batch was written.
    private func forget() {
        reader = nil
        pending.removeAll()
        pendingRows = 0
        pendingSinceMicros = nil
        files.removeAll()
    }

    /// The next round looks at a file that was found damaged.
    private func noteDamage(_ error: any Error) {
        guard let error = error as? StoreError, error.code == .damaged else { return }
        for day in folder.days where error.path.hasSuffix(day.fileName) { folder.suspect(day) }
    }

    // MARK: Taking in

    private func openReader(_ progress: inout Progress) throws -> JournalReader {
        if let reader { return reader }
        var wholeSeq: UInt64 = 0
        for day in folder.days {
            // A damaged file is set aside here, and its rows come from the journal again below.
            if let file = try file(of: day, &progress) {
                wholeSeq = max(wholeSeq, file.place.wholeSeq)
            }
        }
        var filter = RowFilter()
        filter.afterSeq = wholeSeq
        let reader = try JournalReader(directory: logDirectory, filter: filter)
        readSeq = wholeSeq
        storedSeq = wholeSeq
        self.reader = reader
        return reader
    }

    private func take(_ row: DecisionRow, nowMicros: Int64) throws {
        let day = StoreDay(micros: row.timeMicros)
        readSeq = row.seq
        if let file = try openFile(of: day), row.seq <= file.place.appliedSeq { return }
        if refused[day] != nil { return }
        var entry =
            pending[day] ?? PendingDay(builder: ChunkBuilder(dayStartMicros: day.startMicros))
        pending[day] = nil
        if let gap = row.gap {
            entry.gaps.append(StoredGap(seq: row.seq, micros: row.timeMicros, gap: gap))
        } else {
            entry.builder.append(row)
        }
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
            let place = DayFile.Place(
                appliedSeq: readSeq,
                wholeSeq: day == days.last ? readSeq : file.place.wholeSeq)
            try file.append(
                ChunkEncoder(entry.builder).encode(), gaps: entry.gaps, place: place)
        }
        pending.removeAll()
        pendingRows = 0
        pendingSinceMicros = nil
        storedSeq = readSeq
        return rows
    }

    // MARK: Files

    /// The open file of a day; `nil` where there is none or it is left alone.
    private func openFile(of day: StoreDay, creates: Bool = false) throws -> DayFile? {
        if let known = files[day] { return known }
        if refused[day] != nil { return nil }
        guard creates || folder.has(day) else { return nil }
        let file = try DayFile(day, in: folder.path, isWritable: true)
        files[day] = file
        return file
    }

    private func file(of day: StoreDay, _ progress: inout Progress) throws -> DayFile? {
        do {
            return try openFile(of: day)
        } catch let error as StoreError {
            switch error.code {
            case .damaged:
                try replace(day, error, &progress)
                return files[day]
            case .newerVersion:
                if refused[day] == nil { progress.notes.append("\(error)") }
                refused[day] = error
                return nil
            case .full, .unusable:
                throw error
            }
        }
    }

    private func lookAtSuspects(_ progress: inout Progress) throws {
        for day in folder.days where folder.isSuspect(day) {
            folder.clearSuspicion(day)
            do {
                try openFile(of: day)?.verify()
            } catch let error as StoreError {
                guard error.code == .damaged else { throw error }
                try replace(day, error, &progress)
            }
        }
    }

    /// Sets a damaged file aside and makes the day anew from what the journal still has of it.
    private func replace(_ day: StoreDay, _ error: StoreError, _ progress: inout Progress) throws {
        files[day] = nil
        guard folder.setAside(day) else { throw error }
        progress.notes.append("\(error); it was set aside and its day is read again")
        try rebuild(day)
    }

    /// Takes in a day from the beginning of the journal, up to the place that the store has reached.
    private func rebuild(_ day: StoreDay) throws {
        forget()
        var filter = RowFilter()
        filter.sinceMicros = day.startMicros
        filter.untilMicros = day.endMicros
        let reader = try JournalReader(directory: logDirectory, filter: filter)
        let file = try DayFile(day, in: folder.path, isWritable: true)
        var entry = PendingDay(builder: ChunkBuilder(dayStartMicros: day.startMicros))
        var rows = 0
        while let row = reader.next() {
            rows += 1
            if let gap = row.gap {
                entry.gaps.append(StoredGap(seq: row.seq, micros: row.timeMicros, gap: gap))
            } else {
                entry.builder.append(row)
            }
            if rows % StoreLimits.batchRows == 0 {
                try write(entry, to: file, appliedSeq: row.seq)
                entry = PendingDay(builder: ChunkBuilder(dayStartMicros: day.startMicros))
            }
        }
        if rows > 0 { try write(entry, to: file, appliedSeq: reader.lastSeq) }
    }

    /// Other days' rows up to here may be missing: `wholeSeq` stays as it is.
    private func write(_ entry: PendingDay, to file: DayFile, appliedSeq: UInt64) throws {
        try file.append(
            ChunkEncoder(entry.builder).encode(), gaps: entry.gaps,
            place: DayFile.Place(appliedSeq: appliedSeq, wholeSeq: file.place.wholeSeq))
    }

    // MARK: Merging and purging

    private func tidy(nowMicros: Int64) throws {
        for (day, file) in files {
            let isOver = nowMicros > day.endMicros + StoreLimits.closeAfterMicros
            if isOver, pending[day] != nil { continue }
            let merged = try ChunkMerger(file).run(isFinal: isOver)
            // What is over for long and whole needs no open file.
            if isOver {
                if merged > 0 || file.needsCompacting { try file.compact() }
                if files.count > 3 { files[day] = nil }
            }
        }
    }

    private func purge(nowMicros: Int64, _ progress: inout Progress) {
        guard let keepMicros else { return }
        for day in folder.days where day.endMicros <= nowMicros &- keepMicros {
            // The newest file stays, whatever it holds: it says how far the journal was read.
            guard day != folder.days.last else { continue }
            files[day] = nil
            if folder.remove(day) { progress.purgedDays.append("\(day)") }
        }
    }
}
