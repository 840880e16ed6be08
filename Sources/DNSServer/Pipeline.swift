import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Glibc
import PolicyEngine

/// The way of a query, for one worker:
///
///     message → Query → client's seat → name's category set → plane → verdict
///         block → answer                                                  ┐
///         allow → cache → hit → the chain is judged too → answer          ├→ record → out
///                       → miss → the forwarder, and later `answer(_:)`    ┘
///         rewrite → the same way, by the name of another host
///
/// A state machine without sockets: it is given octets and a moment, writes the answer into the
/// room that it is given, puts the decision into the batch, and says what is to be done. Between
/// two bells it takes no lock but the cache shard's, counts no references and allocates nothing.
@safe final class Pipeline {
    /// What is to be done with a query.
    enum Outcome {
        /// Nothing: silence is the only safe reply.
        case silence
        /// So many octets have been written: send them.
        case send(Int)
        /// Nobody knows the answer yet: the forwarder must ask.
        case ask(PendingQuestion)
        /// Somebody is asking already; the answer will come with theirs.
        case wait
    }

    /// The decisions not yet committed to the log.
    ///
    /// SAFETY: it would be watched for each query. Whoever changes it calls nothing of this class
    /// meanwhile.
    @exclusivity(unchecked) private var batch: RecordBatch
    /// What was done.
    let counters = Counters()

    let cache: AnswerCache
    private let key: QuestionKey
    private let allowed: ClientTable
    private let allowedView: ClientTableView
    private(set) var gate: Gate
    var present: PresentClients
    /// Which gate it is: from 1, greater with each change.
    private var gateNumber: UInt64
    private let firstSight = FirstSight()
    private(set) var view: GateView
    var plane: Plane
    var planeView: PlaneView
    private var spares: [PendingQuestion] = []
    private let probes: ProbeDesk
    /// Whether what is being taken is a probe's: it is neither recorded nor asked upstream.
    var isProbing = false
    /// The plane of the last probe's instant; probes ask about one instant many times.
    var probePlane: Plane?
    /// The network that the last probe claimed, likewise.
    var probeClients: (client: IPAddress, presence: Presence, clients: PresentClients)?
    /// The name that a client asked for which waits for that of another host.
    let ownName = UnsafeMutablePointer<UInt8>.allocate(capacity: DomainName.maximumOctets)

    /// Makes a pipeline for the calling worker.
    init(
        cache: AnswerCache, allowed: ClientTable, inForce: InForce,
        probes: ProbeDesk = ProbeDesk(controlPath: "")
    ) {
        self.probes = probes
        self.cache = cache
        self.allowed = allowed
        gate = inForce.gate
        present = inForce.present
        gateNumber = inForce.number
        key = cache.makeKey()
        allowedView = allowed.view
        view = gate.view
        plane = gate.plane(atSeconds: Moment.now.wallSeconds)
        planeView = plane.view
        unsafe batch = RecordBatch(capacityBytes: ServerLimits.recordBatchOctets)
    }

    deinit { unsafe ownName.deallocate() }

    /// The number under which the log knows the policy in force.
    var dictionary: UInt32 { present.dictionary }

    /// Changes over to what is in force now; the batch must have been committed.
    func use(_ inForce: InForce, at moment: Moment) {
        gate = inForce.gate
        present = inForce.present
        gateNumber = inForce.number
        firstSight.forget()
        view = gate.view
        plane = gate.plane(atSeconds: moment.wallSeconds)
        planeView = plane.view
        probePlane = nil
        probeClients = nil
    }

    /// Makes sure that the plane in hand is the one for this moment; once a batch.
    @inline(__always)
    func turn(to moment: Moment) {
        let seconds = moment.wallSeconds
        if seconds >= planeView.until || seconds < planeView.from {
            plane = gate.plane(atSeconds: seconds)
            planeView = plane.view
        }
    }

    /// Who asks: a client of which more is known than its network, or else by its address.
    @inline(__always)
    private func asker(of client: IPAddress, at moment: Moment) -> Gate.Asker {
        let known = present.asker(of: client, firstSight, under: gate, at: moment)
        return known ?? view.asker(of: client)
    }

