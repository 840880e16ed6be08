public import DNSWire
import Glibc

/// Asks upstreams, for one worker: sends questions, matches answers, turns to the next upstream
/// when one is silent, and gives what came of it to the cache and to the clients that wait.
///
/// A state machine on the worker's own thread: the worker says which descriptor is ready and what
/// time it is. Questions are never sent as the client wrote them: name, type, class, DO and CD are
/// put into a message of our own.
@safe public final class Forwarder {
    private let cache: AnswerCache
    private let upstreams: UpstreamTable
    private unowned let host: any ForwarderHost
    private let random = RandomSource()
    private let distiller = AnswerDistiller()
    private var deadlines = Deadlines()
    private var exchanges = Exchanges()
    private let batch: AskBatch
    private let sockets: AskSockets
    private var streams: [Int32: UpstreamStream] = [:]
    private var encryptedAttempts: [UInt64: EncryptedAttempt] = [:]
    private var nextEncryptedAttempt: UInt64 = 0
    private let encryptedAnswers: Mailbox<EncryptedAnswer>

    private struct EncryptedAttempt {
        var exchange: Exchange
        /// The exchange's serial, by which it shows whether it still has the same question.
        var serial: UInt64
        var attempt: Int
        var upstream: Upstream
    }

    private struct EncryptedAnswer: Sendable {
        var attempt: UInt64
        var result: Result<[UInt8], ExchangeFailure>
    }

    /// Makes a forwarder for the worker that calls.
    ///
    /// - Returns: nil if the system has no descriptor or memory left.
    public init?(cache: AnswerCache, upstreams: UpstreamTable, host: any ForwarderHost) {
        guard let mailbox = Mailbox<EncryptedAnswer>(), let batch = AskBatch() else { return nil }
        self.cache = cache
        self.upstreams = upstreams
        self.host = host
        encryptedAnswers = mailbox
        self.batch = batch
        sockets = AskSockets(host: host, random: random)
    }

    /// Begins to wait for what other threads bring; once, on the worker's thread.
    public func start() { host.watch(encryptedAnswers.descriptor, forWriting: false) }

    /// When `tick` wants to be called next, in monotonic milliseconds; nil if nothing is waited for.
    public func nextDeadline() -> Int64? {
        deadlines.next { exchanges[$0.exchange].timerGeneration == $0.generation }
    }

    /// Takes a question to be sent on, at the latest when `flush` is called.
    ///
    /// - Parameters:
    ///   - pending: what `AnswerCache.join` gave.
    ///   - query: of the client that was first to ask.
    public func ask(_ pending: PendingQuestion, query: Query, nowMilliseconds: Int64) {
        let exchange = exchanges.take()
        // SAFETY: the name is looked at while the question holds it, here and below.
        let candidates = unsafe pending.withLowercaseName { unsafe upstreams.candidates(for: $0) }
        exchange.begin(pending, query, candidates: candidates)
        tryNext(exchange, nowMilliseconds)
        // A down upstream is tried along with the others, so that no client waits for the trial.
        guard !exchange.isFinished, exchange.turns == 1 else { return }
        for upstream in exchange.candidates.dropFirst()
        where !upstream.isUp && upstream.claimTrial(nowMilliseconds: nowMilliseconds) {
            _ = send(exchange, to: upstream, isTrial: true, nowMilliseconds)
        }
    }

    /// Sends what was taken since the last time; before the worker waits again.
    public func flush(nowMilliseconds: Int64) {
        // What cannot be sent turns to the next upstream, until all had their turns.
        while let upstream = batch.destination?.upstream {
            for question in batch.send() {
                refused(question, upstream, nowMilliseconds)
            }
        }
    }

    /// A watched descriptor is ready.
    public func ready(_ descriptor: Int32, nowMilliseconds: Int64) {
        if let (socket, upstream) = sockets[descriptor] {
            receive(from: socket, upstream, nowMilliseconds)
        } else if let stream = streams[descriptor] {
            advance(stream, nowMilliseconds)
        } else if descriptor == encryptedAnswers.descriptor {
            for answer in encryptedAnswers.takeAll() { take(answer, nowMilliseconds) }
        }
    }

