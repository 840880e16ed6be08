/// The minutes at which something holds, on each class of day: one bit a minute.
struct ActiveMinutes: Hashable, Sendable {
    /// `wordsPerDay` words for each class, in the order of their numbers.
    private(set) var words: [UInt64]

    static let wordsPerDay = (minutesPerDay + 63) / 64

    /// No minute at all.
    static let never = ActiveMinutes(words: .init(repeating: 0, count: wordsInAll))
    /// Every minute.
    static let always: ActiveMinutes = {
        var minutes = never
        for dayClass in DayClass.all { minutes.insert(0..<minutesPerDay, on: dayClass) }
        return minutes
    }()

    private static let wordsInAll = DayClass.count * wordsPerDay

    private init(words: [UInt64]) { self.words = words }

    /// The minutes of a period's windows.
    init(_ period: Period) {
        self = .never
        for dayClass in DayClass.all {
            if period.when.includes(isTermDay: dayClass.isTermDay) {
                for window in period.windows(onWeekday: dayClass.weekday) {
                    insert(window.minutesOfStartDay, on: dayClass)
                }
            }
            // What is left of the day before goes by that day's weekday and calendar.
            if period.when.includes(isTermDay: dayClass.followsTermDay) {
                for window in period.windows(onWeekday: dayClass.weekdayBefore) {
                    insert(window.minutesOfNextDay, on: dayClass)
                }
            }
        }
    }

    mutating func insert(_ minutes: Range<Int>, on dayClass: DayClass) {
        let base = dayClass.number * Self.wordsPerDay
        var minute = minutes.lowerBound
        while minute < minutes.upperBound {
            let wordEnd = min((minute / 64 + 1) * 64, minutes.upperBound)
            let ones = UInt64.max >> UInt64(64 - (wordEnd - minute))
            words[base + minute / 64] |= ones << UInt64(minute % 64)
            minute = wordEnd
        }
    }

    mutating func formUnion(_ other: ActiveMinutes) {
        for index in words.indices { words[index] |= other.words[index] }
    }

    mutating func subtract(_ other: ActiveMinutes) {
        for index in words.indices { words[index] &= ~other.words[index] }
    }

    /// Whether it holds at no minute of these classes.
    func isEmpty(on classes: DayClassSet) -> Bool {
        DayClass.all.allSatisfy { dayClass in
            !classes.contains(dayClass) || wordRange(of: dayClass).allSatisfy { words[$0] == 0 }
        }
    }

    /// Whether it holds only where `other` does, on these classes.
    func isSubset(of other: ActiveMinutes, on classes: DayClassSet) -> Bool {
        DayClass.all.allSatisfy { dayClass in
            !classes.contains(dayClass)
                || wordRange(of: dayClass).allSatisfy { words[$0] & ~other.words[$0] == 0 }
        }
    }

    /// Whether it holds at the start of the day.
    func holdsAtMidnight(on dayClass: DayClass) -> Bool {
        words[dayClass.number * Self.wordsPerDay] & 1 != 0
    }

    /// The minutes after midnight at which it begins or ends, in order.
    func flips(on dayClass: DayClass) -> [UInt16] {
        var found: [UInt16] = []
        var before: UInt64 = holdsAtMidnight(on: dayClass) ? 1 : 0
        for (index, wordIndex) in wordRange(of: dayClass).enumerated() {
            let word = words[wordIndex]
            var changes = word ^ (word << 1 | before)
            before = word >> 63
            while changes != 0 {
                let minute = index * 64 + changes.trailingZeroBitCount
                // The last word is longer than the day.
                if minute < minutesPerDay { found.append(UInt16(minute)) }
                changes &= changes - 1
            }
        }
        return found
    }

    private func wordRange(of dayClass: DayClass) -> Range<Int> {
        dayClass.number * Self.wordsPerDay..<(dayClass.number + 1) * Self.wordsPerDay
    }
}
