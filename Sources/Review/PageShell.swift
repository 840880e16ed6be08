/// What every page of this room has around it: complete in itself, without a script, and nothing is
/// fetched. Well-formed as XML as well.
enum PageShell {
    /// - Parameters:
    ///   - title: what the browser shows.
    ///   - footer: what stands below; `nil` for nothing.
    ///   - isPublic: whether search engines may show it.
    static func page(
        _ title: String, _ main: Markup, footer: Markup? = nil, isPublic: Bool = false
    ) -> Markup {
        let robots: Markup = isPublic ? "" : "<meta name=\"robots\" content=\"noindex\"/>\n"
        let below: Markup = footer.map { "<footer>\($0)</footer>\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            \(robots)<title>\(title)</title>
            <style>
            \(PageStyle.css)
            </style>
            </head>
            <body>
            <main>
            \(main)</main>
            \(below)</body>
            </html>

            """
    }
}
