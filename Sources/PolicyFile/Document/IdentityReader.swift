import PolicyEngine

/// Reads identities and patterns of them.
enum IdentityReader {
    /// `alice` or `alice@kite.example`, folded.
    static func identity(_ text: Located<String>, reporter: Reporter) -> Located<String>? {
        guard !text.value.contains("*") else {
            reporter.error(
                text.place, "\"\(text.value)\" stands for several people, and a device is one",
                "write one identity here, or the pattern under identities: of a group")
            return nil
        }
        return check(text, reporter).map { Located(Identity.folded($0.value), at: $0.place) }
    }

    /// The same, or with `*` for any letters.
    static func pattern(
        _ text: Located<String>, reporter: Reporter
    ) -> Located<IdentityPattern>? {
        check(text, reporter).map { Located(IdentityPattern($0.value), at: $0.place) }
    }

    private static func check(_ text: Located<String>, _ reporter: Reporter) -> Located<String>? {
        guard text.value.utf8.count > Identity.maximumOctets else { return text }
        reporter.error(
            text.place, "an identity has at most \(Identity.maximumOctets) octets",
            "write it as people log in, such as alice@kite.example")
        return nil
    }
}
