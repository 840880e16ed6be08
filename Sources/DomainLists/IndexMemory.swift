import Glibc

/// The bytes of an index, in memory of this process or mapped from a file. Owns them.
///
/// Safe to share: nobody writes to them after the index is made.
@safe final class IndexMemory: @unchecked Sendable {
    let base: UnsafeRawPointer
    let count: Int
    let isMapped: Bool

    /// Takes `count` octets allocated with `UnsafeMutableRawPointer.allocate`.
    init(taking base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = UnsafeRawPointer(base)
        self.count = count
        isMapped = false
    }

    /// Takes `count` octets that mmap gave.
    init(takingMapping base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = UnsafeRawPointer(base)
        self.count = count
        isMapped = true
    }

    deinit {
        // SAFETY: both ways of making a memory hand it over to self alone.
        if isMapped {
            unsafe munmap(UnsafeMutableRawPointer(mutating: base), count)
        } else {
            unsafe base.deallocate()
        }
    }

    var bytes: UnsafeRawBufferPointer {
        // SAFETY: the memory holds `count` octets as long as self lives.
        unsafe UnsafeRawBufferPointer(start: base, count: count)
    }

    /// The octets from `offset` on, as far as they lie within the memory.
    func read(_ offset: Int, _ octets: Int) -> [UInt8] {
        guard offset >= 0, octets >= 0, offset <= count, octets <= count - offset else { return [] }
        // SAFETY: the range was checked.
        return unsafe Array(bytes[offset..<(offset + octets)])
    }

    /// The number at `offset`; 0 where it does not lie within the memory.
    func load<Number: FixedWidthInteger & BitwiseCopyable>(
        _ offset: Int, as type: Number.Type
    ) -> Number {
        guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return 0 }
        // SAFETY: the range was checked.
        return unsafe base.loadUnaligned(fromByteOffset: offset, as: Number.self)
    }
}
