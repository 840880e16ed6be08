import DNSWire
import DomainLists
import Foundation

/// Reads one entry of `lists:`.
struct ListReader {
    let reporter: Reporter

    private var values: ValueReader { ValueReader(reporter: reporter) }

    /// How often a list from the web may be fetched: from a second, for one that a school makes
    /// itself, to a month, after which nobody should call it fresh.
    static let everySeconds: ClosedRange<Int64> = 1...(31 * 86_400)
    /// How often one is fetched that does not say.
    static let defaultEverySeconds: Int64 = 86_400
    /// Whoever publishes a list for everybody should not be asked more often than this, in seconds.
    static let considerateSeconds: Int64 = 900
    /// The longest address: what every server takes (RFC 9110, section 4.1, asks for 8000).
    static let maximumURLOctets = 8000

    private static let keys = [
        "file", "url", "catalogue", "format", "match", "every", "redirect-inside",
    ]

    /// The list, or `nil` where a mistake leaves nothing to go on with.
    func list(_ pair: YAMLPair, name: Located<String>) -> PolicyDocument.ListEntry? {
        guard
            let fields = Fields(
                pair.value, of: "list \"\(name.value)\"", known: Self.keys, reporter: reporter)
        else { return nil }
        let format = values.choice(
            fields["format"],
            of: [
                "hosts": ListFormat.hosts, "domains": .domains, "wildcard": .wildcard,
                "adblock": .adblock, "dnsmasq": .dnsmasq, "rpz": .rpz,
            ])
        let match = values.choice(
            fields["match"], of: ["exact": Coverage.exact, "subtree": .subtree])
        let ways = ["catalogue", "file", "url"].compactMap { fields[$0] }
        guard let way = ways.first else {
            reporter.error(
                pair.keyPlace, "list \"\(name.value)\" says nothing about where it lies",
                "write file: PATH, url: ADDRESS, or catalogue: FOLDER")
            return nil
        }
        let foreign: [String] =
            switch way.key {
            case "catalogue": ["file", "url", "format", "match", "every", "redirect-inside"]
            case "file": ["url", "every", "redirect-inside"]
            default: []
            }
        if let second = foreign.compactMap({ fields[$0] }).first {
            reporter.error(
                second.keyPlace, "\"\(second.key)\" does not go with \"\(way.key)\"", "remove it")
        }
        guard let path = values.text(way) else { return nil }
        var entry = PolicyDocument.ListEntry(
            name: name, path: path, isCatalogue: way.key == "catalogue", format: format,
            match: match)
        if way.key == "url" {
            guard let web = web(path, fields, entry) else { return nil }
            entry.web = web
        }
        return entry
    }

    private func web(
        _ address: Located<String>, _ fields: Fields, _ entry: PolicyDocument.ListEntry
    ) -> WebList? {
        let every =
            values.seconds(fields["every"], in: Self.everySeconds) ?? Self.defaultEverySeconds
        let inside = values.choice(fields["redirect-inside"], of: ["true": true, "false": false])
        guard let parts = URLComponents(string: address.value), let host = parts.host,
            !host.isEmpty, let scheme = parts.scheme?.lowercased(),
            address.value.utf8.count <= Self.maximumURLOctets,
            address.value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            refuse(address, "is no address of a list", "write https://HOST/PATH")
            return nil
        }
        guard ["https", "http"].contains(scheme) else {
            refuse(address, "is of a kind that is not fetched", "only https and http are")
            return nil
        }
        guard parts.user == nil, parts.password == nil else {
            refuse(
                address, "holds a user or a password, which everybody sees who reads the policy",
                "fetch that list by a job of your own, and name its file")
            return nil
        }
        let isInside = Self.isInside(host)
        if scheme == "http", !isInside {
            reporter.warning(
                address.place,
                "list \"\(entry.name.value)\" comes over plain http: whoever sits "
                    + "on the way can change it", "write https:// where its publisher offers that")
        }
        if every < Self.considerateSeconds, !isInside, let pair = fields["every"] {
            reporter.warning(
                pair.value.place,
                "list \"\(entry.name.value)\" is fetched every \(every) seconds, "
                    + "which burdens its publisher", "write some hours, such as 24h")
        }
        return WebList(
            name: entry.name.value, url: address.value, everySeconds: every,
            mayRedirectInside: inside ?? false, format: entry.format, match: entry.match)
    }

    private func refuse(_ address: Located<String>, _ reason: String, _ hint: String) {
        reporter.error(address.place, "\"\(address.value)\" \(reason)", hint)
    }

    /// Whether a host is written as an address of the own network.
    private static func isInside(_ host: String) -> Bool {
        if host == "localhost" { return true }
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        guard let address = IPAddress(bare) else { return false }
        return ServerConfiguration.privateNetworks.contains { $0.contains(address) }
    }
}
