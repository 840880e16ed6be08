import CPacketIO
import DNSWire
import DecisionLog
import Forwarding
import Glibc

/// One thread that serves: waits for its sockets, takes batches of queries down the pipeline,
/// commits their decisions to the log, and only then lets the answers out.
@safe final class Worker: ForwarderHost {
    private let seed: WorkerSeed
    private let epoll: Int32
    private let pipeline: Pipeline
    private var forwarder: Forwarder?
    private let datagrams: OpaquePointer
    private let streamRoom: UnsafeMutablePointer<UInt8>
    private let queries: QueryBatch
    /// The qname, in lower case, of whatever is handled singly.
    private let singleName: UnsafeMutablePointer<UInt8>
    private let mailbox: Mailbox<WorkerMessage>

    private enum Role {
        case none, datagramListener(Int), streamListener(Int), connection, mailbox, forwarder
    }

    /// By descriptor, which the kernel keeps small.
    private var roles: [Role] = []
    private var connections: [Int32: StreamConnection] = [:]
    private var connectionDescriptors: [UInt64: Int32] = [:]
    private var nextConnection: UInt64 = 0
    private var nextSweep: Int64 = 0
    private var gateNumber: UInt64 = 0
    private var moment = Moment.now
    private var pace = TurnPace()
    /// Datagrams taken since the last wait, clients' and upstreams'.
    private var takenInTurn = 0
    /// Whether the kernel tells of clients' datagrams. While turns come by the clock they are looked
    /// for instead: each that comes to a watched socket, or leaves by it, costs a call to whoever
    /// watches.
    private var watchesDatagrams = false
    /// The socket that the datagrams in the outgoing batch leave by.
    private var outgoingSocket: Int32 = -1
    /// Connections with something to be sent once the records are committed.
    private var unsentConnections: [Int32] = []
    /// Answers for other workers' connections, likewise.
    private var unsentReplies: [(worker: Int, message: WorkerMessage)] = []
    private var drainDeadline: Int64?

    /// Makes the worker; nil if the system has no descriptor or memory left.
    init?(_ seed: WorkerSeed) {
        self.seed = seed
        mailbox = seed.mailboxes[seed.number]
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0,
            let datagrams = unsafe cpio_batch_create(
                ServerLimits.datagramsPerBatch, ServerLimits.queryOctets,
                ServerLimits.datagramAnswerOctets)
        else { return nil }
        unsafe self.datagrams = datagrams
        unsafe streamRoom = .allocate(capacity: ServerLimits.streamAnswerOctets)
        unsafe singleName = .allocate(capacity: DomainName.maximumOctets)
        let inForce = seed.gates.current
        gateNumber = inForce.number
        pipeline = Pipeline(
            cache: seed.cache, allowed: seed.allowed, inForce: inForce, probes: seed.probes)
        queries = QueryBatch(pipeline)
        forwarder = Forwarder(cache: seed.cache, upstreams: seed.upstreams, host: self)
        guard forwarder != nil else { return nil }
        seed.counters.add(pipeline.counters)
    }

    deinit {
        unsafe cpio_batch_destroy(datagrams)
        unsafe streamRoom.deallocate()
        unsafe singleName.deallocate()
        close(epoll)
    }

    // MARK: - The loop

