import DNSWire
import DomainLists
import LDNSBridge

/// The helpers as the program passes them in.
let helpers = ListHelpers(
    idnToASCII: { idnToASCII($0) }, readRPZ: { readRPZ($0, $1) })

/// An index of a single list, and what became of its lines.
struct OneList {
    static let source = SourceID(rawValue: 7)
    let index: DomainIndex
    let summary: ListSummary

    init(_ text: String, _ format: ListFormat? = nil, match: Coverage? = nil) {
        self.init(octets: Array(text.utf8), format, match: match)
    }

    init(octets: [UInt8], _ format: ListFormat? = nil, match: Coverage? = nil) {
        var builder = DomainIndexBuilder(helpers: helpers)
        // SAFETY: the array outlives the call.
        summary = unsafe octets.withUnsafeBytes {
            unsafe builder.addList($0, format: format, match: match, source: Self.source)
        }
        index = builder.build()
    }

    func covers(_ text: String) throws -> Bool {
        let name = try DomainName(parsing: text)
        let match = index.match(name)
        let listed = index.listedNames(covering: name)
        let isCovered = match.set != 0
        // The two ways of asking agree.
        guard isCovered == (listed.first?.sources == [Self.source]),
            Int(match.labels) == listed.first?.name.labelCount ?? 0
        else { throw Disagreement(name: text) }
        return isCovered
    }

    struct Disagreement: Error {
        var name: String
    }

    /// Which of the name, one under it and one beside it are covered, as letters.
    func reach(_ name: String) throws -> String {
        var reach = ""
        if try covers(name) { reach += "e" }
        if try covers("under." + name) { reach += "b" }
        if try covers("deep.under." + name) != covers("under." + name) { reach += "?" }
        if try covers("q" + name.dropFirst()) { reach += "!" }
        return reach.isEmpty ? "-" : reach
    }
}
