/// When a worker lets messages gather before it takes them.
///
/// To be woken for a few datagrams, and to wake who waits for their answers, costs the kernel more
/// than they cost us. While they come so fast that a short wait brings a good part of a batch, a
/// worker waits that long between its turns, as network cards moderate their interrupts. While less
/// goes on than that, nothing ever waits.
///
/// Clients that wait for their answers before they ask again must not wait for each other: no more
/// comes then, however long the pause. Hence a longer pause is tried now and then, and kept only if
/// hardly less is asked then; and a shorter one, in case that more is. Clients and their machines
/// have moods of their own, so spells of both take turns, and the majority of such pairs decides:
/// what disturbs a few of them means nothing.
struct TurnPace {
    /// Datagrams at which a turn aims, by level; the first is no pause.
    private static let aims: [Int64] = [0, 32, 64, 112, 160]

    /// A gap that says no more than that little goes on, in nanoseconds.
    private static let longestInterval: Int64 = 1_000_000

    /// Nanoseconds from one datagram to the next, as of late.
    private var interval = longestInterval
    private var lastTurnMicros: Int64 = 0
    /// Datagrams a second, in the best spells of late: what comes if nobody is kept waiting.
    private var rate: Int64 = 0
    private var level = 0
    private var spell = Spell()
    private var trial = Trial()
    /// Datagrams that the last pause was to bring; 0 if there was none.
    private var expected: Int64 = 0
    /// Pauses one after the other that brought less than half of that.
    private var pausesInVain = 0

    /// Some turns at one level.
    private struct Spell {
        var beganMicros: Int64 = 0
        var taken: Int64 = 0
    }

    /// Another level against the one that is kept: spells of both, in turn.
    private struct Trial {
        /// Levels between the two: 0 while none is tried.
        var step = 0
        /// Which way to try next: 1 or -1.
        var next = 1
        /// Datagrams a second in the last spell at the kept level; 0 if it is to come.
        var kept: Int64 = 0
        /// Pairs of spells in which the other one was better, and in which it was not.
        var won = 0
        var lost = 0
        /// Spells to go until the next trial, and how many there will be if it brings nothing.
        var rest = 0
        var restAfterFailure = 1
    }

    /// The level of the spell that goes on.
    private var current: Int { trial.kept > 0 ? level + trial.step : level }

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
        if expected > 0 {
            pausesInVain = Int64(taken) < expected / 2 ? pausesInVain + 1 : 0
            expected = 0
        }
        spell.taken += Int64(taken)
        let length = micros &- spell.beganMicros
        if pausesInVain >= ServerLimits.pausesInVain {
            giveUp()
            spell = Spell(beganMicros: micros)
        } else if length < 0 || length >= ServerLimits.paceSpellMicros {
            endSpell(after: length)
            spell = Spell(beganMicros: micros)
        }
        let aim = Self.aims[current]
        guard aim > 0, interval <= ServerLimits.busyIntervalNanos else { return 0 }
        let turn = min(aim * 1_000_000 / max(1, rate), Int64(ServerLimits.longestTurnMicros))
        let left = turn - max(0, now() &- micros)
        guard left >= ServerLimits.shortestPauseMicros else { return 0 }
        expected = turn * rate / 1_000_000
        return UInt32(clamping: left)
    }

    /// Draws the conclusion of pauses that bring nothing, without waiting for the spell's end.
    private mutating func giveUp() {
        pausesInVain = 0
        let isTried = current != level
        endTrial(isBetter: false)
        // Others are there than those whose patience was found out.
        if !isTried { (level, trial.rest, trial.restAfterFailure) = (0, 0, 1) }
    }

    /// Draws the conclusion of a spell.
    private mutating func endSpell(after length: Int64) {
        let found = length > 0 ? spell.taken * 1_000_000 / length : 0
        // It sinks only while two levels vie: a pause that is too long must not be stretched by what
        // it costs.
        rate = max(found, trial.step == 0 ? rate : rate - rate / 16)
        guard current != level || found * ServerLimits.busyIntervalNanos >= 1_000_000_000 else {
            // Little goes on: nothing waits, and there is nothing to be found out.
            (trial.step, trial.rest, trial.restAfterFailure) = (0, 0, 1)
            return
        }
        if trial.step == 0 {
            trial.rest -= 1
            if trial.rest < 0 { beginTrial() }
        } else if trial.kept == 0 {
            trial.kept = found
        } else {
            endPair(found)
        }
    }

    private mutating func beginTrial() {
        if !Self.aims.indices.contains(level + trial.next) { trial.next = -trial.next }
        trial.step = trial.next
        (trial.kept, trial.won, trial.lost) = (0, 0, 0)
    }

    /// Counts who was better in two spells; the majority of some pairs decides.
    private mutating func endPair(_ tried: Int64) {
        // A longer pause must cost next to nothing; a shorter one must be worth its price.
        let least = trial.step > 0 ? trial.kept * 31 / 32 : trial.kept * 17 / 16
        if tried >= least {
            trial.won += 1
        } else {
            // What costs so much is not tried for long.
            trial.lost += tried < least * 3 / 4 ? 2 : 1
        }
        trial.kept = 0
        let majority = ServerLimits.pacePairsPerTrial / 2 + 1
        if max(trial.won, trial.lost) >= majority { endTrial(isBetter: trial.won == majority) }
    }

    private mutating func endTrial(isBetter: Bool) {
        if isBetter {
            level += trial.step
            (trial.rest, trial.restAfterFailure) = (0, 1)
        } else if trial.step != 0 {
            trial.next = -trial.step
            trial.rest = trial.restAfterFailure
            trial.restAfterFailure = min(
                ServerLimits.paceSpellsBetweenTrials, 2 * trial.restAfterFailure)
        }
        (trial.step, trial.kept) = (0, 0)
    }
}
