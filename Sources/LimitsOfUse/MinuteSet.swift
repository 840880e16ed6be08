/// Minutes of one day, counted from its first instant.
struct MinuteSet: Hashable, Sendable {
    private var words = [UInt64](repeating: 0, count: (UseCounting.minutesOfDay + 63) / 64)

    mutating func insert(_ minute: Int) {
        guard (0..<UseCounting.minutesOfDay).contains(minute) else { return }
        words[minute / 64] |= 1 << UInt64(minute % 64)
    }

    func contains(_ minute: Int) -> Bool { words[minute / 64] >> UInt64(minute % 64) & 1 != 0 }

    /// The minutes, in order.
    var minutes: [Int] {
        var found: [Int] = []
        for (place, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                found.append(place * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return found
    }

    /// The minutes that count, with the gaps between them that are taken for use.
    ///
    /// A gap is bridged where all its minutes count, too: use does not reach across the end of
    /// college hours, nor across midnight.
    ///
    /// - Returns: each minute that counted, and how many are active up to and with it.
    func bridged(_ counts: MinuteSet?) -> [(minute: Int, total: Int)] {
        var result: [(minute: Int, total: Int)] = []
        for minute in minutes where counts?.contains(minute) ?? true {
            guard let last = result.last else {
                result.append((minute, 1))
                continue
            }
            let gap = last.minute + 1..<minute
            let isBridged =
                minute - last.minute <= UseCounting.bridgedMinutes
                && gap.allSatisfy { counts?.contains($0) ?? true }
            result.append((minute, last.total + 1 + (isBridged ? gap.count : 0)))
        }
        return result
    }
}
