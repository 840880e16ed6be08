public import DNSWire

/// Who tells the server who is where, besides the kernel.
public struct IdentityConfiguration: Sendable {
    /// A file of a DHCP server's leases.
    public struct LeaseSource: Sendable, Hashable {
        /// Where it lies.
        public var path: String
        /// Whose file it is; `nil` to see for itself.
        public var format: LeaseFormat?

        /// Takes both.
        public init(path: String, format: LeaseFormat?) {
            self.path = path
            self.format = format
        }
    }

    /// The ways of writing leases.
    public enum LeaseFormat: String, Sendable, CaseIterable {
        /// dnsmasq, IPv4 and IPv6 in one file.
        case dnsmasq
        /// ISC dhcpd, either family.
        case isc
        /// Kea's memfile, either family.
        case kea
    }

    /// Where access points and switches report who logs in: RADIUS accounting (RFC 2866).
    public struct Radius: Sendable {
        /// The addresses served, UDP.
        public var listen: [Endpoint]
        /// Those who may report.
        public var clients: [RadiusClient]
        /// How long after its last report a login counts, in seconds.
        public var forgetAfterSeconds: Int64

        /// Takes the parts.
        public init(listen: [Endpoint], clients: [RadiusClient], forgetAfterSeconds: Int64) {
            self.listen = listen
            self.clients = clients
            self.forgetAfterSeconds = forgetAfterSeconds
        }
    }

    /// One that reports logins, or several with one secret.
    public struct RadiusClient: Sendable {
        /// Its address, or a network of them.
        public var network: IPNetwork
        /// What it shares with the server.
        public var secret: [UInt8]
        /// Whether each report must carry a Message-Authenticator (RFC 3579 section 3.2).
        public var requiresMessageAuthenticator: Bool

        /// Takes the parts.
        public init(network: IPNetwork, secret: [UInt8], requiresMessageAuthenticator: Bool) {
            self.network = network
            self.secret = secret
            self.requiresMessageAuthenticator = requiresMessageAuthenticator
        }
    }

    /// The lease files, in order: of two that tell of one address, the first counts.
    public var leases: [LeaseSource] = []
    /// Where logins are reported; `nil` for nowhere.
    public var radius: Radius?
}
