/// Rows that a reader finds to be missing, as gap rows: each comes with the time of the row behind
/// it, which every reader of that place finds, and so before that row.
struct MissingRows {
    private let filter: RowFilter
    private var stretches: [(seqs: Range<UInt64>, reason: GapReason)] = []
    /// What is to be given before anything else is read.
    private var ready: [DecisionRow] = []

    init(_ filter: RowFilter) { self.filter = filter }

    mutating func note(_ seqs: Range<UInt64>, _ reason: GapReason) {
        stretches.append((seqs, reason))
    }

    /// A row of the log tells of these itself.
    mutating func leaveOut(_ seqs: Range<UInt64>) {
        if !stretches.isEmpty, !seqs.isEmpty { stretches.removeAll { $0.seqs == seqs } }
    }

    /// Whether gaps come before a record; makes their rows, with its time.
    mutating func isAhead(of record: RecordBytes) -> Bool {
        guard !stretches.isEmpty else { return false }
        let micros: Int64 = record.load(RecordLayout.headerBytes)
        for (seqs, reason) in stretches where accepts(seqs.lowerBound, micros) {
            let gap = RecordGap(
                count: seqs.upperBound - seqs.lowerBound, firstMicros: 0, lastMicros: 0,
                reason: reason, seqs: seqs)
            ready.append(DecisionRow(seq: seqs.lowerBound, micros: micros, gap: gap))
        }
        stretches.removeAll()
        return true
    }

    private func accepts(_ seq: UInt64, _ micros: Int64) -> Bool {
        filter.acceptsGaps && seq > filter.afterSeq ?? 0 && micros >= filter.sinceMicros ?? .min
            && micros < filter.untilMicros ?? .max
    }

    /// Keeps a row that comes behind the gaps.
    mutating func put(_ row: DecisionRow) { ready.append(row) }

    mutating func next() -> DecisionRow? { ready.isEmpty ? nil : ready.removeFirst() }
}
