import DNSWire
import PolicyEngine

/// Reads `block-page:` of the configuration.
struct BlockPageReader {
    let reporter: Reporter

    private var values: ValueReader { ValueReader(reporter: reporter) }

    /// Addresses of the page: with header, question and reason they must fit what a client takes by
    /// UDP without asking (512 octets).
    private static let maximumAddresses = 4
    /// The port that browsers come to.
    private static let webPort: UInt16 = 80

    func read(_ pair: YAMLPair, hasAlerts: Bool) -> BlockPageConfiguration? {
        guard
            let fields = Fields(
                pair.value, of: "\"block-page\"", known: ["listen", "address", "report-to-alerts"],
                reporter: reporter),
            let listenPair = fields.required("listen", "write listen: \"10.0.0.54:80\"")
        else { return nil }
        let listen = oneOrMore(listenPair).compactMap(endpoint)
        let wanted = fields["address"].map { oneOrMore($0).compactMap(address) }
        let reportsToAlerts = values.choice(
            fields["report-to-alerts"], of: ["true": true, "false": false])
        if reportsToAlerts == true, !hasAlerts, let place = fields["report-to-alerts"] {
            reporter.error(
                place.value.place, "\"report-to-alerts\" needs somebody who is told",
                "write alerts: with email:, webhook: or command:, or remove it")
        }
        let addresses = wanted ?? listen.map(\.address).filter { !Self.isWildcard($0) }
        if wanted == nil, addresses.isEmpty, !listen.isEmpty {
            reporter.error(
                listenPair.value.place, "clients cannot be told to come to a wildcard address",
                "write address: with an address of this server, such as address: [\"10.0.0.54\"]")
        }
        if addresses.count > Self.maximumAddresses {
            reporter.error(
                (fields["address"] ?? listenPair).value.place,
                "the block page has \(addresses.count) addresses, more than "
                    + "\(Self.maximumAddresses)", "leave some out, or name them under address:")
        }
        return BlockPageConfiguration(
            listen: listen, addresses: addresses, reportsToAlerts: reportsToAlerts ?? true)
    }

    private func endpoint(_ text: Located<String>) -> Endpoint? {
        guard
            let endpoint = EndpointReader(reporter: reporter).endpoint(
                text, defaultPort: Self.webPort)
        else { return nil }
        // On loopback somebody tries it out, and says the port.
        if endpoint.port != Self.webPort, !Self.isLoopback(endpoint.address) {
            reporter.warning(
                text.place,
                "browsers come to port \(Self.webPort), and the block page is on \(endpoint.port)",
                "listen on port \(Self.webPort), or have something pass it on")
        }
        return endpoint
    }

    private func address(_ text: Located<String>) -> IPAddress? {
        guard let address = NetworkReader(reporter: reporter).address(text) else { return nil }
        guard !Self.isWildcard(address) else {
            reporter.error(
                text.place, "nobody can come to \(address)", "write an address of this server")
            return nil
        }
        return address
    }

    private static func isWildcard(_ address: IPAddress) -> Bool {
        address == IPAddress(v4: 0) || address == IPAddress(high: 0, low: 0)
    }

    private static func isLoopback(_ address: IPAddress) -> Bool {
        address.isV4 ? address.v4 >> 24 == 127 : address == IPAddress(high: 0, low: 1)
    }

    /// One text, or a list of them.
    private func oneOrMore(_ pair: YAMLPair) -> [Located<String>] {
        if case .scalar = pair.value.content { return values.text(pair).map { [$0] } ?? [] }
        return values.texts(pair) ?? []
    }

    /// Reports rules that answer with a page which the server does not have.
    func refusePages(of document: PolicyDocument) {
        for rule in document.rules where rule.answer == .page && rule.action == .block {
            reporter.error(
                rule.place,
                "rule \"\(rule.id?.value ?? "")\" answers with the block page, and there is none",
                "write block-page: { listen: \"ADDRESS:80\" } in bellgate.yaml, or another answer:")
        }
    }
}