    // MARK: - A query comes in

    /// Takes one query as far as it goes without waiting.
    ///
    /// - Parameters:
    ///   - query: what was read of the message.
    ///   - ahead: what was asked ahead for it.
    ///   - name: its qname in wire format and lower case.
    ///   - message: the query as received.
    ///   - client: who asks.
    ///   - isStream: whether it came by TCP, where answers may be long.
    ///   - moment: when it came.
    ///   - room: where the answer is written.
    ///   - capacity: the size of the room.
    ///   - replyTo: made only if the client has to wait.
    func take(
        _ query: Query, _ ahead: Ahead = .nothing, name: UnsafeMutablePointer<UInt8>,
        _ message: Span<UInt8>, from client: IPAddress, isStream: Bool, at moment: Moment,
        into room: UnsafeMutablePointer<UInt8>, capacity: Int, replyTo: () -> ReplyPath
    ) -> Outcome {
        counters.add(.queries)
        let limit = query.answerLimit(isStream: isStream, capacity: capacity)
        var writer = unsafe MessageWriter(room, capacity: limit)
        guard query.status == .fine else { return unfit(query, message, &writer) }
        if query.qclass != 1 || query.hasOPT && probes.isOpen, !isProbing,
            let outcome = unsafe askDesk(
                probes, query, name, message, from: client, isStream: isStream, at: moment,
                room, &writer)
        {
            return outcome
        }
        let asked = unsafe UnsafeRawBufferPointer(start: name, count: query.nameLength)

        var decision = PendingDecision(query: query, client: client, moment: moment)
        let asker = asker(of: client, at: moment)
        decision.take(asker)
        if let refusal = unsafe refuseUnserved(&decision, asker, message, asked, &writer) {
            return refusal
        }
        let match = unsafe view.index.match(name, count: query.nameLength, ahead.lookUp)
        let verdict = planeView.verdict(row: Int(asker.row), set: match.set)
        decision.take(verdict, labels: match.labels, view: view)
        if verdict.action == .block {
            return unsafe block(&decision, verdict, message, asked, &writer)
        }
        let target = unsafe rewriteTarget(verdict)
        if let outcome = unsafe answerLocally(&decision, verdict, message, asked, target, &writer) {
            return outcome
        }
        if isProbing { return answerAllowedProbe(query, verdict, message, &writer) }
        let isAlias = verdict.action == .rewrite
        unsafe key.set(
            lowercaseName: isAlias ? target : asked, qtype: query.qtype, qclass: query.qclass,
            dnssecOK: query.dnssecOK, checkingDisabled: query.checkingDisabled,
            hash: isAlias ? 0 : ahead.answer)
        let found = cache.withAnswer(
            to: key, nowMilliseconds: moment.monotonicMilliseconds
        ) { answer, age in
            unsafe give(
                answer, age, .cache, &decision, verdict, asker, message, asked, target, &writer)
        }
        if found {
            counters.add(.cacheHits)
            return .send(writer.count)
        }
        return unsafe wait(
            &decision, match, message, asked, isForAlias: isAlias, &writer, replyTo())
    }

    /// Lets a client wait for an answer that is not in the cache, by the key just set.
    private func wait(
        _ decision: inout PendingDecision, _ match: Match, _ message: Span<UInt8>,
        _ asked: UnsafeRawBufferPointer, isForAlias: Bool, _ writer: inout MessageWriter,
        _ replyTo: ReplyPath
    ) -> Outcome {
        let waiter = Waiter(
            query: decision.query, replyTo: replyTo, client: decision.record.client,
            receivedMicros: decision.received.wallMicros,
            receivedMonotonicMicros: decision.received.monotonicMicros,
            found: FoundName(generation: gateNumber, set: match.set, labels: match.labels),
            isForAlias: isForAlias)
        let spare = spares.popLast() ?? PendingQuestion()
        switch cache.join(key, waiter, message: message, spare: spare) {
        case .first(let pending):
            counters.add(.forwarded)
            return .ask(pending)
        case .waiting:
            spares.append(spare)
            return .wait
        case .refused:
            spares.append(spare)
            counters.add(.failed)
            decision.record.source = .error
            decision.record.rcode = ResponseCode.servFail.rawValue
            writeError(
                .servFail, decision.query, message, &writer, .noReachableAuthority,
                "Too many questions are waiting for upstreams.")
            unsafe record(&decision, asked)
            return .send(writer.count)
        }
    }