    /// Serves until told to drain.
    func run() {
        seed.readiness.post(true)
        cpio_exact_pauses()
        forwarder?.start()
        register(mailbox.descriptor, .mailbox, EPOLLIN.rawValue)
        for (index, listener) in seed.listeners.enumerated() {
            register(listener.stream, .streamListener(index), EPOLLIN.rawValue)
        }
        watchDatagrams()
        // SAFETY: the buffer outlives the loop, and the kernel fills at most its count.
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            while !isDone {
                let pause = pace.pauseMicros(
                    taken: takenInTurn, beganAtMicros: moment.monotonicMicros,
                    now: { Moment.read(CLOCK_MONOTONIC) })
                if pause > 0 {
                    unwatchDatagrams()
                    cpio_pause(pause)
                }
                takenInTurn = 0
                let count = unsafe epoll_wait(
                    epoll, events.baseAddress, Int32(events.count), timeout())
                beginTurn()
                for index in 0..<max(0, Int(count)) {
                    let event = unsafe events[index]
                    unsafe handle(event.data.fd, event.events)
                }
                if !watchesDatagrams { lookForDatagrams() }
                forwarder?.tick(nowMilliseconds: moment.monotonicMilliseconds)
                forwarder?.flush(nowMilliseconds: moment.monotonicMilliseconds)
                sweepConnections()
                flush()
            }
        }
        connections.removeAll()
    }

    private var isDone: Bool {
        guard let drainDeadline else { return false }
        if moment.monotonicMilliseconds >= drainDeadline { return true }
        return seed.cache.inFlightCount == 0 && connections.values.allSatisfy { $0.inFlight == 0 }
    }

    private func timeout() -> Int32 {
        if !watchesDatagrams && drainDeadline == nil { return 0 }
        var wait: Int64 = drainDeadline == nil ? 1000 : 20
        if let deadline = forwarder?.nextDeadline() {
            wait = min(wait, max(0, deadline - Moment.now.monotonicMilliseconds + 1))
        }
        return Int32(clamping: wait)
    }

    /// Looks at the clocks and changes over to a new policy, if there is one.
    private func beginTurn() {
        moment = Moment.now
        let number = seed.gates.number
        if number != gateNumber {
            flush()
            let inForce = seed.gates.current
            gateNumber = inForce.number
            pipeline.use(inForce, at: moment)
        }
        pipeline.turn(to: moment)
    }

    private func handle(_ descriptor: Int32, _ events: UInt32) {
        guard descriptor >= 0, Int(descriptor) < roles.count else { return }
        switch roles[Int(descriptor)] {
        case .none: return
        case .datagramListener(let index): receiveDatagrams(index)
        case .streamListener(let index): accept(index)
        case .connection: serve(descriptor, events)
        case .mailbox: readMail()
        case .forwarder:
            forwarder?.ready(descriptor, nowMilliseconds: moment.monotonicMilliseconds)
        }
    }

    private func readMail() {
        for message in mailbox.takeAll() {
            switch message {
            case .reply(let number, let octets):
                guard let descriptor = connectionDescriptors[number],
                    let connection = connections[descriptor]
                else { continue }
                connection.inFlight -= 1
                unsafe octets.withUnsafeBufferPointer { unsafe connection.enqueue($0) }
                unsentConnections.append(descriptor)
            case .drain:
                drainDeadline = moment.monotonicMilliseconds + ServerLimits.drainMilliseconds
                unwatchDatagrams()
                for listener in seed.listeners { unwatch(listener.stream) }
            }
        }
    }

    // MARK: - Letting answers out

    /// Lets everything out, and takes what clients had to hold back meanwhile; between two events,
    /// never while a message is being taken.
    private func flush() {
        commit()
        while !unsentConnections.isEmpty {
            let ready = unsentConnections
            unsentConnections.removeAll(keepingCapacity: true)
            for descriptor in ready { attend(descriptor) }
            for descriptor in ready {
                if let connection = connections[descriptor], connection.mayTake,
                    takeMessages(connection)
                {
                    unsentConnections.append(descriptor)
                }
            }
            commit()
        }
    }

    /// Commits the decisions, then sends the datagrams that they are about; what was put behind
    /// connections' answers stays there until `flush`.
    private func commit() {
        pipeline.commit(to: seed.journal)
        if unsafe cpio_batch_out_count(datagrams) > 0 {
            let lost = unsafe cpio_batch_send(
                datagrams, outgoingSocket, ServerLimits.sendPatienceMilliseconds, nil, nil)
            if lost > 0 { pipeline.counters.add(.unsent, Int(lost)) }
        }
        if !unsentReplies.isEmpty {
            for (worker, message) in unsentReplies { seed.mailboxes[worker].post(message) }
            unsentReplies.removeAll(keepingCapacity: true)
        }
    }

    /// Room for one datagram that leaves by a socket; what waits for another socket goes first.
    private func datagramRoom(for socket: Int32) -> UnsafeMutablePointer<UInt8>? {
        if outgoingSocket != socket || pipeline.uncommittedCount >= ServerLimits.datagramsPerBatch {
            commit()
            outgoingSocket = socket
        }
        if let room = unsafe cpio_batch_out_room(datagrams) { return unsafe room }
        commit()
        return unsafe cpio_batch_out_room(datagrams)
    }

    // MARK: - UDP

    private func watchDatagrams() {
        guard !watchesDatagrams else { return }
        watchesDatagrams = true
        for (index, listener) in seed.listeners.enumerated() {
            register(listener.datagram, .datagramListener(index), EPOLLIN.rawValue)
        }
    }

    private func unwatchDatagrams() {
        guard watchesDatagrams else { return }
        watchesDatagrams = false
        for listener in seed.listeners { unwatch(listener.datagram) }
    }

    /// Takes clients' datagrams that nobody tells of. When there are none, the kernel is to tell of
    /// the next.
    private func lookForDatagrams() {
        guard drainDeadline == nil else { return }
        for index in seed.listeners.indices { receiveDatagrams(index) }
        if takenInTurn == 0 { watchDatagrams() }
    }

    /// Batches taken from one socket before the others have their turn.
    private static let batchesPerTurn = 2

    private func receiveDatagrams(_ index: Int) {
        let socket = seed.listeners[index].datagram
        for _ in 0..<Self.batchesPerTurn {
            let count = unsafe cpio_batch_receive(datagrams, socket)
            guard count > 0 else { return }
            takenInTurn += Int(count)
            moment = Moment.now
            pipeline.turn(to: moment)
            unsafe queries.forEach(Int(count), message: { unsafe datagram($0) }) {
                slot, query, ahead, name, message in
                unsafe takeDatagram(slot, query, ahead, name, message, index, socket)
            }
            forwarder?.flush(nowMilliseconds: moment.monotonicMilliseconds)
            // What is left leaves at the end of the turn, with upstreams' answers.
            if count < Int32(ServerLimits.datagramsPerBatch) { return }
            commit()
        }
    }

    /// The datagram in a slot of the batch; nil for one that was too long to be taken whole.
    private func datagram(_ slot: Int) -> UnsafeBufferPointer<UInt8>? {
        let slot = UInt32(truncatingIfNeeded: slot)
        let length = unsafe cpio_batch_in_length(datagrams, slot)
        guard length <= ServerLimits.queryOctets else { return nil }
        // SAFETY: the batch holds `length` octets in this slot until it receives again.
        return unsafe UnsafeBufferPointer(
            start: cpio_batch_in_bytes(datagrams, slot), count: length)
    }

    private func takeDatagram(
        _ slot: Int, _ query: Query, _ ahead: Pipeline.Ahead,
        _ name: UnsafeMutablePointer<UInt8>, _ message: UnsafeBufferPointer<UInt8>?,
        _ listener: Int, _ socket: Int32
    ) {
        guard let message = unsafe message, let room = unsafe datagramRoom(for: socket)
        else {
            pipeline.counters.add(.malformed)
            return
        }
        var peer = cpio_peer()
        unsafe cpio_batch_in_peer(datagrams, UInt32(truncatingIfNeeded: slot), &peer)
        let outcome = unsafe pipeline.take(
            query, ahead, name: name, message.span,
            from: IPAddress(high: peer.remote_high, low: peer.remote_low),
            isStream: false, at: moment, into: room,
            capacity: ServerLimits.datagramAnswerOctets
        ) { .datagram(listener: listener, peer: peer) }
        switch outcome {
        case .silence: break
        case .send(let count): unsafe cpio_batch_out_push(datagrams, count, &peer)
        case .wait: break
        case .ask(let pending): ask(pending, query)
        }
    }

    private func ask(_ pending: PendingQuestion, _ query: Query) {
        forwarder?.ask(
            pending, query: query, nowMilliseconds: moment.monotonicMilliseconds)
    }

    // MARK: - TCP

    private func accept(_ index: Int) {
        let listener = seed.listeners[index].stream
        // Bounded, so that a flood of connections does not keep datagrams waiting.
        for _ in 0..<32 {
            var peer = cpio_peer()
            let descriptor = unsafe cpio_accept(listener, &peer)
            guard descriptor >= 0 else {
                // Without a descriptor left nobody could connect again until one is given up.
                if errno == EMFILE || errno == ENFILE { closeLongestIdle() }
                return
            }
            if connections.count >= ServerLimits.connectionsPerWorker { closeLongestIdle() }
            let connection = StreamConnection(
                descriptor: descriptor, number: nextConnection,
                client: IPAddress(high: peer.remote_high, low: peer.remote_low),
                nowMilliseconds: moment.monotonicMilliseconds)
            nextConnection += 1
            connections[descriptor] = connection
            connectionDescriptors[connection.number] = descriptor
            connection.interest = EPOLLIN.rawValue
            register(descriptor, .connection, EPOLLIN.rawValue)
        }
    }

    private func serve(_ descriptor: Int32, _ events: UInt32) {
        guard let connection = connections[descriptor] else { return }
        connection.lastActivity = moment.monotonicMilliseconds
        if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0,
            connection.mayRead || events & EPOLLERR.rawValue != 0
        {
            guard connection.receive() else {
                drop(connection)
                return
            }
        }
        takeMessages(connection)
        unsentConnections.append(descriptor)
    }

    /// Takes the whole messages that have come, as long as more may be taken.
    ///
    /// - Returns: whether there were any.
    @discardableResult
    private func takeMessages(_ connection: StreamConnection) -> Bool {
        connection.forEachMessage { message in
            if pipeline.uncommittedCount >= ServerLimits.datagramsPerBatch { commit() }
            pipeline.counters.add(.overTCP)
            let query = unsafe Query(message, lowercaseName: singleName)
            let outcome = unsafe pipeline.take(
                query, name: singleName, message, from: connection.client, isStream: true,
                at: moment, into: streamRoom,
                capacity: ServerLimits.streamAnswerOctets
            ) { .stream(worker: seed.number, connection: connection.number) }
            switch outcome {
            case .silence: break
            case .send(let count):
                unsafe connection.enqueue(UnsafeBufferPointer(start: streamRoom, count: count))
            case .wait: connection.inFlight += 1
            case .ask(let pending):
                connection.inFlight += 1
                ask(pending, query)
            }
        }
    }

    /// Sends what waits on a connection, and sees whether it goes on.
    private func attend(_ descriptor: Int32) {
        guard let connection = connections[descriptor] else { return }
        guard connection.flush(), !connection.isFinished else {
            drop(connection)
            return
        }
        let interest =
            (connection.mayRead ? EPOLLIN.rawValue : 0)
            | (connection.backlog > 0 ? EPOLLOUT.rawValue : 0)
        if interest != connection.interest {
            connection.interest = interest
            control(EPOLL_CTL_MOD, descriptor, interest)
        }
    }

    private func drop(_ connection: StreamConnection) {
        unwatch(connection.descriptor)
        connections[connection.descriptor] = nil
        connectionDescriptors[connection.number] = nil
    }

    private func closeLongestIdle() {
        if let idle = connections.values.min(by: { $0.lastActivity < $1.lastActivity }) {
            drop(idle)
        }
    }

    private func sweepConnections() {
        let now = moment.monotonicMilliseconds
        guard now >= nextSweep else { return }
        nextSweep = now + 1000
        for connection in connections.values
        where connection.inFlight == 0
            && now - connection.lastActivity > ServerLimits.idleConnectionMilliseconds
        {
            drop(connection)
        }
    }

    // MARK: - ForwarderHost

    func forwarderFinished(_ pending: PendingQuestion, with answer: AnswerView) {
        takenInTurn += 1
        unsafe pending.withLowercaseName { asked in
            pending.forEachWaiter { waiter, message in
                unsafe reply(to: waiter, asked, message, answer)
            }
        }
        pipeline.recycle(pending)
    }

    private func reply(
        to waiter: Waiter, _ asked: UnsafeRawBufferPointer, _ message: Span<UInt8>,
        _ answer: AnswerView
    ) {
        switch waiter.replyTo {
        case .datagram(let listener, var peer):
            let socket = seed.listeners[listener].datagram
            guard let room = unsafe datagramRoom(for: socket) else { return }
            let count = unsafe pipeline.answer(
                waiter, asked: asked, message, with: answer, into: room,
                capacity: ServerLimits.datagramAnswerOctets, isStream: false, at: moment)
            unsafe cpio_batch_out_push(datagrams, count, &peer)
        case .stream(let worker, let number):
            if pipeline.uncommittedCount >= ServerLimits.datagramsPerBatch { commit() }
            let count = unsafe pipeline.answer(
                waiter, asked: asked, message, with: answer, into: streamRoom,
                capacity: ServerLimits.streamAnswerOctets, isStream: true, at: moment)
            let octets = unsafe UnsafeBufferPointer(start: streamRoom, count: count)
            if worker == seed.number {
                guard let descriptor = connectionDescriptors[number],
                    let connection = connections[descriptor]
                else { return }
                connection.inFlight -= 1
                unsafe connection.enqueue(octets)
                unsentConnections.append(descriptor)
            } else {
                unsentReplies.append(
                    (worker, .reply(connection: number, message: unsafe Array(octets))))
            }
        }
    }

    func watch(_ descriptor: Int32, forWriting: Bool) {
        register(descriptor, .forwarder, forWriting ? EPOLLOUT.rawValue : EPOLLIN.rawValue)
    }

    func unwatch(_ descriptor: Int32) {
        guard Int(descriptor) < roles.count else { return }
        roles[Int(descriptor)] = .none
        control(EPOLL_CTL_DEL, descriptor, 0)
    }

    private func register(_ descriptor: Int32, _ role: Role, _ events: UInt32) {
        guard descriptor >= 0 else { return }
        while roles.count <= Int(descriptor) { roles.append(.none) }
        roles[Int(descriptor)] = role
        control(EPOLL_CTL_ADD, descriptor, events)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ events: UInt32) {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.fd = descriptor
        // SAFETY: the kernel copies the event.
        unsafe epoll_ctl(epoll, operation, descriptor, &event)
    }
}
