public import Synchronization

/// A plane as the query path reads it: raw pointers, no reference counting, no allocation.
///
/// Valid only while its `Plane` is kept alive, which is the caller's duty.
@safe @frozen public struct PlaneView: @unchecked Sendable {
    // Guarded by the plane's cells being atomic words, and all else being constant.

    /// The instant for which the plane was made, in seconds since 1970 UTC.
    public let from: Int64
    /// The next bell, `Int64.max` for never: the plane holds in `from..<until`.
    public let until: Int64

    @usableFromInline let cells: UnsafeMutablePointer<Atomic<UInt64>>?
    @usableFromInline let audienceRows: UnsafePointer<UInt32>
    @usableFromInline let audienceCount: Int
    @usableFromInline let rowCount: Int
    @usableFromInline let setCount: Int
    @usableFromInline let firstRewrite: UInt16
    @usableFromInline let plane: Unmanaged<Plane>

    init(
        cells: UnsafeMutablePointer<Atomic<UInt64>>?, audienceRows: UnsafePointer<UInt32>,
        audienceCount: Int, rowCount: Int, setCount: Int, firstRewrite: UInt16,
        plane: Unmanaged<Plane>, from: Int64, until: Int64
    ) {
        unsafe self.cells = cells
        unsafe self.audienceRows = audienceRows
        self.audienceCount = audienceCount
        self.rowCount = rowCount
        self.setCount = setCount
        self.firstRewrite = firstRewrite
        unsafe self.plane = plane
        self.from = from
        self.until = until
    }

    /// The verdict for an audience (a place in `PolicyProgram.audiences`) and a category set.
    ///
    /// Two loads once the cell is filled. An audience or set that does not exist is taken as one
    /// without rules or names of its own.
    @inlinable public func verdict(audience: Int, set: UInt32) -> Verdict {
        let knownAudience = audience >= 0 && audience < audienceCount ? audience : audienceCount
        // SAFETY: the table has one row more than there are audiences; the place is bounded above.
        return verdict(row: Int(unsafe audienceRows[knownAudience]), set: set)
    }

    /// The verdict for a row of audiences (`PolicyProgram.row`) and a category set.
    ///
    /// A row that does not exist is taken as that of a client of no audience.
    @inlinable @inline(__always) public func verdict(row: Int, set: UInt32) -> Verdict {
        // SAFETY: behind the rows of the audiences there is one for a client of none.
        let row = row >= 0 && row < rowCount ? row : Int(unsafe audienceRows[audienceCount])
        let knownSet = Int(set) < setCount ? Int(set) : 0
        // SAFETY: there are `setCount` cells in each of `rowCount` rows; both are bounded above.
        if let cells = unsafe cells {
            let place = 2 &* (row &* setCount &+ knownSet)
            let first = unsafe cells[place].load(ordering: .acquiring)
            if first & PackedVerdict.filledBit != 0 {
                let second = unsafe cells[place &+ 1].load(ordering: .relaxed)
                return PackedVerdict(first: first, second: second)
                    .verdict(firstRewrite: firstRewrite)
            }
        }
        return fill(row: row, set: knownSet)
    }

    @inline(never) @usableFromInline func fill(row: Int, set: Int) -> Verdict {
        // SAFETY: the caller keeps the plane alive while it uses the view.
        unsafe plane._withUnsafeGuaranteedRef { $0.fill(row: row, set: set) }
    }
}

/// A verdict in two words.
///
///     first:   63 filled | 62 block | 56-61 rewrite | 48-55 tier | 32-47 category
///              | 16-31 source | 0-15 rank
///     second:  16-63 until, signed | 0-15 period
///
/// Rewrites are counted from 1, in the order of their clauses; 0: it is none.
@frozen @usableFromInline struct PackedVerdict {
    @usableFromInline let first: UInt64
    @usableFromInline let second: UInt64

    @inlinable static var filledBit: UInt64 { 1 << 63 }
    @inlinable static var blockBit: UInt64 { 1 << 62 }
    @inlinable static var rewriteShift: UInt64 { 56 }
    @inlinable static var rewriteMask: UInt64 { 0x3F }
    /// Stands for `Int64.max`; later than `Instant.latest` by far.
    @inlinable static var untilNever: Int64 { 1 << 47 - 1 }

    @inlinable init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    init(_ verdict: Verdict, firstRewrite: UInt16) {
        let rewrite = verdict.action == .rewrite ? UInt64(verdict.rule - firstRewrite) + 1 : 0
        first =
            Self.filledBit | (verdict.action == .block ? Self.blockBit : 0)
            | rewrite << Self.rewriteShift
            | UInt64(verdict.tier) << 48 | UInt64(verdict.category) << 32
            | UInt64(verdict.source) << 16 | UInt64(verdict.rank)
        let until = min(verdict.until, Self.untilNever)
        second = UInt64(bitPattern: until << 16) | UInt64(verdict.period)
    }

    @inlinable func verdict(firstRewrite: UInt16) -> Verdict {
        let until = Int64(bitPattern: second) >> 16
        let rewrite = first >> Self.rewriteShift & Self.rewriteMask
        let rank = UInt16(truncatingIfNeeded: first)
        return Verdict(
            action: rewrite != 0 ? .rewrite : first & Self.blockBit == 0 ? .allow : .block,
            rule: rewrite == 0 ? rank : firstRewrite &+ UInt16(rewrite) &- 1,
            source: UInt16(truncatingIfNeeded: first >> 16),
            tier: UInt8(truncatingIfNeeded: first >> 48),
            category: UInt16(truncatingIfNeeded: first >> 32),
            period: UInt16(truncatingIfNeeded: second),
            until: until == Self.untilNever ? .max : until, rank: rank)
    }
}
