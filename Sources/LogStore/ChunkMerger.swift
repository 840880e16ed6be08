import DecisionLog

/// Merges a file's chunks into fewer: each row is written again only a few times in all.
struct ChunkMerger {
    private let file: DayFile
    private let chunkRows: Int

    /// - Parameter chunkRows: rows that a chunk may have.
    init(_ file: DayFile, chunkRows: Int) {
        self.file = file
        self.chunkRows = chunkRows
    }

    /// Merges what is due.
    ///
    /// - Parameter isFinal: the day is over, so that all that can be merged is.
    /// - Returns: how many chunks came out of it.
    func run(isFinal: Bool) throws -> Int {
        var merged = 0
        while let group = next(isFinal: isFinal) {
            try merge(group)
            merged += 1
        }
        return merged
    }

    /// Chunks side by side that should become one; `nil` if there are none.
    private func next(isFinal: Bool) -> Range<Int>? {
        let chunks = file.chunks
        let sizes = isFinal ? [chunkRows] : Self.tiers
        for limit in sizes {
            var start = 0
            while start < chunks.count {
                var end = start
                var rows = 0
                while end < chunks.count, chunks[end].rows < limit,
                    rows + chunks[end].rows <= chunkRows
                {
                    rows += chunks[end].rows
                    end += 1
                }
                if end - start >= (isFinal ? 2 : StoreLimits.mergeCount) { return start..<end }
                // A full group of fewer: it cannot take the next one, which then begins another.
                start = max(end, start + 1)
            }
        }
        return nil
    }

    private static let tiers = [
        StoreLimits.smallestTierRows, StoreLimits.smallestTierRows * 8,
        StoreLimits.smallestTierRows * 64,
    ]

    private func merge(_ group: Range<Int>) throws {
        let chunks = file.chunks[group]
        var builder = ChunkBuilder(dayStartMicros: file.day.startMicros)
        for info in chunks {
            let chunk = try Chunk(info, dayStartMicros: file.day.startMicros, source: file)
            var rows = try RowSet(chunk, .init())
            try rows.copy(into: &builder)
        }
        guard let merged = ChunkEncoder(builder).encode() else { return }
        try file.replace(chunks, by: merged)
    }
}
