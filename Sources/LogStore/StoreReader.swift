public import DecisionLog

/// Answers questions about the decision log from the store and, for what is not in it yet, from
/// the journal: every row that was written up to the moment of asking, each exactly once.
///
/// Needs no lock and may run in any process. Belongs to one thread. What cannot be read from the
/// store is read from the journal in its place.
public final class StoreReader {
    /// What was asked for when the reader was made; a question's own filter may be narrower.
    private let filter: RowFilter
    private let directory: String
    private let folder: StoreFolder
    private var files: [StoreDay: DayFile] = [:]
    private var sources: [ChunkSource] = []
    private var stretches: [JournalStretch] = []
    private var knownTail: [ChunkSource]?
    private var knownGaps: [DecisionRow]?
    /// The last row of the log at the moment of asking; 0 = none.
    public private(set) var lastSeq: UInt64 = 0
    /// Files of the store that could not be read: their rows came from the journal.
    public private(set) var problems: [StoreError] = []
    /// Places of the journal that are not as they were written.
    public private(set) var damage: [LogDamage] = []

    /// A chunk that may be opened.
    struct ChunkSource {
        var info: ChunkInfo
        var day: StoreDay
        var source: any PartSource
        var isStored: Bool
    }

    /// A part of the journal that is read in the store's stead.
    private struct JournalStretch {
        var filter: RowFilter
        /// The last seq; `.max` = all there is.
        var untilSeq: UInt64
        /// By day, what is in the store already.
        var applied: [StoreDay: UInt64]
    }

    /// Opens the store as it is at this moment.
    ///
    /// - Parameter filter: bounds what may be asked: days that it leaves out are not opened.
    /// - Throws: `JournalError` where the log cannot be read.
    public init(directory: String, filter: RowFilter = RowFilter()) throws {
        self.directory = directory
        self.filter = filter
        folder = StoreFolder(logDirectory: directory)
        var newest = DayFile.Place()
        // The newest file first: what it says to be everywhere is in the files opened after it.
        for (place, day) in folder.days.reversed().enumerated() {
            guard place == 0 || isWanted(day) else { continue }
            open(day)
            if place == 0 { newest = files[day]?.place ?? newest }
        }
        if let other = folder.otherLog(newest, logDirectory: directory) {
            problems = [other]
            files = [:]
            stretches = []
            newest = DayFile.Place()
        } else {
            findMissing()
        }
        let wholeSeq = newest.wholeSeq
        sources = files.values.filter { isWanted($0.day) }.flatMap { file in
            file.chunks.map {
                ChunkSource(info: $0, day: file.day, source: file, isStored: true)
            }
        }.sorted { $0.info.firstSeq < $1.info.firstSeq }
        var tail = filter
        tail.afterSeq = max(wholeSeq, filter.afterSeq ?? 0)
        stretches.append(
            JournalStretch(
                filter: Self.times(of: tail), untilSeq: .max,
                applied: files.mapValues(\.place.appliedSeq)))
        // Throws where there is no log at all.
        _ = try JournalReader(directory: directory, filter: stretches[0].filter)
        lastSeq = wholeSeq
    }

    private func isWanted(_ day: StoreDay) -> Bool {
        day.endMicros > filter.sinceMicros ?? .min && day.startMicros < filter.untilMicros ?? .max
    }

    private func open(_ day: StoreDay) {
        do {
            files[day] = try DayFile(day, in: folder.path, isWritable: false)
        } catch {
            if error.code == .damaged { folder.suspect(day) }
            refuse(day, error)
        }
    }

    /// Reads a day from the journal alone, with what the tail has of it.
    private func refuse(_ day: StoreDay, _ error: StoreError) {
        problems.append(error)
        var whole = times(of: day)
        whole.afterSeq = filter.afterSeq
        stretches.append(JournalStretch(filter: whole, untilSeq: .max, applied: [:]))
        unreadableDays.insert(day)
    }

    /// A day within the reader's bounds.
    private func times(of day: StoreDay) -> RowFilter {
        var times = RowFilter()
        times.sinceMicros = max(day.startMicros, filter.sinceMicros ?? .min)
        times.untilMicros = min(day.endMicros, filter.untilMicros ?? .max)
        return times
    }

