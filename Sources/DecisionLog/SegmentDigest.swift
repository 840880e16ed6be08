import Glibc
import LDNSBridge

/// The SHA-256 of a segment's whole file, as `sha256sum` prints it.
enum SegmentDigest {
    /// How much is read at a time, in bytes.
    private static let chunkBytes = 1 << 18

    /// Reads the file; `nil` if that fails.
    static func make(_ name: String, in directory: LogDirectory) -> [UInt8]? {
        guard let file = directory.openForReading(name) else { return nil }
        defer { close(file) }
        return make(file)
    }

    /// Reads an open file from its beginning; `nil` where the disk refuses a part: a digest of less
    /// than the whole would call the file another one for ever.
    static func make(_ file: Int32) -> [UInt8]? {
        var hash = SHA256()
        var offset = 0
        let isWhole = unsafe withUnsafeTemporaryAllocation(byteCount: chunkBytes, alignment: 16) {
            buffer in
            guard let base = buffer.baseAddress else { return false }
            while true {
                // SAFETY: the buffer has room for `chunkBytes`, and only what was read is hashed.
                let count = unsafe pread(file, base, chunkBytes, off_t(offset))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count == 0 }
                unsafe hash.update(UnsafeRawBufferPointer(start: base, count: count))
                offset += count
            }
        }
        return isWhole ? hash.digest : nil
    }
}
