/// The work of an `AnswerDistiller`, and the memory in which it is done.
@safe struct Distillation: ~Copyable {
    typealias Outcome = AnswerDistiller.Outcome

    private var block = AnswerBlock()
    private let sections: UnsafeMutablePointer<UInt8>
    private var writer: MessageWriter
    private var ttlTable: [AnswerBlock.TTL] = []
    private var chain = NotedNames(capacity: AnswerDistiller.maximumChain + 1)
    /// Where else the answer leads.
    private var targets = NotedNames(capacity: AnswerDistiller.maximumTargets)
    /// Whether records are being written without ECH keys and address hints.
    private var strips = false
    private var name = NameScratch()
    private var dictionary = SuffixDictionary()

    /// The answer that was read last.
    var answer: AnswerView { block.answer }

    init() {
        unsafe sections = .allocate(capacity: AnswerDistiller.sectionsCapacity)
        unsafe writer = MessageWriter(sections, capacity: AnswerDistiller.sectionsCapacity)
        ttlTable.reserveCapacity(AnswerDistiller.maximumRecords)
    }

    deinit { unsafe sections.deallocate() }

    /// As `AnswerDistiller.distill`.
    mutating func distill(
        _ message: Span<UInt8>, sent: Span<UInt8>, lowercaseName: UnsafeRawBufferPointer,
        qtype: RecordType, dnssecOK: Bool
    ) -> Outcome {
        guard message.count >= Query.headerLength + sent.count,
            message.bigEndian16(at: 2) & (Query.responseFlag | 0x7800) == Query.responseFlag,
            message.bigEndian16(at: 4) == 1
        else {
            return Self.failureWithoutQuestion(message)
        }
        let question = Self.compareQuestion(message, sent)
        guard question == .answer else { return question }
        let flags = message.bigEndian16(at: 2)
        let rcode = ResponseCode(rawValue: flags & 0x0F)
        if flags & Query.truncatedFlag != 0 { return .truncated }
        switch rcode {
        case .noError, .nxDomain: break
        default: return failure(rcode, message, from: Query.headerLength + sent.count)
        }
        return unsafe collect(
            message, sectionsStart: Query.headerLength + sent.count,
            lowercaseName: unsafe lowercaseName, qtype: qtype, dnssecOK: dnssecOK, rcode: rcode,
            isAuthentic: flags & Query.authenticDataFlag != 0)
    }

    /// A failure, whatever else is in the message, and why, if its OPT record says so.
    private mutating func failure(
        _ rcode: ResponseCode, _ message: Span<UInt8>, from start: Int
    ) -> Outcome {
        .failed(rcode, because: readHeads(message, from: start) ? options.error(message) : nil)
    }

    /// A refusal may come without a question (FORMERR of a server that read nothing).
    private static func failureWithoutQuestion(_ message: Span<UInt8>) -> Outcome {
        guard message.count >= Query.headerLength,
            message.bigEndian16(at: 2) & Query.responseFlag != 0,
            message.bigEndian16(at: 4) == 0
        else { return .malformed }
        let rcode = ResponseCode(rawValue: message.bigEndian16(at: 2) & 0x0F)
        return rcode == .noError || rcode == .nxDomain ? .malformed : .failed(rcode)
    }

    private static func compareQuestion(_ message: Span<UInt8>, _ sent: Span<UInt8>) -> Outcome {
        var sameCase = true
        for index in 0..<sent.count {
            // SAFETY: the message has been found to be as long as a header and the question.
            let theirs = unsafe message[unchecked: Query.headerLength + index]
            let ours = unsafe sent[unchecked: index]
            if theirs == ours { continue }
            // Type and class have no letter case; they are the last four octets.
            guard index < sent.count - 4, theirs.asciiLowercased == ours.asciiLowercased
            else { return .otherQuestion }
            sameCase = false
        }
        return sameCase ? .answer : .otherCase
    }

    // MARK: - Sections

    /// One record as it lies in the message.
    private struct RecordHead {
        var owner = 0
        var type = RecordType(0)
        var recordClass: UInt16 = 0
        var ttlSeconds: UInt32 = 0
        var data = 0
        var dataLength = 0
        /// Whether it is the CNAME record by which the chain goes on from its owner.
        var isOfChain = false
    }

    private var answers: [RecordHead] = []
    private var authorities: [RecordHead] = []
    private var options = ReceivedOPT()

