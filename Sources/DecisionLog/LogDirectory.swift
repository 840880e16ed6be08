import Glibc

/// The directory of a log: names, and the few calls on files within it.
///
/// Everything goes by the directory's descriptor, so that moving the directory while the server
/// runs does no harm.
final class LogDirectory: Sendable {
    let path: String
    let descriptor: Int32

    /// - Parameter create: whether to make the directory (0700) where it is missing.
    init(path: String, create: Bool) throws(JournalError) {
        self.path = path
        if create, unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
            throw JournalError(.directoryUnusable, path: path, errno: errno)
        }
        descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw JournalError(.directoryUnusable, path: path, errno: errno)
        }
    }

    deinit { close(descriptor) }

    /// Takes the log for this process, until `unlock` or the end of the process.
    ///
    /// The lock is on the directory itself, which needs no room on a full disk; the file only tells
    /// others who holds it.
    func lock() throws(JournalError) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            guard reason == EWOULDBLOCK else {
                throw JournalError(.directoryUnusable, path: path, errno: reason)
            }
            throw JournalError(.directoryInUse, path: path, errno: reason, holder: lockHolder)
        }
        guard let file = create(Self.lockFile) else {
            let reason = errno
            if reason == ENOSPC || reason == EDQUOT { return }
            unlock()
            throw JournalError(.directoryUnusable, path: path, errno: reason)
        }
        _ = FileIO.write(Array("\(getpid())\n".utf8), to: file, at: 0)
        close(file)
    }

    /// Gives the log to whoever comes next.
    func unlock() {
        remove(Self.lockFile)
        _ = flock(descriptor, LOCK_UN)
    }

    /// Whether some process writes the log at this moment.
    var isInUse: Bool {
        // A descriptor of its own, since a lock belongs to what was opened.
        let file = unsafe open("/proc/self/fd/\(descriptor)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }

    private static let lockFile = "journal.lock"

    private var lockHolder: Int? {
        guard let file = openForReading(Self.lockFile) else { return nil }
        defer { close(file) }
        let text = String(decoding: FileIO.read(file, at: 0, count: 20), as: UTF8.self)
        return Int(text.prefix { $0.isNumber })
    }

    /// What of the log others than its owner may read or write, and the cure; `nil` = nothing.
    ///
    /// What Bellgate makes is open to its owner alone; a directory that was there before may not be.
    var exposure: String? {
        var information = stat()
        if unsafe fstat(descriptor, &information) == 0, information.st_mode & 0o077 != 0 {
            let mode = String(information.st_mode & 0o777, radix: 8)
            return "log directory \(path) is open to other users (mode \(mode)); chmod 700 \(path)"
        }
        let open = (fileNames() ?? []).filter { name in
            unsafe fstatat(descriptor, name, &information, AT_SYMLINK_NOFOLLOW) == 0
                && information.st_mode & S_IFMT == S_IFREG && information.st_mode & 0o077 != 0
        }
        guard let first = open.min() else { return nil }
        let more = open.count > 1 ? " and \(open.count - 1) more" : ""
        return "log file \(path)/\(first)\(more) is open to other users; chmod 600 \(path)/*"
    }

    /// Opens a file for reading; `nil` and `errno` set where that fails.
    func openForReading(_ name: String) -> Int32? {
        let file = unsafe openat(descriptor, name, O_RDONLY | O_CLOEXEC)
        return file >= 0 ? file : nil
    }

    /// Opens an existing file for writing.
    func openForWriting(_ name: String) -> Int32? {
        let file = unsafe openat(descriptor, name, O_RDWR | O_CLOEXEC)
        return file >= 0 ? file : nil
    }

    /// Makes an empty file (0600), in place of one that may be there.
    func create(_ name: String) -> Int32? {
        let file = unsafe openat(descriptor, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        return file >= 0 ? adopted(file) : nil
    }

    /// Opens a file for reading and writing, and makes it (0600) where it is missing.
    func openForAppending(_ name: String) -> Int32? {
        let file = unsafe openat(descriptor, name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        return file >= 0 ? adopted(file) : nil
    }

    /// Gives a file that the superuser made to the directory's owner: the server, which runs as
    /// that, must be able to go on with it.
    private func adopted(_ file: Int32) -> Int32 {
        guard geteuid() == 0 else { return file }
        var folder = stat()
        var made = stat()
        // SAFETY: the system fills in local values.
        if unsafe fstat(descriptor, &folder) == 0, unsafe fstat(file, &made) == 0,
            made.st_uid != folder.st_uid
        {
            _ = fchown(file, folder.st_uid, folder.st_gid)
        }
        return file
    }

    /// Gives a file another name; `false` and `errno` set where that fails.
    ///
    /// - Parameter replacing: whether a file of that name may be replaced; the old name stays if
    ///   not.
    func give(_ name: String, _ other: String, replacing: Bool) -> Bool {
        // SAFETY: here and below the names are passed as C strings for the length of the call.
        replacing
            ? unsafe renameat(descriptor, name, descriptor, other) == 0
            : unsafe linkat(descriptor, name, descriptor, other, 0) == 0
    }

    @discardableResult func remove(_ name: String) -> Bool {
        unsafe unlinkat(descriptor, name, 0) == 0
    }

    /// Makes renames and removals last through a power cut.
    func sync() { _ = fsync(descriptor) }

    /// The segments that are there now, by first seq.
    func segments() throws(JournalError) -> [SegmentName] {
        guard let names = fileNames() else {
            throw JournalError(.directoryUnusable, path: path, errno: errno)
        }
        return names.compactMap { SegmentName($0) }.sorted()
    }

    /// Refuses a directory without any segment: a log has one from its first moment on.
    func requireLog() throws(JournalError) {
        if try segments().isEmpty { throw JournalError(.noLog, path: path, errno: 0) }
    }

    /// The names of all that is there; `nil` and `errno` set where that cannot be read.
    private func fileNames() -> [String]? {
        // A descriptor of its own: reading a directory moves the descriptor's position.
        let file = unsafe open("/proc/self/fd/\(descriptor)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        guard let stream = unsafe fdopendir(file) else {
            let reason = errno
            close(file)
            errno = reason
            return nil
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: `d_name` is a terminated string within the entry, which lives until the next
            // call; the text is copied.
            let text = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if text != ".", text != ".." { names.append(text) }
        }
        return names
    }
}

/// The file name of a segment, which is its first seq: `decisions-00000000000000000001.bgl`.
struct SegmentName: Hashable, Comparable, Sendable, CustomStringConvertible {
    static let prefix = "decisions-"
    static let suffix = ".bgl"
    static let digits = 20

    let firstSeq: UInt64

    init(firstSeq: UInt64) { self.firstSeq = firstSeq }

    init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.hasSuffix(Self.suffix) else { return nil }
        let number = text.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)
        guard number.utf8.count == Self.digits, number.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let seq = UInt64(number)
        else { return nil }
        firstSeq = seq
    }

    var description: String {
        let number = String(firstSeq)
        let zeros = String(repeating: "0", count: Self.digits - number.utf8.count)
        return Self.prefix + zeros + number + Self.suffix
    }

    static func < (left: Self, right: Self) -> Bool { left.firstSeq < right.firstSeq }
}

/// Calls that may come back early, taken to their end.
enum FileIO {
    /// Reads up to `count` bytes; fewer at the file's end.
    ///
    /// What the disk refuses is zero, block by block: one bad place does not hide what is behind it.
    ///
    /// - Parameters:
    ///   - base: room for `count` bytes.
    ///   - refusedEnd: set to where in the file the last block ends that was refused; else left.
    @unsafe static func read(
        _ file: Int32, at offset: Int, into base: UnsafeMutableRawPointer, count: Int,
        refusedEnd: inout Int
    ) -> Int {
        var done = 0
        while done < count {
            // SAFETY: the rest of the room that the caller gives.
            let got = unsafe pread(file, base + done, count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            if got < 0, errno == EIO {
                let block = blockBytes - (offset + done) % blockBytes
                let end = min(count, done + block)
                // SAFETY: as above.
                unsafe (base + done).initializeMemory(
                    as: UInt8.self, repeating: 0, count: end - done)
                done = end
                refusedEnd = offset + done
                continue
            }
            if got <= 0 { break }
            done += got
        }
        return done
    }

    /// What a disk gives or refuses as a whole, in bytes.
    private static let blockBytes = 4096

    /// Reads a part of a file; shorter at its end, and zero where the disk refuses.
    ///
    /// - Parameter refusedEnd: as above.
    static func read(
        _ file: Int32, at offset: Int, count: Int, refusedEnd: inout Int
    ) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, initialized in
            // SAFETY: as many bytes are initialized as were read.
            guard let base = buffer.baseAddress else { return }
            initialized = unsafe read(
                file, at: offset, into: base, count: count, refusedEnd: &refusedEnd)
        }
    }

    /// Reads a part of a file for somebody who only looks: shorter at its end, and zero where the
    /// disk refuses.
    static func read(_ file: Int32, at offset: Int, count: Int) -> [UInt8] {
        var refusedEnd = 0
        return read(file, at: offset, count: count, refusedEnd: &refusedEnd)
    }

    /// Reads a part of a file for somebody who goes on from what is there: `nil`, and `errno` set,
    /// where the disk refuses any of it, since what cannot be read must not be cut off.
    static func readWhole(_ file: Int32, at offset: Int, count: Int) -> [UInt8]? {
        var refusedEnd = 0
        let bytes = read(file, at: offset, count: count, refusedEnd: &refusedEnd)
        guard refusedEnd == 0 else {
            errno = EIO
            return nil
        }
        return bytes
    }

    /// Writes all bytes, or says that it could not.
    static func write(_ bytes: [UInt8], to file: Int32, at offset: Int) -> Bool {
        var done = 0
        while done < bytes.count {
            let put = unsafe bytes.withUnsafeBytes { buffer -> Int in
                // SAFETY: `done` is below the count, so the buffer has an address.
                guard let base = buffer.baseAddress else { return -1 }
                return unsafe pwrite(file, base + done, buffer.count - done, off_t(offset + done))
            }
            if put < 0, errno == EINTR { continue }
            if put <= 0 { return false }
            done += put
        }
        return true
    }

    /// The size of a file in bytes; 0 where it cannot be told.
    static func size(_ file: Int32) -> Int {
        var information = stat()
        return unsafe fstat(file, &information) == 0 ? Int(information.st_size) : 0
    }
}
