import CArchive
import Glibc

/// Takes a list out of what it came packed in: gzip, xz, bzip2 or zip, within a tar archive or not.
///
/// Some publishers offer a category as an archive with a file `domains` in it, beside others that
/// list whole addresses.
enum Unpacking {
    /// The file of an archive that is the list, where there are several.
    static let listName = "domains"

    /// Octets of one step.
    private static let stepOctets = 1 << 16

    /// Whether a file starts as something packed does.
    static func isPacked(_ path: String) -> Bool {
        let start = firstOctets(of: path)
        // The magic numbers of gzip, xz, bzip2 and zip; a tar archive has its own further on.
        let magics: [[UInt8]] = [
            [0x1F, 0x8B], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], Array("BZh".utf8),
            [0x50, 0x4B, 0x03, 0x04],
        ]
        return magics.contains { start.starts(with: $0) }
            || start.dropFirst(257).starts(with: Array("ustar".utf8))
    }

    /// Writes the list in a packed file into another.
    ///
    /// - Parameter limit: octets that it may have; a small file can hold endless ones.
    /// - Returns: why that cannot be done; `nil` when it is.
    static func unpack(_ path: String, into target: String, limit: Int) -> String? {
        // Two ways through: only when all names are known is it clear which file is meant.
        let found: (names: [String], problem: String?) = members(of: path)
        if let problem = found.problem { return problem }
        let lists = found.names.filter { $0.split(separator: "/").last == Substring(listName) }
        guard let wanted = lists.first ?? found.names.first,
            lists.count == 1 || lists.isEmpty && found.names.count == 1
        else {
            return found.names.isEmpty
                ? "the archive is empty"
                : "the archive has \(found.names.count) files, and not just one called \(listName)"
        }
        return extract(wanted, from: path, into: target, limit: limit)
    }

    private static func firstOctets(of path: String) -> [UInt8] {
        // SAFETY: the path is passed as a C string for the length of the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var octets = [UInt8](repeating: 0, count: 512)
        // SAFETY: the buffer is used within the closure alone.
        let count = unsafe octets.withUnsafeMutableBytes {
            unsafe read(descriptor, $0.baseAddress, $0.count)
        }
        return Array(octets.prefix(max(0, count)))
    }

    /// Runs `body` on each ordinary file of the archive until it returns a result.
    private static func eachFile<Result>(
        of path: String, _ body: (_ archive: OpaquePointer, _ name: String) -> Result?
    ) -> (result: Result?, problem: String?) {
        guard let archive = unsafe archive_read_new() else { return (nil, "no memory is left") }
        defer { unsafe _ = archive_read_free(archive) }
        unsafe _ = archive_read_support_filter_gzip(archive)
        unsafe _ = archive_read_support_filter_xz(archive)
        unsafe _ = archive_read_support_filter_bzip2(archive)
        unsafe _ = archive_read_support_format_tar(archive)
        unsafe _ = archive_read_support_format_zip(archive)
        unsafe _ = archive_read_support_format_raw(archive)
        // SAFETY: the path is passed as a C string for the length of the call.
        guard unsafe archive_read_open_filename(archive, path, stepOctets) == ARCHIVE_OK else {
            return (nil, unsafe problem(archive))
        }
        while true {
            // SAFETY: the entry is the archive's, and is used before the next is asked for.
            var entry: OpaquePointer?
            let code = unsafe archive_read_next_header(archive, &entry)
            if code == ARCHIVE_EOF { return (nil, nil) }
            guard code >= ARCHIVE_WARN, let entry = unsafe entry else {
                return (nil, unsafe problem(archive))
            }
            guard unsafe archive_entry_filetype(entry) == S_IFREG else { continue }
            let name = unsafe archive_entry_pathname(entry).map { unsafe String(cString: $0) }
            if let result = unsafe body(archive, name ?? "") { return (result, nil) }
        }
    }

    private static func members(of path: String) -> (names: [String], problem: String?) {
        var names: [String] = []
        let outcome: (result: Bool?, problem: String?) = unsafe eachFile(of: path) { _, name in
            names.append(name)
            return nil
        }
        return (names, outcome.problem)
    }

    private static func extract(
        _ wanted: String, from path: String, into target: String, limit: Int
    ) -> String? {
        // SAFETY: the path is passed as a C string for the length of the call.
        let descriptor = unsafe open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return "it cannot be kept: \(reason)" }
        defer { close(descriptor) }
        let outcome: (result: String?, problem: String?) = unsafe eachFile(of: path) {
            archive, name in
            guard name == wanted else { return nil }
            return unsafe copy(archive, to: descriptor, limit: limit) ?? ""
        }
        if let problem = outcome.problem ?? outcome.result, !problem.isEmpty { return problem }
        return fsync(descriptor) == 0 ? nil : "it cannot be kept: \(reason)"
    }

    /// Why the present file cannot be copied; `nil` when it is.
    private static func copy(
        _ archive: OpaquePointer, to descriptor: Int32, limit: Int
    ) -> String? {
        // SAFETY: both libraries get the buffer with its size, and only while the closure runs.
        unsafe withUnsafeTemporaryAllocation(byteCount: stepOctets, alignment: 16) { buffer in
            var octets = 0
            while true {
                let count = unsafe archive_read_data(archive, buffer.baseAddress, buffer.count)
                if count == 0 { return nil }
                guard count > 0 else { return unsafe problem(archive) }
                octets += count
                guard octets <= limit else {
                    return "unpacked it has more than the \(limit) octets that a list may have"
                }
                guard unsafe write(descriptor, buffer.baseAddress, count) == count else {
                    return "it cannot be kept: \(reason)"
                }
            }
        }
    }

    private static func problem(_ archive: OpaquePointer) -> String {
        // SAFETY: the text is the archive's, and is copied at once.
        let text = unsafe archive_error_string(archive).map { unsafe String(cString: $0) }
        return "it cannot be unpacked: \(text ?? "its archive is damaged")"
    }

    private static var reason: String {
        // SAFETY: the text is copied at once.
        unsafe String(cString: strerror(errno))
    }
}
