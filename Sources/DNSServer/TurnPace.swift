/// When a worker lets messages gather before it takes them.
///
/// To be woken for a few datagrams, and to wake who waits for their answers, costs the kernel more
/// than they cost us. While they come so fast that a short wait brings a good part of a batch, a
/// worker waits that long between its turns, as network cards moderate their interrupts. While less
/// goes on than that, nothing ever waits.
///
/// Clients that wait for their answers before they ask again must not wait for each other: no more
/// comes then, however long the pause. Hence a longer pause is tried for a spell now and then, and
/// kept only if as much is asked as without it; and a shorter one, in case that more is asked then.
struct TurnPace {
    /// Datagrams at which a turn aims, by level; the first is no pause.
    private static let aims: [Int64] = {
        let full = Int64(ServerLimits.datagramsPerBatch)
        return [0, full / 4, full / 2, full * 7 / 8]
    }()

    /// A gap that says no more than that little goes on, in nanoseconds.
    private static let longestInterval: Int64 = 1_000_000

    /// Nanoseconds from one datagram to the next, as of late.
    private var interval = longestInterval
    private var lastTurnMicros: Int64 = 0
    private var level = 0
    private var trial = Trial()
    /// Datagrams that the last pause was to bring; 0 if there was none.
    private var expected: Int64 = 0

    /// What is being tried, and what was found.
    private struct Trial {
        /// Of the spell that goes on: when it began, and what was taken since.
        var beganMicros: Int64 = 0
        var taken: Int64 = 0
        /// Levels that it differs from what is kept: 0 in the spells between trials.
        var step = 0
        /// Which way to try next: 1 or -1.
        var next = 1
        /// Datagrams a second in the last spell without a trial.
        var usual: Int64 = 0
        /// Spells to go until the next trial, and how many there will be if it brings nothing.
        var rest = 0
        var restAfterFailure = 1
    }

    /// Counts a turn, and tells how long to wait before the next one.
    ///
    /// - Parameters:
    ///   - taken: the datagrams that this turn took.
    ///   - micros: when it last looked for some, by the monotonic clock.
    ///   - now: tells the time by the same clock; asked only if it matters.
    /// - Returns: microseconds, 0 to `ServerLimits.longestTurnMicros`; 0 is no pause.
    mutating func pauseMicros(
        taken: Int, beganAtMicros micros: Int64, now: () -> Int64
    ) -> UInt32 {
        let gap = min(max(0, micros &- lastTurnMicros), Self.longestInterval)
        lastTurnMicros = micros
        let sample = min(Self.longestInterval, gap * 1000 / Int64(max(1, taken)))
        interval = (3 * interval + sample) / 4
        trial.taken += Int64(taken)
        let spell = micros &- trial.beganMicros
        let isInVain = Int64(taken) < expected / 2
        expected = 0
        if spell < 0 || spell >= ServerLimits.paceSpellMicros || isInVain {
            endSpell(micros, after: spell, isInVain: isInVain)
        }
        let aim = Self.aims[level + trial.step]
        guard aim > 0, interval <= ServerLimits.busyIntervalNanos else { return 0 }
        let turn = min(interval * aim / 1000, Int64(ServerLimits.longestTurnMicros))
        let left = turn - max(0, now() &- micros)
        guard left >= ServerLimits.shortestPauseMicros else { return 0 }
        expected = turn * 1000 / max(1, interval)
        return UInt32(clamping: left)
    }

    /// Draws the conclusion of a spell and begins the next one.
    ///
    /// - Parameter isInVain: whether the last pause brought so little that the spell need not be
    ///   awaited.
    private mutating func endSpell(_ micros: Int64, after spell: Int64, isInVain: Bool) {
        let rate = spell > 0 ? trial.taken * 1_000_000 / spell : 0
        trial.beganMicros = micros
        trial.taken = 0
        if trial.step != 0 {
            // A longer pause must cost nobody anything; a shorter one must be worth its price.
            let least = trial.step > 0 ? trial.usual * 31 / 32 : trial.usual * 17 / 16
            conclude(isBetter: rate >= least && !isInVain)
        } else if isInVain || rate * ServerLimits.busyIntervalNanos < 1_000_000_000
            || spell > 2 * ServerLimits.paceSpellMicros
        {
            // Little goes on, or who asks waits for the answers.
            level = 0
            if !isInVain { (trial.rest, trial.restAfterFailure) = (0, 1) }
        } else {
            trial.usual = rate
            trial.rest -= 1
            if trial.rest < 0 { tryNext() }
        }
    }

    private mutating func tryNext() {
        if !Self.aims.indices.contains(level + trial.next) { trial.next = -trial.next }
        trial.step = trial.next
    }

    private mutating func conclude(isBetter: Bool) {
        if isBetter {
            level += trial.step
            (trial.rest, trial.restAfterFailure) = (0, 1)
        } else {
            trial.next = -trial.step
            trial.rest = trial.restAfterFailure
            trial.restAfterFailure = min(
                ServerLimits.paceSpellsBetweenTrials, 2 * trial.restAfterFailure)
        }
        trial.step = 0
    }
}
