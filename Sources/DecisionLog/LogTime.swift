import Glibc

/// Instants of the log as text, and texts as instants.
public enum LogTime {
    /// RFC 3339 in UTC with microseconds: `2026-11-23T10:29:59.123456Z`.
    public static func utc(_ micros: Int64) -> String {
        var text: [UInt8] = []
        appendUTC(micros, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Local time of this machine, for people: `2026-11-23 10:29:59`.
    public static func local(_ micros: Int64) -> String {
        var text: [UInt8] = []
        appendLocal(micros, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads an instant as people give it on the command line.
    ///
    /// - `2026-11-23T10:30:00Z`, `2026-11-23T10:30:00.5+01:00`: RFC 3339;
    /// - `2026-11-23 10:30`, `2026-11-23 10:30:15` (a `T` between will do): local time;
    /// - `2026-11-23`: the local midnight with which that day begins;
    /// - `90s`, `30m`, `2h`, `7d`, `4w`: so long before `nowMicros`.
    ///
    /// - Returns: microseconds since 1970 UTC, or `nil` if the text is none of these.
    public static func parse(_ text: String, nowMicros: Int64) -> Int64? {
        if let span = parseSpan(text) {
            return nowMicros.subtractingReportingOverflow(span).partialValue
        }
        var cursor = TextCursor(text)
        guard let date = cursor.date() else { return nil }
        if cursor.isAtEnd { return localMicros(date, hour: 0, minute: 0, second: 0) }
        guard cursor.take("T") || cursor.take("t") || cursor.take(" "),
            let hour = cursor.number(digits: 2), hour < 24, cursor.take(":"),
            let minute = cursor.number(digits: 2), minute < 60
        else { return nil }
        var second = 0
        var fraction: Int64 = 0
        if cursor.take(":") {
            guard let given = cursor.number(digits: 2), given < 61 else { return nil }
            second = given
            if cursor.take(".") {
                guard let given = cursor.fractionMicros() else { return nil }
                fraction = given
            }
        }
        if cursor.isAtEnd {
            return localMicros(date, hour: hour, minute: minute, second: second) + fraction
        }
        guard let offset = cursor.offsetSeconds(), cursor.isAtEnd else { return nil }
        let seconds = daysSinceEpoch(date) * 86400 + hour * 3600 + minute * 60 + second - offset
        return Int64(seconds) * 1_000_000 + fraction
    }

    private static func parseSpan(_ text: String) -> Int64? {
        guard let unit = text.last, let number = Int64(text.dropLast()), number >= 0,
            let seconds = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800][unit] as Int64?
        else { return nil }
        let (micros, overflow) = number.multipliedReportingOverflow(by: seconds * 1_000_000)
        return overflow ? nil : micros
    }

    private static func localMicros(
        _ date: (year: Int, month: Int, day: Int), hour: Int, minute: Int, second: Int
    ) -> Int64 {
        let wall = daysSinceEpoch(date) * 86400 + hour * 3600 + minute * 60 + second
        // Of a time that the clocks show twice the earlier one is meant, and of one that they skip
        // the time that the old offset would make of it.
        let before = localOffset(atSeconds: wall - 86400)
        for offset in [before, localOffset(atSeconds: wall + 86400)]
        where localOffset(atSeconds: wall - offset) == offset {
            return Int64(wall - offset) * 1_000_000
        }
        return Int64(wall - before) * 1_000_000
    }

    /// Local time minus UTC at an instant, in seconds; 0 where the system cannot tell.
    private static func localOffset(atSeconds seconds: Int) -> Int {
        var instant = time_t(seconds)
        // SAFETY: both are local values; only a number is read from the result.
        var parts = unsafe tm()
        guard unsafe localtime_r(&instant, &parts) != nil else { return 0 }
        return unsafe parts.tm_gmtoff
    }
}

// MARK: Without allocation per call, for exports

extension LogTime {
    /// Appends `2026-11-23T10:29:59.123456Z`.
    static func appendUTC(_ micros: Int64, to text: inout [UInt8]) {
        let seconds = floorDivide(micros, 1_000_000)
        let days = floorDivide(seconds, 86400)
        let inDay = Int(seconds - days * 86400)
        let date = civil(days)
        append(date.year, digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        append(date.month, digits: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        append(date.day, digits: 2, to: &text)
        text.append(UInt8(ascii: "T"))
        append(inDay / 3600, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(inDay / 60 % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(inDay % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: "."))
        append(Int(micros - seconds * 1_000_000), digits: 6, to: &text)
        text.append(UInt8(ascii: "Z"))
    }

    /// Appends `2026-11-23 10:29:59` in local time.
    static func appendLocal(_ micros: Int64, to text: inout [UInt8]) {
        let seconds = floorDivide(micros, 1_000_000)
        let start = text.count
        let wall = seconds + Int64(localOffset(atSeconds: Int(seconds)))
        appendUTC(wall * 1_000_000, to: &text)
        // The same shape, but for the T and without the fraction.
        text.removeLast(8)
        if let mark = text[start...].firstIndex(of: UInt8(ascii: "T")) {
            text[mark] = UInt8(ascii: " ")
        }
    }

    private static func append(_ number: Int, digits: Int, to text: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        // A year of more than four digits keeps them all.
        while divisor <= number / 10 { divisor *= 10 }
        while divisor > 0 {
            text.append(0x30 + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }

    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    /// The date of a day in the Gregorian calendar, counted in eras of 400 years from 1 March 0000.
    private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = Int(shifted - era * 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            year: yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }

    fileprivate static func daysSinceEpoch(_ date: (year: Int, month: Int, day: Int)) -> Int {
        let year = date.month <= 2 ? date.year - 1 : date.year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear + date.day - 1
        return era * 146_097 + dayOfEra - 719_468
    }

    fileprivate static func daysInMonth(year: Int, month: Int) -> Int {
        if month == 2 {
            return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }
}

/// Reads a text from left to right.
private struct TextCursor {
    private let octets: [UInt8]
    private var index = 0

    init(_ text: String) { octets = Array(text.utf8) }

    var isAtEnd: Bool { index >= octets.count }

    mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard index < octets.count, octets[index] == UInt8(ascii: mark) else { return false }
        index += 1
        return true
    }

    mutating func number(digits: Int) -> Int? {
        guard index + digits <= octets.count else { return nil }
        var value = 0
        for octet in octets[index..<index + digits] {
            guard 0x30...0x39 ~= octet else { return nil }
            value = value * 10 + Int(octet - 0x30)
        }
        index += digits
        return value
    }

    mutating func date() -> (year: Int, month: Int, day: Int)? {
        guard let year = number(digits: 4), take("-"), let month = number(digits: 2),
            1...12 ~= month, take("-"), let day = number(digits: 2),
            day >= 1, day <= LogTime.daysInMonth(year: year, month: month)
        else { return nil }
        return (year, month, day)
    }

    /// Digits behind the point; more than six are cut.
    mutating func fractionMicros() -> Int64? {
        var value: Int64 = 0
        var digits = 0
        while let digit = number(digits: 1) {
            if digits < 6 { value = value * 10 + Int64(digit) }
            digits += 1
        }
        guard digits > 0 else { return nil }
        for _ in min(digits, 6)..<6 { value *= 10 }
        return value
    }

    mutating func offsetSeconds() -> Int? {
        if take("Z") || take("z") { return 0 }
        let isWest = take("-")
        guard isWest || take("+"), let hours = number(digits: 2), hours < 24, take(":"),
            let minutes = number(digits: 2), minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return isWest ? -seconds : seconds
    }
}
