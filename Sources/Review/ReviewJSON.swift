import Foundation

extension ReviewFigures {
    /// The figures as one JSON object (RFC 8259), keys in alphabetical order, with a newline at the
    /// end. A hidden count is the text `"hidden"`.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    /// Reads what `json` wrote.
    public init(json: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    }
}