    private var unreadableDays: Set<StoreDay> = []

    /// Days whose file was taken away, and rows that are still to be read again into a file.
    private func findMissing() {
        for day in folder.listedDays where isWanted(day) && !folder.has(day) {
            refuse(
                day, StoreError(.damaged, path: folder.path(of: day), reason: "it is missing"))
        }
        for file in files.values
        where isWanted(file.day) && file.place.owedSeq > file.place.appliedSeq {
            var rest = times(of: file.day)
            rest.afterSeq = max(file.place.appliedSeq, filter.afterSeq ?? 0)
            stretches.append(
                JournalStretch(filter: rest, untilSeq: file.place.owedSeq, applied: [:]))
        }
    }

    /// A filter's bounds of time and seq alone.
    private static func times(of filter: RowFilter) -> RowFilter {
        var times = RowFilter()
        times.sinceMicros = filter.sinceMicros
        times.untilMicros = filter.untilMicros
        times.afterSeq = filter.afterSeq
        return times
    }

    // MARK: Chunks

    /// All chunks, those of the journal's rows among them, by first seq.
    func allSources() throws -> [ChunkSource] {
        let tail = try tailSources()
        guard !tail.isEmpty else { return sources }
        return (sources + tail).sorted { $0.info.firstSeq < $1.info.firstSeq }
    }

    private func tailSources() throws -> [ChunkSource] {
        if let knownTail { return knownTail }
        var found: [ChunkSource] = []
        var gaps: [DecisionRow] = []
        for (number, stretch) in stretches.enumerated() {
            // The first is the tail; days that are read whole do not come from it.
            try read(
                stretch, without: number == stretches.count - 1 ? unreadableDays : [], &found, &gaps
            )
        }
        knownTail = found
        knownGaps = gaps
        return found
    }

    private func read(
        _ stretch: JournalStretch, without days: Set<StoreDay>, _ found: inout [ChunkSource],
        _ gaps: inout [DecisionRow]
    ) throws {
        let reader = try JournalReader(directory: directory, filter: stretch.filter)
        var builders: [StoreDay: ChunkBuilder] = [:]
        var rows = 0
        while let row = reader.next(), row.seq <= stretch.untilSeq {
            let day = StoreDay(micros: row.timeMicros)
            if row.seq <= stretch.applied[day] ?? 0 || days.contains(day) { continue }
            if row.isGap {
                gaps.append(row)
                continue
            }
            builders[day, default: ChunkBuilder(dayStartMicros: day.startMicros)].append(row)
            rows += 1
            if rows >= StoreLimits.batchRows {
                Self.take(&builders, &found)
                rows = 0
            }
        }
        Self.take(&builders, &found)
        damage += reader.damage
        lastSeq = max(lastSeq, reader.lastSeq)
    }

    private static func take(
        _ builders: inout [StoreDay: ChunkBuilder], _ found: inout [ChunkSource]
    ) {
        for (day, builder) in builders {
            guard let chunk = ChunkEncoder(builder).encode() else { continue }
            found.append(
                ChunkSource(
                    info: chunk.info, day: day, source: MemoryChunk(chunk), isStored: false))
        }
        builders.removeAll()
    }

    /// Gives a chunk to `body`; where the store's is damaged, its rows as the journal has them.
    ///
    /// - Parameter body: keeps nothing of a chunk that it throws for.
    func withChunk<Result>(
        _ source: ChunkSource, _ body: (Chunk) throws -> Result
    ) throws -> [Result] {
        do {
            let chunk = try Chunk(
                source.info, dayStartMicros: source.day.startMicros, source: source.source)
            return [try body(chunk)]
        } catch let error as StoreError where error.code == .damaged && source.isStored {
            if !problems.contains(where: { $0.path == error.path }) { problems.append(error) }
            folder.suspect(source.day)
            return try replacement(of: source).map { source in
                try body(
                    Chunk(
                        source.info, dayStartMicros: source.day.startMicros,
                        source: source.source))
            }
        }
    }

