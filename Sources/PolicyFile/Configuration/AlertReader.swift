import DNSWire
import Foundation
import PolicyEngine

/// Reads `alerts:` of the configuration.
struct AlertReader {
    let reporter: Reporter

    private var values: ValueReader { ValueReader(reporter: reporter) }

    /// Who may be told at once: an alert is for the few who answer for it.
    private static let maximumReceivers = 20

    func read(_ pair: YAMLPair, path: String) -> AlertConfiguration? {
        guard
            let fields = Fields(
                pair.value, of: "\"alerts\"",
                known: ["at-once", "digest", "email", "webhook", "command"], reporter: reporter)
        else { return nil }
        var alerts = AlertConfiguration()
        if let severity = values.choice(
            fields["at-once"], of: ["high": Concern.high, "medium": .medium, "low": .low])
        {
            alerts.atOnce = severity
        }
        if let digest = values.text(fields["digest"]) {
            alerts.digestMinute = minute(digest)
        }
        alerts.email = fields["email"].flatMap { email($0, path) }
        alerts.webhook = fields["webhook"].flatMap { webhook($0, path) }
        alerts.command = values.texts(fields["command"])?.map(\.value)
        if let program = alerts.command?.first, !program.hasPrefix("/"),
            let place = fields["command"]
        {
            reporter.error(
                place.value.place, "\"\(program)\" is no whole path",
                "write where the program lies, such as /usr/local/bin/\(program)")
        }
        if ["email", "webhook", "command"].allSatisfy({ fields[$0] == nil }) {
            reporter.error(
                pair.keyPlace, "\"alerts\" does not say how anybody is told",
                "give it email:, webhook: or command:")
        }
        return alerts
    }

    /// `08:00` as minutes; `off` as `nil`.
    private func minute(_ text: Located<String>) -> Int? {
        if text.value == "off" { return nil }
        let parts = text.value.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isNumber) }),
            let hours = Int(parts[0]), let minutes = Int(parts[1]), hours < 24, minutes < 60
        {
            return hours * 60 + minutes
        }
        reporter.error(
            text.place, "\"\(text.value)\" is no time of day", "write a time such as 08:00, or off")
        return nil
    }

    private func email(_ pair: YAMLPair, _ path: String) -> AlertConfiguration.Email? {
        guard
            let fields = Fields(
                pair.value, of: "\"email\"",
                known: ["to", "from", "server", "security", "user", "password-file"],
                reporter: reporter),
            let toPair = fields.required("to", "write to: [dsl@college.example]"),
            let serverPair = fields.required("server", "write server: smtp.college.example:587"),
            let fromPair = fields.required("from", "write from: bellgate@college.example"),
            let receivers = values.texts(toPair), let from = values.text(fromPair),
            let server = values.text(serverPair)
        else { return nil }
        for address in receivers + [from] where !Self.isMailAddress(address.value) {
            reporter.error(
                address.place, "\"\(address.value)\" is no mail address",
                "write it as dsl@college.example")
        }
        if receivers.count > Self.maximumReceivers {
            reporter.error(
                toPair.value.place,
                "an alert goes to \(receivers.count) people, more than "
                    + "\(Self.maximumReceivers)", "use a mailing list")
        }
        let security =
            values.choice(
                fields["security"],
                of: ["starttls": AlertConfiguration.Security.starttls, "tls": .tls, "none": .none])
            ?? .starttls
        guard let (host, port) = hostAndPort(server, security) else { return nil }
        let user = values.text(fields["user"])
        let password = values.text(fields["password-file"])
        if (user == nil) != (password == nil), let one = fields["user"] ?? fields["password-file"] {
            reporter.error(
                one.keyPlace, "\"user\" and \"password-file\" go together", "give both or neither")
        }
        if let user, security == .none {
            reporter.error(
                user.place, "the password would go over the network for all to read",
                "use security: starttls, or leave out user")
        }
        return AlertConfiguration.Email(
            to: receivers.map(\.value), from: from.value, host: host, port: port,
            security: security, user: user?.value,
            passwordFile: password.map { FileBytes.path($0.value, relativeTo: path) })
    }

    private func hostAndPort(
        _ text: Located<String>, _ security: AlertConfiguration.Security
    ) -> (String, UInt16)? {
        let usual: UInt16 = security == .tls ? 465 : security == .none ? 25 : 587
        if let endpoint = EndpointReader.endpoint(text.value, defaultPort: usual) {
            let address = endpoint.address
            return (address.isV4 ? "\(address)" : "[\(address)]", endpoint.port)
        }
        let parts = text.value.split(separator: ":", omittingEmptySubsequences: false)
        let port = parts.count == 2 ? UInt16(parts[1]) : usual
        guard parts.count <= 2, let port, port > 0, let name = DomainText.name(of: String(parts[0]))
        else {
            reporter.error(
                text.place, "\"\(text.value)\" is no mail server",
                "write its name and port, such as smtp.college.example:587")
            return nil
        }
        return ("\(name)", port)
    }

    /// One address without comments and quotes: nothing that could become another line of a mail.
    private static func isMailAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            && !text.contains { "<>(),;:\\\"[]".contains($0) }
    }

    private func webhook(_ pair: YAMLPair, _ path: String) -> AlertConfiguration.Webhook? {
        guard
            let fields = Fields(
                pair.value, of: "\"webhook\"", known: ["url", "secret-file"], reporter: reporter),
            let urlPair = fields.required("url", "write url: https://HOST/PATH"),
            let url = values.text(urlPair)
        else { return nil }
        guard let parts = URLComponents(string: url.value), let host = parts.host, !host.isEmpty,
            ["http", "https"].contains(parts.scheme?.lowercased()), parts.user == nil,
            url.value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            reporter.error(
                url.place, "\"\(url.value)\" is no address of a web server",
                "write https://HOST/PATH, without user and password")
            return nil
        }
        return AlertConfiguration.Webhook(
            url: url.value,
            secretFile: values.text(fields["secret-file"]).map {
                FileBytes.path($0.value, relativeTo: path)
            })
    }
}
