/// When a worker lets messages gather before it takes them.
///
/// To be woken for a few datagrams costs the kernel more than they cost us. While they come so fast
/// that a short wait brings a good part of a batch, a worker waits that long between its turns, as
/// network cards moderate their interrupts. While less goes on than that, nothing ever waits.
struct TurnPace {
    /// Nanoseconds from one datagram to the next, as of late.
    private var interval = longestInterval
    private var lastTurnMicros: Int64 = 0
    private var hasPaused = false
    /// Turns to go without a pause, since pausing brought nothing.
    private var rest = 0

    /// A gap that says no more than that little goes on, in nanoseconds.
    private static let longestInterval: Int64 = 1_000_000

    /// Counts a turn, and tells how long to wait before the next one.
    ///
    /// - Parameters:
    ///   - taken: the datagrams that this turn took.
    ///   - micros: when it began, by the monotonic clock.
    /// - Returns: microseconds, 0 to `ServerLimits.longestPauseMicros`; 0 is no pause.
    mutating func pauseMicros(taken: Int, beganAtMicros micros: Int64) -> UInt32 {
        let gap = min(max(0, micros - lastTurnMicros), Self.longestInterval)
        lastTurnMicros = micros
        let sample = min(Self.longestInterval, gap * 1000 / Int64(max(1, taken)))
        interval = (3 * interval + sample) / 4
        if hasPaused, taken < ServerLimits.datagramsWorthAPause {
            rest = ServerLimits.turnsWithoutPause
        }
        hasPaused = false
        guard rest == 0 else {
            rest -= 1
            return 0
        }
        // After a full batch there may be more already.
        guard taken < ServerLimits.datagramsPerBatch else { return 0 }
        let longest = Int64(ServerLimits.longestPauseMicros)
        let worthwhile = interval * Int64(ServerLimits.datagramsWorthAPause)
        guard worthwhile <= longest * 1000 else { return 0 }
        hasPaused = true
        let full = interval * Int64(ServerLimits.datagramsPerBatch) * 3 / 4 / 1000
        return UInt32(clamping: min(longest, full))
    }
}
