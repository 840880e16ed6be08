import CChecksum
import Glibc

/// A segment that is being written: a file whose blocks are reserved, mapped into memory.
///
/// The constants of this class may be read by any thread. The bytes are written only under the
/// journal's lock, and after the segment is retired by nobody.
@safe final class Segment: @unchecked Sendable {
    let descriptor: Int32
    let base: UnsafeMutableRawPointer
    let capacity: Int

    /// Where a segment is copied to whose file was deleted.
    static let copyName: StaticString = "copy.tmp"
    /// The least size of a segment, in bytes: what is still tried on a disk that is nearly full.
    static let minimumBytes = 1 << 16

    private init(descriptor: Int32, base: UnsafeMutableRawPointer, capacity: Int) {
        self.descriptor = descriptor
        unsafe self.base = unsafe base
        self.capacity = capacity
    }

    deinit {
        // SAFETY: the mapping is this object's own, and nobody can reach it any more.
        unsafe munmap(base, capacity)
        // What is on the disk by now is read once more at most, from the front to the back. The
        // next segment finds the memory at hand, where new memory costs several times as much to
        // get; in a virtual machine the host has to find it, too.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        close(descriptor)
    }

    /// Makes a file and maps it, halving the size while the disk has no room for it.
    ///
    /// The blocks are reserved before the mapping: a store to a mapped page that the disk has no
    /// room for would end the process by SIGBUS.
    ///
    /// - Returns: the segment, or the error number.
    static func create(
        in directory: LogDirectory, name: String, bytes wanted: Int, minimumBytes: Int
    ) -> Result<Segment, SystemError> {
        guard let file = directory.create(name) else { return .failure(SystemError(errno)) }
        var bytes = max(wanted, minimumBytes)
        while true {
            let refusal = reserve(file, bytes)
            if refusal == 0 { break }
            guard refusal == ENOSPC || refusal == EDQUOT, bytes > minimumBytes else {
                return fail(refusal, file, directory, name)
            }
            bytes = max(bytes / 2 & ~4095, minimumBytes)
        }
        guard
            let base = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            unsafe base != MAP_FAILED
        else { return fail(errno, file, directory, name) }
        return .success(unsafe Segment(descriptor: file, base: base, capacity: bytes))
    }

    private static func reserve(_ file: Int32, _ bytes: Int) -> Int32 {
        // What an attempt with a greater size reserved goes back first.
        guard ftruncate(file, 0) == 0 else { return errno }
        var refusal = EINTR
        while refusal == EINTR { refusal = posix_fallocate(file, 0, off_t(bytes)) }
        return refusal
    }

    private static func fail(
        _ reason: Int32, _ file: Int32, _ directory: LogDirectory, _ name: String
    ) -> Result<Segment, SystemError> {
        close(file)
        directory.remove(name)
        return .failure(SystemError(reason))
    }

    /// Brings all pages in now, so that no commit waits for one.
    func prefault() {
        let populateForWriting: Int32 = 23
        // SAFETY: the whole mapping and nothing else. A kernel that does not know the call refuses
        // it, and the pages come in one by one.
        _ = unsafe madvise(base, capacity, populateForWriting)
    }

    /// Gives the segment its header and its place in the log.
    ///
    /// - Returns: 0 or the error number. Allocates nothing.
    func promote(from name: StaticString, header: SegmentHeader, in directory: LogDirectory)
        -> Int32
    {
        // SAFETY: a segment is at least `minimumBytes` long, more than a header.
        unsafe header.write(to: base)
        return rename(from: name, firstSeq: header.firstSeq, in: directory)
    }

    /// Gives the file the name that its first seq asks for.
    ///
    /// - Returns: 0 or the error number. Allocates nothing.
    func rename(from name: StaticString, firstSeq: UInt64, in directory: LogDirectory) -> Int32 {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { target in
            unsafe Self.writeName(firstSeq: firstSeq, to: target)
            // SAFETY: both names are terminated.
            let old = unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
            guard let new = target.baseAddress else { return EINVAL }
            let at = directory.descriptor
            return unsafe renameat(at, old, at, new) == 0 ? 0 : errno
        }
    }

    /// Copies the segment's first bytes into a new one, which has no place in the log yet.
    ///
    /// - Returns: the copy, or `nil` where the disk has no room for it.
    func copy(_ bytes: Int, in directory: LogDirectory) -> Segment? {
        let made = Self.create(
            in: directory, name: "\(Self.copyName)", bytes: capacity, minimumBytes: capacity)
        guard case .success(let copy) = made else { return nil }
        // SAFETY: both are `capacity` long; what is copied does not change any more.
        unsafe memcpy(copy.base, base, min(bytes, capacity))
        return copy
    }

    /// Writes `SegmentName`'s text and the terminating zero.
    private static func writeName(firstSeq: UInt64, to target: UnsafeMutableBufferPointer<CChar>) {
        var length = 0
        func put(_ octet: UInt8) {
            // SAFETY: 10 + 20 + 4 + 1 octets in a buffer of 64.
            unsafe target[length] = CChar(bitPattern: octet)
            length += 1
        }
        for octet in SegmentName.prefix.utf8 { put(octet) }
        var divisor: UInt64 = 10_000_000_000_000_000_000
        for _ in 0..<SegmentName.digits {
            put(0x30 + UInt8(truncatingIfNeeded: firstSeq / divisor % 10))
            divisor = max(divisor / 10, 1)
        }
        for octet in SegmentName.suffix.utf8 { put(octet) }
        put(0)
    }

    /// Writes what has been stored to the disk; waits for it.
    func sync(from start: Int, to end: Int) -> Int32 {
        let first = start & ~4095
        guard end > first else { return 0 }
        // SAFETY: `end` never exceeds the capacity; the start is on a page.
        return unsafe msync(base + first, min(end, capacity) - first, MS_SYNC) == 0 ? 0 : errno
    }

    /// Whether the file is still in some directory.
    var isLinked: Bool {
        var information = stat()
        return unsafe fstat(descriptor, &information) != 0 || information.st_nlink > 0
    }

    /// Writes into the header what the segment follows.
    func write(_ link: SegmentLink) -> Bool {
        FileIO.write(link.encoded, to: descriptor, at: SegmentLink.offset)
    }

    /// Completes the segment: disk, seal, true length. The mapping must not be used afterwards.
    func seal(_ seal: SegmentSeal) -> Int32 {
        // The rows reach the disk before the seal that vouches for them.
        guard fdatasync(descriptor) == 0,
            FileIO.write(seal.encoded, to: descriptor, at: SegmentHeader.sealOffset),
            ftruncate(descriptor, off_t(seal.usedBytes)) == 0, fdatasync(descriptor) == 0
        else { return errno }
        return 0
    }
}

/// An error number as an error.
struct SystemError: Error, Sendable {
    let number: Int32
    init(_ number: Int32) { self.number = number }
}
