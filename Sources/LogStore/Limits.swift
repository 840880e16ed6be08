/// The room's limits, each with its unit and its reason.
enum StoreLimits {
    /// Rows that a chunk may have: what a question decodes at a time, about 40 MiB at the most.
    static let chunkRows = 1 << 19
    /// Chunks of about one size that are merged into one: so a row is written about log8 times.
    static let mergeCount = 8
    /// Rows of the smallest size of chunk; the next sizes are 8 and 64 times that.
    static let smallestTierRows = 1 << 11
    /// Rows that the follower takes into memory at a time.
    static let batchRows = 1 << 17
    /// Rows for which the follower writes at once, however young they are.
    static let eagerRows = 1 << 14
    /// How old the oldest row may become before it is written, in microseconds; until then
    /// questions read it from the journal.
    static let patienceMicros: Int64 = 10_000_000
    /// Bytes of a piece: fills a leaf's share and four overflow pages of SQLite to the last byte.
    static let pieceBytes = 16_832
    /// Pieces that a part of a chunk may have: more would run into the next part's numbers.
    static let partPieces = 1 << 20 - 1
    /// Names of one page of a chunk's names: what is decoded to find one.
    static let pageNames = 64
    /// How often a name must occur in a chunk to stand among its heavy ones, which the tops of
    /// many chunks are found from.
    static let heavyCount = 16
    /// Of so many rows one more must have a name to stand there: where there are more rows, it
    /// takes more to be among the greatest.
    static let rowsPerHeavyCount = 1 << 15
    /// Rows that a day may have to be summed up: what is made for that is held in memory, about
    /// four bytes a row. A day of more is answered from its chunks.
    static let rollupRows = 1 << 25
    /// Names that a question for the greatest looks up one by one, beside as many as it wants:
    /// more than that cost as much as reading them all.
    static let lookedUpNames = 200
    /// Damaged places of the journal that a round tells one by one.
    static let toldDamage = 10
    /// Length of the slots that rows are counted in, in microseconds: every zone's offset from UTC
    /// is a multiple of a quarter of an hour.
    static let slotMicros: Int64 = 900_000_000
    /// Microseconds of a day file.
    static let dayMicros: Int64 = 86_400_000_000
    /// How long a question waits for a file that is being changed, in seconds.
    static let busySeconds = 5.0
    /// Bytes that the store leaves free on its disk: the log itself, which is what counts, has room
    /// for some millions of rows in them.
    static let reservedBytes: UInt64 = 512 << 20
    /// Of a small disk it leaves this part free, where that is less.
    static let reservedShare: UInt64 = 8
    /// KiB of a file that SQLite keeps in memory: what is read is read once, of many files.
    static let cacheKibibytes = 256
    /// Microseconds after a day's end at which its file is made compact.
    static let closeAfterMicros: Int64 = 600_000_000
}
