import DNSWire
import DomainLists
import Glibc
import LDNSBridge

/// Names to list: of a file, or made up. Made-up ones end in codes that are kept for private use
/// (ISO 3166, user-assigned), so that none of them is anybody's, and are the same in every run.
enum Names {
    static func read(_ path: String) throws -> [String] {
        guard let file = unsafe fopen(path, "r") else { throw NoFile(path: path) }
        defer { unsafe fclose(file) }
        var names: [String] = []
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { unsafe free(line) }
        // SAFETY: getline makes the line and its NUL; it is copied before the next.
        while unsafe getline(&line, &capacity, file) > 0, let text = unsafe line {
            let name = unsafe String(cString: text).split(whereSeparator: \.isWhitespace).first
            if let name, !name.hasPrefix("#") { names.append(name.lowercased()) }
        }
        return names
    }

    struct NoFile: Error, CustomStringConvertible {
        var path: String
        var description: String { "there is no list \(path)" }
    }

    static func madeUp(_ count: Int) -> [String] {
        var dice = SeededGenerator(state: 1053)
        var names: [String] = []
        names.reserveCapacity(count)
        for number in 0..<count {
            // The number keeps them distinct, its digits in an order that is no order.
            let own = word(Int.random(in: 1...4, using: &dice), &dice) + base36(number)
            let code = "x" + String(UnicodeScalar(UInt8(97 + Int.random(in: 0..<26, using: &dice))))
            let depth = Int.random(in: 0..<10, using: &dice)
            let front = depth < 6 ? "" : word(2, &dice) + "." + (depth < 9 ? "" : "www.")
            names.append("\(front)\(own).\(code)")
        }
        return names
    }

    private static func word(_ syllables: Int, _ dice: inout SeededGenerator) -> String {
        var word = ""
        for _ in 0..<syllables {
            word.append("bcdfghjklmnprstvwz".randomElement(using: &dice) ?? "b")
            word.append("aeiouy".randomElement(using: &dice) ?? "a")
        }
        return word
    }

    private static func base36(_ number: Int) -> String {
        String(String(number, radix: 36).reversed())
    }

    /// `factor` times the names: each with its first label varied.
    static func multiplied(_ names: [String], by factor: Int) -> [String] {
        guard factor > 1 else { return names }
        var all: [String] = []
        all.reserveCapacity(names.count * factor)
        for name in names {
            let dot = name.firstIndex(of: ".") ?? name.endIndex
            let label = name[..<dot].prefix(60)
            all.append(name)
            for copy in 1..<factor { all.append("\(label)-\(copy)\(name[dot...])") }
        }
        return all
    }

    /// The text of a list with these names, a line each.
    static func text(_ names: [String], _ format: ListFormat) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(names.count * 40)
        if format == .rpz {
            text += "$TTL 60\n@ SOA localhost. root.localhost. 1 1 1 1 1\n@ NS localhost.\n".utf8
        }
        let (before, after) =
            switch format {
            case .hosts: ("0.0.0.0 ", "")
            case .domains: ("", "")
            case .wildcard: ("*.", "")
            case .adblock: ("||", "^")
            case .dnsmasq: ("address=/", "/#")
            case .rpz: ("", " CNAME .")
            }
        for name in names {
            text += before.utf8
            text += name.utf8
            text += after.utf8
            text.append(0x0A)
        }
        return text
    }
}

/// What the product gives its lists to read with.
let helpers = ListHelpers(
    idnToASCII: { idnToASCII($0) }, readRPZ: { readRPZ($0, $1) })

/// Compiles one list.
func compile(_ text: [UInt8], _ format: ListFormat) -> (index: DomainIndex, summary: ListSummary) {
    var builder = DomainIndexBuilder(helpers: helpers)
    // SAFETY: the array outlives the call.
    let summary = unsafe text.withUnsafeBytes {
        unsafe builder.addList($0, format: format, match: nil, source: SourceID(rawValue: 0))
    }
    return (builder.build(), summary)
}

/// Compiles names and maps the index from a file, as the server does.
func mappedIndex(_ names: [String], in folder: TemporaryFolder) throws -> DomainIndex {
    let path = "\(folder.path)/\(UInt64.random(in: 0 ... .max)).bgi"
    try compile(Names.text(names, .domains), .domains).index.write(to: path)
    return try DomainIndex(mapping: path)
}

/// Names in wire format, or whole messages, one behind the other in plain memory, to be gone through
/// without counting references. Kept for the process's whole life.
@safe struct WireNames {
    let octets: UnsafeMutablePointer<UInt8>
    /// Where each name starts; one more than there are names.
    let starts: UnsafeMutablePointer<Int32>
    let count: Int

    init(_ names: [DomainName]) { self.init(octets: names.map(\.wire)) }

    init(octets names: [[UInt8]]) {
        count = names.count
        let total = names.reduce(0) { $0 + $1.count }
        unsafe octets = .allocate(capacity: max(total, 1))
        unsafe starts = .allocate(capacity: count + 1)
        var at = 0
        for (number, name) in names.enumerated() {
            unsafe starts[number] = Int32(at)
            for octet in name {
                unsafe octets[at] = octet
                at += 1
            }
        }
        unsafe starts[count] = Int32(at)
    }

    /// The octets of a place below `count`.
    @inline(__always)
    func buffer(_ place: Int) -> UnsafeBufferPointer<UInt8> {
        let name = unsafe name(place)
        return unsafe UnsafeBufferPointer(start: name.wire, count: name.count)
    }

    /// The name of a place below `count`.
    @inline(__always)
    func name(_ place: Int) -> (wire: UnsafeMutablePointer<UInt8>, count: Int) {
        let start = unsafe Int(starts[place])
        return unsafe (octets + start, Int(starts[place + 1]) - start)
    }
}
