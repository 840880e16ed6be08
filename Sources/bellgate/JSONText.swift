/// A JSON value that keeps the order of its keys, so that output reads as it is documented.
indirect enum JSONText {
    case string(String)
    case number(Int64)
    case bool(Bool)
    case null
    case array([JSONText])
    case object([(key: String, value: JSONText)])

    /// A text, or nothing where there is none.
    static func optional(_ text: String?) -> JSONText? { text.map { .string($0) } }

    /// An object of those keys that have a value.
    static func object(present pairs: KeyValuePairs<String, JSONText?>) -> JSONText {
        .object(pairs.compactMap { key, value in value.map { (key, $0) } })
    }

    /// The value as JSON (RFC 8259), indented by two spaces a level.
    func rendered(indentation: String = "") -> String {
        let inner = indentation + "  "
        switch self {
        case .string(let text): return Self.quoted(text)
        case .number(let number): return String(number)
        case .bool(let bool): return bool ? "true" : "false"
        case .null: return "null"
        case .array(let items):
            let lines = items.map { inner + $0.rendered(indentation: inner) }
            return Self.wrapped(lines, "[", "]", indentation)
        case .object(let pairs):
            let lines = pairs.map {
                "\(inner)\(Self.quoted($0.key)): \($0.value.rendered(indentation: inner))"
            }
            return Self.wrapped(lines, "{", "}", indentation)
        }
    }

    private static func wrapped(
        _ lines: [String], _ open: String, _ close: String, _ indentation: String
    ) -> String {
        lines.isEmpty
            ? open + close : "\(open)\n\(lines.joined(separator: ",\n"))\n\(indentation)\(close)"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
