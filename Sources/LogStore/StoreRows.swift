public import DecisionLog

/// Rows of a log in the order of their seq, from a reader's moment; holds one chunk at a time.
public final class StoreRows {
    private let reader: StoreReader
    private let filter: RowFilter
    private var waiting: ArraySlice<StoreReader.ChunkSource>
    private var gaps: ArraySlice<DecisionRow>
    private var open: [RowSet] = []

    init(_ reader: StoreReader, _ filter: RowFilter) throws {
        self.reader = reader
        self.filter = filter
        waiting = try filter.verdict == .gap ? [] : reader.allSources()[...]
        gaps = try reader.gaps(filter)[...]
    }

    /// The next row that passes the filter; `nil` at the end.
    public func next() throws -> DecisionRow? {
        while true {
            let least = open.indices.min { open[$0].nextSeq ?? .max < open[$1].nextSeq ?? .max }
            let seq = least.flatMap { open[$0].nextSeq } ?? .max
            // Another chunk may begin before the rows that are open.
            if let first = waiting.first, first.info.firstSeq <= seq {
                waiting = waiting.dropFirst()
                open += try reader.rowSets(first, filter).filter { $0.remaining > 0 }
                continue
            }
            if let gap = gaps.first, gap.seq < seq {
                gaps = gaps.dropFirst()
                return gap
            }
            guard let least, seq < .max else { return nil }
            let row = try open[least].nextRow()
            if open[least].remaining == 0 { open.remove(at: least) }
            return row
        }
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
    /// Reads chunks from the newest back, only as many as it needs; holds `limit` rows.
    public func newest(_ limit: Int, _ filter: RowFilter = RowFilter()) throws -> [DecisionRow] {
        let filter = bounded(filter)
        var rows = Array(try gaps(filter).suffix(max(limit, 0)))
        let newestFirst =
            try filter.verdict == .gap
            ? [] : allSources().sorted { $0.info.lastSeq > $1.info.lastSeq }
        for source in newestFirst where limit > 0 {
            if rows.count >= limit, let oldest = rows.first, oldest.seq > source.info.lastSeq {
                break
            }
            for var set in try rowSets(source, filter, last: limit) {
                while let row = try set.nextRow() { rows.append(row) }
            }
            rows.sort { $0.seq < $1.seq }
            rows.removeFirst(max(0, rows.count - limit))
        }
        return rows
    }
}
