import DNSWire
import PolicyEngine

/// Reads the entries of `devices:`.
struct DeviceReader {
    let reporter: Reporter
    private let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    func device(_ node: YAMLNode) -> PolicyDocument.DeviceEntry? {
        guard
            let fields = Fields(
                node, of: "the device",
                known: ["name", "address", "mac", "identity", "kind", "group"],
                reporter: reporter)
        else { return nil }
        let name = values.text(
            fields.required("name", "give the device a name that no other device has")
        ).flatMap {
            OwnName.check($0, of: "a device", reserved: [], reporter: reporter)
        }
        let addresses = texts(fields["address"]).compactMap { text in
            NetworkReader(reporter: reporter).address(text).map { Located($0, at: text.place) }
        }
        let hardware = texts(fields["mac"]).compactMap(hardware)
        let identities = texts(fields["identity"]).compactMap {
            IdentityReader.identity($0, reporter: reporter)
        }
        if ["address", "mac", "identity"].allSatisfy({ fields[$0] == nil }) {
            reporter.error(
                fields.place, "the device has no \"address\", no \"mac\" and no \"identity\"",
                "write address: 10.30.4.7, one that the device keeps, or its hardware address as "
                    + "mac: \"02:00:5e:10:00:01\"")
        }
        let kind = values.choice(
            fields["kind"],
            of: ["college": Device.Kind.college, "personal": .personal, "phone": .phone])
        let group = values.text(fields["group"])
        guard let name, group != nil || fields["group"] == nil else { return nil }
        if let kind { warnOfPrivate(hardware, kind) }
        return PolicyDocument.DeviceEntry(
            name: name, addresses: addresses, hardware: hardware, identities: identities,
            kind: kind, group: group)
    }

    /// One text, or a list of them: a device may have an address of each family, and two cards.
    private func texts(_ pair: YAMLPair?) -> [Located<String>] {
        guard let pair else { return [] }
        if case .sequence = pair.value.content { return values.texts(pair) ?? [] }
        return values.text(pair).map { [$0] } ?? []
    }

    private func hardware(_ text: Located<String>) -> Located<HardwareAddress>? {
        guard let address = HardwareAddress(text.value) else {
            reporter.error(
                text.place, "\"\(text.value)\" is no hardware address",
                "write six octets, such as mac: \"02:00:5e:10:00:01\"")
            return nil
        }
        guard address.isOfOneCard else {
            reporter.error(
                text.place, "\(address) is the hardware address of no single card",
                "write that of the device's own card")
            return nil
        }
        return Located(address, at: text.place)
    }

    /// What people carry shows each network an address made up for it, and may change it.
    private func warnOfPrivate(_ addresses: [Located<HardwareAddress>], _ kind: Device.Kind) {
        guard kind != .college else { return }
        for address in addresses where address.value.isMadeUp {
            reporter.warning(
                address.place,
                "\(address.value) is a private hardware address, which a \(kind) device may change",
                "switch private addresses off on it for this network, or go by network")
        }
    }
}
