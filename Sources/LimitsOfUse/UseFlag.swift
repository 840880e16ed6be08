public import DecisionLog
public import PolicyEngine

/// That a device passed a limit of use on a day; there is one a day for each device and limit.
public struct UseFlag: Hashable, Sendable {
    /// The day by the policy's wall clock.
    public let day: CivilDate
    /// The device's pseudonym of that day.
    public let device: String
    /// Its group.
    public let group: String
    /// The limit's category.
    public let category: String
    /// The limit, in minutes.
    public let minutesADay: Int
    /// How grave the policy calls it: `low`, `medium` or `high`.
    public let concern: String
    /// When the first active minute began, in microseconds since 1970 UTC.
    public let firstMicros: Int64
    /// When the minute began with which the limit was passed.
    public let overMicros: Int64

    /// - Returns: `nil` where the limit was not passed.
    init?(_ use: DayOfUse, _ limit: UseLimit, _ pseudonyms: Pseudonyms, noonMicros: Int64) {
        guard let over = use.overMicros else { return nil }
        day = use.day
        device = pseudonyms.name(use.device, micros: noonMicros)
        group = use.group
        category = limit.category
        minutesADay = limit.minutesADay
        concern = "\(limit.concern)"
        firstMicros = use.firstMicros
        overMicros = over
    }

    /// What is the same for no other flag: what the audit trail says of it.
    ///
    /// Without the limit's minutes: a policy that changes them makes no second flag that day.
    public var id: String { "limit of use of \(category), \(group), \(device), \(day)" }
}

extension Pseudonyms {
    /// What stands for a device that used something.
    ///
    /// - Parameter micros: chooses the key, in microseconds since 1970 UTC.
    public func name(_ device: UsingDevice, micros: Int64) -> String {
        switch device {
        case .address(let address): client(address, micros: micros)
        case .device(let name): self.device(name, micros: micros)
        }
    }
}

extension UseMeter {
    /// The middle of the day, in microseconds since 1970 UTC: it chooses the key of pseudonyms, so
    /// that a device has one name for the day.
    public var noonMicros: Int64 { micros.lowerBound + (micros.upperBound - micros.lowerBound) / 2 }
}
