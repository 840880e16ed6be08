import CCurl
import DecisionLog
import Foundation
import LDNSBridge
import PolicyFile

/// Sends a message to a web server, as JSON.
struct Webhook {
    let settings: AlertConfiguration.Webhook
    /// How long it may take, in seconds.
    let seconds: Int

    /// Posts it.
    ///
    /// - Returns: why that did not work; `nil` when the server has answered 2xx.
    func send(_ message: AlertMessage) -> String? {
        var secret: [UInt8]?
        if let path = settings.secretFile {
            guard let line = Mail.firstLine(path) else {
                return "the secret in \(path) cannot be read"
            }
            secret = Array(line.utf8)
        }
        guard let curl = unsafe curl_easy_init() else { return "libcurl cannot start" }
        defer { unsafe curl_easy_cleanup(curl) }
        let body = Upload(Array(message.json.utf8))
        // SAFETY: libcurl copies texts; the list and `body` outlive the transfer, which alone uses
        // them.
        unsafe curl_prepare_web(curl, settings.url)
        var headers: UnsafeMutablePointer<curl_slist>?
        for header in Self.headers(message, secret: secret) {
            unsafe headers = curl_slist_append(headers, header)
        }
        defer { unsafe curl_slist_free_all(headers) }
        unsafe _ = curl_set_pointer(curl, CURLOPT_HTTPHEADER, headers)
        unsafe body.attach(to: curl)
        unsafe _ = curl_set_long(curl, CURLOPT_INFILESIZE, message.json.utf8.count)
        unsafe _ = curl_set_string(curl, CURLOPT_CUSTOMREQUEST, "POST")
        return withExtendedLifetime(body) { unsafe Transfer.run(curl, seconds: seconds) }
    }

    /// The headers; with a secret, the receiver can tell that the message is ours and unchanged
    /// (HMAC-SHA-256 of the body, RFC 2104).
    static func headers(_ message: AlertMessage, secret: [UInt8]?) -> [String] {
        var headers = [
            "Content-Type: application/json", "Bellgate-Id: \(message.id)",
            // No "100 Continue" is waited for.
            "Expect:",
        ]
        if let secret {
            // A key longer than a block is its digest (RFC 2104).
            let key = secret.count > 64 ? sha256(secret) : secret
            let digest = KeyedDigest(key).digest(of: Array(message.json.utf8))
            headers.append("Bellgate-Signature: sha256=\(hexadecimal(digest))")
        }
        return headers
    }
}
