import CPacketIO
import Glibc
import Synchronization

/// Messages from other threads for one that waits in epoll.
public final class Mailbox<Message: Sendable>: Sendable {
    /// Becomes readable when something has come.
    public let descriptor: Int32
    private let messages = Mutex<[Message]>([])

    /// Makes an empty mailbox; nil if the system has no descriptor left.
    public init?() {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Leaves a message; from any thread.
    public func post(_ message: Message) {
        let wasEmpty = messages.withLock { waiting in
            waiting.append(message)
            return waiting.count == 1
        }
        if wasEmpty { eventfd_write(descriptor, 1) }
    }

    /// Takes all messages, in their order; for the thread that waits.
    public func takeAll() -> [Message] {
        var count: eventfd_t = 0
        // SAFETY: the kernel writes one number there.
        unsafe eventfd_read(descriptor, &count)
        return messages.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken
        }
    }
}
