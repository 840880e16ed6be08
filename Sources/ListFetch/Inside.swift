import DNSWire

/// Tells the own network from the Internet.
enum Inside {
    /// Addresses that no list of the Internet lies at (RFC 6890, the registries of special-purpose
    /// addresses): a redirection there would have the server ask machines of the school.
    private static let networks: [IPNetwork] = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
        "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    ].compactMap { IPNetwork($0) }

    /// Whether an address is one of the Internet.
    static func isOutside(_ address: IPAddress) -> Bool {
        !networks.contains { $0.contains(address) }
    }
}