    private func replacement(of source: ChunkSource) throws -> [ChunkSource] {
        var filter = RowFilter()
        filter.sinceMicros = source.day.startMicros
        filter.untilMicros = source.day.endMicros
        filter.afterSeq = source.info.firstSeq - 1
        var found: [ChunkSource] = []
        var gaps: [DecisionRow] = []
        try read(
            JournalStretch(filter: filter, untilSeq: source.info.lastSeq, applied: [:]),
            without: [], &found, &gaps)
        return found
    }

    // MARK: Gaps

    /// The gap rows that pass a filter, by seq.
    public func gaps(_ filter: RowFilter = RowFilter()) throws -> [DecisionRow] {
        guard filter.acceptsGaps else { return [] }
        _ = try tailSources()
        var rows = knownGaps ?? []
        for file in files.values where isWanted(file.day) {
            rows += try gaps(of: file)
        }
        let since = max(filter.sinceMicros ?? .min, self.filter.sinceMicros ?? .min)
        let until = min(filter.untilMicros ?? .max, self.filter.untilMicros ?? .max)
        let after = max(filter.afterSeq ?? 0, self.filter.afterSeq ?? 0)
        return rows.filter {
            $0.timeMicros >= since && $0.timeMicros < until && $0.seq > after
        }.sorted { $0.seq < $1.seq }
    }

    /// The gap rows of a file; where it is damaged, as the journal has them.
    private func gaps(of file: DayFile) throws -> [DecisionRow] {
        do {
            return try file.gaps().map { DecisionRow(seq: $0.seq, micros: $0.micros, gap: $0.gap) }
        } catch {
            guard error.code == .damaged else { throw error }
            if !problems.contains(where: { $0.path == error.path }) { problems.append(error) }
            folder.suspect(file.day)
            var gaps = times(of: file.day)
            gaps.verdict = .gap
            let reader = try JournalReader(directory: directory, filter: gaps)
            var rows: [DecisionRow] = []
            while let row = reader.next(), row.seq <= file.place.appliedSeq { rows.append(row) }
            return rows
        }
    }

    // MARK: All rows, in no order

    /// Gives every row that passes a filter to `body`, once: gaps, then what the store has, a chunk's
    /// rows client by client, then what only the journal has.
    ///
    /// For counting: what is in no store yet is read straight from the journal and not made ready
    /// for questions first. Holds one chunk at a time.
    public func forEachRow(_ filter: RowFilter = RowFilter(), _ body: (DecisionRow) -> Void) throws
    {
        let filter = bounded(filter)
        for file in files.values where isWanted(file.day) && filter.acceptsGaps {
            for gap in try gaps(of: file)
            where filter.accepts(seq: gap.seq, micros: gap.timeMicros) { body(gap) }
        }
        for source in sources where filter.verdict != .gap {
            for var set in try rowSets(source, filter, isOrdered: false) {
                while let row = try set.nextRow() { body(row) }
            }
        }
        for (number, stretch) in stretches.enumerated() {
            let days = number == stretches.count - 1 ? unreadableDays : []
            let reader = try JournalReader(
                directory: directory, filter: filter.within(stretch.filter))
            while let row = reader.next(), row.seq <= stretch.untilSeq {
                let day = StoreDay(micros: row.timeMicros)
                if row.seq <= stretch.applied[day] ?? 0 || days.contains(day) { continue }
                body(row)
            }
            damage += reader.damage
        }
    }

    /// A question's filter within the reader's own bounds.
    func bounded(_ filter: RowFilter) -> RowFilter { filter.within(self.filter) }
}

extension RowFilter {
    /// The same within another filter's bounds of time and seq.
    fileprivate func within(_ other: RowFilter) -> RowFilter {
        var bounded = self
        if let since = other.sinceMicros { bounded.sinceMicros = max(since, sinceMicros ?? .min) }
        if let until = other.untilMicros { bounded.untilMicros = min(until, untilMicros ?? .max) }
        if let after = other.afterSeq { bounded.afterSeq = max(after, afterSeq ?? 0) }
        return bounded
    }

    /// Whether a row passes the bounds of time and seq.
    fileprivate func accepts(seq: UInt64, micros: Int64) -> Bool {
        micros >= sinceMicros ?? .min && micros < untilMicros ?? .max && seq > afterSeq ?? 0
    }
}
