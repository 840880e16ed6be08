import DecisionLog
import Glibc

/// The store's folder within the log's directory, and who follows the journal.
struct StoreFolder {
    let path: String

    private static let name = "store"
    private static let lockName = "follower.lock"
    /// Behind a day file's name: a reader found it damaged and asks the follower to look.
    static let suspectSuffix = ".suspect"

    init(logDirectory: String) { path = logDirectory + "/" + Self.name }

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
    func setAside(_ day: StoreDay) -> Bool {
        for suffix in ["-wal", "-shm", Self.suspectSuffix] {
            _ = unsafe unlink("\(path)/\(day.fileName)\(suffix)")
        }
        let file = "\(path)/\(day.fileName)"
        // SAFETY: both paths are passed as C strings for the length of the call.
        return unsafe rename(file, file + ".damaged") == 0
    }
}
