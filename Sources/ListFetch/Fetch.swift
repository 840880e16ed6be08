/// One fetch of a list: its address, and those that it redirects to.
struct Fetch {
    var url: String
    var etag: String?
    var lastModified: String?
    var mayRedirectInside: Bool
    var limits: FetchLimits

    /// Asks, and writes the contents into an open file.
    ///
    /// The address in the policy may lie anywhere: whoever wrote it meant it. What a server redirects
    /// to is that server's choice, and has to lie outside of the own network unless the policy says
    /// otherwise; nor may it lead from https to http.
    func run(into descriptor: Int32) -> Download.Outcome {
        var download = Download(
            url: url, etag: etag, lastModified: lastModified, mustBeOutside: false, limits: limits)
        for _ in 0...limits.redirections {
            let outcome = download.run(into: descriptor)
            guard case .redirected(let target) = outcome else { return outcome }
            if download.url.lowercased().hasPrefix("https:"),
                !target.lowercased().hasPrefix("https:")
            {
                return .failed("it redirects from https to \(target)")
            }
            download.url = target
            download.mustBeOutside = !mayRedirectInside
        }
        return .failed("it redirects more than \(limits.redirections) times")
    }
}
