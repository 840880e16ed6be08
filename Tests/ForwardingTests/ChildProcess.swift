import Glibc

/// A program that the tests start. It inherits none of this process's descriptors: a listening
/// socket would stay open in it, and its port taken, after the test had closed it.
final class ChildProcess: Sendable {
    private let pid: pid_t

    /// The descriptors that this process may have, as far as tests take them.
    private static let descriptors = 3..<min(Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))), 4096)

    /// Starts a program without output; nil if it cannot be started.
    init?(_ path: String, _ arguments: [String]) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in 0...2 {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        for descriptor in Self.descriptors {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // SAFETY: the array ends in nil, and its strings live until they are freed below.
        var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        var pid: pid_t = 0
        guard unsafe posix_spawn(&pid, path, &actions, nil, &words, environ) == 0 else {
            return nil
        }
        self.pid = pid
    }

    /// Waits for the end.
    func wait() {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Ends it, and waits for that.
    func stop() {
        kill(pid, SIGTERM)
        wait()
    }
}
