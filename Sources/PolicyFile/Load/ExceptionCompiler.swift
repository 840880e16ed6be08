import DNSWire
import DomainLists
import PolicyEngine

extension PolicyCompiler {
    /// The devices, with their groups looked up.
    func devices() -> [Device] {
        refuseSharedDevices()
        let groups = groupPlaces
        return document.devices.map { entry in
            Device(
                name: entry.name.value, addresses: entry.addresses.map(\.value), kind: entry.kind,
                group: place(of: entry.group, as: "group", in: groups) ?? -1)
        }
    }

    private func refuseSharedDevices() {
        var named: [String: PolicyDocument.DeviceEntry] = [:]
        var owners: [IPAddress: Located<String>] = [:]
        for entry in document.devices {
            let name = entry.name.value
            if let first = named[name] {
                let isSame = first.group.value == entry.group.value
                reporter.error(
                    entry.name.place,
                    isSame
                        ? "device \"\(name)\" is there already, on line \(first.name.place.line)"
                        : "device \"\(name)\" is in two groups, \"\(first.group.value)\" (line "
                            + "\(first.name.place.line)) and \"\(entry.group.value)\"",
                    "keep one of them, or give the other a name of its own")
            }
            named[name] = named[name] ?? entry
            for address in entry.addresses {
                guard let owner = owners[address.value] else {
                    owners[address.value] = entry.name
                    continue
                }
                let isSame = owner.place == entry.name.place
                reporter.error(
                    address.place,
                    isSame
                        ? "address \(address.value) is given twice for device \"\(name)\""
                        : "address \(address.value) is that of device \"\(owner.value)\" (line "
                            + "\(owner.place.line)) and of \"\(name)\"",
                    isSame ? "remove one" : "give each device an address of its own")
            }
        }
    }

    /// The exceptions in the order of the file, as rules that hold for a time.
    mutating func exceptions(in zone: ZoneRules?) -> [Rule] {
        let groups = groupPlaces
        let devices = Self.places(document.devices.map(\.name.value))
        var rules: [Rule] = []
        for (number, entry) in document.exceptions.enumerated() {
            let earlierErrors = reporter.errorCount
            let (target, isTargetSound) = target(of: entry.operands)
            var rule = Rule(
                id: entry.id?.value ?? "", action: entry.action, target: target,
                operands: entry.operands.map(\.value),
                groups: entry.groups.compactMap { place(of: $0, as: "group", in: groups) },
                reason: entry.reason, origin: .exception)
            rule.devices = entry.devices.compactMap { place(of: $0, as: "device", in: devices) }
            rule.networks = entry.networks
            rule.window = (zone ?? .utc).window(from: entry.from, until: entry.until?.value)
            rules.append(rule)
            if entry.isBroken || !isTargetSound || reporter.errorCount > earlierErrors {
                markBroken(exception: number)
            }
        }
        return rules
    }

    /// What stays open while somebody's access is suspended: the category of that name.
    mutating func officialChannels() -> [SourceID: String] {
        scope.officialChannels.map { scope.expand($0) } ?? [:]
    }
}

extension ZoneRules {
    /// A stretch of time as people write it: the end is no longer in it.
    func window(from: CivilTime?, until: CivilTime?) -> Range<Instant> {
        let start = from.map(instant) ?? .earliest
        return start..<max(start, until.map(instant) ?? .endless)
    }
}
