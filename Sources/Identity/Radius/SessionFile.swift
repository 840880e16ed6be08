import DNSWire
import Glibc
import LDNSBridge
import PolicyEngine
import PolicyFile

/// The logins as they are written down, so that a restart forgets nobody: a head, a line a login,
/// and a digest of all. Written whole, beside, and put in the place of the old one; only the
/// server's own user may read it.
struct SessionFile {
    /// Where it lies.
    let path: String

    private static let head = "bellgate logins 1"

    /// Writes all sessions down.
    ///
    /// - Returns: what went wrong, in words; `nil` for nothing.
    func write(_ sessions: [Session.Key: Session]) -> String? {
        var text = Self.head + "\n"
        for (key, session) in sessions.sorted(by: { $0.value.order < $1.value.order }) {
            text += Self.line(key, session) + "\n"
        }
        text += hexadecimal(sha256(Array(text.utf8))) + "\n"
        let new = path + ".new"
        let file = unsafe open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return Self.words(errno) }
        defer { close(file) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // SAFETY: pointer and count are the slice's own.
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return Self.words(errno) }
            rest = rest.dropFirst(count)
        }
        guard fdatasync(file) == 0, unsafe rename(new, path) == 0 else { return Self.words(errno) }
        return nil
    }

    private static func words(_ reason: Int32) -> String {
        unsafe String(cString: strerror(reason)).lowercased()
    }

    /// Reads what was written down.
    ///
    /// - Returns: the sessions, none where there is no file yet; `nil` where the file is not as it
    ///   was written.
    func read() -> [(Session.Key, Session)]? {
        let octets: [UInt8]
        do {
            octets = try FileBytes.read(path, limit: IdentityLimits.sessionFileOctets).bytes
        } catch {
            return error.isMissing ? [] : nil
        }
        var lines = octets.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty == true, let digest = lines.popLast(),
            lines.first.map({ String(decoding: $0, as: UTF8.self) }) == Self.head
        else { return nil }
        let body = Array(octets.prefix(octets.count - digest.count - 1))
        guard hexadecimal(sha256(body)).utf8.elementsEqual(digest) else { return nil }
        var sessions: [(Session.Key, Session)] = []
        for line in lines.dropFirst() {
            guard let session = Self.session(String(decoding: line, as: UTF8.self))
            else { return nil }
            sessions.append(session)
        }
        return sessions
    }

    /// Fields by tab; texts hold no control characters, and `-` stands for none.
    private static func line(_ key: Session.Key, _ session: Session) -> String {
        [
            "\(key.client)", text(key.station), text(key.session), text(session.identity),
            session.networks.isEmpty
                ? "-" : session.networks.map(\.description).joined(separator: " "),
            session.hardware.map(\.description) ?? "-", "\(session.newsSeconds)",
            session.eventSeconds.map(String.init) ?? "-",
            session.endedSeconds.map(String.init) ?? "-", "\(session.order)",
        ].joined(separator: "\t")
    }

    private static func text(_ text: String?) -> String { text.map { "=" + $0 } ?? "-" }

    private static func session(_ line: String) -> (Session.Key, Session)? {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 10, let client = IPAddress(fields[0]), fields[2].hasPrefix("="),
            let news = Int64(fields[6]), let order = UInt64(fields[9])
        else { return nil }
        let networks = fields[4] == "-" ? [] : fields[4].split(separator: " ")
        let text = { (field: String) in field == "-" ? nil : String(field.dropFirst()) }
        return (
            Session.Key(
                client: client, station: text(fields[1]), session: String(fields[2].dropFirst())),
            Session(
                identity: text(fields[3]), networks: networks.compactMap { IPNetwork(String($0)) },
                hardware: HardwareAddress(fields[5]), newsSeconds: news,
                eventSeconds: Int64(fields[7]), endedSeconds: Int64(fields[8]), order: order)
        )
    }
}
