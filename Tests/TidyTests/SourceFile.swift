import Foundation

/// A Swift file of the package, as lines.
struct SourceFile: Sendable {
    /// The path from the package's folder.
    var path: String
    var lines: [String]

    /// Sources/ROOM/… or Tests/ROOM/…
    var room: String {
        let parts = path.split(separator: "/")
        return parts.count > 1 ? String(parts[1]) : ""
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? "" }

    static let packageFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All Swift files under a folder of the package.
    static func all(_ folder: String) throws -> [SourceFile] {
        let top = packageFolder.appendingPathComponent(folder)
        guard let walk = FileManager.default.enumerator(atPath: top.path) else { return [] }
        return try walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
            .filter { !$0.contains(".build") }
            .map { path in
                let text = try String(
                    contentsOf: top.appendingPathComponent(path), encoding: .utf8)
                return SourceFile(
                    path: folder + "/" + path,
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false)
                        .map(String.init))
            }
    }

    /// A line without its comment and without the insides of its string literals, so that words
    /// about code are not taken for code.
    static func code(of line: String) -> String {
        var code = ""
        var isText = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { isText.toggle() }
            if !isText, character == "/", previous == "/" {
                code.removeLast()
                break
            }
            if !isText || character == "\"" { code.append(character) }
            previous = character
        }
        return code
    }

    static func comment(of line: String) -> String {
        line.range(of: "//").map { String(line[$0.upperBound...]) } ?? ""
    }

    /// The modules that the file imports, with the number of each line.
    var imports: [(line: Int, module: String)] {
        lines.enumerated().compactMap { number, line in
            let words = line.split(separator: " ").filter {
                !["public", "internal", "private", "@testable", "@preconcurrency"].contains($0)
            }
            guard words.count >= 2, words[0] == "import" else { return nil }
            return (number + 1, String(words[words.count - 1]))
        }
    }
}
