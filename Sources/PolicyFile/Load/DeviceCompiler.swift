import DNSWire
import PolicyEngine

extension PolicyCompiler {
    /// The devices, with their groups looked up.
    func devices() -> [Device] {
        refuseSharedNames()
        refuseShared(\.addresses, "address", "an address")
        refuseShared(\.hardware, "hardware address", "a hardware address")
        refuseShared(\.identities, "identity", "an identity")
        refuseSharedIdentities()
        let groups = groupPlaces
        return document.devices.map { entry in
            Device(
                name: entry.name.value, addresses: entry.addresses.map(\.value),
                hardware: entry.hardware.map(\.value), identities: entry.identities.map(\.value),
                kind: entry.kind,
                group: entry.group.map { place(of: $0, as: "group", in: groups) ?? -1 })
        }
    }

    private func refuseSharedNames() {
        var named: [String: PolicyDocument.DeviceEntry] = [:]
        for entry in document.devices {
            let name = entry.name.value
            if let first = named[name] {
                let (one, other) = (first.group?.value, entry.group?.value)
                let groups = one != other ? one.flatMap { one in other.map { (one, $0) } } : nil
                reporter.error(
                    entry.name.place,
                    groups.map {
                        "device \"\(name)\" is in two groups, \"\($0.0)\" (line "
                            + "\(first.name.place.line)) and \"\($0.1)\""
                    } ?? "device \"\(name)\" is there already, on line \(first.name.place.line)",
                    "keep one of them, or give the other a name of its own")
            }
            named[name] = named[name] ?? entry
        }
    }

    /// Refuses what two devices would share: each of them has what tells it from the others.
    private func refuseShared<Value: Hashable>(
        _ values: KeyPath<PolicyDocument.DeviceEntry, [Located<Value>]>, _ what: String,
        _ one: String
    ) {
        var owners: [Value: Located<String>] = [:]
        for entry in document.devices {
            let name = entry.name.value
            for value in entry[keyPath: values] {
                guard let owner = owners[value.value] else {
                    owners[value.value] = entry.name
                    continue
                }
                let isSame = owner.place == entry.name.place
                reporter.error(
                    value.place,
                    isSame
                        ? "\(what) \(value.value) is given twice for device \"\(name)\""
                        : "\(what) \(value.value) is that of device \"\(owner.value)\" (line "
                            + "\(owner.place.line)) and of \"\(name)\"",
                    isSame ? "remove one" : "give each device \(one) of its own")
            }
        }
    }

    /// Refuses an identity in two groups, by a device entry or by `identities:`.
    private func refuseSharedIdentities() {
        var owners: [String: (group: String, place: SourcePlace)] = [:]
        for entry in document.devices {
            guard let group = entry.group?.value else { continue }
            for identity in entry.identities where owners[identity.value] == nil {
                owners[identity.value] = (group, identity.place)
            }
        }
        for entry in document.groups {
            for identity in entry.identities {
                let text = identity.value.text
                guard let first = owners[text] else {
                    owners[text] = (entry.name.value, identity.place)
                    continue
                }
                let isSame = first.group == entry.name.value
                reporter.error(
                    identity.place,
                    isSame
                        ? "identity \(text) is given twice for group \"\(first.group)\", first on "
                            + "line \(first.place.line)"
                        : "identity \(text) is in two groups, \"\(first.group)\" (line "
                            + "\(first.place.line)) and \"\(entry.name.value)\"",
                    isSame ? "remove one" : "keep it in one of them")
            }
        }
    }
}
