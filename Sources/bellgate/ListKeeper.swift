import Glibc
import ListFetch
import PolicyFile

/// Has the lists from the web fetched when they are due, by a child process.
///
/// The child puts new copies in the place of the old; the server notices that as it notices any
/// changed list. Called by the main thread alone.
final class ListKeeper {
    private let configurationPath: String
    private let copies: ListCopies
    private var lists: [WebList] = []
    private var child: pid_t?
    /// When the child was started, in seconds since 1970 UTC.
    private var startedAt: Int64 = 0
    /// When the next list is due, in seconds since 1970 UTC; `nil` to look anew.
    private var dueAt: Int64?

    /// How long to wait where a child could not be started or did nothing, in seconds.
    private static let patienceSeconds: Int64 = 60

    init(configurationPath: String, copies: ListCopies) {
        self.configurationPath = configurationPath
        self.copies = copies
    }

    deinit { stop() }

    /// Keeps these lists from now on.
    func keep(_ lists: [WebList]) {
        // The folder has to be there to be watched.
        if !lists.isEmpty { try? copies.makeFolder() }
        self.lists = lists
        dueAt = nil
    }

    /// Starts a child if a list is due, and takes leave of one that has ended; costs next to nothing.
    func look() {
        if let child {
            guard waitpid(child, nil, WNOHANG) != 0 else { return }
            self.child = nil
            // What could not note that it was tried would be tried again at once, for ever.
            dueAt = nextDue().map { $0 <= startedAt ? now + Self.patienceSeconds : $0 }
            return
        }
        if dueAt == nil { dueAt = nextDue() }
        guard let due = dueAt, due <= now else { return }
        startedAt = now
        child = OwnProgram.start(
            ["bellgate", "lists", "update", "--config", configurationPath, "--due"])
        if child == nil { dueAt = now + Self.patienceSeconds }
    }

    /// Ends a fetch that is under way.
    func stop() {
        guard let child else { return }
        kill(child, SIGTERM)
        while waitpid(child, nil, 0) < 0 && errno == EINTR {}
        self.child = nil
    }

    /// What is known of each list.
    var status: [ListStatus] { lists.map { ListStatus($0, copies) } }

    private var now: Int64 { Int64(time(nil)) }

    private func nextDue() -> Int64? {
        lists.map { ListUpdater.due($0, copies.state(of: $0.url)) }.min()
    }
}
