import Foundation

/// A message for those who answer for safeguarding, and who has got it already.
public struct AlertMessage: Codable, Sendable {
    /// What it is.
    public enum Kind: String, Codable, Sendable {
        /// A concern, told at once.
        case alert
        /// What came up since the last digest.
        case digest
        /// That no more alerts are sent today.
        case paused
    }

    /// The same for every attempt to deliver it, and for no other message.
    public var id: String
    /// What it is.
    public var kind: Kind
    /// The subject of the mail.
    public var subject: String
    /// The text of the mail.
    public var text: String
    /// The same for programs: one JSON object.
    public var json: String
    /// When it was made, in seconds since 1970 UTC.
    public var madeAt: Int64
    /// How each way of telling stands.
    public var deliveries: [AlertWay: Delivery]

    /// How the delivery by one way stands.
    public struct Delivery: Codable, Sendable {
        /// Attempts that failed.
        public var failures = 0
        /// When it is tried next, in seconds since 1970 UTC.
        public var dueAt: Int64 = 0
        /// Why the last attempt failed.
        public var problem: String?
    }
}

/// A way of telling people.
public enum AlertWay: String, Codable, CaseIterable, Sendable, CodingKeyRepresentable {
    case email, webhook, command
}
