/// An answer that may be given, ready to be written for any client: a view of one block of memory.
///
/// What an upstream said is kept in this form by the cache: sections that stand behind a question,
/// a table of where the TTLs lie, and the names that the answer leads to. Numbers are in host order:
///
///     | header, 28 octets | TTL table, 8 octets each | names: length octet + name … | sections |
///
/// Where the answer has ECH keys or address hints, a second block of the same form follows, which has
/// none. The view does not own the memory.
@safe @frozen public struct AnswerView {
    @usableFromInline let base: UnsafeRawPointer
    /// The whole length of the block in octets.
    public let count: Int

    /// The length of the block's own header.
    public static let headerLength = 28
    /// Where the header says at which offset the second block begins; 0: there is none.
    @usableFromInline static let strippedPlace = 24

    /// Takes a block that an `AnswerDistiller` wrote; it must outlive the view.
    @inlinable public init(_ block: UnsafeRawBufferPointer) {
        // SAFETY: a block comes from the distiller alone, so its lengths are right; an empty
        // buffer gives a view of length 0, which is never read.
        unsafe base = block.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        count = block.count
    }

    /// The block's first octet, for copying it whole.
    @inlinable public var block: UnsafeRawPointer { unsafe base }

    /// The response code.
    @inlinable public var rcode: ResponseCode {
        ResponseCode(rawValue: unsafe base.loadUnaligned(fromByteOffset: 0, as: UInt16.self))
    }
    /// Whether the upstream vouched for the data (AD).
    @inlinable public var isAuthentic: Bool {
        unsafe base.load(fromByteOffset: 2, as: UInt8.self) & 1 != 0
    }
    /// Whether there are signatures, so that no octet of the data may change.
    @inlinable public var isSigned: Bool {
        unsafe base.load(fromByteOffset: 2, as: UInt8.self) & 2 != 0
    }
    /// How many names the answer leads to, the qname not counted: those of the CNAME chain, then
    /// those of its HTTPS, SVCB and DNAME records.
    @inlinable public var chainCount: Int {
        Int(unsafe base.load(fromByteOffset: 3, as: UInt8.self))
    }
    @inlinable var answerCount: Int {
        Int(unsafe base.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
    }
    @inlinable var authorityCount: Int {
        Int(unsafe base.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
    }
    /// The seconds for which the answer may be kept: its least TTL; 0: not at all.
    @inlinable public var ttlSeconds: UInt32 {
        unsafe base.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    }
    @inlinable var ttlCount: Int {
        Int(unsafe base.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    }
    @inlinable var chainLength: Int {
        Int(unsafe base.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }
    /// What went wrong, for an answer that is a failure.
    @inlinable public var extendedError: ExtendedErrorCode? {
        let code = unsafe base.loadUnaligned(fromByteOffset: 20, as: UInt16.self)
        return code == 0 ? nil : ExtendedErrorCode(rawValue: code)
    }
    @inlinable var strippedOffset: Int {
        Int(unsafe base.loadUnaligned(fromByteOffset: Self.strippedPlace, as: UInt32.self))
    }
    /// The same answer for a client that must find its way by names alone: without ECH keys, address
    /// hints and the signatures over what that changes (RFC 9460 section 7.3, RFC 9848).
    @inlinable public var stripped: AnswerView {
        let offset = strippedOffset
        // SAFETY: the distiller wrote the second block from there to the end.
        return offset == 0
            ? self
            : unsafe AnswerView(UnsafeRawBufferPointer(start: base + offset, count: count - offset))
    }
    @inlinable var chainOffset: Int { Self.headerLength + 8 * ttlCount }
    @inlinable var sectionsOffset: Int { chainOffset + chainLength }

    /// The names that the answer leads to, each in wire format and lower case: the CNAME chain in its
    /// order, then the targets of HTTPS, SVCB and DNAME records.
    ///
    /// - Parameter body: gets each name; false ends the walk.
    @inlinable public func forEachChainName(_ body: (UnsafeRawBufferPointer) -> Bool) {
        var offset = chainOffset
        for _ in 0..<chainCount {
            // SAFETY: the distiller wrote `chainCount` names of the lengths given here.
            let length = unsafe Int(base.load(fromByteOffset: offset, as: UInt8.self))
            guard unsafe body(UnsafeRawBufferPointer(start: base + offset + 1, count: length))
            else { return }
            offset += length + 1
        }
    }

    /// The block of an answer that is a failure: SERVFAIL and why (RFC 9520 section 3.2).
    ///
    /// - Parameter ttlSeconds: how long the failure is kept.
    public static func failure(
        _ error: ExtendedErrorCode, ttlSeconds: UInt32
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: headerLength)
        block[0] = UInt8(truncatingIfNeeded: ResponseCode.servFail.rawValue)
        for index in 0..<4 {
            block[8 + index] = UInt8(truncatingIfNeeded: ttlSeconds >> (8 * index))
        }
        for index in 0..<2 {
            block[20 + index] = UInt8(truncatingIfNeeded: error.rawValue >> (8 * index))
        }
        return block
    }

    /// Writes the whole message for one client.
    ///
    /// - Parameters:
    ///   - writer: an empty writer whose capacity is what the client takes.
    ///   - query: the client's query.
    ///   - message: the client's message, whose question is repeated.
    ///   - ageSeconds: how long ago the upstream answered.
    ///   - ttlLimitSeconds: what no TTL may exceed: the seconds until the verdict may change.
    ///   - payloadSize: what this server takes by UDP, for OPT.
    /// - Returns: the least TTL in the message. Where it does not fit, the message is written
    ///   empty and with TC set.
    @inlinable public func write(
        into writer: inout MessageWriter, answering query: Query, message: Span<UInt8>,
        ageSeconds: UInt32, ttlLimitSeconds: UInt32, payloadSize: UInt16
    ) -> UInt32 {
        let authentic = isAuthentic && query.wantsAuthenticData ? Query.authenticDataFlag : 0
        writer.putHeader(answering: query, rcode: rcode, flags: authentic)
        writer.putQuestion(message, of: query)
        let start = writer.count
        // SAFETY: the block holds its sections up to the second block, or to its end.
        let end = strippedOffset == 0 ? count : strippedOffset
        let sections = unsafe UnsafeRawBufferPointer(
            start: base + sectionsOffset, count: end - sectionsOffset)
        unsafe writer.put(sections)
        let additionals = query.hasOPT ? 1 : 0
        if query.hasOPT {
            unsafe writer.putOPT(
                answering: query, payloadSize: payloadSize, rcode: rcode,
                extendedError: extendedError)
        }
        guard !writer.overflowed else {
            writeTruncated(into: &writer, answering: query, message: message, payloadSize)
            return 0
        }
        writer.finishHeader(
            questions: 1, answers: answerCount, authorities: authorityCount,
            additionals: additionals)
        return cutTTLs(
            in: &writer, sectionsStart: start, ageSeconds: ageSeconds,
            ttlLimitSeconds: ttlLimitSeconds)
    }

    /// Ages the TTLs of the sections that were written, and cuts them to the limit.
    ///
    /// - Returns: the least; 0 where there is none.
    @inlinable func cutTTLs(
        in writer: inout MessageWriter, sectionsStart start: Int, ageSeconds: UInt32,
        ttlLimitSeconds: UInt32
    ) -> UInt32 {
        var least = ttlLimitSeconds
        for index in 0..<ttlCount {
            let place = Self.headerLength + 8 * index
            let offset = unsafe base.loadUnaligned(fromByteOffset: place, as: UInt32.self)
            let ttl = unsafe base.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
            if offset & AnswerDistiller.minimumMark != 0 {
                // The MINIMUM of a SOA: cut, so that a client that heeds it alone forgets too;
                // but signed data must stay as it was signed, and its TTL does the same.
                guard !isSigned else { continue }
                writer.patch32(
                    min(ttl, ttlLimitSeconds),
                    at: start + Int(offset & ~AnswerDistiller.minimumMark))
            } else {
                let left = min(ttl > ageSeconds ? ttl - ageSeconds : 0, ttlLimitSeconds)
                least = min(least, left)
                writer.patch32(left, at: start + Int(offset))
            }
        }
        return ttlCount == 0 ? 0 : least
    }

    @usableFromInline func writeTruncated(
        into writer: inout MessageWriter, answering query: Query, message: Span<UInt8>,
        _ payloadSize: UInt16
    ) {
        writer.rewind(to: 0)
        writer.putHeader(answering: query, rcode: rcode, flags: Query.truncatedFlag)
        writer.putQuestion(message, of: query)
        if query.hasOPT {
            unsafe writer.putOPT(answering: query, payloadSize: payloadSize, rcode: rcode)
        }
        writer.finishHeader(questions: 1, additionals: query.hasOPT ? 1 : 0)
    }
}
