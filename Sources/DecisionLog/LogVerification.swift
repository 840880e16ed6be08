/// Checks a whole log: every checksum, every header, and that no seq is missing.
public struct LogVerification: Sendable {
    /// How many segments there are.
    public private(set) var segmentCount = 0
    /// How many rows were read.
    public private(set) var rowCount = 0
    /// How many of them note a gap.
    public private(set) var gapCount = 0
    /// How many decisions those say were not recorded.
    public private(set) var lostCount: UInt64 = 0
    /// The first row's seq; `nil` if there is none.
    public private(set) var firstSeq: UInt64?
    /// The last row's seq.
    public private(set) var lastSeq: UInt64?
    /// What is wrong, in the order of the log.
    public private(set) var damage: [LogDamage] = []
    /// Half-written ends that the next start removes; no damage.
    public private(set) var tornTails: [LogDamage] = []

    /// Whether every row is there and as it was written.
    public var isSound: Bool { damage.isEmpty }

    /// Reads the log from beginning to end.
    ///
    /// - Throws: `JournalError` if the directory cannot be read.
    public init(directory: String) throws {
        let reader = try JournalReader(directory: directory)
        while let row = reader.next() {
            firstSeq = firstSeq ?? row.seq
            lastSeq = row.seq
            if let gap = row.gap {
                gapCount += 1
                lostCount += gap.count
            }
        }
        rowCount = reader.rowCount
        segmentCount = reader.segmentCount
        damage = reader.damage.filter { $0.kind != .tornTail }
        tornTails = reader.damage.filter { $0.kind == .tornTail }
    }
}
