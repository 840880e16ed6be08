public import DNSWire

/// What a forwarder asks of the worker that it belongs to.
public protocol ForwarderHost: AnyObject {
    /// Waits for a descriptor to become readable (or writable), and tells the forwarder's `ready`.
    func watch(_ descriptor: Int32, forWriting: Bool)
    /// No longer waits for a descriptor, which is about to be closed.
    func unwatch(_ descriptor: Int32)
    /// A question has come to its end: everybody who waited gets this answer. It is the host's from
    /// here on.
    func forwarderFinished(_ pending: PendingQuestion, with answer: AnswerView)
}
