/// HTML as it is put together: what comes from outside is always escaped.
public struct Markup: ExpressibleByStringInterpolation, Sendable {
    /// The finished HTML.
    public private(set) var html: String

    /// Takes HTML as it is written in this program.
    public init(stringLiteral value: String) { html = value }

    /// Takes what an interpolation has put together.
    public init(stringInterpolation: Interpolation) { html = stringInterpolation.html }

    /// The parts, one after the other.
    public init(_ parts: [Markup], separator: String = "") {
        html = parts.map(\.html).joined(separator: separator)
    }

    /// A text as it is to be read, whatever is in it.
    public static func text(_ text: String) -> Markup { "\(text)" }

    /// One behind the other.
    public static func + (left: Markup, right: Markup) -> Markup { Markup([left, right]) }

    /// Puts markup behind.
    public static func += (left: inout Markup, right: Markup) { left.html += right.html }

    /// Escapes texts and takes in markup as it is.
    public struct Interpolation: StringInterpolationProtocol {
        fileprivate(set) var html = ""

        /// Reserves room.
        public init(literalCapacity: Int, interpolationCount: Int) {
            html.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }

        /// Takes markup as it is written in this program.
        public mutating func appendLiteral(_ literal: String) { html += literal }

        /// Takes a text, escaped.
        public mutating func appendInterpolation(_ text: String) { html += Markup.escaped(text) }

        /// Takes markup as it is.
        public mutating func appendInterpolation(_ markup: Markup) { html += markup.html }

        /// Takes a number.
        public mutating func appendInterpolation(_ number: Int) { html += String(number) }
    }

    /// A text for use between tags and within quoted attributes. Control characters, which HTML does
    /// not allow, become the sign for "unknown".
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n": escaped.unicodeScalars.append(scalar)
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

/// A table for people.
struct MarkupTable {
    private let head: [String]
    private let caption: String
    private let numbers: Set<Int>
    private let kind: String
    private var rows: [Markup] = []

    /// The longest table that a page's end does not cut, in rows.
    private static let wholeRows = 12

    /// - Parameters:
    ///   - numbers: the columns that hold numbers, which stand to the right.
    ///   - kind: a class of its own, for the style.
    init(_ caption: String, _ head: [String], numbers: Set<Int> = [], kind: String = "") {
        self.kind = kind
        self.caption = caption
        self.head = head
        self.numbers = numbers
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds a row; its first cell is its heading.
    mutating func add(_ cells: [Markup]) {
        rows.append(
            Markup(
                cells.enumerated().map { place, cell in
                    let kind: Markup = numbers.contains(place) ? " class=\"n\"" : ""
                    return place == 0
                        ? "<th scope=\"row\"\(kind)>\(cell)</th>" : "<td\(kind)>\(cell)</td>"
                }))
    }

    var markup: Markup {
        let titles = Markup(
            head.enumerated().map { place, title in
                let kind: Markup = numbers.contains(place) ? " class=\"n\"" : ""
                return "<th scope=\"col\"\(kind)>\(title)</th>"
            })
        let classes = [kind, rows.count <= Self.wholeRows ? "whole" : ""].filter { !$0.isEmpty }
        let given: Markup =
            classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\""
        return """
            <table\(given)>
            <caption>\(caption)</caption>
            <thead><tr>\(titles)</tr></thead>
            <tbody>
            \(Markup(rows.map { "<tr>\($0)</tr>" }, separator: "\n"))
            </tbody>
            </table>

            """
    }
}
