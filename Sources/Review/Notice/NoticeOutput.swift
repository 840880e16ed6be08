import Foundation

extension Notice {
    /// The notice as plain text, at most 80 columns wide, for a notice board or an e-mail.
    public func text() -> String {
        var lines = Self.wrapped(title, first: "", rest: "")
        lines.append(String(repeating: "=", count: min(title.count, Self.columns)))
        lines += facts.flatMap { Self.wrapped($0, first: "", rest: "") }
        for section in sections {
            lines += ["", section.title, String(repeating: "-", count: section.title.count)]
            for paragraph in section.paragraphs {
                lines += Self.wrapped(paragraph, first: "", rest: "") + [""]
            }
            for item in section.items {
                lines += Self.wrapped(item.text, first: "- ", rest: "  ")
                if !item.reason.isEmpty {
                    lines += Self.wrapped("Why: \(item.reason)", first: "  ", rest: "  ")
                }
                if !item.rule.isEmpty { lines.append("  Rule: \(item.rule)") }
            }
            while lines.last == "" { lines.removeLast() }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The notice as an HTML page, complete in itself; prints on A4.
    public func html() -> String {
        let parts = sections.map { section -> Markup in
            let paragraphs = Markup(section.paragraphs.map { "<p>\($0)</p>\n" })
            let items = Markup(section.items.map(Self.markup))
            let list: Markup = section.items.isEmpty ? "" : "<ul>\n\(items)</ul>\n"
            return "<section>\n<h2>\(section.title)</h2>\n\(paragraphs)\(list)</section>\n"
        }
        let facts = Markup(self.facts.map { "<p class=\"facts\">\($0)</p>\n" })
        let page = PageShell.page(
            title, "<h1>\(title)</h1>\n\(facts)\(Markup(parts))", isPublic: true)
        return page.html
    }

    private static func markup(_ item: Item) -> Markup {
        let reason: Markup = item.reason.isEmpty ? "" : "<br/>Why: \(item.reason)"
        let rule: Markup =
            item.rule.isEmpty ? "" : "<br/><span class=\"hid\">Rule: \(item.rule)</span>"
        return "<li>\(item.text)\(reason)\(rule)</li>\n"
    }

    private static let columns = 80

    private static func wrapped(_ text: String, first: String, rest: String) -> [String] {
        var lines: [String] = []
        var line = first
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > columns {
                lines.append(line)
                (line, isEmpty) = (rest, true)
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return lines + [line]
    }
}
