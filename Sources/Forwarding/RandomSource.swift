import CPacketIO

/// Random numbers from the kernel, fetched some hundred at a time. Belongs to one thread.
@safe final class RandomSource {
    private static let capacity = 2048
    private let buffer: UnsafeMutablePointer<UInt8>
    private var used = RandomSource.capacity

    init() { unsafe buffer = .allocate(capacity: Self.capacity) }

    deinit { unsafe buffer.deallocate() }

    /// Eight random octets as a number.
    func next() -> UInt64 {
        if used + 8 > Self.capacity { refill() }
        // SAFETY: `used + 8` is at most `capacity`.
        let value = unsafe UnsafeRawPointer(buffer).loadUnaligned(
            fromByteOffset: used, as: UInt64.self)
        used += 8
        return value
    }

    /// A random number below `bound`, which must not be 0.
    func next(below bound: Int) -> Int {
        Int(truncatingIfNeeded: next() % UInt64(bound))
    }

    private func refill() {
        var filled = 0
        while filled < Self.capacity {
            // SAFETY: the room behind `filled` is `capacity - filled` octets.
            let count = unsafe getrandom(buffer + filled, Self.capacity - filled, 0)
            if count > 0 { filled += count }
        }
        used = 0
    }
}
