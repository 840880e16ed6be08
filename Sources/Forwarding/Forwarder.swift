import CPacketIO
public import DNSWire
import Glibc

/// What a forwarder asks of the worker that it belongs to.
public protocol ForwarderHost: AnyObject {
    /// Waits for a descriptor to become readable (or writable), and tells the forwarder's `ready`.
    func watch(_ descriptor: Int32, forWriting: Bool)
    /// No longer waits for a descriptor, which is about to be closed.
    func unwatch(_ descriptor: Int32)
    /// A question has come to its end: everybody who waited gets this answer.
    func forwarderFinished(_ waiters: [Waiter], with answer: AnswerView)
}

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
    private let key: QuestionKey
    private var deadlines = DeadlineHeap()
    private var pools: [UpstreamEndpoint: AskSocketPool] = [:]
    private var sockets: [Int32: (socket: AskSocket, upstream: Upstream)] = [:]
    private var streams: [Int32: UpstreamStream] = [:]
    private var encryptedAttempts:
        [UInt64: (exchange: Exchange, attempt: Int, upstream: Upstream)] =
            [:]
    private var nextEncryptedAttempt: UInt64 = 0
    private let encryptedAnswers: Mailbox<EncryptedAnswer>
    private var secondOfFreshSockets: Int64 = 0
    private var freshSockets = 0
    private let receiveBuffer: UnsafeMutableBufferPointer<UInt8>

    private struct EncryptedAnswer: Sendable {
        var attempt: UInt64
        var result: Result<[UInt8], ExchangeFailure>
    }

    /// Makes a forwarder for the worker that calls.
    ///
    /// - Returns: nil if the system has no descriptor left.
    public init?(cache: AnswerCache, upstreams: UpstreamTable, host: any ForwarderHost) {
        guard let mailbox = Mailbox<EncryptedAnswer>() else { return nil }
        self.cache = cache
        self.upstreams = upstreams
        self.host = host
        key = cache.makeKey()
        encryptedAnswers = mailbox
        unsafe receiveBuffer = .allocate(capacity: 65536)
    }

    deinit { unsafe receiveBuffer.deallocate() }

    /// Begins to wait for what other threads bring; once, on the worker's thread.
    public func start() { host.watch(encryptedAnswers.descriptor, forWriting: false) }

    /// When `tick` wants to be called next, in monotonic milliseconds.
    public var nextDeadline: Int64? { deadlines.next }

    /// Sends a question on.
    ///
    /// - Parameters:
    ///   - pending: what `AnswerCache.join` gave.
    ///   - lowercaseName: the qname in wire format and lower case.
    public func ask(
        _ pending: PendingQuestion, lowercaseName: UnsafeRawBufferPointer, query: Query,
        nowMilliseconds: Int64
    ) {
        let name = unsafe Array(lowercaseName)
        let zone = upstreams.zones[upstreams.zone(of: name)]
        // Those that are up come first; among them the order is the administrator's.
        let candidates = zone.upstreams.filter(\.isUp) + zone.upstreams.filter { !$0.isUp }
        let exchange = Exchange(
            pending: pending, name: name, qtype: query.qtype, qclass: query.qclass,
            dnssecOK: query.dnssecOK, checkingDisabled: query.checkingDisabled,
            candidates: candidates)
        tryNext(exchange, nowMilliseconds)
        // A down upstream is tried along with the others, so that no client waits for the trial.
        guard !exchange.isFinished, exchange.turns == 1 else { return }
        for upstream in candidates.dropFirst()
        where !upstream.isUp && upstream.claimTrial(nowMilliseconds: nowMilliseconds) {
            _ = send(exchange, to: upstream, byStream: false, nowMilliseconds)
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

    /// Whether a descriptor is one of this forwarder's.
    public func owns(_ descriptor: Int32) -> Bool {
        sockets[descriptor] != nil || streams[descriptor] != nil
            || descriptor == encryptedAnswers.descriptor
    }

    /// Turns to the next upstream for every question whose time is up.
    public func tick(nowMilliseconds: Int64) {
        while let entry = deadlines.pop(dueAt: nowMilliseconds) {
            let exchange = entry.exchange
            guard !exchange.isFinished, exchange.timerGeneration == entry.generation
            else { continue }
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
        let schedule = ForwardingLimits.attemptMilliseconds
        while exchange.turns < max(schedule.count, exchange.candidates.count),
            exchange.attempts.count < ForwardingLimits.attemptsPerQuestion,
            !exchange.candidates.isEmpty
        {
            let upstream = exchange.candidates[exchange.turns % exchange.candidates.count]
            let patience = schedule[min(exchange.turns, schedule.count - 1)]
            exchange.turns += 1
            if send(exchange, to: upstream, byStream: false, nowMilliseconds) {
                if !exchange.isFinished { wait(exchange, until: nowMilliseconds + patience) }
                return
            }
            exchange.sawNetworkError = true
            upstream.noteFailure(
                sentMilliseconds: nowMilliseconds, nowMilliseconds: nowMilliseconds,
                isCertain: true)
        }
        fail(exchange, nowMilliseconds)
    }

    private func wait(_ exchange: Exchange, until milliseconds: Int64) {
        exchange.timerGeneration &+= 1
        deadlines.push(
            .init(
                milliseconds: milliseconds, exchange: exchange,
                generation: exchange.timerGeneration))
    }

    /// Makes one attempt; false if the question could not even be sent.
    private func send(
        _ exchange: Exchange, to upstream: Upstream, byStream: Bool, _ nowMilliseconds: Int64
    ) -> Bool {
        let mixes = upstream.keepsCase(nowMilliseconds: nowMilliseconds)
        var attempt = Exchange.Attempt(
            upstream: upstream, carrier: .encrypted, id: UInt16(truncatingIfNeeded: random.next()),
            question: exchange.question(mixedBy: mixes ? random : nil),
            sentMilliseconds: nowMilliseconds,
            hasOPT: upstream.speaksEDNS(nowMilliseconds: nowMilliseconds))
        switch upstream.endpoint {
        case .demo:
            exchange.attempts.append(attempt)
            let answer = DemoUpstream.answer(
                exchange.message(of: attempt))
            take(answer.span, for: exchange, attempt: exchange.attempts.count - 1, nowMilliseconds)
            return true
        case .plain(let address, let port):
            let message = exchange.message(of: attempt)
            if byStream {
                guard let stream = UpstreamStream(address: address, port: port, message: message)
                else { return false }
                attempt.carrier = .stream(stream.descriptor)
                streams[stream.descriptor] = stream
                stream.exchange = exchange
                stream.attempt = exchange.attempts.count
                host.watch(stream.descriptor, forWriting: true)
                exchange.attempts.append(attempt)
                return true
            }
            guard
                let socket = takeSocket(
                    to: upstream, address: address, port: port, nowMilliseconds)
            else { return false }
            while socket.exchange(with: attempt.id) != nil { attempt.id &+= 1 }
            let datagram = exchange.message(of: attempt)
            // SAFETY: the pointer and the count are the array's own.
            let sent = unsafe datagram.withUnsafeBytes {
                unsafe Glibc.send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // A full buffer is like a lost packet; every other error is the network's answer.
            guard sent >= 0 || errno == EAGAIN || errno == ENOBUFS else { return false }
            attempt.carrier = .datagram(socket: socket)
            socket.add(attempt.id, exchange)
            exchange.attempts.append(attempt)
            return true
        case .encrypted:
            guard let encrypted = upstream.encrypted else { return false }
            let number = nextEncryptedAttempt
            nextEncryptedAttempt += 1
            encryptedAttempts[number] = (exchange, exchange.attempts.count, upstream)
            exchange.attempts.append(attempt)
            let mailbox = encryptedAnswers
            encrypted.exchange(
                exchange.message(of: attempt),
                timeoutMilliseconds: ForwardingLimits.attemptMilliseconds.reduce(0, +)
            ) { result in
                mailbox.post(EncryptedAnswer(attempt: number, result: result))
            }
            return true
        }
    }

    private func takeSocket(
        to upstream: Upstream, address: IPAddress, port: UInt16, _ nowMilliseconds: Int64
    ) -> AskSocket? {
        let pool: AskSocketPool
        if let known = pools[upstream.endpoint] {
            pool = known
        } else {
            pool = AskSocketPool(address: address, port: port)
            pools[upstream.endpoint] = pool
        }
        return pool.take(
            random: random, mayOpen: { mayOpenSocket(nowMilliseconds) },
            opened: { socket in
                sockets[socket.descriptor] = (socket, upstream)
                host.watch(socket.descriptor, forWriting: false)
            }, closed: forget)
    }

    private func mayOpenSocket(_ nowMilliseconds: Int64) -> Bool {
        if nowMilliseconds / 1000 != secondOfFreshSockets {
            secondOfFreshSockets = nowMilliseconds / 1000
            freshSockets = 0
        }
        freshSockets += 1
        return freshSockets <= ForwardingLimits.freshSocketsPerSecond
    }

    private func forget(_ socket: AskSocket) {
        host.unwatch(socket.descriptor)
        sockets[socket.descriptor] = nil
    }

    // MARK: - Receiving

    /// Datagrams taken from one socket before the others have their turn.
    private static let datagramsPerTurn = 16

    private func receive(from socket: AskSocket, _ upstream: Upstream, _ nowMilliseconds: Int64) {
        for _ in 0..<Self.datagramsPerTurn {
            // SAFETY: the kernel writes at most the buffer's length.
            let count = unsafe recv(
                socket.descriptor, receiveBuffer.baseAddress, receiveBuffer.count,
                Int32(MSG_DONTWAIT))
            guard count >= 0 else {
                if errno == EAGAIN || errno == EINTR { return }
                refused(socket, upstream, nowMilliseconds)
                return
            }
            guard count >= Query.headerLength else { continue }
            let message = unsafe receiveBuffer.span.extracting(first: count)
            let id = message.bigEndian16(at: 0)
            guard let exchange = socket.exchange(with: id),
                let index = exchange.attempts.firstIndex(where: { attempt in
                    guard case .datagram(let carrier) = attempt.carrier else { return false }
                    return carrier === socket && attempt.id == id && attempt.isOpen
                })
            else {
                if socket.endsTrial(message, nowMilliseconds: nowMilliseconds) {
                    upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
                }
                continue
            }
            take(message, for: exchange, attempt: index, nowMilliseconds)
            if socket.isRetired, socket.inFlight.isEmpty { return }
        }
    }

    /// The network says that nobody is there: every question on the socket turns elsewhere.
    private func refused(_ socket: AskSocket, _ upstream: Upstream, _ nowMilliseconds: Int64) {
        for (id, exchange) in socket.inFlight {
            for index in exchange.attempts.indices {
                guard case .datagram(let carrier) = exchange.attempts[index].carrier,
                    carrier === socket, exchange.attempts[index].id == id
                else { continue }
                close(attempt: index, of: exchange)
            }
            exchange.sawNetworkError = true
            upstream.noteFailure(
                sentMilliseconds: nowMilliseconds, nowMilliseconds: nowMilliseconds,
                isCertain: true)
            if !exchange.attempts.contains(where: \.isOpen) {
                tryNext(exchange, nowMilliseconds)
            }
        }
    }

    /// Looks at what came back for one attempt.
    private func take(
        _ message: Span<UInt8>, for exchange: Exchange, attempt index: Int,
        _ nowMilliseconds: Int64
    ) {
        let attempt = exchange.attempts[index]
        let outcome = unsafe exchange.name.withUnsafeBytes { name in
            unsafe distiller.distill(
                message, sent: attempt.question.span, lowercaseName: name, qtype: exchange.qtype,
                dnssecOK: exchange.dnssecOK)
        }
        switch outcome {
        case .answer:
            attempt.upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
            finish(exchange, distiller.answer, nowMilliseconds)
        case .otherQuestion:
            // Perhaps forged: the true answer may still come.
            return
        case .otherCase:
            attempt.upstream.noteCaseChanged(nowMilliseconds: nowMilliseconds)
            retry(exchange, index, nowMilliseconds)
        case .truncated:
            close(attempt: index, of: exchange)
            if case .datagram = attempt.carrier, mayTryAgain(exchange),
                send(exchange, to: attempt.upstream, byStream: true, nowMilliseconds)
            {
                wait(
                    exchange,
                    until: nowMilliseconds + ForwardingLimits.streamAttemptMilliseconds)
            } else {
                turnElsewhere(exchange, nowMilliseconds)
            }
        case .failed(.formErr) where attempt.hasOPT, .failed(.notImp) where attempt.hasOPT:
            // An old server takes OPT for a fault (RFC 6891 section 6.2.2).
            attempt.upstream.noteNoEDNS(nowMilliseconds: nowMilliseconds)
            retry(exchange, index, nowMilliseconds)
        case .malformed, .failed:
            // It is there, but has no answer; perhaps another one has.
            close(attempt: index, of: exchange)
            attempt.upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
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
            send(exchange, to: upstream, byStream: false, nowMilliseconds)
        {
            if !exchange.isFinished { wait(exchange, until: nowMilliseconds + patience) }
        } else {
            turnElsewhere(exchange, nowMilliseconds)
        }
    }

    /// An upstream would not answer: asks each other one once, and not the same one again.
    private func turnElsewhere(_ exchange: Exchange, _ nowMilliseconds: Int64) {
        if exchange.turns < exchange.candidates.count {
            tryNext(exchange, nowMilliseconds)
        } else if !exchange.attempts.contains(where: \.isOpen) {
            fail(exchange, nowMilliseconds)
        }
    }

    private func take(_ answer: EncryptedAnswer, _ nowMilliseconds: Int64) {
        guard
            let (exchange, index, upstream) = encryptedAttempts.removeValue(forKey: answer.attempt)
        else { return }
        guard !exchange.isFinished else {
            // Another one was quicker; but an answer tells that a down upstream is back.
            if case .success = answer.result, !upstream.isUp {
                upstream.noteAnswer(nowMilliseconds: nowMilliseconds)
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
            if !exchange.attempts.contains(where: \.isOpen) {
                tryNext(exchange, nowMilliseconds)
            }
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
        exchange.attempts[index].isOpen = false
        switch exchange.attempts[index].carrier {
        case .datagram(let socket):
            socket.remove(exchange.attempts[index].id)
            if socket.isRetired, socket.inFlight.isEmpty, sockets[socket.descriptor] != nil {
                forget(socket)
            }
        case .stream(let descriptor):
            host.unwatch(descriptor)
            streams[descriptor] = nil
        case .encrypted: break
        }
    }

    private func fail(_ exchange: Exchange, _ nowMilliseconds: Int64) {
        // Nobody answered in time, or the network itself refused (RFC 8914 sections 4.23, 4.24).
        // Where an upstream did answer, and said that it could not, there is nothing to add.
        let reason: ExtendedErrorCode
        if exchange.sawTimeout || exchange.candidates.isEmpty {
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
        for (index, attempt) in exchange.attempts.enumerated() {
            close(attempt: index, of: exchange)
            // Another one was quicker; but the answer to a trial tells that an upstream is back.
            guard attempt.isOpen, !attempt.upstream.isUp,
                case .datagram(let socket) = attempt.carrier
            else { continue }
            socket.keepTrial(
                attempt.id, question: attempt.question, sentMilliseconds: attempt.sentMilliseconds)
        }
        // Its timers may hold the exchange for a while yet; they need none of this.
        exchange.attempts.removeAll()
        let waiters = cache.finish(
            exchange.pending, key: key, answer: answer, nowMilliseconds: nowMilliseconds)
        host.forwarderFinished(waiters, with: answer)
    }
}