    /// Turns to the next upstream for every question whose time is up.
    public func tick(nowMilliseconds: Int64) {
        while let entry = deadlines.pop(dueAt: nowMilliseconds) {
            let exchange = exchanges[entry.exchange]
            guard exchange.timerGeneration == entry.generation else { continue }
            exchange.sawTimeout = true
            if let last = exchange.attempts.last {
                last.upstream.noteFailure(
                    sentMilliseconds: last.sentMilliseconds, nowMilliseconds: nowMilliseconds,
                    isCertain: false)
            }
            tryNext(exchange, nowMilliseconds)
        }
    }

    // MARK: - Sending

    /// Asks the next candidate, or gives up if all had their turns.
    private func tryNext(_ exchange: Exchange, _ nowMilliseconds: Int64) {
        guard !exchange.isFinished else { return }
        let count = exchange.candidates.count
        while exchange.turns < max(ForwardingLimits.attemptMilliseconds.count, count), count > 0,
            exchange.attempts.count < ForwardingLimits.attemptsPerQuestion,
            exchange.age(nowMilliseconds) < ForwardingLimits.questionMilliseconds
        {
            let upstream = exchange.candidates[exchange.turns % count]
            let patience = exchange.patienceMilliseconds
            exchange.turns += 1
            if send(exchange, to: upstream, nowMilliseconds) {
                if !exchange.isFinished { wait(exchange, patience, nowMilliseconds) }
                return
            }
            exchange.sawNetworkError = true
            upstream.noteFailure(
                sentMilliseconds: nowMilliseconds, nowMilliseconds: nowMilliseconds,
                isCertain: true)
        }
        fail(exchange, nowMilliseconds)
    }

    private func wait(
        _ exchange: Exchange, _ patienceMilliseconds: Int64, _ nowMilliseconds: Int64
    ) {
        exchange.timerGeneration &+= 1
        deadlines.push(
            exchange: exchange.number, generation: exchange.timerGeneration,
            nowMilliseconds: nowMilliseconds, patienceMilliseconds: patienceMilliseconds)
    }

    /// Makes one attempt; false if the question cannot be sent.
    private func send(
        _ exchange: Exchange, to upstream: Upstream, isTrial: Bool = false,
        _ nowMilliseconds: Int64
    ) -> Bool {
        switch upstream.endpoint {
        case .demo:
            let index = add(exchange, upstream, .encrypted, nowMilliseconds)
            let answer = DemoUpstream.answer(exchange.message(ofAttempt: index))
            take(answer.span, for: exchange, attempt: index, nowMilliseconds)
            return true
        case .plain(let address, let port):
            guard
                let socket = beginBatch(
                    to: upstream, address: address, port: port, nowMilliseconds)
            else { return false }
            var id = UInt16(truncatingIfNeeded: random.next())
            while socket.inFlight.find(id) != nil { id &+= 1 }
            let index = add(
                exchange, upstream, .datagram(socket: socket), id: id, isTrial: isTrial,
                nowMilliseconds)
            socket.add(id, exchange: exchange.number, attempt: index)
            batch.put(exchange, attempt: index)
            return true
        case .encrypted:
            guard let encrypted = upstream.encrypted else { return false }
            let index = add(exchange, upstream, .encrypted, isTrial: isTrial, nowMilliseconds)
            let number = nextEncryptedAttempt
            nextEncryptedAttempt += 1
            encryptedAttempts[number] = EncryptedAttempt(
                exchange: exchange, serial: exchange.serial, attempt: index, upstream: upstream)
            let mailbox = encryptedAnswers
            encrypted.exchange(
                exchange.message(ofAttempt: index),
                timeoutMilliseconds: ForwardingLimits.attemptMilliseconds.reduce(0, +)
            ) { result in
                mailbox.post(EncryptedAnswer(attempt: number, result: result))
            }
            return true
        }
    }

