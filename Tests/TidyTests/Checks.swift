/// What is looked for in a file; each check says where it found fault.
enum Check {
    /// Imports against the table of rooms.
    static func imports(_ file: SourceFile) -> [String] {
        guard let room = House.room(file.room) else { return ["\(file.path): in no known room"] }
        return file.imports.compactMap { line, module in
            if House.common.contains(module) || room.outside.contains(module) { return nil }
            if let other = House.room(module), other.line < room.line { return nil }
            return "\(file.path):\(line): \(room.name) may not import \(module)"
        }
    }

    /// Ways to end the process, and notes to oneself.
    static func words(_ file: SourceFile, mayPrint: Bool) -> [String] {
        let crashing = [
            "try!", " as! ", "fatalError(", "preconditionFailure(", "unsafelyUnwrapped!",
        ]
        let notes = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        return file.lines.enumerated().flatMap { number, line in
            let code = SourceFile.code(of: line)
            var found = crashing.filter { code.contains($0) }
            found += notes.filter { SourceFile.comment(of: line).contains($0) }
            let prints =
                code.contains("print(") && !code.contains(".print(")
                && !code.contains("func print(")
            if !mayPrint, prints { found.append("print(") }
            return found.map { "\(file.path):\(number + 1): \($0)" }
        }
    }

    /// `@unchecked Sendable` and `nonisolated(unsafe)` name what guards them, close by.
    static func unchecked(_ file: SourceFile) -> (places: Int, faults: [String]) {
        let guards = [
            "lock", "thread", "share", "constant", "never after", "one call", "owner", "not change",
        ]
        var places = 0
        var faults: [String] = []
        for (number, line) in file.lines.enumerated() {
            let code = SourceFile.code(of: line)
            guard code.contains("@unchecked Sendable") || code.contains("nonisolated(unsafe)")
            else { continue }
            places += 1
            let near = file.lines[max(0, number - 8)...min(number + 3, file.lines.count - 1)]
            let comments = near.map(SourceFile.comment).joined(separator: " ").lowercased()
            if !guards.contains(where: comments.contains) {
                faults.append("\(file.path):\(number + 1): does not say what guards it")
            }
        }
        return (places, faults)
    }

    /// A file that does something unsafe says why it may.
    static func safety(_ file: SourceFile) -> [String] {
        let isUnsafe = file.lines.contains {
            SourceFile.code(of: $0).split { !$0.isLetter }.contains("unsafe")
        }
        guard isUnsafe, !file.lines.contains(where: { $0.contains("// SAFETY:") }) else {
            return []
        }
        return ["\(file.path): unsafe without a line that begins with SAFETY:"]
    }

    static func length(_ file: SourceFile) -> [String] {
        let count = file.lines.count - 1
        return count > House.fileLines ? ["\(file.path): \(count) lines"] : []
    }

    /// Functions by name and length, told by their indentation as the formatter leaves it.
    static func functions(_ file: SourceFile) -> [(name: String, line: Int, length: Int)] {
        var found: [(name: String, line: Int, length: Int)] = []
        for (number, line) in file.lines.enumerated() {
            let code = SourceFile.code(of: line)
            let words = code.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            guard let keyword = words.firstIndex(where: { $0 == "func" || $0 == "init" }),
                words[..<keyword].allSatisfy({ Self.modifiers.contains(String($0)) }),
                !code.hasSuffix("}")
            else { continue }
            let name = words[keyword] == "init" ? "init" : words.dropFirst(keyword + 1).first ?? ""
            let end = line.prefix { $0 == " " } + "}"
            guard let last = file.lines[number...].firstIndex(where: { $0 == end }) else {
                continue
            }
            found.append((String(name), number + 1, last - number + 1))
        }
        return found
    }

    private static let modifiers: Set<String> = [
        "public", "private", "fileprivate", "internal", "package", "static", "mutating", "override",
        "nonisolated", "consuming", "borrowing", "convenience", "required", "final", "class",
        "inline", "__always", "never", "discardableResult", "inlinable", "usableFromInline",
        "Sendable", "unsafe", "safe", "Test", "MainActor",
    ]

    static func longFunctions(_ file: SourceFile) -> [String] {
        functions(file).compactMap { name, line, length in
            let limit = House.longFunctions["\(file.name): \(name)"] ?? House.functionLines
            return length > limit ? "\(file.path):\(line): \(name) has \(length) lines" : nil
        }
    }
}
