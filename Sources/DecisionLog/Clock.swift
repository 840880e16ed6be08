import Glibc

/// The two clocks, as numbers.
enum Clock {
    /// Microseconds since 1970 UTC.
    static func wallMicros() -> Int64 {
        var time = timespec()
        // SAFETY: here and below the system fills in the one value.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Nanoseconds of a clock that never jumps.
    static func monotonicNanos() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
