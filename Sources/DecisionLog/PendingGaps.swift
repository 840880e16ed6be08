import Glibc

/// What could not be recorded and has not been noted in the log yet, by reason.
///
/// Kept in the log's head as well, so that a process that is killed while the disk is full does not
/// take the count along.
struct PendingGaps: ~Copyable {
    private(set) var list: [RecordGap] = []
    private let head: JournalHead?
    /// Whether there are none: the one thing that a commit looks at.
    private(set) var isEmpty = true

    init(head: JournalHead?) {
        self.head = head
        list.reserveCapacity(JournalHead.maximumGaps)
    }

    /// Counts decisions that are lost. Allocates nothing.
    ///
    /// - Parameter nextSeq: where the log stands, since that is where the gap will be noted.
    mutating func lose(
        _ count: Int, firstMicros: Int64, lastMicros: Int64, reason: GapReason, nextSeq: UInt64
    ) {
        let known = list.lastIndex { $0.reason == reason && $0.endSeq == 0 }
        // More reasons than there is room for count with the last one.
        let room = list.count < JournalHead.maximumGaps ? nil : list.indices.last
        if let index = known ?? room {
            list[index].count &+= UInt64(count)
            list[index].firstMicros = min(list[index].firstMicros, firstMicros)
            list[index].lastMicros = max(list[index].lastMicros, lastMicros)
        } else {
            list.append(
                RecordGap(
                    count: UInt64(count), firstMicros: firstMicros, lastMicros: lastMicros,
                    reason: reason))
        }
        isEmpty = false
        head?.keep(list, nextSeq: nextSeq)
    }

    /// Takes over gaps that are to be noted as they are.
    mutating func add(_ gaps: [RecordGap], nextSeq: UInt64) {
        guard !gaps.isEmpty else { return }
        list += gaps
        isEmpty = false
        head?.keep(list, nextSeq: nextSeq)
    }

    /// The first has been noted in the log, which goes on at `nextSeq`.
    mutating func removeFirst(nextSeq: UInt64) {
        list.removeFirst()
        isEmpty = list.isEmpty
        if isEmpty { head?.clearGaps() } else { head?.keep(list, nextSeq: nextSeq) }
    }
}
