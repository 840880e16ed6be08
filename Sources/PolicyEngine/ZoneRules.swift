/// What a time zone's wall clocks show: an offset from UTC that changes at known instants.
public struct ZoneRules: Sendable {
    /// The IANA name, such as `Europe/London`.
    public let name: String
    /// Local time minus UTC, in seconds, before the first transition.
    public let initialOffsetSeconds: Int

    /// The instants at which the offset changes, in order, in seconds since 1970 UTC.
    let transitionSeconds: [Int64]
    /// The offset from each of these instants on.
    let offsetsAfter: [Int64]

    /// The widest offset that is taken, in seconds: 26 hours (RFC 9636 allows a little less).
    public static let maximumOffsetSeconds = 26 * 3600

    /// Takes the offset before all transitions, and the transitions in any order.
    ///
    /// A transition that changes no offset is dropped; offsets are cut to
    /// `maximumOffsetSeconds` each way. After the last transition the offset stays.
    public init(
        name: String, initialOffsetSeconds: Int,
        transitions: [(at: Instant, offsetSeconds: Int)] = []
    ) {
        self.name = name
        let bounded = { (seconds: Int) in
            min(max(seconds, -Self.maximumOffsetSeconds), Self.maximumOffsetSeconds)
        }
        self.initialOffsetSeconds = bounded(initialOffsetSeconds)
        var instants: [Int64] = []
        var offsets: [Int64] = []
        var offset = Int64(self.initialOffsetSeconds)
        for transition in transitions.sorted(by: { $0.at < $1.at }) {
            let next = Int64(bounded(transition.offsetSeconds))
            guard next != offset else { continue }
            instants.append(transition.at.clamped.seconds)
            offsets.append(next)
            offset = next
        }
        transitionSeconds = instants
        offsetsAfter = offsets
    }

    /// UTC all the year.
    public static let utc = ZoneRules(name: "UTC", initialOffsetSeconds: 0)

    /// Local time minus UTC at an instant, in seconds. O(log transitions).
    public func offset(at instant: Instant) -> Int {
        Int(offset(afterTransitions: transitionsPassed(at: instant)))
    }

    /// The first later instant at which the offset changes; `nil` where it stays.
    public func nextTransition(after instant: Instant) -> Instant? {
        let index = transitionsPassed(at: instant)
        return index < transitionSeconds.count ? Instant(seconds: transitionSeconds[index]) : nil
    }

    /// What the wall clock shows at an instant.
    public func civilTime(at instant: Instant) -> CivilTime {
        let known = instant.clamped
        return CivilTime(localSeconds: known.seconds + Int64(offset(at: known)))
    }

    /// Every instant at which the wall clock shows `time`: none for a skipped time, two for a
    /// repeated one. Earliest first.
    public func instants(of time: CivilTime) -> [Instant] {
        let local = Instant(seconds: time.localSeconds).clamped.seconds
        let reach = Int64(Self.maximumOffsetSeconds)
        let first = transitionsPassed(at: Instant(seconds: local - reach))
        let last = transitionsPassed(at: Instant(seconds: local + reach))
        return (first...last).compactMap { index in
            let instant = local - offset(afterTransitions: index)
            let found = Instant(seconds: instant)
            return transitionsPassed(at: found) == index ? found : nil
        }
    }

    /// The instant meant by a date and time that a person wrote.
    ///
    /// A repeated time means the earlier instant; a skipped time the first instant after the gap.
    public func instant(of time: CivilTime) -> Instant {
        if let found = instants(of: time).first { return found }
        let local = Instant(seconds: time.localSeconds).clamped.seconds
        let reach = Int64(Self.maximumOffsetSeconds)
        var index = transitionsPassed(at: Instant(seconds: local - reach))
        // The gap is at the first transition after which the clock shows a later time.
        while index < transitionSeconds.count {
            if transitionSeconds[index] + offset(afterTransitions: index + 1) > local {
                return Instant(seconds: transitionSeconds[index])
            }
            index += 1
        }
        return Instant(seconds: local - offset(afterTransitions: transitionSeconds.count))
    }

    /// The instant as `2026-11-23T10:30:00+00:00` (ISO 8601, RFC 3339): wall clock and offset.
    public func iso8601(_ instant: Instant) -> String {
        let time = civilTime(at: instant)
        let offset = offset(at: instant.clamped)
        let minutes = (abs(offset) + 30) / 60
        let sign = offset < 0 ? "-" : "+"
        let hours = padded(minutes / 60, to: 2)
        return "\(time.date)T\(time.clockText)\(sign)\(hours):\(padded(minutes % 60, to: 2))"
    }

    /// How many transitions have happened at an instant; the one at that very instant has.
    func transitionsPassed(at instant: Instant) -> Int {
        var low = 0
        var high = transitionSeconds.count
        while low < high {
            let middle = (low + high) / 2
            if transitionSeconds[middle] <= instant.seconds {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// The offset once `count` transitions have happened.
    func offset(afterTransitions count: Int) -> Int64 {
        count == 0 ? Int64(initialOffsetSeconds) : offsetsAfter[count - 1]
    }
}
