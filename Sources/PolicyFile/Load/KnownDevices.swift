public import DNSWire
import DomainLists
public import PolicyEngine

/// The devices of a policy file by name and address, without its rules and lists.
public struct KnownDevices: Sendable {
    private let devices: [Known]

    private struct Known {
        var name: String
        var addresses: [IPAddress]
        var hardware: [HardwareAddress]
        var identities: [String]
    }

    /// Reads them; takes milliseconds. What is wrong with the file is for `check` to say.
    public init(ofPolicyAt path: String) {
        let reporter = Reporter()
        guard let contents = try? FileBytes.read(path, limit: YAMLReader.maximumBytes),
            let root = YAMLReader.read(contents.bytes, file: path, reporter: reporter)
        else {
            devices = []
            return
        }
        devices = PolicyReader(reporter: reporter).read(root).devices.map {
            Known(
                name: $0.name.value, addresses: $0.addresses.map(\.value),
                hardware: $0.hardware.map(\.value), identities: $0.identities.map(\.value))
        }
    }

    /// The addresses of the device of that name; `nil` if there is none.
    public func addresses(ofDevice name: String) -> [IPAddress]? {
        devices.first { $0.name == name }?.addresses
    }

    /// The name of the device with that address; `nil` if there is none.
    public func name(of address: IPAddress) -> String? {
        devices.first { $0.addresses.contains(address) }?.name
    }

    /// The name of the device that is there by what the network tells, the identity before the
    /// hardware address; `nil` if there is none.
    public func name(of presence: Presence) -> String? {
        let byIdentity = presence.identity.flatMap { identity in
            devices.first { $0.identities.contains(identity) }
        }
        let byHardware = presence.hardware.flatMap { hardware in
            devices.first { $0.hardware.contains(hardware) }
        }
        return (byIdentity ?? byHardware)?.name
    }

    /// Advice for a name that no device has.
    public func advice(for name: String) -> String {
        NearestName.advice(
            for: name, among: devices.map(\.name),
            otherwise: "write a name under devices: in the policy, or the device's address")
    }
}

extension LoadedPolicy {
    /// The same policy while the access of some devices is suspended.
    ///
    /// Takes milliseconds: its names and lists are shared with this one.
    public func suspending(_ suspensions: [Suspension]) -> LoadedPolicy {
        var policy = policy
        policy.suspensions = suspensions
        var suspended = self
        suspended.policy = policy
        suspended.program = PolicyProgram(policy: policy, sets: index.sets)
        return suspended
    }

    /// The same policy with rows of verdicts for these audiences; takes milliseconds.
    public func seating(_ audiences: [Audience]) -> LoadedPolicy {
        var seating = self
        seating.program = PolicyProgram(policy: policy, sets: index.sets, beside: audiences)
        return seating
    }
}
