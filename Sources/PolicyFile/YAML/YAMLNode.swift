/// A piece of a YAML file as it was written, with its place.
///
/// Scalars keep their text: `10:30`, `no` and `2026-09-01` are what the person typed, never numbers
/// in base 60, truth values or dates. What a text means is decided by the key that it stands under.
struct YAMLNode: Sendable {
    var place: SourcePlace
    var content: Content

    enum Content: Sendable {
        case scalar(String, YAMLStyle)
        case sequence([YAMLNode])
        case mapping([YAMLPair])
    }

    /// What a person calls this kind of node.
    var kind: String {
        switch content {
        case .scalar: isNothing ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a set of keys"
        }
    }

    /// Whether a key was written without any value behind it.
    var isNothing: Bool {
        guard case .scalar(let text, .plain) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }
}

/// How a scalar was written.
enum YAMLStyle: Sendable {
    case plain
    case quoted
    case block
}

/// A key of a mapping and what stands behind it, in the order of the file.
struct YAMLPair: Sendable {
    var key: String
    var keyPlace: SourcePlace
    var value: YAMLNode
}

extension [YAMLPair] {
    /// The pairs whose keys are given once; of those given again, the first, and the others are
    /// reported.
    ///
    /// Whoever takes a mapping apart asks for this, and not the reader of YAML: within braces a comma
    /// ends a value, so that `a: 1, 2` leaves a word by itself, which is no key everywhere.
    func unique(reporter: Reporter) -> [YAMLPair] {
        var firstPlaces: [String: SourcePlace] = [:]
        return filter { pair in
            guard let first = firstPlaces[pair.key] else {
                firstPlaces[pair.key] = pair.keyPlace
                return true
            }
            reporter.error(
                pair.keyPlace,
                "\"\(pair.key)\" is given twice, first on line \(first.line)"
                    + " (column \(first.column))",
                "keep one of the two")
            return false
        }
    }
}
