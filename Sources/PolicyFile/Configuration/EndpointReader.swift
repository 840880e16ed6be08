import DNSWire

/// Reads addresses with ports and the ways of writing an upstream.
struct EndpointReader {
    let reporter: Reporter

    /// `127.0.0.1`, `127.0.0.1:5300`, `::1` or `[::1]:5300`.
    func endpoint(_ text: Located<String>, defaultPort: UInt16) -> Endpoint? {
        if let endpoint = Self.endpoint(text.value, defaultPort: defaultPort) { return endpoint }
        reporter.error(
            text.place, "\"\(text.value)\" is no address with a port",
            text.value.hasPrefix("localhost")
                ? "write 127.0.0.1 in place of localhost"
                : "write 127.0.0.1:5300, or \"[::1]:5300\"")
        return nil
    }

    /// Any of the ways of writing an upstream.
    func upstream(_ text: Located<String>) -> Upstream? {
        switch text.value {
        case "system": return .system
        case "demo": return .demo
        default: break
        }
        let scheme = text.value.firstIndex(of: ":").flatMap { colon in
            text.value[colon...].hasPrefix("://") ? String(text.value[..<colon]) : nil
        }
        let rest = text.value.dropFirst(scheme.map { $0.count + 3 } ?? 0)
        switch scheme {
        case nil:
            if let endpoint = Self.endpoint(text.value, defaultPort: 53) { return .plain(endpoint) }
            reporter.error(
                text.place, "\"\(text.value)\" is no upstream",
                NearestName.of(text.value, among: ["system", "demo"])
                    .map { "did you mean \"\($0)\"?" }
                    ?? "write system, demo, an address, tls://ADDRESS#NAME or https://HOST/PATH")
        case "tls": return tls(rest, text)
        case "https": return https(rest, text)
        case let other?:
            reporter.error(
                text.place, "\"\(other)\" is no way to reach an upstream",
                "write an address, tls://ADDRESS#NAME or https://HOST/PATH")
        }
        return nil
    }

    private func tls(_ rest: Substring, _ text: Located<String>) -> Upstream? {
        let parts = rest.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = DomainText.name(of: String(parts[1])) else {
            reporter.error(
                text.place, "\"\(text.value)\" does not name its certificate",
                "write the server's name behind it, such as tls://9.9.9.9#dns.quad9.net")
            return nil
        }
        guard let endpoint = Self.endpoint(String(parts[0]), defaultPort: 853) else {
            reporter.error(
                text.place, "\"\(parts[0])\" is no address",
                "write tls://ADDRESS#NAME, such as tls://9.9.9.9#dns.quad9.net")
            return nil
        }
        return .tls(endpoint, name: name.description)
    }

    private func https(_ rest: Substring, _ text: Located<String>) -> Upstream? {
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = rest[slash...]
        var host = String(rest[..<slash])
        var port: UInt16 = 443
        if let endpoint = Self.endpoint(host, defaultPort: 443) {
            host = endpoint.address.description
            port = endpoint.port
        } else {
            let parts = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let given = parts.count == 2 ? Self.port(parts[1]) : port
            guard let given, let name = DomainText.name(of: String(parts.first ?? "")) else {
                reporter.error(
                    text.place, "\"\(text.value)\" has no usable host",
                    "write https://HOST/dns-query")
                return nil
            }
            host = name.description
            port = given
        }
        guard path.count > 1, path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            reporter.error(
                text.place, "\"\(text.value)\" has no path", "write https://HOST/dns-query")
            return nil
        }
        return .https(host: host, port: port, path: String(path))
    }

    /// An address, with or without a port; IPv6 takes brackets to have one.
    static func endpoint(_ text: String, defaultPort: UInt16) -> Endpoint? {
        if let address = IPAddress(text) { return Endpoint(address: address, port: defaultPort) }
        var address = text[...]
        var port = defaultPort
        if text.hasPrefix("["), let end = text.lastIndex(of: "]") {
            address = text[..<end].dropFirst()
            let rest = text[end...].dropFirst()
            if !rest.isEmpty {
                guard rest.first == ":", let given = Self.port(rest.dropFirst()) else { return nil }
                port = given
            }
        } else if let colon = text.lastIndex(of: ":") {
            guard let given = Self.port(text[colon...].dropFirst()), !text[..<colon].contains(":")
            else { return nil }
            address = text[..<colon]
            port = given
        }
        return IPAddress(String(address)).map { Endpoint(address: $0, port: port) }
    }

    private static func port(_ digits: Substring) -> UInt16? {
        guard digits.utf8.allSatisfy({ $0.decimalDigit != nil }), let port = UInt16(digits),
            port > 0
        else { return nil }
        return port
    }
}
