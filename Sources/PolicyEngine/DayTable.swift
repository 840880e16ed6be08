/// What a day means to the periods: its weekday, and whether it and the day before are term days.
///
/// The day before matters as its windows may pass midnight. Two days of one class have the same
/// periods at the same minutes, so there are only 28 different days.
struct DayClass: Hashable, Sendable {
    /// 0..<28: the weekday times 4, plus 2 on a term day, plus 1 after a term day.
    let number: Int

    static let count = 28
    static let all = (0..<count).map(DayClass.init(number:))

    init(number: Int) { self.number = number }

    init(weekday: Int, isTermDay: Bool, followsTermDay: Bool) {
        number = weekday * 4 + (isTermDay ? 2 : 0) + (followsTermDay ? 1 : 0)
    }

    var weekday: Int { number / 4 }
    var weekdayBefore: Int { (weekday + 6) % 7 }
    var isTermDay: Bool { number & 2 != 0 }
    var followsTermDay: Bool { number & 1 != 0 }
}

/// A set of day classes.
struct DayClassSet: Hashable, Sendable {
    private(set) var bits: UInt32 = 0

    /// The classes of the days that lie outside the calendar, before it or after it.
    static let outsideCalendar = DayClassSet(
        (0..<7).map { DayClass(weekday: $0, isTermDay: false, followsTermDay: false) })

    init(_ classes: [DayClass] = []) {
        for dayClass in classes { insert(dayClass) }
    }

    mutating func insert(_ dayClass: DayClass) { bits |= 1 << UInt32(dayClass.number) }

    func contains(_ dayClass: DayClass) -> Bool { bits >> UInt32(dayClass.number) & 1 != 0 }

    func isSuperset(of other: DayClassSet) -> Bool { other.bits & ~bits == 0 }
}

/// The class of every day: a table over the calendar, the bare weekday outside it.
struct DayTable: Sendable {
    /// The first day of the table, counted from 1970-01-01.
    let firstDay: Int
    /// The first day after it.
    let endDay: Int
    private let classes: [UInt8]

    init(_ calendar: AcademicCalendar) {
        let bounds = calendar.terms.map { ($0.lowerBound, $0.upperBound) }
        guard let first = bounds.map(\.0).min(), let last = bounds.map(\.1).max() else {
            (firstDay, endDay, classes) = (0, 0, [])
            return
        }
        // One day more than the terms have: the day after the last one follows a term day.
        firstDay = first.daysSinceEpoch
        endDay = last.daysSinceEpoch + 2
        var isTermDay = [Bool](repeating: false, count: endDay - firstDay)
        for range in calendar.terms { isTermDay.fill(range, from: firstDay, with: true) }
        for range in calendar.closed { isTermDay.fill(range, from: firstDay, with: false) }
        classes = isTermDay.indices.map { index in
            let dayClass = DayClass(
                weekday: CivilDate.weekday(ofDay: first.daysSinceEpoch + index),
                isTermDay: isTermDay[index],
                followsTermDay: index > 0 && isTermDay[index - 1])
            return UInt8(dayClass.number)
        }
    }

    /// The class of a day counted from 1970-01-01.
    func dayClass(of day: Int) -> DayClass {
        if day >= firstDay, day < endDay {
            return DayClass(number: Int(classes[day - firstDay]))
        }
        let weekday = CivilDate.weekday(ofDay: day)
        return DayClass(weekday: weekday, isTermDay: false, followsTermDay: false)
    }

    /// The classes that some day has.
    var occurringClasses: DayClassSet {
        var found = DayClassSet.outsideCalendar
        for number in classes { found.insert(DayClass(number: Int(number))) }
        return found
    }
}

extension [Bool] {
    /// Marks the days of a range that the table has; the table starts at `firstDay`.
    fileprivate mutating func fill(
        _ range: ClosedRange<CivilDate>, from firstDay: Int, with value: Bool
    ) {
        let start = Swift.max(range.lowerBound.daysSinceEpoch - firstDay, 0)
        let end = Swift.min(range.upperBound.daysSinceEpoch - firstDay + 1, count)
        guard start < end else { return }
        for index in start..<end { self[index] = value }
    }
}
