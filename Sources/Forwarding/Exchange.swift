import DNSWire

/// One question on its way: the attempts made so far and what is known of them.
///
/// Belongs to the worker that sent it, which uses it for one question after another.
final class Exchange {
    /// One time that the question was sent.
    struct Attempt {
        enum Carrier {
            case datagram(socket: AskSocket)
            case stream(Int32)
            case encrypted
        }

        var upstream: Upstream
        var carrier: Carrier
        /// The ID on the wire.
        var id: UInt16
        var sentMilliseconds: Int64
        /// Whether it had an OPT record.
        var hasOPT: Bool
        /// Whether it was made besides the one that is waited for, to see if an upstream is back.
        var isTrial = false
        var isOpen = true
    }

    /// The attempts, and their questions on the wire: qname with its letter case, type and class.
    /// Together, because the runtime watches over each change of an object's property by itself.
    private struct Tries {
        var attempts: [Attempt] = []
        var questions: [UInt8] = []

        mutating func removeAll() {
            attempts.removeAll(keepingCapacity: true)
            questions.removeAll(keepingCapacity: true)
        }

        /// As `Exchange.add`.
        mutating func add(
            _ attempt: Attempt, _ name: UnsafeRawBufferPointer, _ qtype: RecordType,
            _ qclass: UInt16,
            mixedBy random: RandomSource?
        ) -> Int {
            let start = questions.count
            unsafe questions.append(contentsOf: name)
            if let random { mixCase(from: start, random) }
            questions.append(UInt8(truncatingIfNeeded: qtype.rawValue >> 8))
            questions.append(UInt8(truncatingIfNeeded: qtype.rawValue))
            questions.append(UInt8(truncatingIfNeeded: qclass >> 8))
            questions.append(UInt8(truncatingIfNeeded: qclass))
            attempts.append(attempt)
            return attempts.count - 1
        }

        private mutating func mixCase(from start: Int, _ random: RandomSource) {
            unsafe questions.withUnsafeMutableBufferPointer { octets in
                var bits: UInt64 = 0
                // SAFETY: an index is below the count.
                for index in start..<octets.count {
                    if (index - start) & 63 == 0 { bits = random.next() }
                    // Length octets are at most 63, so they are never taken for letters. No branch: half
                    // of the guesses at a random one would be wrong.
                    let isLetter: UInt8 = unsafe octets[index] &- 0x61 < 26 ? 1 : 0
                    unsafe octets[index] &-= (isLetter & UInt8(truncatingIfNeeded: bits)) << 5
                    bits >>= 1
                }
            }
        }
    }

    /// Its place among the forwarder's exchanges.
    let number: Int
    private(set) var pending: PendingQuestion
    private(set) var qtype = RecordType(0)
    private(set) var qclass: UInt16 = 0
    private(set) var dnssecOK = false
    private(set) var checkingDisabled = false
    /// Which upstreams may be asked, the best first; tried in turn and over again.
    private(set) var candidates: [Upstream] = []
    private var tries = Tries()
    /// What was sent so far, in its order.
    var attempts: [Attempt] { tries.attempts }
    private var questionLength = 0
    /// How many times the next candidate was turned to.
    var turns = 0
    var sawTimeout = false
    var sawNetworkError = false
    /// Why an upstream would not answer, by its own word.
    var upstreamsReason: ExtendedErrorCode?
    var isFinished = true
    /// Grows with each use: tells what was begun for an earlier question from what is of this one.
    private(set) var serial: UInt64 = 0
    /// The same for its timers.
    var timerGeneration: UInt32 = 0
    /// Of one that no question uses: the next such one.
    fileprivate var nextIdle: Exchange?

    /// Makes one that no question uses yet.
    init(number: Int) {
        self.number = number
        pending = Self.noQuestion
    }

    private static let noQuestion = PendingQuestion()

    /// Takes up a question.
    func begin(_ pending: PendingQuestion, _ query: Query, candidates: [Upstream]) {
        self.pending = pending
        qtype = query.qtype
        qclass = query.qclass
        dnssecOK = query.dnssecOK
        checkingDisabled = query.checkingDisabled
        self.candidates = candidates
        questionLength = pending.key.count - QuestionKey.octetsBehindName + 4
        turns = 0
        sawTimeout = false
        sawNetworkError = false
        upstreamsReason = nil
        isFinished = false
        serial &+= 1
        timerGeneration &+= 1
    }

    /// Lets go of the question and of all that belongs to it.
    func end() {
        isFinished = true
        timerGeneration &+= 1
        pending = Self.noQuestion
        tries.removeAll()
        candidates = []
    }

    // MARK: - Attempts

