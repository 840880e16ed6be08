import CPacketIO
import Glibc

/// Notices when one of some files changes.
///
/// Folders are watched, not files: editors write a new file and rename it over the old. On the way
/// to a file every folder and every symbolic link counts as well, since a whole folder may be put
/// in the place of another, and a link may be turned to another file.
@safe public final class FileWatcher {
    /// Becomes readable when something happens in one of the folders.
    public let descriptor: Int32
    /// By the number of a watched folder: the names in it that matter.
    private var names: [Int32: Set<String>] = [:]
    /// The folders in which every name matters.
    private var whole: Set<Int32> = []

    /// Makes a watcher of nothing; nil if the system has no descriptor left.
    public init?() {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Watches these files and, where a path is a folder, everything in it; nothing else any more.
    ///
    /// Links are followed as they lead now, so it is called again after each change.
    public func watch(_ paths: [String]) {
        let before = names
        names = [:]
        whole = []
        for path in paths {
            let way = Self.way(to: path)
            for step in way.steps {
                if let folder = add(step.folder) { names[folder, default: []].insert(step.name) }
            }
            // A file is refused here; its folder is the last step.
            if let folder = add(way.end) {
                names[folder] = names[folder] ?? []
                whole.insert(folder)
            }
        }
        for number in before.keys where names[number] == nil {
            inotify_rm_watch(descriptor, number)
        }
    }

    /// The number under which a folder is watched: the same one for the same folder; nil for what
    /// is no folder.
    private func add(_ folder: String) -> Int32? {
        let events =
            UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
            | UInt32(IN_ATTRIB) | UInt32(IN_ONLYDIR)
        let number = unsafe inotify_add_watch(descriptor, folder, events)
        return number >= 0 ? number : nil
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
                    // Where the kernel had no room left for events, anything may have changed.
                    let isLost = event.mask & UInt32(IN_Q_OVERFLOW) != 0
                    concerned = concerned || isLost || isWanted(name, in: event.wd)
                    offset = end
                }
            }
        }
        return concerned
    }

    private func isWanted(_ name: String, in folder: Int32) -> Bool {
        if names[folder]?.contains(name) == true { return true }
        // Editors' own files come and go without meaning, and what has no name is the watch's end.
        return whole.contains(folder) && !name.isEmpty && !name.hasPrefix(".")
            && !name.hasSuffix("~")
    }

    // MARK: - The way to a file

    /// Links followed on one way: as many as the kernel follows.
    private static let maximumLinks = 40

    /// What is looked up, and in which folder, on the way along a path, and where it ends.
    private static func way(
        to path: String
    ) -> (steps: [(folder: String, name: String)], end: String) {
        var left = Array(path.split(separator: "/").reversed())
        var place = path.hasPrefix("/") ? "/" : "."
        var steps: [(folder: String, name: String)] = []
        var links = 0
        while let name = left.popLast() {
            let next = place == "/" ? "/\(name)" : "\(place)/\(name)"
            if name != ".", name != ".." {
                steps.append((place, String(name)))
                if links < maximumLinks, let target = target(ofLink: next) {
                    links += 1
                    if target.hasPrefix("/") { place = "/" }
                    left += target.split(separator: "/").reversed()
                    continue
                }
            }
            place = next
        }
        return (steps, place)
    }

    /// Where a symbolic link leads, as it is written; nil for everything else.
    private static func target(ofLink path: String) -> String? {
        // SAFETY: the kernel writes at most the capacity, and so much is taken.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { room in
            guard let start = room.baseAddress else { return nil }
            let count = unsafe readlink(path, start, room.count)
            guard count > 0 else { return nil }
            return unsafe String(
                decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
        }
    }
}