    // MARK: - An answer comes back

    /// Answers a client that waited, by the policy of now: what was allowed when it was asked may
    /// have been blocked since.
    ///
    /// - Parameters:
    ///   - known: the name that was asked of the upstream, in wire format and lower case: the qname
    ///     but for clients that wait for another host's.
    ///   - message: header and question as the client sent them.
    /// - Returns: how many octets were written into the room.
    func answer(
        _ waiter: Waiter, asked known: UnsafeRawBufferPointer, _ message: Span<UInt8>,
        with answer: AnswerView, into room: UnsafeMutablePointer<UInt8>, capacity: Int,
        isStream: Bool, at moment: Moment
    ) -> Int {
        let query = waiter.query
        let limit = query.answerLimit(isStream: isStream, capacity: capacity)
        var writer = unsafe MessageWriter(room, capacity: limit)
        var decision = PendingDecision(
            query: query, client: waiter.client,
            moment: Moment(
                wallMicros: waiter.receivedMicros, monotonicMicros: waiter.receivedMonotonicMicros))
        decision.now = moment
        let asked = unsafe waiter.isForAlias ? lowercaseName(of: query, in: message) : known
        let asker = asker(of: waiter.client, at: moment)
        guard asker.row >= 0 else {
            _ = unsafe refuse(
                &decision, message, asked, &writer, .prohibited,
                "This device is in none of the policy's networks.")
            return writer.count
        }
        decision.take(asker)
        // The lists are asked again only if they are others than when the query came.
        var found = waiter.found
        if found.generation != gateNumber, let name = asked.baseAddress {
            let match = unsafe view.index.match(
                name.assumingMemoryBound(to: UInt8.self), count: asked.count)
            found = FoundName(generation: gateNumber, set: match.set, labels: match.labels)
        }
        let verdict = planeView.verdict(row: Int(asker.row), set: found.set)
        decision.take(verdict, labels: found.labels, view: view)
        let target = unsafe rewriteTarget(verdict)
        if verdict.action == .block {
            _ = unsafe block(&decision, verdict, message, asked, &writer)
        } else if verdict.action == .rewrite
            ? unsafe !target.elementsEqual(known) : waiter.isForAlias
        {
            unsafe refuseOutdated(&decision, message, asked, &writer)
        } else {
            unsafe give(
                answer, 0, .upstream, &decision, verdict, asker, message, asked, target, &writer)
        }
        return writer.count
    }

    /// Takes back a question whose waiters have all been answered, to be used again.
    func recycle(_ pending: PendingQuestion) {
        guard spares.count < ServerLimits.spareQuestions else { return }
        pending.reset()
        spares.append(pending)
    }

    // MARK: - Verdicts become answers

