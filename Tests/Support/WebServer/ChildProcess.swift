import Glibc

/// A program that the tests start. It inherits none of this process's descriptors: a listening
/// socket would stay open in it, and its port taken, after the test had closed it.
public final class ChildProcess: Sendable {
    private let pid: pid_t

    /// The descriptors that this process may have, as far as tests take them.
    private static let descriptors = 3..<min(Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))), 4096)

    /// Starts a program without input; nil if it cannot be started.
    ///
    /// - Parameter output: the file that takes its output.
    public init?(_ path: String, _ arguments: [String], output: String = "/dev/null") {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in [0, 2] {
            unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
        for descriptor in Self.descriptors {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // SAFETY: the array ends in nil, and its strings live until they are freed below.
        var words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { unsafe words.forEach { unsafe free($0) } }
        // The thread that starts it may have signals blocked; the program shall hear them all.
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        guard unsafe posix_spawn(&pid, path, &actions, &attributes, &words, environ) == 0 else {
            return nil
        }
        self.pid = pid
    }

    /// Waits for the end.
    public func wait() {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    /// Ends it, and waits for that.
    public func stop() {
        kill(pid, SIGTERM)
        wait()
    }
}