    /// Makes one attempt by TCP; false if there can be no connection.
    private func sendByStream(
        _ exchange: Exchange, to upstream: Upstream, _ nowMilliseconds: Int64
    ) -> Bool {
        guard case .plain(let address, let port) = upstream.endpoint else { return false }
        let index = add(exchange, upstream, .encrypted, nowMilliseconds)
        guard
            let stream = UpstreamStream(
                address: address, port: port, message: exchange.message(ofAttempt: index))
        else {
            exchange.dropLastAttempt()
            return false
        }
        exchange.setCarrier(.stream(stream.descriptor), ofAttempt: index)
        streams[stream.descriptor] = stream
        stream.exchange = exchange
        stream.attempt = index
        host.watch(stream.descriptor, forWriting: true)
        return true
    }

    private func add(
        _ exchange: Exchange, _ upstream: Upstream, _ carrier: Exchange.Attempt.Carrier,
        id: UInt16? = nil, isTrial: Bool = false, _ nowMilliseconds: Int64
    ) -> Int {
        let mixes = upstream.keepsCase(nowMilliseconds: nowMilliseconds)
        return exchange.add(
            Exchange.Attempt(
                upstream: upstream, carrier: carrier,
                id: id ?? UInt16(truncatingIfNeeded: random.next()),
                sentMilliseconds: nowMilliseconds,
                hasOPT: upstream.speaksEDNS(nowMilliseconds: nowMilliseconds), isTrial: isTrial),
            mixedBy: mixes ? random : nil)
    }

    /// The socket by which the next question to an upstream leaves; nil if none can be had.
    private func beginBatch(
        to upstream: Upstream, address: IPAddress, port: UInt16, _ nowMilliseconds: Int64
    ) -> AskSocket? {
        if let (socket, other) = batch.destination {
            if other === upstream, !batch.isFull { return socket }
            flush(nowMilliseconds: nowMilliseconds)
        }
        guard
            let socket = sockets.take(
                to: upstream, address: address, port: port, nowMilliseconds: nowMilliseconds)
        else { return nil }
        batch.begin(socket, upstream)
        return socket
    }

    // MARK: - Receiving

    /// Batches taken from one socket before the others have their turn.
    private static let batchesPerTurn = 4

    private func receive(from socket: AskSocket, _ upstream: Upstream, _ nowMilliseconds: Int64) {
        for _ in 0..<Self.batchesPerTurn {
            let count = batch.receive(from: socket)
            guard count >= 0 else {
                if errno == EAGAIN || errno == EINTR { return }
                refused(socket, upstream, nowMilliseconds)
                return
            }
            for slot in 0..<count {
                // SAFETY: nothing is received while a datagram is looked at.
                let (octets, isCut) = unsafe batch.answer(slot)
                take(unsafe octets.span, isCut: isCut, from: socket, upstream, nowMilliseconds)
            }
            if count < Int(AskBatch.slots) || socket.isRetired && socket.inFlight.isEmpty { return }
        }
    }

    /// Looks at one datagram.
    private func take(
        _ message: Span<UInt8>, isCut: Bool, from socket: AskSocket, _ upstream: Upstream,
        _ nowMilliseconds: Int64
    ) {
        guard message.count >= Query.headerLength else { return }
        guard let entry = socket.inFlight.find(message.bigEndian16(at: 0)) else {
            if socket.endsTrial(message, nowMilliseconds: nowMilliseconds) {
                upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
            }
            return
        }
        take(
            message, isCut: isCut, for: exchanges[entry.exchange], attempt: entry.attempt,
            nowMilliseconds)
    }

    /// The network did not even take a question.
    private func refused(
        _ question: AskBatch.Question, _ upstream: Upstream, _ nowMilliseconds: Int64
    ) {
        let exchange = exchanges[question.exchange]
        // It may have been answered while this attempt waited to be sent.
        guard !exchange.isFinished, exchange.serial == question.serial else { return }
        close(attempt: question.attempt, of: exchange)
        exchange.sawNetworkError = true
        upstream.noteFailure(
            sentMilliseconds: nowMilliseconds, nowMilliseconds: nowMilliseconds, isCertain: true)
        if exchange.goesOn(after: question.attempt) { tryNext(exchange, nowMilliseconds) }
    }

