import Glibc
import Synchronization

/// One instant on both clocks: the wall's for policy and records, the monotonic one for ages.
///
/// Neither may stand for the other: the wall clock is set, and then TTLs must not jump; the
/// monotonic clock knows no bell.
struct Moment {
    /// Microseconds since 1970, UTC.
    var wallMicros: Int64
    /// Microseconds of the monotonic clock.
    var monotonicMicros: Int64

    /// Now.
    static var now: Moment {
        Moment(
            wallMicros: read(CLOCK_REALTIME) + WallClock.aheadMicros,
            monotonicMicros: read(CLOCK_MONOTONIC))
    }

    /// Whole seconds since 1970.
    var wallSeconds: Int64 { wallMicros / 1_000_000 }
    /// Milliseconds of the monotonic clock.
    var monotonicMilliseconds: Int64 { monotonicMicros / 1000 }

    static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // SAFETY: the kernel fills in the one value.
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// How far this process's idea of the wall clock is ahead of the machine's: nothing, but in a
/// demonstration, where a day passes in a minute.
public enum WallClock {
    private static let ahead = Atomic<Int64>(0)

    /// Microseconds that are added to the machine's wall clock.
    static var aheadMicros: Int64 { ahead.load(ordering: .relaxed) }

    /// Makes the wall clock show an instant from now on, and go on from there.
    ///
    /// - Parameter micros: microseconds since 1970, UTC.
    public static func set(toMicros micros: Int64) {
        ahead.store(micros - Moment.read(CLOCK_REALTIME), ordering: .relaxed)
    }

    /// What the wall clock shows, in microseconds since 1970, UTC.
    public static var nowMicros: Int64 { Moment.now.wallMicros }
}
