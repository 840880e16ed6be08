import Glibc

/// The journal's care for the keys of pseudonyms: they are renewed and destroyed as rows are.
extension Journal {
    /// Makes the next key a day before it is needed, and destroys a key when none of the rows that it
    /// stood for is left. Each is noted in the audit trail before it is done.
    ///
    /// Where the file cannot be read or written nothing changes, and the next call tries again:
    /// whoever asks for pseudonyms is told of it.
    func renewKeys(nowMicros: Int64, keepMicros: Int64) {
        guard var keys = try? PseudonymKeys.open(in: directory, nowMicros: nowMicros) else {
            return
        }
        let question = "keep \(keepMicros / 1_000_000)s"
        if let day = keys.renew(nowMicros: nowMicros, keepMicros: keepMicros) {
            let text = "pseudonyms are others from \(PseudonymKeys.text(ofDay: day)) UTC on"
            let isDone = try? keys.write(to: directory, replacing: true) {
                tell(.rekey, question: question, reason: text)
            }
            guard isDone == true else { return }
        }
        guard keys.mayRetire(nowMicros: nowMicros, keepMicros: keepMicros),
            let day = keys.retire(
                nowMicros: nowMicros, keepMicros: keepMicros, oldestMicros: oldestMicros)
        else { return }
        let text = "the keys of days before \(PseudonymKeys.text(ofDay: day)) UTC are destroyed"
        _ = try? keys.write(to: directory, replacing: true) {
            tell(.rekey, question: question, reason: text)
        }
    }

    /// The time of the oldest row, in microseconds since 1970 UTC; `.max` where there is none.
    private var oldestMicros: Int64 {
        guard let names = try? directory.segments() else { return .min }
        return names.reduce(.max) { oldest, name in
            guard let file = directory.openForReading("\(name)") else { return oldest }
            let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
            Glibc.close(file)
            // SAFETY: the array outlives the call, and the seal is a value of its own.
            let seal = unsafe head.withUnsafeBytes { unsafe SegmentSeal(header: RecordBytes($0)) }
            if let seal { return min(oldest, seal.leastMicros) }
            // The one that is being written: its rows come in about the order of time.
            let first = JournalReader(directory, filter: RowFilter(), only: name).next()
            return min(oldest, first?.timeMicros ?? .max)
        }
    }
}
