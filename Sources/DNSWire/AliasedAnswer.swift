/// Answers to a name that is answered as another one's: a CNAME, and behind it what is known of the
/// other name.
///
/// A CNAME is there for every type (RFC 1034 section 3.6.2), so the answer to each type is this
/// alias and what the other name has of the type, be it nothing: no type has hints of the asked
/// name's own.
extension MessageWriter {
    /// Writes the CNAME record of the qname.
    ///
    /// - Parameter target: the other name in wire format, written without compression.
    public mutating func putAlias(_ target: UnsafeRawBufferPointer, ttlSeconds: UInt32) {
        putRecordHead(type: .cname, ttlSeconds: ttlSeconds)
        put16(UInt16(truncatingIfNeeded: target.count))
        unsafe put(target)
    }
}

extension AnswerView {
    /// Writes the whole message for a client that asked for another name, of which the name of this
    /// answer is made the alias' target.
    ///
    /// AD is never set: the alias is nobody's signed data (RFC 4035 section 3.2.3). Allocates
    /// nothing; costs a walk over the records more than `write` does.
    ///
    /// - Parameters:
    ///   - writer: an empty writer whose capacity is what the client takes.
    ///   - query: the client's query.
    ///   - message: the client's message, whose question is repeated.
    ///   - target: the name that this answer is about, in wire format.
    ///   - aliasTTLSeconds: the TTL of the alias, before it is cut to the limit.
    ///   - ageSeconds: how long ago the upstream answered.
    ///   - ttlLimitSeconds: what no TTL may exceed: the seconds until the verdict may change.
    ///   - payloadSize: what this server takes by UDP, for OPT.
    /// - Returns: the least TTL in the message. Where it does not fit, the message is written
    ///   empty and with TC set.
    public func write(
        behindAliasTo target: UnsafeRawBufferPointer, aliasTTLSeconds: UInt32,
        into writer: inout MessageWriter, answering query: Query, message: Span<UInt8>,
        ageSeconds: UInt32, ttlLimitSeconds: UInt32, payloadSize: UInt16
    ) -> UInt32 {
        writer.putHeader(answering: query, rcode: rcode)
        writer.putQuestion(message, of: query)
        let aliasTTL = min(aliasTTLSeconds, ttlLimitSeconds)
        unsafe writer.putAlias(target, ttlSeconds: aliasTTL)
        let start = writer.count
        // SAFETY: the block holds its sections up to the second block, or to its end.
        let end = strippedOffset == 0 ? count : strippedOffset
        let sections = unsafe UnsafeBufferPointer(
            start: (base + sectionsOffset).assumingMemoryBound(to: UInt8.self),
            count: end - sectionsOffset)
        unsafe writer.put(UnsafeRawBufferPointer(sections))
        let mover = PointerMover(nameLength: target.count, sectionsStart: start)
        let isMoved = unsafe mover.movePointers(
            in: sections.span, records: answerCount + authorityCount, &writer)
        let additionals = query.hasOPT ? 1 : 0
        if query.hasOPT {
            unsafe writer.putOPT(answering: query, payloadSize: payloadSize, rcode: rcode)
        }
        guard isMoved, !writer.overflowed else {
            writeTruncated(into: &writer, answering: query, message: message, payloadSize)
            return 0
        }
        writer.finishHeader(
            questions: 1, answers: 1 + answerCount, authorities: authorityCount,
            additionals: additionals)
        let least = cutTTLs(
            in: &writer, sectionsStart: start, ageSeconds: ageSeconds,
            ttlLimitSeconds: ttlLimitSeconds)
        return ttlCount == 0 ? aliasTTL : min(least, aliasTTL)
    }
}

/// Moves the compression pointers of an answer's sections to where its names stand in a message
/// with another question: the name that was asked for then now stands right before the sections.
private struct PointerMover {
    /// The length of the name that the answer is about.
    let nameLength: Int
    /// Where the sections begin in the new message.
    let sectionsStart: Int

    /// Goes through the records; false where one is not what it says, or a pointer has no room for
    /// its new place.
    func movePointers(
        in sections: Span<UInt8>, records: Int, _ writer: inout MessageWriter
    ) -> Bool {
        var index = 0
        for _ in 0..<records {
            guard let head = moveName(at: index, in: sections, &writer), head + 10 <= sections.count
            else { return false }
            let end = head + 10 + Int(sections.bigEndian16(at: head + 8))
            guard end <= sections.count else { return false }
            let type = RecordType(sections.bigEndian16(at: head))
            if case .names(let skip, let count, _, mayCompress: true) = RecordDataLayout(type) {
                var place = head + 10 + skip
                for _ in 0..<count {
                    guard let next = moveName(at: place, in: sections, &writer), next <= end
                    else { return false }
                    place = next
                }
            }
            index = end
        }
        return true
    }

    /// Moves the pointer at the end of a name, if it has one; gives the offset behind the name.
    private func moveName(
        at start: Int, in sections: Span<UInt8>, _ writer: inout MessageWriter
    ) -> Int? {
        var index = start
        while index < sections.count {
            let length = Int(sections[index])
            if length == 0 { return index + 1 }
            guard length >= 0xC0 else {
                index += length + 1
                continue
            }
            guard index + 1 < sections.count,
                let place = newPlace(of: Int(sections.bigEndian16(at: index) & 0x3FFF))
            else { return nil }
            writer.patch16(
                0xC000 | UInt16(truncatingIfNeeded: place), at: sectionsStart + index)
            return index + 2
        }
        return nil
    }

    private func newPlace(of place: Int) -> Int? {
        let nameEnd = Query.headerLength + nameLength
        let moved =
            place < nameEnd
            ? place - nameEnd + sectionsStart : place - (nameEnd + 4) + sectionsStart
        return moved < 0x4000 ? moved : nil
    }
}
