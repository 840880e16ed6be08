import CPacketIO
import DNSWire
import Glibc

/// Questions and answers by the batch: what goes to one upstream together leaves by one socket and
/// one system call, and what has come is taken by one.
///
/// Buffers are made once. Belongs to one worker.
@safe final class AskBatch {
    /// A question that has been put in.
    struct Question {
        var exchange: Int
        /// The exchange's serial, by which it shows whether it still has the same question.
        var serial: UInt64
        var attempt: Int
    }

    private let batch: OpaquePointer
    private var questions: [Question] = []
    private let refusedSlots: UnsafeMutablePointer<UInt16>
    /// The socket that the questions leave by, and where it leads; nil while there are none.
    private(set) var destination: (socket: AskSocket, upstream: Upstream)?

    /// Datagrams sent or taken by one system call.
    static let slots: UInt32 = 64
    /// The longest answer taken by UDP, in octets: far above what our OPT record allows. Of a
    /// longer one only the header is looked at.
    static let answerOctets = 4096

    /// Makes an empty one; nil if there is no memory.
    init?() {
        guard
            let batch = unsafe cpio_batch_create(
                Self.slots, Self.answerOctets, Exchange.longestMessage)
        else { return nil }
        unsafe self.batch = batch
        unsafe refusedSlots = .allocate(capacity: Int(Self.slots))
        questions.reserveCapacity(Int(Self.slots))
    }

    deinit {
        unsafe cpio_batch_destroy(batch)
        unsafe refusedSlots.deallocate()
    }

    // MARK: - Out

    var isFull: Bool { questions.count >= Int(Self.slots) }

    /// Begins a batch, which must be empty.
    func begin(_ socket: AskSocket, _ upstream: Upstream) { destination = (socket, upstream) }

    /// Puts a question in; the batch has begun and is not full.
    func put(_ exchange: Exchange, attempt: Int) {
        guard let room = unsafe cpio_batch_out_room(batch) else { return }
        // SAFETY: a slot has room for the longest message.
        unsafe cpio_batch_out_push_connected(batch, exchange.write(attempt: attempt, into: room))
        questions.append(
            Question(exchange: exchange.number, serial: exchange.serial, attempt: attempt))
    }

    /// Sends all that was put in and empties the batch.
    ///
    /// - Returns: the questions that the network refused to carry. One that met a full buffer is
    ///   like one that was lost on its way, and not among them.
    func send() -> [Question] {
        guard let socket = destination?.socket else { return [] }
        var count: UInt32 = 0
        // SAFETY: there is room for every slot.
        unsafe cpio_batch_send(batch, socket.descriptor, 0, refusedSlots, &count)
        let refused = (0..<Int(count)).map { unsafe questions[Int(refusedSlots[$0])] }
        questions.removeAll(keepingCapacity: true)
        destination = nil
        return refused
    }

    // MARK: - In

    /// Takes what has come by a socket.
    ///
    /// - Returns: the number of datagrams, or -1 with `errno`.
    func receive(from socket: AskSocket) -> Int {
        unsafe Int(cpio_batch_receive(batch, socket.descriptor))
    }

    /// A datagram that was taken, until the next ones are; and whether it was too long to be taken
    /// whole.
    func answer(_ slot: Int) -> (octets: UnsafeBufferPointer<UInt8>, isCut: Bool) {
        let length = unsafe cpio_batch_in_length(batch, UInt32(slot))
        // SAFETY: the batch holds the octets of a slot until it receives again.
        let octets = unsafe UnsafeBufferPointer(
            start: cpio_batch_in_bytes(batch, UInt32(slot)), count: min(length, Self.answerOctets))
        return unsafe (octets, length > Self.answerOctets)
    }
}