    /// The network says that nobody is there: every question on the socket turns elsewhere.
    private func refused(_ socket: AskSocket, _ upstream: Upstream, _ nowMilliseconds: Int64) {
        for entry in socket.inFlight.entries where socket.inFlight.find(entry.id) == entry {
            let exchange = exchanges[entry.exchange]
            close(attempt: entry.attempt, of: exchange)
            exchange.sawNetworkError = true
            upstream.noteFailure(
                sentMilliseconds: nowMilliseconds, nowMilliseconds: nowMilliseconds,
                isCertain: true)
            if exchange.goesOn(after: entry.attempt) { tryNext(exchange, nowMilliseconds) }
        }
    }

    /// Looks at what came back for one attempt.
    private func take(
        _ message: Span<UInt8>, isCut: Bool = false, for exchange: Exchange, attempt index: Int,
        _ nowMilliseconds: Int64
    ) {
        let upstream = exchange.attempts[index].upstream
        var outcome = exchange.withQuestion(ofAttempt: index) { question in
            unsafe exchange.pending.withLowercaseName { name in
                unsafe distiller.distill(
                    message, sent: question, lowercaseName: name, qtype: exchange.qtype,
                    dnssecOK: exchange.dnssecOK)
            }
        }
        // Longer than we had room for: as if the upstream had cut it.
        if isCut, outcome == .answer || outcome == .malformed { outcome = .truncated }
        switch outcome {
        case .answer:
            upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
            finish(exchange, distiller.answer, nowMilliseconds)
        case .otherQuestion:
            // Perhaps forged: the true answer may still come.
            return
        case .otherCase:
            upstream.noteCaseChanged(nowMilliseconds: nowMilliseconds)
            retry(exchange, index, nowMilliseconds)
        case .truncated:
            close(attempt: index, of: exchange)
            if case .datagram = exchange.attempts[index].carrier, mayTryAgain(exchange),
                sendByStream(exchange, to: upstream, nowMilliseconds)
            {
                wait(exchange, ForwardingLimits.streamAttemptMilliseconds, nowMilliseconds)
            } else {
                turnElsewhere(exchange, nowMilliseconds)
            }
        case .failed(.formErr, _) where exchange.attempts[index].hasOPT,
            .failed(.notImp, _) where exchange.attempts[index].hasOPT:
            // An old server takes OPT for a fault (RFC 6891 section 6.2.2).
            upstream.noteNoEDNS(nowMilliseconds: nowMilliseconds)
            retry(exchange, index, nowMilliseconds)
        case .malformed, .failed:
            // It is there, but has no answer; perhaps another one has.
            if case .failed(_, let reason?) = outcome { exchange.upstreamsReason = reason }
            close(attempt: index, of: exchange)
            upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
            turnElsewhere(exchange, nowMilliseconds)
        }
    }

    private func mayTryAgain(_ exchange: Exchange) -> Bool {
        exchange.attempts.count < ForwardingLimits.attemptsPerQuestion
    }

    /// Asks the same upstream again, by what has just been learnt of it.
    private func retry(_ exchange: Exchange, _ index: Int, _ nowMilliseconds: Int64) {
        let upstream = exchange.attempts[index].upstream
        close(attempt: index, of: exchange)
        let patience = ForwardingLimits.attemptMilliseconds[0]
        if mayTryAgain(exchange),
            send(exchange, to: upstream, nowMilliseconds)
        {
            if !exchange.isFinished { wait(exchange, patience, nowMilliseconds) }
        } else {
            turnElsewhere(exchange, nowMilliseconds)
        }
    }

    /// An upstream would not answer: asks each other one once, and not the same one again.
    private func turnElsewhere(_ exchange: Exchange, _ nowMilliseconds: Int64) {
        if exchange.turns < exchange.candidates.count {
            tryNext(exchange, nowMilliseconds)
        } else if !exchange.hasOpenAttempt {
            fail(exchange, nowMilliseconds)
        }
    }

