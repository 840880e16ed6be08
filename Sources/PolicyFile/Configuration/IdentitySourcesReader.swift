import DNSWire

/// Reads `identity:` of the configuration.
struct IdentitySourcesReader {
    let reporter: Reporter
    let path: String

    private var values: ValueReader { ValueReader(reporter: reporter) }

    /// A login that nobody has reported on for so long is over: a working day, or what is asked.
    private static let usualForgetSeconds: Int64 = 12 * 3600
    private static let forgetSeconds: ClosedRange<Int64> = 60...7 * 86_400
    /// Files of leases: a few servers, and two families each.
    private static let maximumFiles = 16
    /// Access points that report by themselves, in a large college.
    private static let maximumClients = 1000

    func read(_ pair: YAMLPair) -> IdentityConfiguration? {
        guard
            let fields = Fields(
                pair.value, of: "\"identity\"", known: ["leases", "radius"], reporter: reporter)
        else { return nil }
        var identity = IdentityConfiguration()
        if let leases = fields["leases"] {
            identity.leases = (values.items(leases) ?? []).compactMap(lease)
            if identity.leases.count > Self.maximumFiles {
                reporter.error(
                    leases.keyPlace,
                    "there are \(identity.leases.count) lease files, more than "
                        + "\(Self.maximumFiles)", "name fewer")
            }
        }
        identity.radius = fields["radius"].flatMap(radius)
        if fields["leases"] == nil, fields["radius"] == nil {
            reporter.error(
                pair.keyPlace, "\"identity\" names no source",
                "give it leases: or radius:, or remove it")
        }
        return identity
    }

    private func lease(_ node: YAMLNode) -> IdentityConfiguration.LeaseSource? {
        guard
            let fields = Fields(
                node, of: "the lease file", known: ["file", "format"], reporter: reporter),
            let file = values.text(
                fields.required("file", "write file: /var/lib/misc/dnsmasq.leases"))
        else { return nil }
        let format = values.choice(
            fields["format"],
            of: ["dnsmasq": IdentityConfiguration.LeaseFormat.dnsmasq, "isc": .isc, "kea": .kea])
        return IdentityConfiguration.LeaseSource(
            path: FileBytes.path(file.value, relativeTo: path), format: format)
    }

    private func radius(_ pair: YAMLPair) -> IdentityConfiguration.Radius? {
        guard
            let fields = Fields(
                pair.value, of: "\"radius\"",
                known: ["listen", "clients", "require-message-authenticator", "forget-after"],
                reporter: reporter),
            let listen = fields.required("listen", "write listen: \"127.0.0.1:1813\""),
            let clients = fields.required(
                "clients", "write clients: [ { address: 10.0.0.2, secret-file: radius-secret } ]")
        else { return nil }
        let isRequired = flag(fields["require-message-authenticator"]) ?? true
        let endpoints = EndpointReader(reporter: reporter)
        let radius = IdentityConfiguration.Radius(
            listen: texts(listen).compactMap { endpoints.endpoint($0, defaultPort: 1813) },
            clients: (values.items(clients) ?? []).compactMap { client($0, isRequired) },
            forgetAfterSeconds: values.seconds(fields["forget-after"], in: Self.forgetSeconds)
                ?? Self.usualForgetSeconds)
        if radius.clients.count > Self.maximumClients {
            reporter.error(
                clients.keyPlace,
                "there are \(radius.clients.count) clients, more than \(Self.maximumClients)",
                "name a network of them with one secret")
        }
        return radius
    }

    private func client(
        _ node: YAMLNode, _ isRequired: Bool
    ) -> IdentityConfiguration.RadiusClient? {
        guard
            let fields = Fields(
                node, of: "the RADIUS client",
                known: ["address", "secret-file", "require-message-authenticator"],
                reporter: reporter)
        else { return nil }
        let address = values.text(
            fields.required("address", "write the access point's address, such as 10.0.0.2"))
        let network = address.flatMap { NetworkReader(reporter: reporter).network($0) }
        let file = values.text(
            fields.required("secret-file", "write the path of a file with the shared secret"))
        let secret = file.flatMap(secret)
        let own = flag(fields["require-message-authenticator"])
        guard let network, let secret else { return nil }
        return IdentityConfiguration.RadiusClient(
            network: network.value, secret: secret,
            requiresMessageAuthenticator: own ?? isRequired)
    }

    /// What is in a file, without the end of its line.
    private func secret(_ file: Located<String>) -> [UInt8]? {
        let path = FileBytes.path(file.value, relativeTo: path)
        do {
            var secret = try FileBytes.read(path, limit: Self.maximumSecretOctets).bytes
            while let last = secret.last, last == 0x0A || last == 0x0D { secret.removeLast() }
            if !secret.isEmpty { return secret }
            reporter.error(
                file.place, "the secret file \(path) is empty",
                "write the secret that the access point has into it")
        } catch {
            reporter.error(
                file.place, "the secret file \(path) \(error.reason)",
                "check the path and who may read it")
        }
        return nil
    }

    /// RFC 2865 asks for a long one, and a line is enough.
    private static let maximumSecretOctets = 1024

    private func flag(_ pair: YAMLPair?) -> Bool? {
        values.choice(pair, of: ["true": true, "false": false])
    }

    /// One text, or a list of them.
    private func texts(_ pair: YAMLPair) -> [Located<String>] {
        if case .sequence = pair.value.content { return values.texts(pair) ?? [] }
        return values.text(pair).map { [$0] } ?? []
    }
}
