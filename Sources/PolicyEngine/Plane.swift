import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// What the policy means between two bells: the finished verdict for every audience and every
/// category set.
///
/// Immutable to its readers. A cell is filled when it is first asked for; the same cell may be
/// filled by several threads at once, each with the same words.
@safe public final class Plane: @unchecked Sendable {
    // Guarded by the cells being atomic words, and all else being constant.

    /// The instant for which it was made, in seconds since 1970 UTC.
    public let from: Int64
    /// The next bell: the first later instant at which any rule's condition, or any period that
    /// a verdict may name, changes. `Int64.max` for never. The plane holds in `from..<until`.
    public let until: Int64
    /// The program that made it.
    public let program: PolicyProgram

    private let state: PlaneState
    /// Two words a cell, a row of cells for each row of audiences; `nil` where memory is short.
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>?
    private let audienceRows: UnsafeMutablePointer<UInt32>

    init(program: PolicyProgram, state: PlaneState) {
        self.program = program
        self.state = state
        from = state.from
        until = state.until
        let rows = program.ruleTable.rowOfAudience
        // SAFETY: initialized to `rows.count` elements here, freed in deinit only.
        unsafe audienceRows = .allocate(capacity: rows.count)
        for (audience, row) in rows.enumerated() {
            unsafe (audienceRows + audience).initialize(to: row)
        }
        let wordCount = program.ruleTable.rowCount * program.setTable.count * 2
        // Zeroed pages cost nothing until they are touched, so that a plane is cheap to make
        // however many sets there are.
        // SAFETY: an atomic word has the layout of the word, and all zeros is its value zero.
        // It has nothing to destroy, so that freeing the memory is all that deinit needs to do.
        unsafe cells = calloc(wordCount, MemoryLayout<Atomic<UInt64>>.stride)?
            .bindMemory(to: Atomic<UInt64>.self, capacity: wordCount)
    }

    deinit {
        // SAFETY: both were allocated in init, and no view outlives the plane.
        unsafe free(cells)
        unsafe audienceRows.deallocate()
    }

    /// The verdict for an audience (a place in `PolicyProgram.audiences`) and a category set.
    ///
    /// An audience or set that does not exist is taken as one without rules or names of its own.
    public func verdict(audience: Int, set: UInt32) -> Verdict {
        view.verdict(audience: audience, set: set)
    }

    /// The plane as raw pointers for the query path. Valid only while the plane is kept alive.
    public var view: PlaneView {
        // SAFETY: the caller keeps the plane alive for as long as it uses the view.
        unsafe PlaneView(
            cells: cells, audienceRows: audienceRows,
            audienceCount: program.ruleTable.rowOfAudience.count - 1,
            rowCount: program.ruleTable.rowCount, setCount: program.setTable.count,
            firstRewrite: program.firstRewrite, plane: Unmanaged.passUnretained(self), from: from,
            until: until)
    }

    /// Works out a cell, and keeps it where there is memory for cells.
    func fill(row: Int, set: Int) -> Verdict {
        let verdict = program.verdict(row: row, set: set, state: state)
        if let cells = unsafe cells {
            let cell = PackedVerdict(verdict, firstRewrite: program.firstRewrite)
            let place = 2 * (row * program.setTable.count + set)
            // SAFETY: `row` and `set` come from the view, which bounds them.
            // The second word is written first: whoever sees the first sees both.
            unsafe cells[place + 1].store(cell.second, ordering: .relaxed)
            unsafe cells[place].store(cell.first, ordering: .releasing)
        }
        return verdict
    }
}
