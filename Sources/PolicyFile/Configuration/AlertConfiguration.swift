public import PolicyEngine

/// Who is told of safeguarding concerns, and how.
public struct AlertConfiguration: Sendable {
    /// Concerns of this severity and above are told at once, the others in the digest.
    public var atOnce = Concern.high
    /// When the digest is sent, in minutes since midnight by the policy's clock; `nil` for never.
    public var digestMinute: Int? = 8 * 60
    /// By e-mail.
    public var email: Email?
    /// By a request to a web server.
    public var webhook: Webhook?
    /// By a program and its arguments, which gets the alert as JSON on its standard input.
    public var command: [String]?

    /// A mail server, and from whom to whom.
    public struct Email: Sendable {
        /// Who gets it.
        public var to: [String]
        /// Who it is from.
        public var from: String
        /// The mail server's name or address.
        public var host: String
        /// Its port.
        public var port: UInt16
        /// How the connection is encrypted.
        public var security: Security
        /// As whom; `nil` without a log-in.
        public var user: String?
        /// The file whose first line is the password.
        public var passwordFile: String?

        /// Takes all parts.
        public init(
            to: [String], from: String, host: String, port: UInt16, security: Security,
            user: String?, passwordFile: String?
        ) {
            self.to = to
            self.from = from
            self.host = host
            self.port = port
            self.security = security
            self.user = user
            self.passwordFile = passwordFile
        }
    }

    /// How the connection to a mail server is encrypted.
    public enum Security: Sendable {
        /// By STARTTLS (RFC 3207), which the server must offer.
        case starttls
        /// From the first octet on (RFC 8314).
        case tls
        /// Not at all.
        case none
    }

    /// A web server that gets each alert as JSON.
    public struct Webhook: Sendable {
        /// Where to.
        public var url: String
        /// The file whose first line is the key by which requests are signed; `nil` for none.
        public var secretFile: String?

        /// Takes both parts.
        public init(url: String, secretFile: String?) {
            self.url = url
            self.secretFile = secretFile
        }
    }

    /// What holds where the file says nothing.
    public init() {}
}