    private func take(_ answer: EncryptedAnswer, _ nowMilliseconds: Int64) {
        guard let made = encryptedAttempts.removeValue(forKey: answer.attempt) else { return }
        let (exchange, index) = (made.exchange, made.attempt)
        guard !exchange.isFinished, exchange.serial == made.serial else {
            // Another one was quicker; but an answer tells that a down upstream is back.
            if case .success = answer.result, !made.upstream.isUp {
                made.upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
            }
            return
        }
        switch answer.result {
        case .success(let octets):
            take(octets.span, for: exchange, attempt: index, nowMilliseconds)
        case .failure(let failure):
            close(attempt: index, of: exchange)
            let attempt = exchange.attempts[index]
            if case .timedOut = failure {
                exchange.sawTimeout = true
                return
            }
            exchange.sawNetworkError = true
            // A server may close an idle connection under a question, and `busy` is our own limit:
            // neither says that nobody is there.
            let isCertain: Bool
            switch failure {
            case .closed, .busy, .timedOut: isCertain = false
            default: isCertain = true
            }
            attempt.upstream.noteFailure(
                sentMilliseconds: attempt.sentMilliseconds, nowMilliseconds: nowMilliseconds,
                isCertain: isCertain)
            if exchange.goesOn(after: index) { tryNext(exchange, nowMilliseconds) }
        }
    }

    private func advance(_ stream: UpstreamStream, _ nowMilliseconds: Int64) {
        guard let exchange = stream.exchange else { return }
        switch stream.advance() {
        case .again: return
        case .sent:
            host.unwatch(stream.descriptor)
            host.watch(stream.descriptor, forWriting: false)
        case .answer(let octets):
            let index = stream.attempt
            if octets.count >= Query.headerLength,
                octets.span.bigEndian16(at: 0) == exchange.attempts[index].id
            {
                take(octets.span, for: exchange, attempt: index, nowMilliseconds)
            } else {
                close(attempt: index, of: exchange)
                turnElsewhere(exchange, nowMilliseconds)
            }
        case .failed:
            close(attempt: stream.attempt, of: exchange)
            exchange.sawNetworkError = true
            turnElsewhere(exchange, nowMilliseconds)
        }
    }

    // MARK: - Ending

    private func close(attempt index: Int, of exchange: Exchange) {
        guard exchange.attempts[index].isOpen else { return }
        exchange.close(attempt: index)
        switch exchange.attempts[index].carrier {
        case .datagram(let socket):
            socket.remove(exchange.attempts[index].id)
            sockets.closeIfDone(socket)
        case .stream(let descriptor):
            host.unwatch(descriptor)
            streams[descriptor] = nil
        case .encrypted: break
        }
    }

    private func fail(_ exchange: Exchange, _ nowMilliseconds: Int64) {
        // An upstream's own word, else that nobody answered in time, or that the network itself
        // refused (RFC 8914 sections 3, 4.23, 4.24). Where an upstream did answer, and said no more
        // than that it could not, there is nothing to add.
        let reason: ExtendedErrorCode
        if let said = exchange.upstreamsReason {
            reason = said
        } else if exchange.sawTimeout || exchange.candidates.isEmpty {
            reason = .noReachableAuthority
        } else {
            reason = exchange.sawNetworkError ? .networkError : .other
        }
        let block = AnswerView.failure(reason, ttlSeconds: ForwardingLimits.failureTTLSeconds)
        unsafe block.withUnsafeBytes { octets in
            unsafe finish(exchange, AnswerView(octets), nowMilliseconds)
        }
    }

    private func finish(_ exchange: Exchange, _ answer: AnswerView, _ nowMilliseconds: Int64) {
        guard !exchange.isFinished else { return }
        exchange.isFinished = true
        for index in exchange.attempts.indices where exchange.attempts[index].isOpen {
            close(attempt: index, of: exchange)
            // Another one was quicker; but the answer to a trial tells that an upstream is back.
            guard !exchange.attempts[index].upstream.isUp else { continue }
            let attempt = exchange.attempts[index]
            guard case .datagram(let socket) = attempt.carrier else { continue }
            let question = exchange.withQuestion(ofAttempt: index) {
                unsafe $0.withUnsafeBytes { unsafe Array($0) }
            }
            socket.keepTrial(
                attempt.id, question: question, sentMilliseconds: attempt.sentMilliseconds)
        }
        let pending = exchange.pending
        exchanges.giveBack(exchange)
        cache.finish(pending, answer: answer, nowMilliseconds: nowMilliseconds)
        host.forwarderFinished(pending, with: answer)
    }
}