    /// How long ago the question was first sent, in milliseconds.
    func age(_ nowMilliseconds: Int64) -> Int64 {
        nowMilliseconds - (attempts.first?.sentMilliseconds ?? nowMilliseconds)
    }

    /// How long the candidate whose turn it is has to answer before the next one is asked: less
    /// than usual where many others have not been asked yet.
    var patienceMilliseconds: Int64 {
        let schedule = ForwardingLimits.attemptMilliseconds
        let patience = schedule[min(turns, schedule.count - 1)]
        guard turns + 1 < candidates.count else { return patience }
        return min(
            patience, ForwardingLimits.firstRoundMilliseconds / Int64(candidates.count - 1))
    }

    /// Adds an attempt and its question.
    ///
    /// - Parameter random: mixes the letter case (0x20) so that a forger has more to guess.
    /// - Returns: the attempt's place.
    func add(_ attempt: Attempt, mixedBy random: RandomSource?) -> Int {
        unsafe pending.withLowercaseName { name in
            unsafe tries.add(attempt, name, qtype, qclass, mixedBy: random)
        }
    }

    /// Takes back the last attempt, which could not be made.
    func dropLastAttempt() {
        tries.attempts.removeLast()
        tries.questions.removeLast(questionLength)
    }

    func setCarrier(_ carrier: Attempt.Carrier, ofAttempt index: Int) {
        tries.attempts[index].carrier = carrier
    }

    func close(attempt index: Int) { tries.attempts[index].isOpen = false }

    var hasOpenAttempt: Bool { attempts.contains { $0.isOpen } }

    /// Whether the next candidate is to be asked at once, since nobody was there for an attempt:
    /// where one has not been asked yet, also while earlier ones are silent. A trial says nothing
    /// about the attempt that is waited for.
    func goesOn(after index: Int) -> Bool {
        !hasOpenAttempt || turns < candidates.count && !attempts[index].isTrial
    }

    /// Calls `body` with the question of an attempt as it is on the wire.
    func withQuestion<Result>(
        ofAttempt index: Int, _ body: (Span<UInt8>) -> Result
    ) -> Result {
        let start = index * questionLength
        // SAFETY: every attempt has added a question of this length.
        let questions = tries.questions
        return unsafe questions.withUnsafeBufferPointer {
            body(unsafe $0.extracting(start..<start + questionLength).span)
        }
    }

    // MARK: - The message

    /// The longest query that is sent, in octets.
    static let longestMessage = Query.headerLength + DomainName.maximumOctets + 4 + 11

    /// Writes the whole query of an attempt: RD, AD (RFC 6840 section 5.7) and the client's CD; OPT
    /// with its DO.
    ///
    /// - Parameter room: holds `longestMessage` octets.
    /// - Returns: how many were written.
    func write(attempt index: Int, into room: UnsafeMutablePointer<UInt8>) -> Int {
        let attempt = attempts[index]
        var writer = unsafe MessageWriter(room, capacity: Self.longestMessage)
        writer.put16(attempt.id)
        writer.put16(
            Query.recursionDesiredFlag | Query.authenticDataFlag
                | (checkingDisabled ? Query.checkingDisabledFlag : 0))
        writer.put16(1)
        writer.put32(0)
        writer.put16(attempt.hasOPT ? 1 : 0)
        withQuestion(ofAttempt: index) { writer.put($0) }
        if attempt.hasOPT {
            writer.put8(0)
            writer.put16(RecordType.opt.rawValue)
            writer.put16(ForwardingLimits.udpPayloadSize)
            writer.put16(0)
            writer.put16(dnssecOK ? 0x8000 : 0)
            writer.put16(0)
        }
        return writer.count
    }

    /// The same in an array of its own.
    func message(ofAttempt index: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: Self.longestMessage) { buffer, count in
            // SAFETY: the buffer has the capacity that `write` asks for.
            guard let room = buffer.baseAddress else { return }
            count = unsafe write(attempt: index, into: room)
        }
    }
}

/// A forwarder's exchanges, by their numbers.
struct Exchanges {
    private var all: [Exchange] = []
    /// The first of those that no question uses.
    private var idle: Exchange?

    subscript(number: Int) -> Exchange { all[number] }

    /// One that no question uses.
    mutating func take() -> Exchange {
        if let exchange = idle {
            idle = exchange.nextIdle
            exchange.nextIdle = nil
            return exchange
        }
        let exchange = Exchange(number: all.count)
        all.append(exchange)
        return exchange
    }

    /// Ends an exchange's question; it will be used again.
    mutating func giveBack(_ exchange: Exchange) {
        exchange.end()
        exchange.nextIdle = idle
        idle = exchange
    }
}
