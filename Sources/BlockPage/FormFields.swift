/// The fields of a form that a browser sends (`application/x-www-form-urlencoded`).
struct FormFields {
    private var values: [String: String] = [:]

    /// More fields than any of the page's forms has.
    private static let maximumFields = 16

    /// Takes a body apart; of a field given twice the first counts.
    init(_ body: [UInt8]) {
        for pair in body.split(separator: UInt8(ascii: "&")).prefix(Self.maximumFields) {
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let key = Self.decoded(parts[0])
            if values[key] == nil { values[key] = parts.count == 2 ? Self.decoded(parts[1]) : "" }
        }
    }

    subscript(key: String) -> String { values[key] ?? "" }

    /// A text as it was typed: line ends are `\n`, other control characters are left out, and so is
    /// white space around it.
    func text(_ key: String) -> String {
        let lines = self[key].replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        let scalars = lines.unicodeScalars.filter {
            $0 == "\n" || $0.properties.generalCategory != .control
        }
        var text = Substring(String(String.UnicodeScalarView(scalars)))
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private static func decoded(_ octets: ArraySlice<UInt8>) -> String {
        var plain: [UInt8] = []
        var rest = octets[...]
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "+") {
                plain.append(UInt8(ascii: " "))
            } else if octet == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                plain.append(value)
                rest = rest.dropFirst(2)
            } else {
                plain.append(octet)
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }
}
