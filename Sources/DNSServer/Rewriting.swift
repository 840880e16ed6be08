import DNSWire
import DecisionLog
import Forwarding
import PolicyEngine

/// Names that are answered as another host's, for clients whose searches are to be safe.
///
/// The client gets an alias, and behind it what is known of the host: asked for, kept and shared
/// under the host's own name, so that nothing of the asked name's own is ever touched. What
/// cannot be had of the host is a failure; the name's own answer never stands in.
extension Pipeline {
    /// The host that answers in the name's place, in wire format; empty where the verdict is
    /// no rewrite. Valid while the gate is.
    @inline(__always)
    func rewriteTarget(_ verdict: Verdict) -> UnsafeRawBufferPointer {
        guard verdict.action == .rewrite else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return unsafe view.rewriteTarget(view.facts(ofRule: verdict.rule))
    }

    /// Answers ANY with the alias alone, which is all that there is at the name (RFC 8482
    /// section 4.1).
    func answerWithAlias(
        to target: UnsafeRawBufferPointer, _ decision: inout PendingDecision, _ verdict: Verdict,
        _ message: Span<UInt8>, _ asked: UnsafeRawBufferPointer, _ writer: inout MessageWriter
    ) -> Outcome {
        counters.add(.rewritten)
        counters.add(.local)
        let query = decision.query
        let ttl = min(
            ServerLimits.aliasTTLSeconds, Self.secondsLeft(until: verdict.until, at: decision.now))
        writer.putHeader(answering: query, rcode: .noError)
        writer.putQuestion(message, of: query)
        unsafe writer.putAlias(target, ttlSeconds: ttl)
        if query.hasOPT {
            unsafe writer.putOPT(
                answering: query, payloadSize: ForwardingLimits.udpPayloadSize, rcode: .noError)
        }
        writer.finishHeader(questions: 1, answers: 1, additionals: query.hasOPT ? 1 : 0)
        decision.record.ttlSeconds = ttl
        decision.record.source = .local
        unsafe record(&decision, asked)
        return .send(writer.count)
    }

    /// Writes the answer of a rewrite behind its alias.
    ///
    /// - Returns: the least TTL in it.
    func write(
        _ answer: AnswerView, behindAliasTo target: UnsafeRawBufferPointer, age: UInt32,
        limit: UInt32, _ query: Query, _ message: Span<UInt8>, _ writer: inout MessageWriter
    ) -> UInt32 {
        counters.add(.rewritten)
        guard answer.rcode != .servFail else {
            writeError(
                .servFail, query, message, &writer, answer.extendedError ?? .other,
                "Safe search is on, and its host cannot be resolved now.")
            return 0
        }
        return unsafe answer.write(
            behindAliasTo: target, aliasTTLSeconds: ServerLimits.aliasTTLSeconds, into: &writer,
            answering: query, message: message, ageSeconds: age, ttlLimitSeconds: limit,
            payloadSize: ForwardingLimits.udpPayloadSize)
    }

    /// Refuses an answer that is to another question than the policy of now would have asked: it
    /// has changed since. Whoever asks again is answered by the new one.
    func refuseOutdated(
        _ decision: inout PendingDecision, _ message: Span<UInt8>, _ asked: UnsafeRawBufferPointer,
        _ writer: inout MessageWriter
    ) {
        counters.add(.failed)
        decision.record.source = .error
        decision.record.rcode = ResponseCode.servFail.rawValue
        writeError(
            .servFail, decision.query, message, &writer, .other,
            "The policy has changed since this was asked; ask again.")
        unsafe record(&decision, asked)
    }

    /// The qname of a message, in wire format and lower case; valid until it is called again.
    func lowercaseName(of query: Query, in message: Span<UInt8>) -> UnsafeRawBufferPointer {
        let end = min(message.count, Query.headerLength + query.nameLength)
        var length = 0
        // SAFETY: a name that was read has at most 255 octets, for which there is room.
        for index in Query.headerLength..<max(end, Query.headerLength) {
            unsafe ownName[length] = message[index].asciiLowercased
            length += 1
        }
        return unsafe UnsafeRawBufferPointer(start: ownName, count: length)
    }
}