    /// Gives an answer that the asked name's verdict allows, if every name that it leads to is
    /// allowed: by CNAME, DNAME, or the target of an HTTPS or SVCB record; that of another host
    /// behind an alias, where there is a target.
    ///
    /// A block on such a name yields only to an allow rule for the asked name that stands
    /// above the blocking rule: that is how a policy carves a name out.
    private func give(
        _ answer: AnswerView, _ age: UInt32, _ source: RecordSource,
        _ decision: inout PendingDecision,
        _ verdict: Verdict, _ asker: Gate.Asker, _ message: Span<UInt8>,
        _ asked: UnsafeRawBufferPointer, _ target: UnsafeRawBufferPointer,
        _ writer: inout MessageWriter
    ) {
        var until = verdict.until
        var blocking: Verdict?
        var via = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        if answer.chainCount > 0 {
            var labels: UInt8 = 0
            unsafe answer.forEachChainName { target in
                guard let base = target.baseAddress else { return true }
                let match = unsafe view.index.match(
                    base.assumingMemoryBound(to: UInt8.self), count: target.count)
                let judged = planeView.verdict(row: Int(asker.row), set: match.set)
                until = min(until, judged.until)
                guard judged.action == .block, judged.rank < verdict.rank else { return true }
                blocking = judged
                unsafe via = target
                labels = match.labels
                return false
            }
            if let blocking {
                decision.take(blocking, labels: labels, view: view)
                // Whichever of the two verdicts changes first may open the name again.
                var limited = blocking
                limited.until = until
                _ = unsafe block(&decision, limited, message, asked, &writer, via: via)
                return
            }
        }
        let limit = Self.secondsLeft(until: until, at: decision.now)
        let given = decision.stripsECH ? answer.stripped : answer
        decision.record.ttlSeconds =
            verdict.action == .rewrite
            ? unsafe write(
                given, behindAliasTo: target, age: age, limit: limit, decision.query, message,
                &writer)
            : given.write(
                into: &writer, answering: decision.query, message: message, ageSeconds: age,
                ttlLimitSeconds: limit, payloadSize: ForwardingLimits.udpPayloadSize)
        decision.record.rcode = answer.rcode.rawValue
        decision.record.source = answer.rcode == .servFail ? .error : source
        if answer.rcode == .servFail { counters.add(.failed) }
        unsafe record(&decision, asked)
    }

    /// Writes the answer of a block and records it.
    private func block(
        _ decision: inout PendingDecision, _ verdict: Verdict, _ message: Span<UInt8>,
        _ asked: UnsafeRawBufferPointer, _ writer: inout MessageWriter,
        via: UnsafeRawBufferPointer? = nil
    ) -> Outcome {
        counters.add(.blocked)
        var facts = view.facts(ofRule: verdict.rule)
        if facts.answer == .zero || facts.answer == .refused, unsafe DeviceSignal.isOne(asked) {
            facts.answer = .nxdomain
        }
        let ttl = min(facts.ttlSeconds, Self.secondsLeft(until: verdict.until, at: decision.now))
        let rcode = unsafe BlockedAnswer.write(
            facts, ttlSeconds: ttl, query: decision.query, message: message,
            notice: unsafe view.notice(facts),
            page: unsafe view.pageAddresses(decision.query.qtype), into: &writer)
        decision.record.verdict = .block
        decision.record.rcode = rcode.rawValue
        decision.record.ttlSeconds = ttl
        decision.record.source = .policy
        unsafe record(&decision, asked, via: via)
        return .send(writer.count)
    }

    /// Answers what this server knows by itself; nil for everything else.
    private func answerLocally(
        _ decision: inout PendingDecision, _ verdict: Verdict, _ message: Span<UInt8>,
        _ asked: UnsafeRawBufferPointer, _ target: UnsafeRawBufferPointer,
        _ writer: inout MessageWriter
    ) -> Outcome? {
        if verdict.action == .rewrite {
            guard decision.query.qtype == .any else { return nil }
            return unsafe answerWithAlias(
                to: target, &decision, verdict, message, asked, &writer)
        }
        let special = unsafe SpecialName(asked)
        if case .none = special, decision.query.qtype != .any { return nil }
        counters.add(.local)
        let ttl = min(
            ServerLimits.localTTLSeconds, Self.secondsLeft(until: verdict.until, at: decision.now))
        let rcode = LocalAnswer.write(
            special, ttlSeconds: ttl, query: decision.query, message: message, into: &writer)
        decision.record.rcode = rcode.rawValue
        decision.record.ttlSeconds = ttl
        decision.record.source = .local
        unsafe record(&decision, asked)
        return .send(writer.count)
    }

    // MARK: - Refusals

    /// Answers what is no query that could be decided; counted, since there may be no name.
    private func unfit(
        _ query: Query, _ message: Span<UInt8>, _ writer: inout MessageWriter
    ) -> Outcome {
        counters.add(.malformed)
        switch query.status {
        case .drop, .fine: return .silence
        case .formErr: writeHeaderOnly(.formErr, query, &writer)
        case .notImp: writeHeaderOnly(.notImp, query, &writer)
        case .badVers:
            writeError(.badVers, query, message, &writer, nil, "")
        }
        return .send(writer.count)
    }

