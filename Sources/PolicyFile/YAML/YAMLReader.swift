/// Reads one YAML document into a tree, reporting what the policy language does not use.
///
/// Anchors, aliases, merge keys and tags are refused: a policy is read aloud from top to bottom, and
/// what stands in two places is written in two places.
struct YAMLReader {
    /// Policies are written by hand: the largest seen have a few hundred kilobytes.
    static let maximumBytes = 8 << 20
    /// The language nests five deep; more than this is no policy, and would cost stack.
    static let maximumDepth = 32

    private let events: YAMLEvents
    private let reporter: Reporter

    /// The root of the file's only document; `nil` if it has none or its syntax is wrong.
    static func read(_ bytes: [UInt8], file: String, reporter: Reporter) -> YAMLNode? {
        let start = SourcePlace(file: file, line: 1, column: 1)
        guard bytes.count <= maximumBytes else {
            reporter.error(
                start, "the file has \(bytes.count) bytes, more than the \(maximumBytes) allowed",
                "long lists of names belong into list files")
            return nil
        }
        guard let events = YAMLEvents(bytes, file: file) else {
            reporter.error(start, "there is no memory to read the file", "try again")
            return nil
        }
        let reader = YAMLReader(events: events, reporter: reporter)
        do {
            return try reader.document(start)
        } catch {
            reporter.error(error.place, error.message, hint(for: error.message))
            return nil
        }
    }

    private static func hint(for message: String) -> String {
        if message.contains("cannot start any token") {
            return "indent with spaces, never tabs, and put quotes around texts with special signs"
        }
        if message.contains("mapping values are not allowed") {
            return "a text with \": \" in it needs quotes; otherwise check the indentation"
        }
        if message.contains("UTF-8") || message.contains("control characters") {
            return "save the file as plain UTF-8 text"
        }
        if message.contains("deep") { return "the policy language needs no such nesting" }
        return "check indentation, brackets and quotes here and on the line above"
    }

    private func document(_ start: SourcePlace) throws(YAMLFailure) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let event = try events.next()
            switch event.kind {
            case .streamStart, .documentEnd:
                continue
            case .documentStart:
                if root != nil {
                    reporter.error(
                        event.place, "a second document starts here",
                        "one file holds one document; remove the \"---\"")
                    return root
                }
                root = try node(try events.next(), depth: 1)
            case .streamEnd:
                if root == nil { reporter.error(start, "the file is empty", "write it first") }
                return root
            default:
                throw YAMLFailure(place: event.place, message: "the file ends too early")
            }
        }
    }

    private func node(_ event: YAMLEvent, depth: Int) throws(YAMLFailure) -> YAMLNode {
        guard depth <= Self.maximumDepth else {
            throw YAMLFailure(
                place: event.place, message: "this is more than \(Self.maximumDepth) levels deep")
        }
        refuseDecoration(of: event)
        switch event.kind {
        case .scalar(let text, let style):
            return YAMLNode(place: event.place, content: .scalar(text, style))
        case .alias(let name):
            reporter.error(
                event.place, "\"*\(name)\" refers to something written elsewhere",
                "the policy language has no aliases; write it out")
            return YAMLNode(place: event.place, content: .scalar("", .plain))
        case .sequenceStart:
            return YAMLNode(place: event.place, content: .sequence(try items(depth: depth)))
        case .mappingStart:
            return YAMLNode(place: event.place, content: .mapping(try pairs(depth: depth)))
        default:
            throw YAMLFailure(place: event.place, message: "a value is missing here")
        }
    }

    private func items(depth: Int) throws(YAMLFailure) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while true {
            let event = try events.next()
            if case .sequenceEnd = event.kind { return items }
            items.append(try node(event, depth: depth + 1))
        }
    }

    private func pairs(depth: Int) throws(YAMLFailure) -> [YAMLPair] {
        var pairs: [YAMLPair] = []
        while true {
            let event = try events.next()
            if case .mappingEnd = event.kind { return pairs }
            let key = try node(event, depth: depth + 1)
            let value = try node(try events.next(), depth: depth + 1)
            guard case .scalar(let name, let style) = key.content else {
                reporter.error(key.place, "\(key.kind) stands where a key should be", keyHint)
                continue
            }
            if name == "<<", style == .plain {
                reporter.error(
                    key.place, "\"<<\" merges keys from elsewhere",
                    "the policy language has no merge keys; write them out")
                continue
            }
            pairs.append(YAMLPair(key: name, keyPlace: key.place, value: value))
        }
    }

    private var keyHint: String { "put quotes around a key that starts with a bracket" }

    private func refuseDecoration(of event: YAMLEvent) {
        if let anchor = event.anchor {
            reporter.error(
                event.place, "\"&\(anchor)\" names this part for use elsewhere",
                "the policy language has no anchors; write it out where it is needed")
        }
        if let tag = event.tag {
            reporter.error(
                event.place, "\"\(tag)\" is a YAML tag", "remove it; values are plain text")
        }
    }
}
