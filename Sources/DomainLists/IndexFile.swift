import Glibc

extension DomainIndex {
    /// Maps an index from a file, read-only: its pages belong to the kernel's cache and are shared
    /// by all processes that map it.
    ///
    /// Reads the whole file once, to check it. The file must not be changed in place while mapped;
    /// `write(to:)` never does that.
    ///
    /// - Throws: `IndexProblem` for a file that is truncated, damaged, of another version, or no
    ///   index at all; the whole checksum is verified.
    public convenience init(mapping path: String) throws(IndexProblem) {
        let memory = try Self.map(path)
        let header = try IndexHeader(memory)
        let sum = memory.load(IndexLayout.Field.checksum, as: UInt64.self)
        // SAFETY: the bytes live as long as `memory`, which is kept beyond the call.
        guard unsafe IndexLayout.checksum(memory.bytes) == sum else { throw .damaged }
        try self.init(verified: memory, header)
    }

    private static func map(_ path: String) throws(IndexProblem) -> IndexMemory {
        // SAFETY: plain system calls; the path is NUL-terminated for the call.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else {
            throw .system(call: "fstat", path: path, errno: errno)
        }
        let count = Int(status.st_size)
        guard status.st_mode & S_IFMT == S_IFREG, count >= IndexLayout.headerBytes else {
            throw .notAnIndex
        }
        // SAFETY: the kernel chooses the place; the result is checked before use and owned by one
        // `IndexMemory`, which unmaps it.
        let base = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, file, 0)
        guard let base = unsafe base, unsafe base != MAP_FAILED else {
            throw .system(call: "mmap", path: path, errno: errno)
        }
        return unsafe IndexMemory(takingMapping: base, count: count)
    }

    /// Writes the index to a file: beside it first, then in its place in one step, so that a reader
    /// finds the old index or the new one, whole. Durable when it returns.
    ///
    /// - Throws: `IndexProblem.system` where the disk refuses; the file at `path` is then as before.
    public func write(to path: String) throws(IndexProblem) {
        let beside = "\(path).new.\(getpid())"
        // SAFETY: plain system calls; the paths are NUL-terminated for each call.
        _ = unsafe unlink(beside)
        let file = unsafe open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .system(call: "open", path: beside, errno: errno) }
        do throws(IndexProblem) {
            defer { close(file) }
            try writeAll(to: file, path: beside)
            guard fsync(file) == 0 else {
                throw .system(call: "fsync", path: beside, errno: errno)
            }
        } catch {
            _ = unsafe unlink(beside)
            throw error
        }
        guard unsafe rename(beside, path) == 0 else {
            let problem = IndexProblem.system(call: "rename", path: path, errno: errno)
            _ = unsafe unlink(beside)
            throw problem
        }
        Self.syncDirectory(of: path)
    }

    private func writeAll(to file: Int32, path: String) throws(IndexProblem) {
        // SAFETY: the bytes live as long as self; each write stays within them.
        let bytes = unsafe self.bytes.bytes
        var written = 0
        while written < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = unsafe Glibc.write(file, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(call: "write", path: path, errno: errno) }
            written += count
        }
    }

    /// Makes the new name durable; a file system that cannot is no reason to fail.
    private static func syncDirectory(of path: String) {
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let directory = parent.isEmpty ? "." : parent.joined(separator: "/") + "/"
        // SAFETY: as in `write(to:)`.
        let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = fsync(file)
        close(file)
    }
}
