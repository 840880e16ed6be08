import DNSWire
import DomainLists
import LDNSBridge

/// A domain name as policies write it: `example.com` with all under it, `=example.com` alone.
struct DomainText: Hashable, Sendable {
    var name: DomainName
    var coverage: Coverage

    /// Whether a word is meant as a domain name rather than as the name of a list or category.
    static func isMeant(by word: String) -> Bool {
        word.hasPrefix("=") || word.contains { dots.contains($0) || "/:*".contains($0) }
    }

    /// Full stops of IDNA (RFC 3490 section 3.1).
    private static let dots: Set<Character> = [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"]

    /// Reads a word; one that is no domain name is reported.
    static func read(_ word: Located<String>, reporter: Reporter) -> DomainText? {
        let isExact = word.value.hasPrefix("=")
        let text = isExact ? String(word.value.dropFirst()) : word.value
        if text.hasPrefix("*.") {
            reporter.error(
                word.place, "\"\(word.value)\" has a star",
                "write \(text.dropFirst(2)), which covers itself and all under it")
            return nil
        }
        if text.contains("/") || text.contains(":") {
            reporter.error(
                word.place, "\"\(word.value)\" is no domain name",
                "write the name alone, without https:// and without a path")
            return nil
        }
        guard let name = name(of: text) else {
            reporter.error(
                word.place, "\"\(word.value)\" is no domain name",
                "write letters, digits and hyphens with dots between, such as example.com")
            return nil
        }
        return DomainText(name: name, coverage: isExact ? .exact : .subtree)
    }

    /// The name that a person means: Unicode converted, a final dot allowed; `nil` for addresses
    /// and for what can be no name.
    static func name(of text: String) -> DomainName? {
        guard !text.isEmpty, text != ".", IPAddress(text) == nil, let ascii = idnToASCII(text),
            ascii.utf8.allSatisfy(isUsable)
        else { return nil }
        return try? DomainName(parsing: ascii)
    }

    /// Letters, digits, hyphens and, since real names have them, underscores.
    private static func isUsable(_ octet: UInt8) -> Bool {
        octet.asciiLowercased &- 0x61 < 26 || octet.decimalDigit != nil
            || "-_.".utf8.contains(octet)
    }
}
