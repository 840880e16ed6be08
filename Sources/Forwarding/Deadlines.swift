/// When each exchange is to be looked at again.
///
/// Patience has few values, and of those who are waited for equally long who came first is due
/// first: a queue for each value, and nothing to sort. An entry is never taken out before its turn;
/// whoever asks says which are still of interest.
struct Deadlines {
    struct Entry {
        var milliseconds: Int64
        /// The number of the exchange.
        var exchange: Int
        var generation: UInt32
    }

    private struct Queue {
        let patienceMilliseconds: Int64
        var entries: [Entry] = []
        var head = 0

        var first: Entry? { head < entries.count ? entries[head] : nil }

        mutating func dropFirst() {
            head += 1
            if head == entries.count {
                entries.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 1024, head * 2 > entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }
    }

    private var queues: [Queue] = []

    /// Adds an entry; the time now never goes back from one call to the next.
    mutating func push(
        exchange: Int, generation: UInt32, nowMilliseconds: Int64, patienceMilliseconds: Int64
    ) {
        let entry = Entry(
            milliseconds: nowMilliseconds + patienceMilliseconds, exchange: exchange,
            generation: generation)
        for index in queues.indices
        where queues[index].patienceMilliseconds == patienceMilliseconds {
            queues[index].entries.append(entry)
            return
        }
        queues.append(Queue(patienceMilliseconds: patienceMilliseconds, entries: [entry]))
    }

    /// The earliest time that is of interest; nil if nothing is waited for.
    mutating func next(isCurrent: (Entry) -> Bool) -> Int64? {
        var earliest: Int64?
        for index in queues.indices {
            while let first = queues[index].first {
                guard isCurrent(first) else {
                    queues[index].dropFirst()
                    continue
                }
                earliest = min(earliest ?? .max, first.milliseconds)
                break
            }
        }
        return earliest
    }

    /// Takes an entry whose time has come, the earliest of them first.
    mutating func pop(dueAt nowMilliseconds: Int64) -> Entry? {
        var due: Int?
        for index in queues.indices {
            guard let first = queues[index].first, first.milliseconds <= nowMilliseconds
            else { continue }
            if let other = due, let best = queues[other].first,
                best.milliseconds <= first.milliseconds
            {
                continue
            }
            due = index
        }
        guard let due, let entry = queues[due].first else { return nil }
        queues[due].dropFirst()
        return entry
    }
}
