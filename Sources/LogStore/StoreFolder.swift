import DecisionLog
import Glibc

/// The store's folder within the log's directory, and who follows the journal.
struct StoreFolder {
    let path: String

    let name = "store"
    private static let lockName = "follower.lock"
    /// Behind a day file's name: a reader found it damaged and asks the follower to look.
    static let suspectSuffix = ".suspect"

    init(logDirectory: String) { path = logDirectory + "/" + name }

    func path(of day: StoreDay) -> String { "\(path)/\(day.fileName)" }

    /// Makes the folder (0700) where it is missing.
    func create() throws(StoreError) {
        // SAFETY: the path is passed as a C string for the length of the call.
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
            throw StoreError(.unusable, path: path, reason: systemReason())
        }
    }

    /// Takes the store for this process; `nil` where another one follows.
    ///
    /// - Returns: a descriptor that holds the lock until it is closed.
    func lock() throws(StoreError) -> Int32? {
        // SAFETY: the path is passed as a C string for the length of the call.
        let file = unsafe open("\(path)/\(Self.lockName)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StoreError(.unusable, path: path, reason: systemReason()) }
        if flock(file, LOCK_EX | LOCK_NB) == 0 { return file }
        close(file)
        return nil
    }

    /// Refuses to go on where the disk has little more room than the log needs.
    func requireRoom() throws(StoreError) {
        var disk = statvfs()
        // SAFETY: the system fills in the one value.
        guard unsafe statvfs(path, &disk) == 0, disk.f_frsize > 0 else { return }
        let block = UInt64(disk.f_frsize)
        let free = UInt64(disk.f_bavail) * block
        let size = UInt64(disk.f_blocks) * block
        let reserve = min(StoreLimits.reservedBytes, size / StoreLimits.reservedShare)
        guard free < reserve else { return }
        throw StoreError(
            .full, path: path,
            reason: "its disk is nearly full: \(free >> 20) of \(size >> 20) MiB are free, and "
                + "\(reserve >> 20) are left to the log; make room and the store goes on by itself")
    }

    func has(_ day: StoreDay) -> Bool { unsafe access("\(path)/\(day.fileName)", F_OK) == 0 }

    var days: [StoreDay] { StoreDay.all(in: path) }

    /// Asks the follower to look at a day's file; does nothing where that cannot be noted.
    func suspect(_ day: StoreDay) {
        // SAFETY: the path is passed as a C string for the length of the call.
        let file = unsafe open(
            "\(path)/\(day.fileName)\(Self.suspectSuffix)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        if file >= 0 { close(file) }
    }

    func isSuspect(_ day: StoreDay) -> Bool {
        unsafe access("\(path)/\(day.fileName)\(Self.suspectSuffix)", F_OK) == 0
    }

    func clearSuspicion(_ day: StoreDay) {
        _ = unsafe unlink("\(path)/\(day.fileName)\(Self.suspectSuffix)")
    }

    /// Deletes a day's file with all that belongs to it.
    func remove(_ day: StoreDay) -> Bool {
        for suffix in ["-wal", "-shm", Self.suspectSuffix] {
            _ = unsafe unlink("\(path)/\(day.fileName)\(suffix)")
        }
        return unsafe unlink("\(path)/\(day.fileName)") == 0 || errno == ENOENT
    }

    /// Renames a file that cannot be used, so that a person may look at it.
    ///
    /// - Parameter suffix: what is put behind its name.
    /// - Returns: its new name; `nil` where it cannot be renamed.
    func setAside(_ day: StoreDay, as suffix: String) -> String? {
        let file = "\(path)/\(day.fileName)"
        // One that was set aside before stays as well.
        let ends = [suffix] + (2...Self.maximumAside).map { "\(suffix)-\($0)" }
        guard let end = ends.first(where: { !Self.isThere(file + $0) }) else { return nil }
        // SAFETY: all paths are passed as C strings for the length of the call.
        guard unsafe rename(file, file + end) == 0 else { return nil }
        _ = unsafe rename(file + "-wal", file + end + "-wal")
        for other in ["-shm", Self.suspectSuffix] { _ = unsafe unlink(file + other) }
        return day.fileName + end
    }

    private static func isThere(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// How many files of a day are kept aside.
    private static let maximumAside = 100

    /// Whether a descriptor is of the file that still has its name.
    func isLock(_ file: Int32) -> Bool {
        var information = stat()
        return unsafe fstat(file, &information) == 0
            && FileID.of("\(path)/\(Self.lockName)") == FileID(information)
    }

    // MARK: Which days there are

    private static let listName = "days"

    /// The days that were given a file: a file that is missing was taken away.
    var listedDays: Set<StoreDay> {
        let file = unsafe open("\(path)/\(Self.listName)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: FileSize.of("\(path)/\(Self.listName)"))
        // SAFETY: at most as many as there is room for.
        let count = unsafe read(file, &bytes, bytes.count)
        let lines = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        return Set(lines.split(separator: "\n").compactMap { StoreDay(fileName: String($0)) })
    }

    /// Puts a list in place of the one before, on the disk before this returns.
    func list(_ days: Set<StoreDay>) throws(StoreError) {
        let new = "\(path)/\(Self.listName).new"
        let text = days.sorted().map { $0.fileName + "\n" }.joined()
        let file = unsafe open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw refusal }
        defer { close(file) }
        let bytes = Array(text.utf8)
        // SAFETY: as many octets as there are; both paths are C strings for the length of the call.
        guard unsafe write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0,
            unsafe rename(new, "\(path)/\(Self.listName)") == 0
        else { throw refusal }
        let folder = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private var refusal: StoreError {
        StoreError(errno == ENOSPC ? .full : .unusable, path: path, reason: systemReason())
    }
}

/// What a file is, whatever its name.
struct FileID: Equatable {
    var device: UInt64
    var inode: UInt64

    init(_ information: stat) {
        device = UInt64(information.st_dev)
        inode = UInt64(information.st_ino)
    }

    /// Of the file that has a name now; `nil` where there is none.
    static func of(_ path: String) -> FileID? {
        var information = stat()
        // SAFETY: the system fills in the one value.
        return unsafe stat(path, &information) == 0 ? FileID(information) : nil
    }
}