    private mutating func collect(
        _ message: Span<UInt8>, sectionsStart: Int, lowercaseName: UnsafeRawBufferPointer,
        qtype: RecordType, dnssecOK: Bool, rcode: ResponseCode, isAuthentic: Bool
    ) -> Outcome {
        guard readHeads(message, from: sectionsStart) else { return .malformed }
        // The upper bits of the response code lie in the OPT record (RFC 6891 section 6.1.3).
        guard options.extendedCode == 0 else {
            return .failed(
                ResponseCode(rawValue: UInt16(options.extendedCode) << 4 | rcode.rawValue),
                because: options.error(message))
        }
        guard unsafe followChain(message, from: lowercaseName, qtype: qtype)
        else { return .malformed }
        block.removeAll()
        strips = false
        guard
            let whole = unsafe takeSections(
                message, lowercaseName, qtype: qtype, dnssecOK: dnssecOK)
        else { return .malformed }
        keep(whole, rcode, isAuthentic: isAuthentic)
        guard whole.isStrippable else { return .answer }
        strips = true
        guard
            let stripped = unsafe takeSections(
                message, lowercaseName, qtype: qtype, dnssecOK: dnssecOK)
        else { return .malformed }
        // Nobody vouches for what was changed here.
        keep(stripped, rcode, isAuthentic: false)
        return .answer
    }

    private mutating func keep(_ taken: TakenRecords, _ rcode: ResponseCode, isAuthentic: Bool) {
        // SAFETY: the writer has written so many octets there.
        unsafe block.add(
            taken, rcode: rcode, isAuthentic: isAuthentic, ttls: ttlTable, chain: chain,
            targets: targets,
            sections: UnsafeRawBufferPointer(start: sections, count: writer.count))
    }

    /// Writes all that is taken of a message; nil where a record is not what it says.
    private mutating func takeSections(
        _ message: Span<UInt8>, _ qname: UnsafeRawBufferPointer, qtype: RecordType, dnssecOK: Bool
    ) -> TakenRecords? {
        writer.rewind(to: 0)
        ttlTable.removeAll(keepingCapacity: true)
        targets.removeAll()
        unsafe dictionary.start(with: qname)
        var taken = TakenRecords()
        guard
            unsafe takeAnswers(message, qname, qtype: qtype, dnssecOK: dnssecOK, into: &taken),
            unsafe takeAuthorities(message, qname, dnssecOK: dnssecOK, into: &taken)
        else { return nil }
        return taken
    }

    /// Takes the answers that belong to the question; false where one is not what it says.
    private mutating func takeAnswers(
        _ message: Span<UInt8>, _ qname: UnsafeRawBufferPointer, qtype: RecordType, dnssecOK: Bool,
        into taken: inout TakenRecords
    ) -> Bool {
        for head in answers {
            guard head.recordClass == 1, name.read(message, at: head.owner) != nil else { continue }
            let isSignature = head.type == .rrsig
            guard dnssecOK || !isSignature || qtype == .rrsig else { continue }
            // A name has one alias (RFC 2181 section 10.1): a second would lead where nobody looked.
            let isOfChain =
                head.type == .cname
                ? head.isOfChain
                : (head.type == qtype || isSignature) && (unsafe isAnswered(qname, qtype))
            let isOfDNAME =
                (head.type == .dname || isSignature && Self.covered(by: head, message) == .dname)
                && (unsafe isAboveChain(qname))
            guard isOfChain || isOfDNAME else { continue }
            if head.type.isServiceBinding || isSignature, isTakenOut(head, message, &taken) {
                continue
            }
            guard put(head, message), noteTarget(of: head, message) else { return false }
            if head.type == qtype { taken.hasFinalRecord = true }
            if isSignature { taken.isSigned = true }
            taken.leastTTLSeconds = min(taken.leastTTLSeconds, head.ttlSeconds)
            taken.answerCount += 1
        }
        return true
    }

    /// Whether a record is left out where answers are stripped: a service binding that cannot be
    /// read, or a signature over records that are no longer what was signed.
    private func isTakenOut(
        _ head: RecordHead, _ message: Span<UInt8>, _ taken: inout TakenRecords
    ) -> Bool {
        if head.type == .rrsig { return strips && Self.covered(by: head, message).isServiceBinding }
        // Without a whole TargetName the message is refused where the record is written.
        let binding = ServiceBinding(message, at: head.data, count: head.dataLength)
        guard let fate = binding?.fate(message), fate != .whole else { return false }
        taken.isStrippable = true
        return strips && fate == .dropped
    }