    /// Refuses who may not ask and what is not served; `nil` for all else.
    @inline(__always)
    private func refuseUnserved(
        _ decision: inout PendingDecision, _ asker: Gate.Asker, _ message: Span<UInt8>,
        _ asked: UnsafeRawBufferPointer, _ writer: inout MessageWriter
    ) -> Outcome? {
        guard allowedView.place(of: decision.record.client) >= 0 else {
            return unsafe refuse(
                &decision, message, asked, &writer, .prohibited,
                "This server does not answer clients outside its allow-from networks.")
        }
        guard asker.row >= 0 else {
            return unsafe refuse(
                &decision, message, asked, &writer, .prohibited,
                "This device is in none of the policy's networks.")
        }
        let (qclass, qtype) = (decision.query.qclass, decision.query.qtype)
        guard qclass == 1, qtype.rawValue != 0, qtype != .opt,
            qtype == .any || qtype.rawValue < 249 || qtype.rawValue > 255
        else {
            return unsafe refuse(
                &decision, message, asked, &writer, .notSupported,
                "This class or type of query is not served.")
        }
        return nil
    }

    private func refuse(
        _ decision: inout PendingDecision, _ message: Span<UInt8>, _ asked: UnsafeRawBufferPointer,
        _ writer: inout MessageWriter, _ code: ExtendedErrorCode, _ text: StaticString
    ) -> Outcome {
        counters.add(.refused)
        writeError(.refused, decision.query, message, &writer, code, text)
        decision.record.verdict = .block
        decision.record.rcode = ResponseCode.refused.rawValue
        decision.record.source = .error
        unsafe record(&decision, asked)
        return .send(writer.count)
    }

    private func writeHeaderOnly(
        _ rcode: ResponseCode, _ query: Query, _ writer: inout MessageWriter
    ) {
        writer.putHeader(answering: query, rcode: rcode)
        writer.finishHeader(questions: 0)
    }

    func writeError(
        _ rcode: ResponseCode, _ query: Query, _ message: Span<UInt8>,
        _ writer: inout MessageWriter, _ code: ExtendedErrorCode?, _ text: StaticString
    ) {
        writer.putHeader(answering: query, rcode: rcode)
        writer.putQuestion(message, of: query)
        if query.hasOPT {
            // SAFETY: a static string's octets live for ever.
            let octets = unsafe UnsafeRawBufferPointer(
                start: text.utf8Start, count: text.utf8CodeUnitCount)
            unsafe writer.putOPT(
                answering: query, payloadSize: ForwardingLimits.udpPayloadSize, rcode: rcode,
                extendedError: code, text: octets)
        }
        writer.finishHeader(questions: 1, additionals: query.hasOPT ? 1 : 0)
    }

    // MARK: - The record

    func record(
        _ decision: inout PendingDecision, _ asked: UnsafeRawBufferPointer,
        via: UnsafeRawBufferPointer? = nil
    ) {
        guard !isProbing else { return }
        unsafe batch.append(
            decision.record, qname: asked,
            via: via ?? UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// How many decisions are not yet committed.
    var uncommittedCount: Int { unsafe batch.count }

    /// Commits the decisions to the log; their answers may leave then.
    func commit(to journal: Journal) {
        guard uncommittedCount > 0 else { return }
        unsafe journal.commit(
            &batch, dictionary: dictionary, answeredMicros: Moment.read(CLOCK_MONOTONIC))
    }

    /// Whole seconds until a verdict may change, rounded down: no answer outlives its verdict.
    @inline(__always)
    static func secondsLeft(until: Int64, at moment: Moment) -> UInt32 {
        guard until != .max else { return .max }
        let micros = until.multipliedReportingOverflow(by: 1_000_000)
        guard !micros.overflow else { return .max }
        return UInt32(clamping: max(0, micros.partialValue - moment.wallMicros) / 1_000_000)
    }
}
