import Glibc

/// Reads whole files, and says in plain words why one cannot be read.
package enum FileBytes {
    /// Why a file was not read; the text fits behind the file's name.
    package struct Failure: Error {
        /// What is wrong.
        package var reason: String
        /// Whether nothing lies at the path.
        package var isMissing: Bool
    }

    /// What is known of a file besides its bytes.
    package struct Contents {
        /// All of them.
        package var bytes: [UInt8]
        /// Last change, in seconds since 1970 UTC.
        package var modifiedSeconds: Int64
    }

    /// The largest list that is read: ten times the largest public ones.
    static let maximumListBytes = 512 << 20

    /// The bytes of a regular file.
    ///
    /// - Parameter limit: more bytes than this are refused.
    package static func read(_ path: String, limit: Int) throws(Failure) -> Contents {
        // O_NONBLOCK: a named pipe at the path must not keep the program waiting for a writer.
        // SAFETY: the path is passed as a C string for the length of the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        // SAFETY: the descriptor is open, and `status` is the kernel's to fill.
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure(errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw Failure(reason: "is a folder, not a file", isMissing: false)
        default: throw Failure(reason: "is no ordinary file", isMissing: false)
        }
        guard status.st_size <= limit else {
            throw Failure(
                reason: "has \(status.st_size) bytes, more than the \(limit) allowed",
                isMissing: false)
        }
        let bytes = try read(descriptor, expected: Int(status.st_size), limit: limit)
        return Contents(bytes: bytes, modifiedSeconds: Int64(status.st_mtim.tv_sec))
    }

    /// Reads to the end of the file, which may have grown since its size was asked for.
    private static func read(
        _ descriptor: Int32, expected: Int, limit: Int
    ) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var problem: Failure?
        while problem == nil {
            let room = max(expected - bytes.count, 0) + 4096
            let start = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: room))
            // SAFETY: the buffer is used within the closure alone.
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                // SAFETY: `room` octets lie behind `start`, as they were just appended.
                unsafe Glibc.read(descriptor, buffer.baseAddress?.advanced(by: start), room)
            }
            bytes.removeLast(room - max(count, 0))
            if count < 0, errno != EINTR { problem = failure(errno) }
            if count == 0 { return bytes }
            if bytes.count > limit {
                problem = Failure(reason: "grew past \(limit) bytes", isMissing: false)
            }
        }
        throw problem ?? failure(EIO)
    }

    /// What tells a file from what it was before: device, number, size and time of change to the
    /// nanosecond; `nil` if there is no file.
    static func identity(of path: String) -> String? {
        var status = stat()
        // SAFETY: the path is passed as a C string, and `status` is the kernel's to fill.
        guard unsafe stat(path, &status) == 0 else { return nil }
        return "\(status.st_dev) \(status.st_ino) \(status.st_size) "
            + "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }

    /// The names in a folder, sorted; what starts with a dot is left out.
    static func names(inFolder path: String) throws(Failure) -> [String] {
        // SAFETY: the stream is closed below; each entry is read before the next call moves on, and
        // its name ends with a NUL within the entry.
        guard let folder = unsafe opendir(path) else { throw failure(errno) }
        defer { _ = unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe String(cString: UnsafeRawPointer(tuple).assumingMemoryBound(to: CChar.self))
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// A path as it is meant in a file: relative to the folder of that file.
    static func path(_ path: String, relativeTo file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return shortened(file[...slash] + path)
    }

    /// The path without `.` and without `NAME/..`, for people to read.
    ///
    /// `..` behind a symbolic link means another folder than the text shows, so a path stays as it
    /// is where a folder that would go is one.
    private static func shortened(_ path: String) -> String {
        var kept: [Substring] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: true) {
            if part == "." { continue }
            if part == "..", let last = kept.last, last != ".." {
                let folder = (path.hasPrefix("/") ? "/" : "") + kept.joined(separator: "/")
                if isLink(folder) { return path }
                kept.removeLast()
            } else {
                kept.append(part)
            }
        }
        let text = (path.hasPrefix("/") ? "/" : "") + kept.joined(separator: "/")
        return text.isEmpty ? "." : text
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: the kernel fills in the one value.
        return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private static func failure(_ code: Int32) -> Failure {
        switch code {
        case ENOENT: Failure(reason: "does not exist", isMissing: true)
        case EACCES, EPERM: Failure(reason: "may not be read by this user", isMissing: false)
        case EISDIR: Failure(reason: "is a folder, not a file", isMissing: false)
        case ENOTDIR: Failure(reason: "is no folder", isMissing: false)
        default:
            // SAFETY: strerror returns a NUL-terminated text that is copied at once.
            unsafe Failure(
                reason: "cannot be read (\(String(cString: strerror(code))))", isMissing: false)
        }
    }
}

extension FileBytes {
    /// How many octets a file has; 0 if there is none.
    static func size(_ path: String) -> Int {
        var status = stat()
        // SAFETY: as in `modifiedSeconds`.
        return unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// When a file was last changed, in seconds since 1970 UTC; 0 if there is none.
    static func modifiedSeconds(_ path: String) -> Int64 {
        var status = stat()
        // SAFETY: the path is passed as a C string for the length of the call, and `status` is the
        // call's to fill.
        guard unsafe stat(path, &status) == 0 else { return 0 }
        return Int64(status.st_mtim.tv_sec)
    }
}
