import CPacketIO
import DNSWire
import Glibc

/// One client's TCP connection: messages in, each behind its length, and answers out (RFC 7766).
///
/// Answers go out as they are found, in any order. A client that has closed its side still gets
/// what it asked for. Belongs to one worker; closes its descriptor when it goes.
final class StreamConnection {
    let descriptor: Int32
    /// Told apart from later connections that get the same descriptor.
    let number: UInt64
    let client: IPAddress
    private(set) var incoming: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var sent = 0
    /// Questions taken and not yet answered.
    var inFlight = 0
    /// When something last came or went, in monotonic milliseconds.
    var lastActivity: Int64
    private(set) var readingEnded = false
    /// What epoll was last told to wait for.
    var interest: UInt32 = 0

    init(descriptor: Int32, number: UInt64, client: IPAddress, nowMilliseconds: Int64) {
        self.descriptor = descriptor
        self.number = number
        self.client = client
        lastActivity = nowMilliseconds
    }

    deinit { close(descriptor) }

    /// Octets that wait to be sent.
    var backlog: Int { outgoing.count - sent }

    /// Whether more messages may be taken: a client that does not take its answers must wait.
    var mayTake: Bool {
        inFlight < ServerLimits.queriesPerConnection && backlog < ServerLimits.backlogOctets
    }

    /// Whether more may be read.
    var mayRead: Bool { !readingEnded && mayTake }

    /// Whether a whole message has come that was not taken yet.
    private var hasMessage: Bool {
        guard incoming.count >= 2 else { return false }
        return incoming.count >= 2 + (Int(incoming[0]) << 8 | Int(incoming[1]))
    }

    /// Whether nothing more will happen on the connection.
    var isFinished: Bool { readingEnded && inFlight == 0 && backlog == 0 && !hasMessage }

    /// Reads what is there.
    ///
    /// - Returns: false if the connection is broken.
    func receive() -> Bool {
        // SAFETY: the kernel writes at most the capacity, and so much is taken.
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16384) { buffer in
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                unsafe incoming.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[..<count]))
            } else if count == 0 {
                readingEnded = true
            } else {
                return errno == EAGAIN || errno == EINTR
            }
            return true
        }
    }

    /// Hands over each whole message that has come, as long as more may be taken.
    ///
    /// - Returns: whether there were any.
    func forEachMessage(_ body: (Span<UInt8>) -> Void) -> Bool {
        var start = 0
        while mayTake, incoming.count - start >= 2 {
            let length = Int(incoming[start]) << 8 | Int(incoming[start + 1])
            let end = start + 2 + length
            guard incoming.count >= end else { break }
            body(incoming.span.extracting(start + 2..<end))
            start = end
        }
        if start > 0 { incoming.removeFirst(start) }
        return start > 0
    }

    /// Puts an answer behind those that wait to be sent.
    func enqueue(_ message: UnsafeBufferPointer<UInt8>) {
        outgoing.append(UInt8(truncatingIfNeeded: message.count >> 8))
        outgoing.append(UInt8(truncatingIfNeeded: message.count))
        unsafe outgoing.append(contentsOf: message)
    }

    /// Sends as much as the kernel takes.
    ///
    /// - Returns: false if the connection is broken.
    func flush() -> Bool {
        while backlog > 0 {
            // SAFETY: pointer and count are of the part that is left.
            let count = unsafe outgoing.withUnsafeBytes {
                unsafe send(
                    descriptor, $0.baseAddress.map { unsafe $0 + sent }, $0.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return errno == EAGAIN || errno == EINTR }
            sent += count
        }
        outgoing.removeAll(keepingCapacity: outgoing.count < 65536)
        sent = 0
        return true
    }
}
