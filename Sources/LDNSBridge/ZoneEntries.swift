/// One record or directive of a zone file, on one line whatever parentheses it had.
struct ZoneEntry {
    /// Line of its first word, from 1.
    var line: Int
    /// False where the line starts with a blank and the owner is the one of the record before.
    var hasOwner: Bool
    /// Without comments and parentheses.
    var text: String
    /// Why it cannot be read as a record, where that shows before ldns sees it.
    var problem: String?

    var words: [Substring] { text.split { $0 == " " || $0 == "\t" } }
}

/// How many lines a record in parentheses may have. A parenthesis that is never closed must not
/// swallow the file: past this, its line stands alone, and ldns refuses it.
private let maximumEntryLines = 64

/// Calls `body` for each entry of a zone file until it returns false; empty lines and comments are
/// left out.
func forEachEntry(in bytes: [UInt8], _ body: (ZoneEntry) -> Bool) {
    var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var line = 1
    while start < bytes.count {
        var scan = LineScan()
        var end = scan.take(bytes, from: start)
        var count = 1
        if scan.depth > 0 {
            var joined = scan
            var next = end
            while joined.depth > 0, next < bytes.count, count < maximumEntryLines {
                next = joined.take(bytes, from: next)
                count += 1
            }
            if joined.depth == 0 {
                scan = joined
                end = next
            } else {
                count = 1
            }
        }
        if let entry = scan.entry(line: line), !body(entry) { return }
        start = end
        line += count
    }
}

/// Reads lines into one entry: comments cut off, parentheses as blanks, Unicode owner in ASCII.
private struct LineScan {
    private(set) var depth = 0
    private var hasOpenQuotes = false
    private var text: [UInt8] = []

    /// Takes one line; returns where the next one starts.
    mutating func take(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        var inQuotes = false
        var inComment = false
        while index < bytes.count, bytes[index] != 0x0A {
            let octet = bytes[index]
            index += 1
            if inComment { continue }
            switch octet {
            case UInt8(ascii: "\\"):
                text.append(octet)
                if index < bytes.count, bytes[index] != 0x0A {
                    text.append(bytes[index])
                    index += 1
                }
            case UInt8(ascii: "\""):
                inQuotes.toggle()
                text.append(octet)
            case UInt8(ascii: ";") where !inQuotes: inComment = true
            case UInt8(ascii: "(") where !inQuotes:
                depth += 1
                text.append(0x20)
            case UInt8(ascii: ")") where !inQuotes:
                depth -= 1
                text.append(0x20)
            case 0x0D where index == bytes.count || bytes[index] == 0x0A: break
            default: text.append(octet)
            }
        }
        text.append(0x20)
        hasOpenQuotes = hasOpenQuotes || inQuotes
        return index + 1
    }

    func entry(line: Int) -> ZoneEntry? {
        guard let first = text.first else { return nil }
        var words = String(decoding: text, as: UTF8.self)
        while let last = words.utf8.last, last == 0x20 || last == 0x09 { words.removeLast() }
        guard words.utf8.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return nil }
        let hasOwner = first != 0x20 && first != 0x09
        if hasOwner, !words.utf8.allSatisfy({ $0 < 0x80 }) {
            let owner = words.prefix { $0 != " " && $0 != "\t" }
            if let ascii = idnToASCII(String(owner)) {
                words = ascii + words.dropFirst(owner.count)
            }
        }
        var problem: String?
        if depth != 0 { problem = "a parenthesis has no partner" }
        if hasOpenQuotes { problem = "a quotation mark has no partner" }
        return ZoneEntry(line: line, hasOwner: hasOwner, text: words, problem: problem)
    }
}
