import DNSWire
import LDNSBridge
import Testing

/// A message as ldns reads it.
struct SecondOpinion {
    struct Line: Hashable, Comparable, CustomStringConvertible {
        var section: String
        var owner: String
        var ttlSeconds: UInt32
        /// Class, type and data, in lower case.
        var rest: String

        var description: String { "\(section): \(owner) \(ttlSeconds) \(rest)" }
        var type: String {
            rest.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        }

        static func < (left: Line, right: Line) -> Bool { left.description < right.description }
    }

    /// Records of all sections, OPT left out, in their order.
    let lines: [Line]
    let text: String

    init(_ message: [UInt8]) throws {
        text = try messageText(message)
        var lines: [Line] = []
        var section = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix(";; ") {
                section =
                    line.dropFirst(3).split(separator: " ").first.map { $0.lowercased() } ?? ""
            }
            guard !line.hasPrefix(";") else { continue }
            let fields = line.split(separator: "\t", maxSplits: 2)
            try #require(fields.count == 3, "\(line)")
            lines.append(
                Line(
                    section: section, owner: fields[0].lowercased(),
                    ttlSeconds: UInt32(truncatingIfNeeded: try #require(Int64(fields[1]))),
                    rest: fields[2].split { $0 == "\t" || $0 == " " }.joined(separator: " ")
                        .lowercased()))
        }
        self.lines = lines
    }

    var answers: [Line] { lines.filter { $0.section == "answer" } }
    var authorities: [Line] { lines.filter { $0.section == "authority" } }
    /// `owner rest` of the answer section.
    var answerTexts: [String] { answers.map { "\($0.owner) \($0.rest)" } }
    var authorityTexts: [String] { authorities.map { "\($0.owner) \($0.rest)" } }
    var hasOPT: Bool { text.contains("; EDNS: version") }
}

/// A name in presentation format as ldns writes it: a few characters more are escaped.
func ldnsEscapes(_ name: String) -> String {
    var text = ""
    var isEscaped = false
    for character in name {
        if !isEscaped, "();".contains(character) { text += "\\" }
        isEscaped = !isEscaped && character == "\\"
        text.append(character)
    }
    return text
}
