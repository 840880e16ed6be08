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

/// What a line of a zone file, or several in parentheses, came to.
enum ZoneLine {
    case entry(ZoneEntry)
    case plain(line: Int, PlainRecord)
}

/// Calls `body` for each entry of a zone file until it returns false; empty lines and comments are
/// left out.
func forEachEntry(in bytes: [UInt8], _ body: (ZoneLine) -> Bool) {
    var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var line = 1
    while start < bytes.count {
        if let record = PlainRecord(bytes, from: start) {
            guard body(.plain(line: line, record)) else { return }
            start = record.nextLine
            line += 1
            continue
        }
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
        if let entry = scan.entry(line: line), !body(.entry(entry)) { return }
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

/// A line of the plainest form, which a zone may have a million of: `name CNAME .` and its kin, the
/// name relative, of letters, digits, hyphens and underscores. Read here, since ldns takes
/// microseconds for it; whatever differs in the least is left to ldns.
struct PlainRecord {
    let owner: Range<Int>
    let isPassthrough: Bool
    /// Where the line after it starts.
    let nextLine: Int

    /// Names are shorter than this in the plain form, so that with their zone they may still fit.
    static let maximumOwnerBytes = 128

    init?(_ bytes: [UInt8], from start: Int) {
        var index = start
        if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "*"),
            bytes[index + 1] == UInt8(ascii: ".")
        {
            index += 2
        }
        var labelStart = index
        var lastLabel = index
        while index < bytes.count {
            let octet = bytes[index]
            if octet == UInt8(ascii: ".") {
                guard index > labelStart, index - labelStart <= 63 else { return nil }
                labelStart = index + 1
                lastLabel = labelStart
            } else if !Self.isPlain(octet) {
                break
            }
            index += 1
        }
        guard index > labelStart, index - labelStart <= 63,
            index - start < Self.maximumOwnerBytes,
            // Triggers that are no query names are named rpz-…
            !Self.has("rpz-", bytes, at: lastLabel)
        else { return nil }
        let ownerEnd = index
        guard let type = Self.skipBlanks(bytes, index), Self.has("CNAME", bytes, at: type),
            let target = Self.skipBlanks(bytes, type + 5),
            let (end, isPassthrough) = Self.target(bytes, at: target)
        else { return nil }
        var next = end
        if next < bytes.count, bytes[next] == 0x0D { next += 1 }
        guard next >= bytes.count || bytes[next] == 0x0A else { return nil }
        owner = start..<ownerEnd
        self.isPassthrough = isPassthrough
        nextLine = next + 1
    }

    private static func isPlain(_ octet: UInt8) -> Bool {
        octet | 0x20 >= 0x61 && octet | 0x20 <= 0x7A || octet >= 0x30 && octet <= 0x39
            || octet == 0x2D || octet == 0x5F
    }

    private static func has(_ word: StaticString, _ bytes: [UInt8], at start: Int) -> Bool {
        let count = word.utf8CodeUnitCount
        guard start + count <= bytes.count else { return false }
        for place in 0..<count {
            // SAFETY: a static string holds as many octets as it says.
            let expected = unsafe word.utf8Start[place]
            if bytes[start + place] != expected { return false }
        }
        return true
    }

    /// Past one blank or more; `nil` where there is none.
    private static func skipBlanks(_ bytes: [UInt8], _ start: Int) -> Int? {
        var index = start
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        return index > start ? index : nil
    }

    private static func target(_ bytes: [UInt8], at start: Int) -> (Int, Bool)? {
        if has("*.", bytes, at: start) { return (start + 2, false) }
        if has(".", bytes, at: start) { return (start + 1, false) }
        if has("rpz-passthru.", bytes, at: start) { return (start + 13, true) }
        if has("rpz-drop.", bytes, at: start) { return (start + 9, false) }
        return nil
    }
}
