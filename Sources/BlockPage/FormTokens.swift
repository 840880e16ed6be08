import DecisionLog
import LDNSBridge
import Synchronization

/// What makes sure that a form was ours, was given to this client, and is taken once.
///
/// A token is a number, the second at which it was made and a digest over both, the client, the
/// name and the rule that the page showed (HMAC-SHA-256, RFC 2104). The key is made at the start
/// and never leaves the process.
final class FormTokens: Sendable {
    /// What became of a form.
    enum Verdict: Equatable {
        /// It is ours and was not sent before.
        case fresh
        /// It was sent before, and this report came of it.
        case sent(UInt64)
        /// It is too old, or none of ours.
        case unknown
    }

    private let key: [UInt8]
    private let sent = Mutex<[(nonce: UInt64, report: UInt64)]>([])

    init() {
        var random = SystemRandomNumberGenerator()
        key = (0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
    }

    /// A token for a form about to be shown.
    func make(_ subject: String, nowSeconds: Int64) -> String {
        var random = SystemRandomNumberGenerator()
        let nonce = UInt64.random(in: 0 ... .max, using: &random)
        return "\(nowSeconds).\(nonce)." + digest(subject, nowSeconds, nonce)
    }

    /// Looks at a token that came back.
    func check(_ token: String, _ subject: String, nowSeconds: Int64) -> Verdict {
        guard let (made, nonce) = Self.read(token),
            token.hasSuffix("." + digest(subject, made, nonce)),
            made <= nowSeconds, nowSeconds - made <= BlockPageLimits.formSeconds
        else { return .unknown }
        let known = sent.withLock { $0.first { $0.nonce == nonce } }
        return known.map { .sent($0.report) } ?? .fresh
    }

    /// Remembers that a form was taken.
    func note(_ token: String, report: UInt64) {
        guard let (_, nonce) = Self.read(token) else { return }
        sent.withLock { sent in
            sent.append((nonce, report))
            if sent.count > BlockPageLimits.sentForms { sent.removeFirst() }
        }
    }

    private static func read(_ token: String) -> (made: Int64, nonce: UInt64)? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let made = Int64(parts[0]), let nonce = UInt64(parts[1])
        else { return nil }
        return (made, nonce)
    }

    private func digest(_ subject: String, _ made: Int64, _ nonce: UInt64) -> String {
        hexadecimal(KeyedDigest(key).digest(of: Array("\(made).\(nonce).\(subject)".utf8)))
    }
}