    /// Notes where a record leads that is no CNAME: the TargetName of a service binding, whether
    /// alias or not, and the target of a DNAME; false where there are too many.
    private mutating func noteTarget(of head: RecordHead, _ message: Span<UInt8>) -> Bool {
        guard head.type.isServiceBinding || head.type == .dname else { return true }
        guard name.read(message, at: head.data + (head.type == .dname ? 0 : 2)) != nil
        else { return false }
        // The root stands for the owner itself, or for no service at all (RFC 9460 section 2.5).
        guard name.count > 1 else { return true }
        if unsafe targets.contains(where: { other, _ in unsafe name.equals(other) }) { return true }
        guard targets.count < AnswerDistiller.maximumTargets else { return false }
        targets.append(name)
        return true
    }

    /// Takes the SOA of a negative answer and DNSSEC's proofs; false where one is not what it says.
    private mutating func takeAuthorities(
        _ message: Span<UInt8>, _ qname: UnsafeRawBufferPointer, dnssecOK: Bool,
        into taken: inout TakenRecords
    ) -> Bool {
        for head in authorities where !taken.hasFinalRecord || dnssecOK {
            guard head.recordClass == 1, name.read(message, at: head.owner) != nil else { continue }
            let isSignature = head.type == .rrsig
            guard dnssecOK || !isSignature else { continue }
            var limited = head
            // A signature goes where the records go that it covers.
            switch isSignature ? Self.covered(by: head, message) : head.type {
            case .soa:
                guard !taken.hasFinalRecord, unsafe isAboveLastName(qname) else { continue }
                if !isSignature {
                    limited.ttlSeconds = negativeTTL(of: head, message)
                    taken.hasSOA = true
                }
            case .nsec, .nsec3:
                guard dnssecOK else { continue }
            default: continue
            }
            guard put(limited, message) else { return false }
            if isSignature { taken.isSigned = true }
            taken.leastTTLSeconds = min(taken.leastTTLSeconds, limited.ttlSeconds)
            taken.authorityCount += 1
        }
        return true
    }

    /// The type that a signature is about (RFC 4034 section 3.1.1); 0 where it has no data.
    private static func covered(by head: RecordHead, _ message: Span<UInt8>) -> RecordType {
        RecordType(head.dataLength >= 2 ? message.bigEndian16(at: head.data) : 0)
    }

    /// Reads where the records of all three sections lie; false where one does not fit.
    private mutating func readHeads(_ message: Span<UInt8>, from start: Int) -> Bool {
        answers.removeAll(keepingCapacity: true)
        authorities.removeAll(keepingCapacity: true)
        options = ReceivedOPT()
        let answerCount = Int(message.bigEndian16(at: 6))
        let authorityCount = Int(message.bigEndian16(at: 8))
        let total = answerCount + authorityCount + Int(message.bigEndian16(at: 10))
        guard total <= AnswerDistiller.maximumRecords else { return false }
        var index = start
        for number in 0..<total {
            var head = RecordHead()
            head.owner = index
            guard let end = name.read(message, at: index), end + 10 <= message.count
            else { return false }
            head.type = RecordType(message.bigEndian16(at: end))
            head.recordClass = message.bigEndian16(at: end + 2)
            let ttl = message.bigEndian32(at: end + 4)
            // A TTL with the top bit set means 0 (RFC 2181 section 8).
            head.ttlSeconds = ttl > 0x7FFF_FFFF ? 0 : min(ttl, AnswerDistiller.maximumTTLSeconds)
            head.dataLength = Int(message.bigEndian16(at: end + 8))
            head.data = end + 10
            index = head.data + head.dataLength
            guard index <= message.count else { return false }
            if number < answerCount {
                answers.append(head)
            } else if number < answerCount + authorityCount {
                authorities.append(head)
            } else if head.type == .opt {
                options.extendedCode |= UInt8(truncatingIfNeeded: ttl >> 24)
                options.data = head.data..<index
            }
        }
        return index == message.count
    }

    // MARK: - The CNAME chain

    /// Notes each name that the answer's CNAME records lead to, in the order of the chain.
    ///
    /// An alias that was itself asked for is not followed further, but where it leads is noted too.
    private mutating func followChain(
        _ message: Span<UInt8>, from qname: UnsafeRawBufferPointer, qtype: RecordType
    ) -> Bool {
        chain.removeAll()
        while qtype != .cname || chain.count == 0 {
            var found = false
            for number in answers.indices {
                let head = answers[number]
                guard head.type == .cname, head.recordClass == 1 else { continue }
                guard name.read(message, at: head.owner) != nil else { return false }
                guard unsafe isLastName(qname) else { continue }
                guard let end = name.read(message, at: head.data),
                    end == head.data + head.dataLength
                else { return false }
                answers[number].isOfChain = true
                found = true
                break
            }
            guard found else { return true }
            // A chain that comes back to itself, or has no end, answers nothing.
            guard chain.count < AnswerDistiller.maximumChain,
                qtype == .cname || (unsafe !isOnChain(qname))
            else { return false }
            chain.append(name)
        }
        return true
    }

