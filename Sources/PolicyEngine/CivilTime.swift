/// A date and a time of day as a clock on the wall shows them, without a zone.
public struct CivilTime: Hashable, Comparable, Sendable {
    /// The date.
    public let date: CivilDate
    /// Seconds since the wall clock's midnight, 0..<86400.
    public let secondOfDay: Int

    /// Takes a date and the seconds since its midnight, which are cut to 0..<86400.
    public init(date: CivilDate, secondOfDay: Int) {
        self.date = date
        self.secondOfDay = min(max(secondOfDay, 0), Int(secondsPerDay) - 1)
    }

    /// Takes a date and a time; `nil` where the time does not exist (24:00 included).
    public init?(date: CivilDate, hour: Int, minute: Int, second: Int = 0) {
        guard (0..<24).contains(hour), (0..<60).contains(minute), (0..<60).contains(second)
        else { return nil }
        self.init(date: date, secondOfDay: hour * 3600 + minute * 60 + second)
    }

    /// Reads `2026-11-23 10:29:59` or `2026-11-23 10:29`; a `T` may stand for the space.
    public init?(parsing text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count == 16 || octets.count == 19,
            octets[10] == UInt8(ascii: " ") || octets[10] == UInt8(ascii: "T"),
            octets[13] == UInt8(ascii: ":"),
            let date = CivilDate(parsing: text.prefix(10)),
            let hour = decimal(octets[11..<13]), let minute = decimal(octets[14..<16])
        else { return nil }
        var second = 0
        if octets.count == 19 {
            guard octets[16] == UInt8(ascii: ":"), let given = decimal(octets[17..<19])
            else { return nil }
            second = given
        }
        self.init(date: date, hour: hour, minute: minute, second: second)
    }

    /// The hour, 0...23.
    public var hour: Int { secondOfDay / 3600 }
    /// The minute of the hour, 0...59.
    public var minute: Int { secondOfDay / 60 % 60 }
    /// The second of the minute, 0...59.
    public var second: Int { secondOfDay % 60 }

    /// Orders by what the wall clock shows.
    public static func < (left: CivilTime, right: CivilTime) -> Bool {
        left.date != right.date ? left.date < right.date : left.secondOfDay < right.secondOfDay
    }

    /// Takes seconds of the wall clock since 1970-01-01 00:00:00 of the same wall clock.
    init(localSeconds: Int64) {
        let (day, second) = floorDivide(localSeconds, secondsPerDay)
        date = CivilDate(daysSinceEpoch: Int(day))
        secondOfDay = Int(second)
    }

    /// Seconds of the wall clock since its 1970-01-01 00:00:00.
    var localSeconds: Int64 { Int64(date.daysSinceEpoch) * secondsPerDay + Int64(secondOfDay) }
}

extension CivilTime: CustomStringConvertible {
    /// The time as `2026-11-23 10:29:59`.
    public var description: String { "\(date) \(clockText)" }

    /// The time of day as `10:29:59`.
    var clockText: String {
        [hour, minute, second].map { padded($0, to: 2) }.joined(separator: ":")
    }
}
