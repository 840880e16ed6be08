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
