import DNSWire
import Testing

/// Room for something to be written, with guards on both sides that must stay as they are.
struct GuardedRoom {
    private static let guardOctets = 64
    private static let mark: UInt8 = 0xA5

    private var octets: [UInt8]
    private let capacity: Int

    init(_ capacity: Int) {
        self.capacity = capacity
        octets = [UInt8](repeating: Self.mark, count: capacity + 2 * Self.guardOctets)
    }

    /// Lets `body` write into the room; records an issue if it wrote beside it.
    mutating func use<Result>(_ body: (UnsafeMutablePointer<UInt8>) throws -> Result) throws
        -> Result
    {
        // SAFETY: the room lies within the array; that nothing else is written is what is tested.
        let result = try unsafe octets.withUnsafeMutableBufferPointer { all in
            try unsafe body(#require(all.baseAddress) + Self.guardOctets)
        }
        let isIntact =
            octets.prefix(Self.guardOctets).allSatisfy { $0 == Self.mark }
            && octets.suffix(Self.guardOctets).allSatisfy { $0 == Self.mark }
        try #require(isIntact, "octets were written beside the room")
        return result
    }

    /// The first octets of the room.
    func prefix(_ count: Int) -> [UInt8] {
        Array(octets[Self.guardOctets..<Self.guardOctets + min(count, capacity)])
    }
}

/// A query that was read, with its name in lower case.
struct ReadQuery {
    let query: Query
    let name: [UInt8]

    init(_ message: [UInt8]) throws {
        var room = GuardedRoom(DomainName.maximumOctets)
        query = try unsafe room.use { unsafe Query(message.span, lowercaseName: $0) }
        name = room.prefix(query.nameLength)
    }
}

/// A message that was written.
struct Written {
    let octets: [UInt8]
    let overflowed: Bool
    /// What the writing function returned.
    let least: UInt32

    init(capacity: Int, _ body: (inout MessageWriter) -> UInt32) throws {
        var room = GuardedRoom(capacity)
        var count = 0
        var overflowed = false
        least = try unsafe room.use { base in
            var writer = unsafe MessageWriter(base, capacity: capacity)
            let least = body(&writer)
            count = writer.count
            overflowed = writer.overflowed
            return least
        }
        self.overflowed = overflowed
        octets = room.prefix(count)
    }

    var flags: UInt16 { octets.count >= 4 ? UInt16(octets[2]) << 8 | UInt16(octets[3]) : 0 }
    var isTruncated: Bool { flags & Query.truncatedFlag != 0 }
}

/// What the distiller made of an upstream's message, kept past the next message.
struct Distilled {
    let outcome: AnswerDistiller.Outcome
    private let block: [UInt8]

    /// - Parameter sent: the name as it was sent; lower case unless given.
    init(
        _ message: [UInt8], _ name: String, _ type: RecordType = .a, dnssecOK: Bool = false,
        sent: String? = nil, by distiller: AnswerDistiller = AnswerDistiller()
    ) {
        self.init(
            message, sent: question(wireName(sent ?? name), type),
            lowercase: wireName(name.lowercased()), type, dnssecOK: dnssecOK, by: distiller)
    }

    /// - Parameter sent: the question as it was sent.
    init(
        _ message: [UInt8], sent: [UInt8], lowercase: [UInt8], _ type: RecordType, dnssecOK: Bool,
        by distiller: AnswerDistiller
    ) {
        outcome = unsafe lowercase.withUnsafeBytes {
            unsafe distiller.distill(
                message.span, sent: sent.span, lowercaseName: $0, qtype: type, dnssecOK: dnssecOK)
        }
        let answer = distiller.answer
        // SAFETY: the view is of the distiller's block, which is as long as it says.
        block =
            outcome == .answer
            ? unsafe Array(UnsafeRawBufferPointer(start: answer.block, count: answer.count)) : []
    }

    /// Takes a block that was made otherwise.
    init(block: [UInt8]) {
        outcome = .answer
        self.block = block
    }

    func withView<Result>(_ body: (AnswerView) throws -> Result) throws -> Result {
        try #require(outcome == .answer)
        return try unsafe block.withUnsafeBytes { try unsafe body(AnswerView($0)) }
    }

    /// The names that the answer leads to, as text.
    func chain() throws -> [String] {
        try withView { view in
            var names: [String] = []
            unsafe view.forEachChainName {
                unsafe names.append(DomainName.presentation(of: $0))
                return true
            }
            return names
        }
    }

    /// Writes the answer for a client that sent `query`.
    func write(
        for query: Packet, capacity: Int = 65535, age: UInt32 = 0, limit: UInt32 = .max,
        stripped: Bool = false
    ) throws -> Written {
        let message = query.octets
        let read = try ReadQuery(message)
        try #require(read.query.status == .fine)
        return try withView { view in
            try Written(capacity: capacity) { writer in
                (stripped ? view.stripped : view).write(
                    into: &writer, answering: read.query, message: message.span, ageSeconds: age,
                    ttlLimitSeconds: limit, payloadSize: 1232)
            }
        }
    }

    /// Writes the answer, which is about `target`, for a client that asked for another name.
    func write(
        behindAliasTo target: String, aliasTTL: UInt32 = 300, for query: Packet,
        capacity: Int = 65535, age: UInt32 = 0, limit: UInt32 = .max
    ) throws -> Written {
        let message = query.octets
        let read = try ReadQuery(message)
        try #require(read.query.status == .fine)
        return try withView { view in
            try Written(capacity: capacity) { writer in
                unsafe wireName(target).withUnsafeBytes { target in
                    unsafe view.write(
                        behindAliasTo: target, aliasTTLSeconds: aliasTTL, into: &writer,
                        answering: read.query, message: message.span, ageSeconds: age,
                        ttlLimitSeconds: limit, payloadSize: 1232)
                }
            }
        }
    }
}
