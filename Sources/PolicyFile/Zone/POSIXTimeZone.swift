import DNSWire
import PolicyEngine

/// A rule for a zone's clock changes, as in `GMT0BST,M3.5.0/1,M10.5.0`
/// (POSIX.1-2017 section 8.3, with the wider hours of RFC 9636 section 3.3.1).
struct POSIXTimeZone {
    private var standardOffset: Int
    private var summer: Summer?

    private struct Summer {
        var offset: Int
        var start: Change
        var end: Change
    }

    /// When in a year the clocks change: a day, and seconds of the wall clock before the change.
    private struct Change {
        var day: Day
        var seconds: Int
    }

    private enum Day {
        /// Day 1...365, 29 February never counted.
        case julian(Int)
        /// Day 0...365, 29 February counted.
        case zeroBased(Int)
        /// The nth weekday (0 is Sunday) of a month; the 5th means the last.
        case weekday(month: Int, week: Int, day: Int)
    }

    init?(_ text: some Sequence<UInt8>) {
        var cursor = Cursor(octets: Array(text))
        guard cursor.name(), let west = cursor.time(hours: 24) else { return nil }
        standardOffset = -west
        if cursor.isAtEnd { return }
        guard cursor.name() else { return nil }
        var offset = standardOffset + 3600
        if cursor.peek != UInt8(ascii: ",") {
            guard let west = cursor.time(hours: 24) else { return nil }
            offset = -west
        }
        guard let start = Self.change(&cursor), let end = Self.change(&cursor), cursor.isAtEnd
        else { return nil }
        summer = Summer(offset: offset, start: start, end: end)
    }

    private static func change(_ cursor: inout Cursor) -> Change? {
        guard cursor.take(","), let day = day(&cursor) else { return nil }
        guard cursor.take("/") else { return Change(day: day, seconds: 2 * 3600) }
        return cursor.time(hours: 167).map { Change(day: day, seconds: $0) }
    }

    private static func day(_ cursor: inout Cursor) -> Day? {
        if cursor.take("J") { return cursor.number(in: 1...365).map { .julian($0) } }
        guard cursor.take("M") else { return cursor.number(in: 0...365).map { .zeroBased($0) } }
        guard let month = cursor.number(in: 1...12), cursor.take("."),
            let week = cursor.number(in: 1...5), cursor.take("."),
            let day = cursor.number(in: 0...6)
        else { return nil }
        return .weekday(month: month, week: week, day: day)
    }

    /// The clock changes after an instant, to the end of a year.
    ///
    /// - Parameter instant: the last change already known; without one, 1970 is where it starts.
    /// - Parameter offset: what the clocks show before the first of them, in seconds from UTC.
    func transitions(
        after instant: Instant?, offsetBefore offset: Int, upTo lastYear: Int
    ) -> [(at: Instant, offsetSeconds: Int)] {
        let start = instant ?? Instant(seconds: 0)
        guard let summer else {
            return offset == standardOffset ? [] : [(start.next, standardOffset)]
        }
        let day = start.seconds.clampedDivision(by: 86_400)
        let firstYear = CivilDate(daysSinceEpoch: day).year
        guard firstYear <= lastYear else { return [] }
        // A year more at the front, whose changes may reach over the turn of the year.
        let changes = (max(firstYear - 1, 1)...lastYear).flatMap { year in
            [
                (
                    at: Self.instant(of: summer.start, in: year, offset: standardOffset),
                    offsetSeconds: summer.offset
                ),
                (
                    at: Self.instant(of: summer.end, in: year, offset: summer.offset),
                    offsetSeconds: standardOffset
                ),
            ]
        }
        // Where one summer ends as the next starts, the later one written holds (summer all year).
        let ordered = changes.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
        var found: [(at: Instant, offsetSeconds: Int)] = []
        for change in ordered where change.at > start {
            if found.last?.at == change.at { found.removeLast() }
            found.append(change)
        }
        return found
    }

    private static func instant(of change: Change, in year: Int, offset: Int) -> Instant {
        let seconds = Int64(days(of: change.day, in: year)) * 86_400
        return Instant(seconds: seconds + Int64(change.seconds) - Int64(offset))
    }

    /// The day, counted from 1970-01-01.
    private static func days(of day: Day, in year: Int) -> Int {
        func first(_ month: Int) -> CivilDate {
            CivilDate(year: year, month: month, day: 1) ?? CivilDate(daysSinceEpoch: 0)
        }
        switch day {
        case .zeroBased(let count):
            return first(1).daysSinceEpoch + count
        case .julian(let count):
            let leapDay = CivilDate(year: year, month: 2, day: 29) != nil && count >= 60 ? 1 : 0
            return first(1).daysSinceEpoch + count - 1 + leapDay
        case .weekday(let month, let week, let day):
            let start = first(month)
            // CivilDate counts from Monday, POSIX from Sunday.
            let wait = ((day + 6) % 7 - start.weekday + 7) % 7
            var found = start.advanced(byDays: wait + 7 * (week - 1))
            if found.month != month { found = found.advanced(byDays: -7) }
            return found.daysSinceEpoch
        }
    }
}

extension POSIXTimeZone {
    /// Reads the text from left to right.
    private struct Cursor {
        let octets: [UInt8]
        var position = 0

        var peek: UInt8? { position < octets.count ? octets[position] : nil }
        var isAtEnd: Bool { position >= octets.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard peek.map(UInt32.init) == character.value else { return false }
            position += 1
            return true
        }

        /// An abbreviation: three or more letters, or anything within `<` and `>`.
        mutating func name() -> Bool {
            if take("<") {
                while let octet = peek, octet != UInt8(ascii: ">") { position += 1 }
                return take(">")
            }
            let start = position
            while let octet = peek, octet.asciiLowercased &- 0x61 < 26 { position += 1 }
            return position - start >= 3
        }

        mutating func number(in range: ClosedRange<Int>) -> Int? {
            var value: Int?
            while let digit = peek?.decimalDigit, value ?? 0 < 1000 {
                value = (value ?? 0) * 10 + digit
                position += 1
            }
            return value.flatMap { range.contains($0) ? $0 : nil }
        }

        /// `[+|-]hh[:mm[:ss]]`, in seconds.
        mutating func time(hours: Int) -> Int? {
            let sign = take("-") ? -1 : 1
            if sign == 1 { _ = take("+") }
            guard var seconds = number(in: 0...hours).map({ $0 * 3600 }) else { return nil }
            for unit in [60, 1] where take(":") {
                guard let part = number(in: 0...59) else { return nil }
                seconds += part * unit
            }
            return sign * seconds
        }
    }
}

extension Instant {
    fileprivate var next: Instant { Instant(seconds: seconds &+ 1) }
}

extension Int64 {
    /// The quotient towards negative infinity, small enough for a day count.
    fileprivate func clampedDivision(by divisor: Int64) -> Int {
        Int(clamping: self / divisor - (self % divisor < 0 ? 1 : 0))
    }
}
