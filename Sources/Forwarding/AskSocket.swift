import CPacketIO
import DNSWire
import Glibc

/// A datagram socket connected to one upstream, on a port of its own.
final class AskSocket {
    let descriptor: Int32
    var uses = 0
    /// Whether its port was given up: it only waits for what is still in flight.
    var isRetired = false
    /// The questions that it carries, by their IDs.
    private(set) var inFlight = InFlightTable()

    /// A question whose answer nobody needs any more, but which would show that a down upstream is
    /// back; the last one, if there are several.
    private var trial: (id: UInt16, question: [UInt8], sentMilliseconds: Int64)?

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    func add(_ id: UInt16, exchange: Int, attempt: Int) {
        inFlight.insert(.init(id: id, attempt: attempt, exchange: exchange))
        uses += 1
    }

    func remove(_ id: UInt16) { inFlight.remove(id) }

    /// Goes on waiting for the answer to a question that another upstream has answered.
    func keepTrial(_ id: UInt16, question: [UInt8], sentMilliseconds: Int64) {
        trial = (id, question, sentMilliseconds)
    }

    /// Whether a message is the answer to the trial, and came before one would have turned to the
    /// next upstream; true once.
    func endsTrial(_ message: Span<UInt8>, nowMilliseconds: Int64) -> Bool {
        guard let trial, message.count >= Query.headerLength + trial.question.count,
            message.bigEndian16(at: 0) == trial.id,
            message.bigEndian16(at: 2) & Query.responseFlag != 0,
            nowMilliseconds - trial.sentMilliseconds < ForwardingLimits.attemptMilliseconds[0]
        else { return false }
        for (index, octet) in trial.question.enumerated() {
            // An upstream may change the letter case.
            let theirs = message[Query.headerLength + index].asciiLowercased
            guard theirs == octet.asciiLowercased else { return false }
        }
        self.trial = nil
        return true
    }
}
