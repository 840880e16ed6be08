import DNSWire
import DomainLists
import PolicyEngine

extension PolicyCompiler {
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
