import Glibc
import LDNSBridge

/// A folder of evidence: files for their owner alone, and the digest of each in `SHA256SUMS`, which
/// `sha256sum -c` reads as well.
final class EvidenceFolder {
    let path: String
    /// The files so far, in order.
    private(set) var names: [String] = []
    private var sums: [(name: String, digest: [UInt8])] = []
    private var open: File?

    static let sumsName = "SHA256SUMS"
    /// How much is gathered before it is written, in bytes.
    static let pieceBytes = 1 << 16

    /// Why a folder or file cannot be made or read.
    struct Problem: Error, CustomStringConvertible {
        let description: String

        init(_ path: String, _ reason: String) { description = "\(path): \(reason)" }

        init(_ path: String, errno code: Int32) {
            // SAFETY: the C library's text is copied at once.
            self.init(path, unsafe String(cString: strerror(code)))
        }
    }

    /// A file that is being written.
    final class File {
        fileprivate let name: String
        private let path: String
        private let descriptor: Int32
        fileprivate private(set) var hash = SHA256()

        fileprivate init(_ name: String, in folder: String) throws {
            self.name = name
            path = "\(folder)/\(name)"
            // SAFETY: the path is passed as a C string for the length of the call.
            descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Problem(path, errno: errno) }
        }

        deinit { close(descriptor) }

        func append(_ bytes: [UInt8]) throws {
            // SAFETY: the buffer is used within the closure alone, and `start` is below its count.
            try unsafe bytes.withUnsafeBytes { buffer in
                var start = 0
                while start < buffer.count {
                    let count = unsafe Glibc.write(
                        descriptor, buffer.baseAddress?.advanced(by: start), buffer.count - start)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { throw Problem(path, errno: errno) }
                    start += count
                }
                unsafe hash.update(buffer)
            }
        }

        fileprivate func finish() throws {
            guard fsync(descriptor) == 0 else { throw Problem(path, errno: errno) }
        }
    }

    /// Makes the folder, which must not be there yet.
    init(making path: String) throws {
        self.path = path
        // SAFETY: the path is passed as a C string for the length of the call.
        guard unsafe mkdir(path, 0o700) == 0 else {
            throw errno == EEXIST
                ? Problem(
                    path, "is there already; evidence is never written over: name another folder")
                : Problem(path, errno: errno)
        }
    }

    /// Begins a file; what was begun before is finished.
    func begin(_ name: String) throws -> File {
        try finish()
        let file = try File(name, in: path)
        names.append(name)
        open = file
        return file
    }

    /// Writes a whole file.
    func write(_ name: String, _ bytes: [UInt8]) throws { try begin(name).append(bytes) }

    private func finish() throws {
        guard let file = open else { return }
        try file.finish()
        sums.append((file.name, file.hash.digest))
        open = nil
    }

    /// Writes the digests of all files.
    ///
    /// - Returns: the digest of these, which stands for the whole folder.
    func seal() throws -> [UInt8] {
        try finish()
        let text = sums.map { "\(hexadecimal($0.digest))  \($0.name)\n" }.joined()
        try write(Self.sumsName, Array(text.utf8))
        try finish()
        return sha256(Array(text.utf8))
    }

    /// Takes everything away again: half of it would be no evidence.
    func remove() {
        open = nil
        // SAFETY: here and below the path is passed as a C string for the length of the call.
        for name in names { _ = unsafe unlink("\(path)/\(name)") }
        _ = unsafe rmdir(path)
    }
}
