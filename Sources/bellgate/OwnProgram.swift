import CPacketIO
import Glibc

/// This very program as a child process: for work whose memory and mistakes are to stay out of the
/// process that serves.
enum OwnProgram {
    /// Starts it, even where its file has been replaced since. The signals that are kept from this
    /// process's threads are not kept from it; files and sockets close by themselves.
    ///
    /// - Parameter arguments: the verb behind the program's name.
    /// - Returns: the child, to be waited for; `nil` if it could not be started.
    static func start(_ arguments: [String]) -> pid_t? {
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        var pid: pid_t = 0
        // SAFETY: the attributes are initialized before and destroyed after their use; the arguments
        // are copies that live until the call has returned, with a NULL behind the last.
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let copies = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        let code = unsafe posix_spawn(
            &pid, "/proc/self/exe", nil, &attributes, copies, environ)
        return code == 0 ? pid : nil
    }
}
