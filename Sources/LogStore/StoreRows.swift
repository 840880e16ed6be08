public import DecisionLog

/// Rows of a log in the order of their seq, from a reader's moment.
///
/// Holds one chunk at a time, and of what only the journal has a row.
public final class StoreRows {
    private let reader: StoreReader
    private let filter: RowFilter
    private var waiting: ArraySlice<StoreReader.ChunkSource>
    private var gaps: ArraySlice<DecisionRow>
    private var open: [RowSet] = []
    private var tails: [Tail] = []

    /// A part of the journal, and its row that is next.
    private struct Tail {
        let reader: StretchReader
        var row: DecisionRow
    }

    init(_ reader: StoreReader, _ filter: RowFilter) throws {
        self.reader = reader
        self.filter = filter
        waiting = filter.verdict == .gap ? [] : reader.storedSources[...]
        gaps = try reader.storedGaps(filter)[...]
        for part in try reader.stretchReaders(filter) {
            if let row = next(of: part) { tails.append(Tail(reader: part, row: row)) }
        }
    }

    private func next(of part: StretchReader) -> DecisionRow? {
        if let row = part.next() { return row }
        reader.note(part)
        return nil
    }

    /// The next row that passes the filter; `nil` at the end.
    public func next() throws -> DecisionRow? {
        while true {
            let least = open.indices.min { open[$0].nextSeq ?? .max < open[$1].nextSeq ?? .max }
            let seq = least.flatMap { open[$0].nextSeq } ?? .max
            let tail = tails.indices.min { tails[$0].row.seq < tails[$1].row.seq }
            let tailSeq = tail.map { tails[$0].row.seq } ?? .max
            // Another chunk may begin before the rows that are open.
            if let first = waiting.first, first.info.firstSeq <= min(seq, tailSeq) {
                waiting = waiting.dropFirst()
                open += try reader.rowSets(first, filter).filter { $0.remaining > 0 }
                continue
            }
            if let gap = gaps.first, gap.seq < min(seq, tailSeq) {
                gaps = gaps.dropFirst()
                return gap
            }
            if let tail, tailSeq < seq { return take(tail) }
            guard let least, seq < .max else { return nil }
            let row = try open[least].nextRow()
            if open[least].remaining == 0 { open.remove(at: least) }
            return row
        }
    }

    private func take(_ place: Int) -> DecisionRow {
        let row = tails[place].row
        if let following = next(of: tails[place].reader) {
            tails[place].row = following
        } else {
            tails.remove(at: place)
        }
        return row
    }
}

extension StoreReader {
    /// A chunk's rows that pass a filter, or the last of them, with all that they refer to.
    func rowSets(
        _ source: ChunkSource, _ filter: RowFilter, last limit: Int = .max, isOrdered: Bool = true
    ) throws -> [RowSet] {
        try withChunk(source) { chunk in
            var set = try RowSet(chunk, filter, isOrdered: isOrdered)
            set.keepLast(limit)
            try set.readNames()
            return set
        }
    }

    /// The rows that pass a filter, oldest first, in constant memory.
    public func rows(_ filter: RowFilter = RowFilter()) throws -> StoreRows {
        try StoreRows(self, bounded(filter))
    }

    /// The newest rows that pass a filter, oldest of them first.
    ///
    /// Reads what only the journal has, and then chunks from the newest back, only as many as it
    /// needs; holds twice `limit` rows.
    public func newest(_ limit: Int, _ filter: RowFilter = RowFilter()) throws -> [DecisionRow] {
        let filter = bounded(filter)
        var rows = try storedGaps(filter)
        for part in try stretchReaders(filter) {
            while let row = part.next() {
                rows.append(row)
                if rows.count >= StoreLimits.smallestTierRows, rows.count / 2 >= limit {
                    Self.keep(limit, of: &rows)
                }
            }
            note(part)
        }
        Self.keep(limit, of: &rows)
        let newestFirst =
            filter.verdict == .gap
            ? [] : storedSources.sorted { $0.info.lastSeq > $1.info.lastSeq }
        for source in newestFirst where limit > 0 {
            if rows.count >= limit, let oldest = rows.first, oldest.seq > source.info.lastSeq {
                break
            }
            for var set in try rowSets(source, filter, last: limit) {
                while let row = try set.nextRow() { rows.append(row) }
            }
            Self.keep(limit, of: &rows)
        }
        return rows
    }

    /// Keeps the last rows in the order of their seq.
    private static func keep(_ limit: Int, of rows: inout [DecisionRow]) {
        rows.sort { $0.seq < $1.seq }
        rows.removeFirst(max(0, rows.count - max(limit, 0)))
    }
}
