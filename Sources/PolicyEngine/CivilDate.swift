import DNSWire

/// A date of the calendar, without a time or a zone (proleptic Gregorian).
public struct CivilDate: Hashable, Comparable, Sendable {
    /// Days since 1970-01-01; negative before it.
    public let daysSinceEpoch: Int

    /// The days that a date can hold: about 270,000 years each way. Bounds the arithmetic.
    static let dayBound = 100_000_000

    /// Takes days since 1970-01-01, cut to 100 million days each way.
    public init(daysSinceEpoch days: Int) {
        daysSinceEpoch = min(max(days, -Self.dayBound), Self.dayBound)
    }

    /// Takes a date by its parts.
    ///
    /// - Parameter year: 1...9999.
    /// - Returns: `nil` for a date that does not exist, such as 30 February.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month),
            (1...Self.dayCount(year: year, month: month)).contains(day)
        else { return nil }
        // Years are counted from March, so that the leap day is the last one of its year.
        let marchYear = month > 2 ? year : year - 1
        let marchMonth = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
        let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
        daysSinceEpoch = marchYear * 365 + leapDays + dayOfYear - Self.daysFromMarchZeroToEpoch
    }

    /// Reads `2026-09-01`, and no other form.
    public init?(parsing text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count == 10, octets[4] == UInt8(ascii: "-"), octets[7] == UInt8(ascii: "-"),
            let year = decimal(octets[0..<4]), let month = decimal(octets[5..<7]),
            let day = decimal(octets[8..<10])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// The year.
    public var year: Int { parts.year }
    /// The month, 1...12.
    public var month: Int { parts.month }
    /// The day of the month, 1...31.
    public var day: Int { parts.day }
    /// The day of the week: 0 is Monday, 6 is Sunday.
    public var weekday: Int { Self.weekday(ofDay: daysSinceEpoch) }

    /// The date some days later, or earlier where negative.
    public func advanced(byDays days: Int) -> CivilDate {
        let bounded = min(max(days, -2 * Self.dayBound), 2 * Self.dayBound)
        return CivilDate(daysSinceEpoch: daysSinceEpoch + bounded)
    }

    /// Orders by time.
    public static func < (left: CivilDate, right: CivilDate) -> Bool {
        left.daysSinceEpoch < right.daysSinceEpoch
    }

    /// The weekday of a day counted from 1970-01-01, which was a Thursday.
    static func weekday(ofDay day: Int) -> Int {
        let remainder = (day + 3) % 7
        return remainder < 0 ? remainder + 7 : remainder
    }

    /// Days from 1 March of the year 0 to 1970-01-01.
    private static let daysFromMarchZeroToEpoch = 719_468
    /// Days in 400 years, after which the calendar repeats.
    private static let daysPerCycle = 146_097

    private static func dayCount(year: Int, month: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private var parts: (year: Int, month: Int, day: Int) {
        let (cycle, dayOfCycle64) = floorDivide(
            Int64(daysSinceEpoch + Self.daysFromMarchZeroToEpoch), Int64(Self.daysPerCycle))
        let dayOfCycle = Int(dayOfCycle64)
        // The divisors drop the leap days: one in 4 years, none in 100, one in 400.
        let leapDays = dayOfCycle / 1460 - dayOfCycle / 36_524 + dayOfCycle / 146_096
        let yearOfCycle = (dayOfCycle - leapDays) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = Int(cycle) * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }
}

extension CivilDate: CustomStringConvertible {
    /// The date as `2026-09-01`.
    public var description: String {
        "\(padded(year, to: 4))-\(padded(month, to: 2))-\(padded(day, to: 2))"
    }
}

/// Reads decimal digits alone; `nil` for anything else.
func decimal(_ octets: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for octet in octets {
        guard let digit = octet.decimalDigit else { return nil }
        value = value * 10 + digit
    }
    return octets.isEmpty ? nil : value
}

/// A number with leading zeros.
func padded(_ value: Int, to width: Int) -> String {
    let digits = String(value.magnitude)
    let zeros = String(repeating: "0", count: max(0, width - digits.count))
    return (value < 0 ? "-" : "") + zeros + digits
}
