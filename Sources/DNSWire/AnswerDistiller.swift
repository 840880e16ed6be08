/// Reads what an upstream answered and keeps of it what may be passed on.
///
/// Nothing of an upstream's message reaches a client as it came. Records are taken one by one: in
/// the answer section those that belong to the question or to its CNAME chain, in the authority
/// section the SOA of a negative answer and, where DNSSEC records were asked for, its proofs. What
/// was not asked for is left out, so it can be neither cached nor believed (RFC 5452 section 6).
/// Names are written anew and compressed against the question. Where HTTPS or SVCB records carry ECH
/// keys or address hints, the answer is written a second time without them, for clients that must
/// find their way by names alone (`AnswerView.stripped`).
///
/// One belongs to one thread; its buffers are made once and nothing is allocated per message.
@safe public final class AnswerDistiller {
    /// What was found.
    public enum Outcome: Equatable, Sendable {
        /// An answer; `answer` shows it.
        case answer
        /// Not a message, or one with faults: not to be used at all.
        case malformed
        /// A message, but not for this question: it may be forged.
        case otherQuestion
        /// The question with other letter case: the upstream does not keep it, or it is forged.
        case otherCase
        /// The answer was cut: ask again by TCP.
        case truncated
        /// The upstream would not or could not answer, and perhaps says why (RFC 8914).
        case failed(ResponseCode, because: ExtendedErrorCode? = nil)
    }

    /// Names that a CNAME chain may have: as many as other resolvers follow.
    public static let maximumChain = 16
    /// Names beside the chain that an answer may lead to, by service bindings and DNAME: real ones
    /// have one or two, and each is looked up for every client.
    public static let maximumTargets = 32
    /// Records that one message may have; real ones stay far below.
    public static let maximumRecords = 2048
    /// The longest time that anything is kept, in seconds: a day.
    public static let maximumTTLSeconds: UInt32 = 86400
    /// The longest time that a negative answer is kept, in seconds (RFC 2308 section 5).
    public static let maximumNegativeTTLSeconds: UInt32 = 10800
    /// Marks an offset of the TTL table that leads to the MINIMUM of a SOA.
    public static let minimumMark: UInt32 = 0x8000_0000

    /// The longest that an answer's sections may be, in octets: twice the longest message, as names
    /// grow that are freed of compression; what does not fit is no answer.
    static let sectionsCapacity = 131_072

    /// A value, so that the runtime watches over one access a message and not over each inside.
    private var distillation = Distillation()

    /// The answer that was read last; valid until the next message is read.
    public var answer: AnswerView { distillation.answer }

    /// Allocates the buffers, about 460 KiB.
    public init() {}

    /// Reads a message.
    ///
    /// - Parameters:
    ///   - message: what the upstream sent; its ID has been checked.
    ///   - sent: the question as it was sent: qname, type and class, letter case and all.
    ///   - lowercaseName: the qname in lower case.
    ///   - qtype: the type that was asked for.
    ///   - dnssecOK: whether DNSSEC records were asked for.
    public func distill(
        _ message: Span<UInt8>, sent: Span<UInt8>, lowercaseName: UnsafeRawBufferPointer,
        qtype: RecordType, dnssecOK: Bool
    ) -> Outcome {
        // SAFETY: the name is only looked at during the call.
        unsafe distillation.distill(
            message, sent: sent, lowercaseName: lowercaseName, qtype: qtype, dnssecOK: dnssecOK)
    }
}
