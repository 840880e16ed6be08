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
    /// What only the journal has, where that is little, and its gap rows.
    private var knownTail: [ChunkSource]?
    private var knownGaps: [DecisionRow]?
    private var isTailLong = false
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
        /// Whether it stands for all chunks of its day, without their rows.
        var isRollup = false
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
                filter: Self.times(of: tail), applied: files.mapValues(\.place.appliedSeq),
                without: unreadableDays, follows: wholeSeq > 0 ? wholeSeq : nil))
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
        stretches.append(JournalStretch(filter: whole))
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
            stretches.append(JournalStretch(filter: rest, untilSeq: file.place.owedSeq))
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

    /// How many days' chunks are summed up.
    package var summedDays: Int { files.values.count { $0.rollup != nil } }

    // MARK: Chunks

    /// The store's chunks, by first seq.
    var storedSources: [ChunkSource] { sources }

    /// Gives the chunks that a question reads which only counts: of a day that is summed up, the
    /// sums. Those of the journal's rows come last, one at a time.
    ///
    /// - Parameter isEnough: whether sums answer it.
    func eachCounted(
        _ filter: RowFilter, _ isEnough: (ChunkInfo) -> Bool, _ body: (ChunkSource) throws -> Void
    ) throws {
        var summed: Set<StoreDay> = []
        for (day, file) in files where isWanted(day) {
            guard let rollup = file.rollup, isEnough(rollup) else { continue }
            summed.insert(day)
            guard rollup.mayHold(filter) else { continue }
            try body(
                ChunkSource(info: rollup, day: day, source: file, isStored: true, isRollup: true))
        }
        try eachChunk(filter, without: summed, body)
    }

    /// Gives all chunks in which a row may pass, those of the journal's rows last.
    func eachChunk(
        _ filter: RowFilter, without summed: Set<StoreDay> = [],
        _ body: (ChunkSource) throws -> Void
    ) throws {
        for source in sources where !summed.contains(source.day) && source.info.mayHold(filter) {
            try body(source)
        }
        try eachTailChunk { if $0.info.mayHold(filter) { try body($0) } }
    }

    /// Gives the rows that only the journal has, as chunks; where they are few they are kept, and
    /// else read again for each question.
    private func eachTailChunk(_ body: (ChunkSource) throws -> Void) throws {
        try lookAtTail()
        if let knownTail { return try knownTail.forEach(body) }
        var gaps: [DecisionRow] = []
        for stretch in stretches { _ = try eachChunk(of: stretch, &gaps, body) }
        knownGaps = gaps
    }

    /// Reads what only the journal has where that is little, once.
    private func lookAtTail() throws {
        guard knownTail == nil, !isTailLong else { return }
        var found: [ChunkSource] = []
        var gaps: [DecisionRow] = []
        var left = StoreLimits.batchRows
        for stretch in stretches {
            left -= try eachChunk(of: stretch, limit: left, &gaps) { found.append($0) }
            isTailLong = left <= 0
            if isTailLong { return }
        }
        knownTail = found
        knownGaps = gaps
    }

    /// - Parameter limit: at how many rows it ends.
    /// - Returns: how many rows there were.
    private func eachChunk(
        of stretch: JournalStretch, limit: Int = .max, _ gaps: inout [DecisionRow],
        _ body: (ChunkSource) throws -> Void
    ) throws -> Int {
        let reader = try StretchReader(stretch, directory: directory)
        var builders: [StoreDay: ChunkBuilder] = [:]
        var rows = 0
        var all = 0
        while all < limit, let row = reader.next() {
            all += 1
            guard !row.isGap else {
                gaps.append(row)
                continue
            }
            let day = StoreDay(micros: row.timeMicros)
            builders[day, default: ChunkBuilder(dayStartMicros: day.startMicros)].append(row)
            rows += 1
            if rows >= StoreLimits.batchRows {
                try Self.take(&builders, body)
                rows = 0
            }
        }
        try Self.take(&builders, body)
        note(reader)
        return all
    }

    private static func take(
        _ builders: inout [StoreDay: ChunkBuilder], _ body: (ChunkSource) throws -> Void
    ) throws {
        for (day, builder) in builders {
            guard let chunk = ChunkEncoder(builder).encode() else { continue }
            try body(
                ChunkSource(
                    info: chunk.info, day: day, source: MemoryChunk(chunk), isStored: false))
        }
        builders.removeAll()
    }

    // MARK: The journal's rows

    /// What is read from the journal in the store's stead, each part in the order of seq.
    func stretchReaders(_ filter: RowFilter) throws -> [StretchReader] {
        try stretches.map { stretch in
            var stretch = stretch
            stretch.filter = filter.within(stretch.filter)
            return try StretchReader(stretch, directory: directory)
        }
    }

    /// Takes note of what a part of the journal came to, once it is read to its end.
    func note(_ reader: StretchReader) {
        lastSeq = max(lastSeq, reader.lastSeq)
        for place in reader.damage where !damage.contains(place) { damage.append(place) }
    }

    /// Gives a chunk to `body`; where the store's is damaged, its rows as the journal has them.
    ///
    /// - Parameter body: keeps nothing of a chunk that it throws for.
    func withChunk<Result>(
        _ source: ChunkSource, _ body: (Chunk) throws -> Result
    ) throws -> [Result] {
        do {
            return [try body(Chunk(source))]
        } catch let error as StoreError where error.code == .damaged && source.isStored {
            if !problems.contains(where: { $0.path == error.path }) { problems.append(error) }
            folder.suspect(source.day)
            if source.isRollup {
                return try sources.filter { $0.day == source.day }.flatMap {
                    try withChunk($0, body)
                }
            }
            var filter = RowFilter()
            filter.sinceMicros = source.day.startMicros
            filter.untilMicros = source.day.endMicros
            filter.afterSeq = source.info.firstSeq - 1
            // Its gaps are rows of the file, or come with them.
            var gaps: [DecisionRow] = []
            var results: [Result] = []
            _ = try eachChunk(
                of: JournalStretch(filter: filter, untilSeq: source.info.lastSeq), &gaps
            ) { source in
                results.append(try body(Chunk(source)))
            }
            return results
        }
    }

    // MARK: Gaps

    /// The gap rows that pass a filter, by seq.
    public func gaps(_ filter: RowFilter = RowFilter()) throws -> [DecisionRow] {
        guard filter.acceptsGaps else { return [] }
        let filter = bounded(filter)
        let tail = try tailGaps().filter { filter.accepts(seq: $0.seq, micros: $0.timeMicros) }
        return (try storedGaps(filter) + tail).sorted { $0.seq < $1.seq }
    }

    private func tailGaps() throws -> [DecisionRow] {
        try lookAtTail()
        if let knownGaps { return knownGaps }
        var gaps: [DecisionRow] = []
        var filter = RowFilter()
        filter.verdict = .gap
        for reader in try stretchReaders(filter) {
            while let row = reader.next() { gaps.append(row) }
            note(reader)
        }
        knownGaps = gaps
        return gaps
    }

    /// Those of them that are in the store.
    func storedGaps(_ filter: RowFilter) throws -> [DecisionRow] {
        guard filter.acceptsGaps else { return [] }
        return try files.values.filter { isWanted($0.day) }.flatMap { try gaps(of: $0) }
            .filter { filter.accepts(seq: $0.seq, micros: $0.timeMicros) }
            .sorted { $0.seq < $1.seq }
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
            let reader = try StretchReader(
                JournalStretch(filter: gaps, untilSeq: file.place.appliedSeq), directory: directory)
            var rows: [DecisionRow] = []
            while let row = reader.next() { rows.append(row) }
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
        try storedGaps(filter).forEach(body)
        for source in sources where filter.verdict != .gap {
            for var set in try rowSets(source, filter, isOrdered: false) {
                while let row = try set.nextRow() { body(row) }
            }
        }
        for reader in try stretchReaders(filter) {
            while let row = reader.next() { body(row) }
            note(reader)
        }
    }

    /// A question's filter within the reader's own bounds.
    func bounded(_ filter: RowFilter) -> RowFilter { filter.within(self.filter) }
}

extension Chunk {
    convenience init(_ source: StoreReader.ChunkSource) throws {
        try self.init(
            source.info, dayStartMicros: source.day.startMicros, source: source.source)
    }
}

extension RowFilter {
    /// The same within another filter's bounds of time and seq.
    func within(_ other: RowFilter) -> RowFilter {
        var bounded = self
        if let since = other.sinceMicros { bounded.sinceMicros = max(since, sinceMicros ?? .min) }
        if let until = other.untilMicros { bounded.untilMicros = min(until, untilMicros ?? .max) }
        if let after = other.afterSeq { bounded.afterSeq = max(after, afterSeq ?? 0) }
        return bounded
    }

    /// Whether a row passes the bounds of time and seq.
    func accepts(seq: UInt64, micros: Int64) -> Bool {
        micros >= sinceMicros ?? .min && micros < untilMicros ?? .max && seq > afterSeq ?? 0
    }
}
