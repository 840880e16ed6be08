/// How old the clients of a group are.
public enum AgeBand: UInt8, CaseIterable, Sendable {
    /// Fifteen years and less.
    case under16
    /// Sixteen and seventeen.
    case from16To17
    /// Eighteen and more: no service asks for more than that.
    case adult

    /// As the policy language writes it.
    public var words: String {
        switch self {
        case .under16: "under 16"
        case .from16To17: "16-17"
        case .adult: "18+"
        }
    }

    /// Whether all clients of the band are younger than an age in years.
    ///
    /// An age within a band counts as reached: a service from 13 is open to those under 16.
    public func isBelow(_ age: Int) -> Bool {
        switch self {
        case .under16: age > 15
        case .from16To17: age > 17
        case .adult: false
        }
    }
}

/// A minimum age that holds from an instant on, until a later one takes its place.
public struct DatedAge: Hashable, Sendable {
    /// Years.
    public var age: Int
    /// From when.
    public var from: Instant

    /// Takes years and an instant.
    public init(age: Int, from: Instant) {
        self.age = age
        self.from = from
    }
}

extension Policy {
    /// The age band of a group: its own, or else that of the nearest group that it inherits from.
    public func age(ofGroup group: Int) -> AgeBand? {
        lineage(of: group).lazy.compactMap { groups[$0].age }.first
    }
}

extension SourceInfo {
    /// Whether its names are listed for an age band only, and while a minimum age is above it.
    var isForAges: Bool { !minimumAges.isEmpty }

    /// When a minimum age is above a band, in order; stretches that touch are one.
    func stretches(above band: AgeBand) -> [Range<Instant>] {
        let ages = minimumAges.sorted { $0.from < $1.from }
        var stretches: [Range<Instant>] = []
        for (number, age) in ages.enumerated() where band.isBelow(age.age) {
            let end = number + 1 < ages.count ? ages[number + 1].from : .endless
            guard age.from < end else { continue }
            if let last = stretches.last, last.upperBound == age.from {
                stretches[stretches.count - 1] = last.lowerBound..<end
            } else {
                stretches.append(age.from..<end)
            }
        }
        return stretches
    }
}
