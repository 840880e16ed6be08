import CPacketIO
import Glibc

/// A thread of the operating system, for loops that wait in the kernel.
package struct Thread: Sendable {
    private let handle: pthread_t

    /// Starts a thread; nil if the system refuses.
    ///
    /// - Parameter name: what `top -H` shows; at most 15 octets.
    package init?(_ name: String, _ body: @escaping @Sendable () -> Void) {
        var handle = pthread_t()
        let box = unsafe Unmanaged.passRetained(Body(body))
        // SAFETY: the thread takes over the reference that was retained for it.
        guard unsafe pthread_create(&handle, nil, runThread, box.toOpaque()) == 0 else {
            unsafe box.release()
            return nil
        }
        self.handle = handle
        // SAFETY: the name is a C string for the call; a refusal changes nothing.
        unsafe cpio_name_thread(handle, name)
    }

    /// Waits until the thread has ended.
    package func join() { pthread_join(handle, nil) }

    /// Lets the thread end by itself; it is not to be joined any more.
    package func detach() { pthread_detach(handle) }
}

private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// A global function, since a closure made on the main thread would be taken to belong there.
private nonisolated func runThread(_ box: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let box = unsafe box {
        let body = unsafe Unmanaged<Body>.fromOpaque(box).takeRetainedValue()
        body.run()
    }
    return nil
}
