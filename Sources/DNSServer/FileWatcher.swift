import CPacketIO
import Glibc

/// Notices when one of some files changes.
///
/// The folders are watched, not the files: editors write a new file and rename it over the old.
@safe public final class FileWatcher {
    /// Becomes readable when something happens in one of the folders.
    public let descriptor: Int32
    private var folders: [Int32: String] = [:]
    private var wanted: Set<String> = []

    /// Makes a watcher of nothing; nil if the system has no descriptor left.
    public init?() {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Watches these files and, where a path is a folder, everything in it; nothing else any more.
    public func watch(_ paths: [String]) {
        wanted = Set(paths)
        var needed: Set<String> = []
        for path in paths {
            needed.insert(path)
            needed.insert(Self.folder(of: path))
        }
        for (number, folder) in folders where !needed.contains(folder) {
            inotify_rm_watch(descriptor, number)
            folders[number] = nil
        }
        let events =
            UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
            | UInt32(IN_ATTRIB) | UInt32(IN_ONLYDIR)
        for folder in needed where !folders.values.contains(folder) {
            // A path that is a file is refused by IN_ONLYDIR; its folder is watched instead.
            let number = unsafe inotify_add_watch(descriptor, folder, events)
            if number >= 0 { folders[number] = folder }
        }
    }

    /// Reads what has happened.
    ///
    /// - Returns: whether any of it concerns what is watched.
    public func takeEvents() -> Bool {
        var concerned = false
        // SAFETY: the kernel writes whole events into the buffer; lengths are checked against it.
        unsafe withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 8) { buffer in
            while true {
                let count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
                guard count > 0 else { return }
                var offset = 0
                let head = MemoryLayout<inotify_event>.size
                while offset + head <= count {
                    let event = unsafe buffer.loadUnaligned(
                        fromByteOffset: offset, as: inotify_event.self)
                    let end = offset + head + Int(event.len)
                    guard end <= count else { return }
                    let name = unsafe String(
                        decoding: buffer[(offset + head)..<end].prefix { $0 != 0 }, as: UTF8.self)
                    concerned = concerned || isWanted(name, in: event.wd)
                    offset = end
                }
            }
        }
        return concerned
    }

    private func isWanted(_ name: String, in number: Int32) -> Bool {
        guard let folder = folders[number] else { return false }
        // Editors' own files come and go without meaning.
        guard !name.hasPrefix("."), !name.hasSuffix("~") else { return false }
        return wanted.contains(folder) || wanted.contains(folder + "/" + name)
            || wanted.contains(name) && folder == "."
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
