/// A point in time, as seconds since 1970-01-01 00:00:00 UTC.
///
/// The engine never reads a clock: every instant is passed in.
@frozen public struct Instant: Hashable, Comparable, Sendable {
    /// Seconds since 1970 UTC, leap seconds not counted; negative before 1970.
    public var seconds: Int64

    /// Takes seconds since 1970 UTC.
    @inlinable public init(seconds: Int64) { self.seconds = seconds }

    /// Orders by time.
    @inlinable public static func < (left: Instant, right: Instant) -> Bool {
        left.seconds < right.seconds
    }
}

extension Instant {
    /// The first instant that the engine reckons with; earlier ones are taken as this one.
    public static let earliest = Instant(seconds: -(1 << 37))
    /// The last instant that the engine reckons with (after the year 6000); later ones are taken
    /// as this one. Bounds the arithmetic, so that no instant can overflow it.
    public static let latest = Instant(seconds: 1 << 37)

    /// Stands for no end: later than every instant that the engine reckons with.
    public static let endless = Instant(seconds: .max)

    /// The nearest instant that the engine reckons with.
    var clamped: Instant { min(max(self, .earliest), .latest) }
}

/// Seconds in a day of the wall clock on which the clocks do not change.
let secondsPerDay: Int64 = 86_400
/// Minutes in such a day.
let minutesPerDay = 1440

/// Divides towards negative infinity, so that days before 1970 count on without a jump at zero.
func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
}
