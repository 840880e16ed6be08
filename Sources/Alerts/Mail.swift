import CCurl
import Foundation
import PolicyFile

/// Sends a message as an e-mail (RFC 5321, RFC 5322).
struct Mail {
    let settings: AlertConfiguration.Email
    /// How long it may take.
    let seconds: Int

    /// Hands it to the mail server.
    ///
    /// - Returns: why that did not work; `nil` when the server has taken it.
    func send(_ message: AlertMessage) -> String? {
        guard let curl = unsafe curl_easy_init() else { return "libcurl cannot start" }
        defer { unsafe curl_easy_cleanup(curl) }
        let scheme = settings.security == .tls ? "smtps" : "smtp"
        let text = Upload(Array(mail(message).utf8))
        // SAFETY: libcurl copies texts; `text` and the list outlive the transfer, which alone uses
        // them.
        unsafe _ = curl_set_string(
            curl, CURLOPT_URL, "\(scheme)://\(settings.host):\(settings.port)")
        if settings.security != .none {
            unsafe _ = curl_set_long(curl, CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue))
        }
        if let user = settings.user {
            guard let password = settings.passwordFile.flatMap(Self.firstLine) else {
                return "the password in \(settings.passwordFile ?? "") cannot be read"
            }
            unsafe _ = curl_set_string(curl, CURLOPT_USERNAME, user)
            unsafe _ = curl_set_string(curl, CURLOPT_PASSWORD, password)
        }
        unsafe _ = curl_set_string(curl, CURLOPT_MAIL_FROM, "<\(settings.from)>")
        var receivers: UnsafeMutablePointer<curl_slist>?
        for address in settings.to {
            unsafe receivers = curl_slist_append(receivers, "<\(address)>")
        }
        defer { unsafe curl_slist_free_all(receivers) }
        unsafe _ = curl_set_pointer(curl, CURLOPT_MAIL_RCPT, receivers)
        unsafe text.attach(to: curl)
        return withExtendedLifetime(text) { unsafe Transfer.run(curl, seconds: seconds) }
    }

    /// The mail itself. Its text goes as base64, so that no line of it means anything to a server.
    func mail(_ message: AlertMessage) -> String {
        let domain = settings.from.split(separator: "@").last.map(String.init) ?? "localhost"
        let body = Data(message.text.utf8).base64EncodedString(
            options: [.lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed])
        let headers = [
            "Date: \(Self.date(message.madeAt))",
            "From: Bellgate <\(settings.from)>",
            "To: \(settings.to.map { "<\($0)>" }.joined(separator: ",\r\n "))",
            "Subject: \(Self.encoded(message.subject))",
            "Message-ID: <bellgate.\(message.id)@\(domain)>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
        ]
        return headers.joined(separator: "\r\n") + "\r\n\r\n" + body + "\r\n"
    }

    /// The first line of a file.
    static func firstLine(_ path: String) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return text.split(whereSeparator: \.isNewline).first.map(String.init)
    }

    /// `Tue, 24 Nov 2026 10:31:05 +0000` (RFC 5322, section 3.3).
    private static func date(_ seconds: Int64) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss Z"
        return formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
    }

    /// A subject as encoded words where it needs that (RFC 2047).
    private static func encoded(_ subject: String) -> String {
        let isPlain =
            subject.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && subject.utf8.count < 900
        if isPlain { return subject }
        var words: [String] = []
        var part = ""
        for character in subject {
            // An encoded word has at most 75 octets, and 45 octets make 60 of base64.
            if part.utf8.count + character.utf8.count > 45 {
                words.append(part)
                part = ""
            }
            part.append(character)
        }
        return (words + [part]).map { "=?UTF-8?B?\(Data($0.utf8).base64EncodedString())?=" }
            .joined(separator: "\r\n ")
    }
}

/// Octets that libcurl takes bit by bit.
final class Upload {
    private let octets: [UInt8]
    private var place = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    /// Makes these octets what a transfer sends; keep this alive until it is over.
    func attach(to curl: UnsafeMutableRawPointer) {
        // SAFETY: whoever calls keeps this object alive until the transfer is over.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe _ = curl_set_long(curl, CURLOPT_UPLOAD, 1)
        unsafe _ = curl_set_taker(curl, CURLOPT_READFUNCTION, giveContents)
        unsafe _ = curl_set_pointer(curl, CURLOPT_READDATA, context)
    }

    fileprivate func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let part = octets[place...].prefix(room.count)
        unsafe room.copyBytes(from: part)
        place += part.count
        return part.count
    }
}

private let giveContents: curl_taker = { octets, size, count, context in
    guard let octets = unsafe octets, let context = unsafe context else { return 0 }
    // SAFETY: the context is the upload that its owner keeps alive; the room is libcurl's.
    let upload = unsafe Unmanaged<Upload>.fromOpaque(context).takeUnretainedValue()
    return unsafe upload.give(
        UnsafeMutableRawBufferPointer(start: octets, count: size * count))
}

/// What all transfers have in common.
enum Transfer {
    /// Runs a transfer that was set up.
    ///
    /// - Returns: why it failed; `nil` if it did not.
    static func run(_ curl: UnsafeMutableRawPointer, seconds: Int) -> String? {
        // SAFETY: the handle is the caller's and lives.
        unsafe curl_prepare(curl, seconds, max(1, seconds / 2))
        unsafe _ = curl_set_taker(curl, CURLOPT_WRITEFUNCTION, dropContents)
        let code = unsafe curl_easy_perform(curl)
        var status = 0
        unsafe _ = curl_get_long(curl, CURLINFO_RESPONSE_CODE, &status)
        if code == CURLE_OK { return status / 100 == 2 ? nil : "its server answered \(status)" }
        let reason = unsafe String(cString: curl_easy_strerror(code))
        let reply = status >= 400 ? " (its server answered \(status))" : ""
        return (words[code.rawValue] ?? reason) + reply
    }

    private static let words: [UInt32: String] = [
        CURLE_COULDNT_RESOLVE_HOST.rawValue: "its server's name cannot be resolved",
        CURLE_COULDNT_CONNECT.rawValue: "its server cannot be reached",
        CURLE_OPERATION_TIMEDOUT.rawValue: "its server took too long",
        CURLE_PEER_FAILED_VERIFICATION.rawValue: "its server's certificate is not to be trusted",
        CURLE_USE_SSL_FAILED.rawValue: "its server does not offer STARTTLS",
        CURLE_LOGIN_DENIED.rawValue: "its server does not accept the user or the password",
    ]
}

/// What a server says besides its status is of no interest.
private let dropContents: curl_taker = { _, size, count, _ in size * count }
