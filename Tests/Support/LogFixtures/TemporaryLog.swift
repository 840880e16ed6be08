import Glibc

/// A log's directory that is there while the value lives.
package final class TemporaryLog {
    /// Where it is.
    package let path: String

    /// Makes it, with nothing in it.
    package init() {
        path = "/tmp/bellgate-log-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        // SAFETY: the path is passed as a C string for the length of the call.
        _ = unsafe mkdir(path, 0o700)
    }

    deinit {
        // Where the store is another log's, only the way to it goes.
        _ = unsafe unlink("\(path)/store")
        for folder in ["\(path)/store", path] {
            for name in listFiles(folder) { unsafe unlink("\(folder)/\(name)") }
            unsafe rmdir(folder)
        }
    }

    /// The names of all that is in it.
    package func files() -> [String] { listFiles(path) }

    /// The names of the store's files.
    package func storeFiles() -> [String] { listFiles("\(path)/store") }

    /// The segments, in order.
    package func segments() -> [String] {
        files().filter { $0.hasSuffix(".bgl") }.map { "\(path)/\($0)" }
    }

    /// A directory with the same store and no journal: what is asked there, the store alone tells.
    package func storeAlone() -> TemporaryLog {
        let other = TemporaryLog()
        // SAFETY: both paths are passed as C strings for the length of the call.
        _ = unsafe symlink("\(path)/store", "\(other.path)/store")
        return other
    }
}

/// The names of what is in a folder, in order.
package func listFiles(_ path: String) -> [String] {
    guard let stream = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        // SAFETY: the name is terminated within the entry; the text is copied.
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
            unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// All of a file; nothing where it cannot be read.
package func readFile(_ path: String) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        // SAFETY: at most the chunk's size.
        let count = unsafe read(file, &chunk, chunk.count)
        guard count > 0 else { return bytes }
        bytes += chunk[..<count]
    }
}

/// Puts octets in the place of what a file holds.
package func writeFile(_ path: String, _ bytes: [UInt8]) {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard file >= 0 else { return }
    defer { close(file) }
    var done = 0
    while done < bytes.count {
        // SAFETY: the rest of the array.
        let count = unsafe bytes.withUnsafeBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return -1 }
            return unsafe write(file, base + done, buffer.count - done)
        }
        guard count > 0 else { return }
        done += count
    }
}
