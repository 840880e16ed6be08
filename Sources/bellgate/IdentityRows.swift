import Identity

/// The lines of `bellgate status` about who tells who is where.
enum IdentityRows {
    static func lines(_ status: IdentityStatus?, _ row: (String, String) -> String) -> [String] {
        guard let status else { return [] }
        var texts: [String] = []
        if let neighbours = status.neighbours {
            texts.append(
                "\(neighbours.known) neighbours"
                    + (neighbours.overflows > 0
                        ? ", asked anew \(neighbours.overflows) times" : ""))
        }
        texts += status.leases.map { file in
            let age = file.ageSeconds.map { "changed \(Self.age($0)) ago" } ?? "not there"
            let format = file.format.map { " (\($0))" } ?? ""
            let mark = file.problem == nil ? "" : ", NOT WHOLE"
            return "\(file.leases) leases from \(file.file)\(format), \(age)\(mark)"
        }
        if let radius = status.radius {
            texts.append(
                "\(radius.sessions) logins; \(radius.taken) reports, \(radius.late) of them late")
            let dropped = radius.dropped.sorted { $0.key < $1.key }.map {
                "\($0.value) \(words[$0.key] ?? $0.key)"
            }
            if !dropped.isEmpty { texts.append("dropped: \(dropped.joined(separator: ", "))") }
        }
        return texts.enumerated().map { row($0 == 0 ? "who is where" : "", $1) }
    }

    /// Why packets were dropped, for people.
    private static let words = [
        "unknownClient": "from unknown access points", "malformed": "malformed",
        "notAccounting": "no accounting requests",
        "wrongAuthenticator": "with another secret",
        "noMessageAuthenticator": "without a Message-Authenticator",
        "wrongMessageAuthenticator": "with a wrong Message-Authenticator",
    ]

    private static func age(_ seconds: Int64) -> String {
        if seconds < 120 { return "\(seconds) s" }
        return seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
    }
}
