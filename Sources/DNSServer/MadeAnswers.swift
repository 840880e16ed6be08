import DNSWire
import Forwarding
import PolicyEngine

/// The answer that a blocked name gets.
enum BlockedAnswer {
    /// Writes it as the rule says: NXDOMAIN, NODATA, the zero address, REFUSED or the addresses of
    /// the block page, with the reason as an extended error where the client has EDNS.
    ///
    /// - Parameter page: the block page's addresses of the asked type, in network byte order.
    /// - Returns: the response code that was written.
    static func write(
        _ facts: Gate.RuleFacts, ttlSeconds: UInt32, query: Query, message: Span<UInt8>,
        notice: UnsafeRawBufferPointer, page: UnsafeRawBufferPointer,
        into writer: inout MessageWriter
    ) -> ResponseCode {
        let rcode: ResponseCode
        switch facts.answer {
        case .nxdomain: rcode = .nxDomain
        case .nodata, .zero, .page: rcode = .noError
        case .refused: rcode = .refused
        }
        writer.putHeader(answering: query, rcode: rcode)
        writer.putQuestion(message, of: query)
        var answers = 0
        var authorities = 0
        let length: UInt16 = query.qtype == .a ? 4 : 16
        if facts.answer == .page, page.count > 0 {
            for start in stride(from: 0, to: page.count, by: Int(length)) {
                writer.putRecordHead(type: query.qtype, ttlSeconds: ttlSeconds)
                writer.put16(length)
                // SAFETY: the room holds whole addresses of the type's length.
                unsafe writer.put(
                    UnsafeRawBufferPointer(rebasing: page[start..<start + Int(length)]))
                answers += 1
            }
        } else if facts.answer == .zero, query.qtype == .a || query.qtype == .aaaa {
            writer.putRecordHead(type: query.qtype, ttlSeconds: ttlSeconds)
            writer.put16(length)
            for _ in 0..<length { writer.put8(0) }
            answers = 1
        } else if facts.answer != .refused {
            writer.putNegativeSOA(ttlSeconds: ttlSeconds)
            authorities = 1
        }
        if query.hasOPT {
            // SAFETY: the notice lies in the gate's memory, and the caller holds the gate.
            unsafe writer.putOPT(
                answering: query, payloadSize: ForwardingLimits.udpPayloadSize, rcode: rcode,
                extendedError: facts.extendedError, text: notice)
        }
        writer.finishHeader(
            questions: 1, answers: answers, authorities: authorities,
            additionals: query.hasOPT ? 1 : 0)
        return rcode
    }
}

/// Answers that need no upstream.
enum LocalAnswer {
    /// Writes the answer for a special name, or the minimal one to ANY (RFC 8482 section 4.2).
    ///
    /// - Returns: the response code that was written.
    static func write(
        _ special: SpecialName, ttlSeconds: UInt32, query: Query, message: Span<UInt8>,
        into writer: inout MessageWriter
    ) -> ResponseCode {
        let rcode: ResponseCode
        if case .nonexistent = special { rcode = .nxDomain } else { rcode = .noError }
        writer.putHeader(answering: query, rcode: rcode)
        writer.putQuestion(message, of: query)
        var answers = 1
        switch (special, query.qtype) {
        case (.localhost, .a):
            writer.putRecordHead(type: .a, ttlSeconds: ttlSeconds)
            writer.put16(4)
            writer.put32(0x7F00_0001)
        case (.localhost, .aaaa):
            writer.putRecordHead(type: .aaaa, ttlSeconds: ttlSeconds)
            writer.put16(16)
            for value: UInt32 in [0, 0, 0, 1] { writer.put32(value) }
        case (.none, .any):
            writer.putRecordHead(type: .hinfo, ttlSeconds: ttlSeconds)
            writer.put16(9)
            writer.put8(7)
            writer.put(Self.anyCPU)
            writer.put8(0)
        default:
            writer.putNegativeSOA(ttlSeconds: ttlSeconds)
            answers = 0
        }
        if query.hasOPT {
            unsafe writer.putOPT(
                answering: query, payloadSize: ForwardingLimits.udpPayloadSize, rcode: rcode)
        }
        writer.finishHeader(
            questions: 1, answers: answers, authorities: 1 - answers,
            additionals: query.hasOPT ? 1 : 0)
        return rcode
    }

    private static let anyCPU = Array("RFC8482".utf8)
}
