import DNSWire

/// Reads networks and addresses, saying what is wrong with those that are none.
struct NetworkReader {
    let reporter: Reporter

    func network(_ text: Located<String>) -> Located<IPNetwork>? {
        if let network = IPNetwork(text.value) { return Located(network, at: text.place) }
        if let wider = IPNetwork(text.value, hostBitsAllowed: true) {
            let address = text.value.split(separator: "/").first ?? ""
            reporter.error(
                text.place, "\"\(text.value)\" has host bits set",
                "write \(wider) for the network, or \(address) for the one address")
        } else {
            reporter.error(
                text.place, "\"\(text.value)\" is no network",
                "write an address and a length, such as 10.20.0.0/16 or \"2001:db8:20::/64\"")
        }
        return nil
    }

    func address(_ text: Located<String>) -> IPAddress? {
        if let address = IPAddress(text.value) { return address }
        reporter.error(
            text.place, "\"\(text.value)\" is no address",
            "write an address, such as 10.20.4.7 or \"2001:db8:20::7\"")
        return nil
    }
}
