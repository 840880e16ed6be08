public import DNSWire

/// The page that says why a name is blocked, and takes reports.
public struct BlockPageConfiguration: Sendable {
    /// Where it is served, by HTTP.
    public var listen: [Endpoint]
    /// What clients are told where a rule answers with the page; at least one.
    public var addresses: [IPAddress]
    /// Whether reports reach those who are told of alerts.
    public var reportsToAlerts: Bool

    /// Takes all parts.
    public init(listen: [Endpoint], addresses: [IPAddress], reportsToAlerts: Bool = true) {
        self.listen = listen
        self.addresses = addresses
        self.reportsToAlerts = reportsToAlerts
    }
}
