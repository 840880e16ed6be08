import PolicyEngine

/// Warns of lists from the web whose copies are missing, old or held back.
struct ListAges {
    let copies: ListCopies
    let now: Instant
    let reporter: Reporter

    /// A list is old when this many fetches in a row brought nothing: one may fail for any reason.
    static let missedFetches: Int64 = 3

    func warn(_ lists: [PolicyDocument.ListEntry]) {
        for entry in lists {
            guard let web = entry.web else { continue }
            let state = copies.state(of: web.url)
            let lastly = state.problem.map { "; the last attempt: \($0)" } ?? ""
            let isThere = FileBytes.identity(of: copies.path(of: web.url)) != nil
            if !isThere {
                reporter.warning(
                    entry.path.place,
                    "list \"\(web.name)\" was never fetched, so it has no names yet\(lastly)",
                    "run bellgate lists update; a server fetches it by itself")
            } else if let currentAt = state.currentAt,
                now.seconds - currentAt > Self.missedFetches * web.everySeconds
            {
                reporter.warning(
                    entry.path.place,
                    "list \"\(web.name)\" is \(Self.age(now.seconds - currentAt)) old"
                        + (lastly.isEmpty ? "; nothing has fetched it since" : lastly),
                    "see bellgate lists status; its last good copy stays in force")
            }
            if let held = state.held {
                reporter.warning(
                    entry.path.place,
                    "new contents of list \"\(web.name)\" were held back: \(held.reason)",
                    "look at \(copies.heldPath(of: web.url)); if they are right: "
                        + "bellgate lists update --accept \(web.name)")
            }
        }
    }

    private static func age(_ seconds: Int64) -> String {
        if seconds < 120 { return "\(seconds) seconds" }
        if seconds < 7200 { return "\(seconds / 60) minutes" }
        return seconds < 172_800 ? "\(seconds / 3600) hours" : "\(seconds / 86_400) days"
    }
}
