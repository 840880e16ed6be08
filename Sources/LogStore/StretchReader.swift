import DecisionLog

/// A part of the journal that is read in the store's stead.
struct JournalStretch {
    var filter: RowFilter
    /// The last seq; `.max` = all there is.
    var untilSeq: UInt64 = .max
    /// By day, what is in the store already.
    var applied: [StoreDay: UInt64] = [:]
    /// Days that are read by themselves.
    var without: Set<StoreDay> = []
    /// The row that the store ends with; `nil` where nothing is known to go before.
    var follows: UInt64?
}

/// Gives the rows of such a part in the order of their seq, gap rows in the place of those that
/// cannot be read; holds none of them.
final class StretchReader {
    private let stretch: JournalStretch
    private let reader: JournalReader
    private var isAtEnd = false

    init(_ stretch: JournalStretch, directory: String) throws {
        self.stretch = stretch
        reader = try JournalReader(
            directory: directory, filter: stretch.filter, tellsMissing: true,
            follows: stretch.follows)
    }

    /// The last row that was looked at; 0 = none.
    var lastSeq: UInt64 { reader.lastSeq }
    /// Places that are not as they were written.
    var damage: [LogDamage] { reader.damage }

    /// The next row; `nil` at the end of what there was when it was reached.
    func next() -> DecisionRow? {
        while !isAtEnd, let row = reader.next(), row.seq <= stretch.untilSeq {
            let day = StoreDay(micros: row.timeMicros)
            if row.seq <= stretch.applied[day] ?? 0 || stretch.without.contains(day) { continue }
            return row
        }
        isAtEnd = true
        return nil
    }
}
