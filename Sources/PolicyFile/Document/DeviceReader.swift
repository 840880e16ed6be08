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
                node, of: "the device", known: ["name", "address", "kind", "group"],
                notYet: ["mac": "devices by hardware address"], reporter: reporter)
        else { return nil }
        let name = values.text(
            fields.required("name", "give the device a name that no other device has")
        ).flatMap {
            OwnName.check($0, of: "a device", reserved: [], reporter: reporter)
        }
        let addresses = addresses(fields, node)
        let kind = values.choice(
            fields["kind"],
            of: ["college": Device.Kind.college, "personal": .personal, "phone": .phone])
        let group = values.text(fields.required("group", "say to which group it belongs"))
        guard let name, let group else { return nil }
        return PolicyDocument.DeviceEntry(
            name: name, addresses: addresses, kind: kind, group: group)
    }

    /// One address, or a list of them: a device may have one of each family.
    private func addresses(_ fields: Fields, _ node: YAMLNode) -> [Located<IPAddress>] {
        guard let pair = fields["address"] else {
            if case .mapping(let keys) = node.content, keys.contains(where: { $0.key == "mac" }) {
                return []
            }
            reporter.error(
                fields.place, "the device has no \"address\"",
                "write address: 10.30.4.7, one that the device keeps")
            return []
        }
        let texts: [Located<String>]
        if case .sequence = pair.value.content {
            texts = values.texts(pair) ?? []
        } else {
            texts = values.text(pair).map { [$0] } ?? []
        }
        let reader = NetworkReader(reporter: reporter)
        return texts.compactMap { text in
            reader.address(text).map { Located($0, at: text.place) }
        }
    }
}
