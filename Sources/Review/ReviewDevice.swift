public import DNSWire
import DecisionLog

/// Who asked, as far as a record tells: a device that the policy names, whatever address it has, or
/// else an address.
public enum ReviewDevice: Hashable, Comparable, Sendable {
    /// An address that no device of the policy had.
    case address(IPAddress)
    /// A device, by the policy's name for it.
    case device(String)

    /// - Parameter device: what the record names; `nil` where it names none.
    init(_ address: IPAddress, device: String?) {
        self = device.map { .device($0) } ?? .address(address)
    }
}

/// What a device did.
struct DeviceUse {
    var device: ReviewDevice
    /// How many rows.
    var count: UInt64
    /// When it was first seen, in microseconds since 1970 UTC.
    var firstMicros: Int64
    /// When it was last seen.
    var lastMicros: Int64
}