    /// Calls `body` with the qname and every name of the chain.
    private func forEachName(
        _ qname: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, Bool) -> Bool
    ) -> Bool {
        unsafe body(qname, chain.count == 0) || chain.contains(where: body)
    }

    private func isOnChain(_ qname: UnsafeRawBufferPointer) -> Bool {
        unsafe forEachName(qname) { other, _ in unsafe name.equals(other) }
    }

    /// Whether records of the name may answer: of the qname and, but for an alias that was itself
    /// asked for, of all that its chain leads to.
    private func isAnswered(_ qname: UnsafeRawBufferPointer, _ qtype: RecordType) -> Bool {
        qtype == .cname ? unsafe name.equals(qname) : unsafe isOnChain(qname)
    }

    private func isLastName(_ qname: UnsafeRawBufferPointer) -> Bool {
        unsafe forEachName(qname) { other, isLast in unsafe isLast && name.equals(other) }
    }

    private func isAboveChain(_ qname: UnsafeRawBufferPointer) -> Bool {
        unsafe forEachName(qname) { other, _ in unsafe name.isEqualOrAbove(other) }
    }

    private func isAboveLastName(_ qname: UnsafeRawBufferPointer) -> Bool {
        unsafe forEachName(qname) { other, isLast in unsafe isLast && name.isEqualOrAbove(other) }
    }

    // MARK: - Writing

    private func negativeTTL(of head: RecordHead, _ message: Span<UInt8>) -> UInt32 {
        guard head.dataLength >= 20 else { return 0 }
        let minimum = message.bigEndian32(at: head.data + head.dataLength - 4)
        return min(head.ttlSeconds, minimum, AnswerDistiller.maximumNegativeTTLSeconds)
    }

    /// Writes one record, whose owner `name` holds; false where its data is not what its type says.
    private mutating func put(_ head: RecordHead, _ message: Span<UInt8>) -> Bool {
        guard ttlTable.count + (head.type == .soa ? 2 : 1) <= AnswerDistiller.maximumRecords
        else { return false }
        dictionary.put(name, into: &writer)
        writer.put16(head.type.rawValue)
        writer.put16(head.recordClass)
        ttlTable.append((UInt32(writer.count), head.ttlSeconds))
        writer.put32(head.ttlSeconds)
        let lengthPlace = writer.count
        writer.put16(0)
        guard putData(of: head, message) else { return false }
        let length = writer.count - lengthPlace - 2
        writer.patch16(UInt16(truncatingIfNeeded: length), at: lengthPlace)
        return !writer.overflowed && length <= 65535
    }

    private mutating func putData(of head: RecordHead, _ message: Span<UInt8>) -> Bool {
        let end = head.data + head.dataLength
        var index = head.data
        if strips, head.type.isServiceBinding {
            guard let binding = ServiceBinding(message, at: head.data, count: head.dataLength)
            else { return false }
            if binding.fate(message) == .stripped {
                binding.putStripped(message, into: &writer)
                return true
            }
        }
        switch RecordDataLayout(head.type) {
        case .opaque: break
        case .plainName(let skip):
            guard message.hasPlainName(at: index + skip, before: end) else { return false }
        case .octets(let count): guard head.dataLength == count else { return false }
        case .names(let skip, let count, let rest, let mayCompress):
            guard index + skip <= end else { return false }
            putRange(message, index, index + skip)
            index += skip
            for _ in 0..<count {
                guard let next = name.read(message, at: index), next <= end else { return false }
                if mayCompress {
                    dictionary.put(name, into: &writer)
                } else {
                    // SAFETY: the scratch holds `count` octets of the name just read.
                    unsafe writer.put(
                        UnsafeRawBufferPointer(start: name.octets, count: name.count))
                }
                index = next
            }
            guard end - index == rest else { return false }
            if head.type == .soa {
                ttlTable.append(
                    (
                        UInt32(writer.count + 16) | AnswerDistiller.minimumMark,
                        message.bigEndian32(at: end - 4)
                    ))
            }
        }
        putRange(message, index, end)
        return true
    }

    private mutating func putRange(_ message: Span<UInt8>, _ start: Int, _ end: Int) {
        for index in start..<end { writer.put8(message[index]) }
    }
}
