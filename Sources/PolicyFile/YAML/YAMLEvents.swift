import CYAML

/// What libyaml sees next in a file.
struct YAMLEvent {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(String, YAMLStyle)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
    }

    var kind: Kind
    var place: SourcePlace
    var anchor: String?
    var tag: String?
}

/// Why and where libyaml could not go on.
struct YAMLFailure: Error {
    var place: SourcePlace
    var message: String
}

/// Owns a libyaml parser and hands out its events; no pointer of the library leaves this file.
@safe final class YAMLEvents {
    private let file: String
    private let count: Int
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    init?(_ input: [UInt8], file: String) {
        self.file = file
        count = input.count
        // SAFETY: both allocations belong to this object alone and are freed in `deinit`; the bytes
        // stay where they are for as long as the parser reads them.
        unsafe bytes = .allocate(capacity: max(1, input.count))
        _ = unsafe bytes.initialize(fromContentsOf: input)
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        guard unsafe yaml_parser_initialize(parser) == 1 else { return nil }
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, input.count)
        unsafe yaml_parser_set_encoding(parser, YAML_ANY_ENCODING)
    }

    deinit {
        // SAFETY: a parser that was not initialized is all zero bytes, which the library's delete
        // takes (it frees only what is not NULL).
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe bytes.deallocate()
    }

    /// The next event; after `streamEnd` or a failure it must not be called again.
    func next() throws(YAMLFailure) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        // SAFETY: the event is the library's to fill, and is deleted here on every way out; all
        // that is kept of it was copied.
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        return try unsafe translate(event)
    }

    private func translate(_ event: yaml_event_t) throws(YAMLFailure) -> YAMLEvent {
        let place = unsafe place(of: event.start_mark)
        // SAFETY: each member of the union is read only for the event type that libyaml documents
        // it for; texts end with a NUL or have their length beside them.
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return YAMLEvent(kind: .streamStart, place: place)
        case YAML_STREAM_END_EVENT: return YAMLEvent(kind: .streamEnd, place: place)
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, place: place)
        case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, place: place)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, place: place)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, place: place)
        case YAML_ALIAS_EVENT:
            let name = unsafe text(event.data.alias.anchor) ?? ""
            return YAMLEvent(kind: .alias(name), place: place)
        case YAML_SEQUENCE_START_EVENT:
            return unsafe YAMLEvent(
                kind: .sequenceStart, place: place,
                anchor: text(event.data.sequence_start.anchor),
                tag: text(event.data.sequence_start.tag))
        case YAML_MAPPING_START_EVENT:
            return unsafe YAMLEvent(
                kind: .mappingStart, place: place,
                anchor: text(event.data.mapping_start.anchor),
                tag: text(event.data.mapping_start.tag))
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return unsafe YAMLEvent(
                kind: .scalar(String(decoding: value, as: UTF8.self), style(scalar.style)),
                place: place, anchor: text(scalar.anchor), tag: text(scalar.tag))
        default:
            throw YAMLFailure(place: place, message: "the file ends too early")
        }
    }

    private func style(_ style: yaml_scalar_style_t) -> YAMLStyle {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: .quoted
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
        default: .plain
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        // SAFETY: libyaml ends these texts with a NUL.
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(cString: pointer)
    }

    private func place(of mark: yaml_mark_t) -> SourcePlace {
        SourcePlace(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func failure() -> YAMLFailure {
        // SAFETY: the parser is alive; its texts are string constants of the library or NULL.
        let error = unsafe parser.pointee.error
        let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
        let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) }
        let offset = unsafe Int(clamping: parser.pointee.problem_offset)
        let mark = unsafe place(of: parser.pointee.problem_mark)
        let place = error == YAML_READER_ERROR ? self.place(ofByte: offset) : mark
        var message = problem ?? "the file cannot be read as YAML"
        if let context { message += " \(context)" }
        return YAMLFailure(place: place, message: message)
    }

    /// Reader errors come before any mark: their place is counted from the bytes.
    private func place(ofByte offset: Int) -> SourcePlace {
        var line = 1
        var column = 1
        // SAFETY: `count` octets of the buffer hold the input, and the index stays below it.
        for index in 0..<min(max(0, offset), count) {
            let byte = unsafe bytes[index]
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return SourcePlace(file: file, line: line, column: column)
    }
}
