import Glibc

/// The `log-follower` executable, built next to the tests, as a process of its own.
final class ChildFollower {
    private let process: pid_t
    private let output: Int32

    private struct Missing: Error {
        let path: String
    }

    init(directory: String) throws {
        var pipes: [Int32] = [0, 0]
        _ = unsafe pipe(&pipes)
        output = pipes[0]
        let program = Self.folder + "/log-follower"
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
        unsafe posix_spawn_file_actions_addclose(&actions, pipes[0])
        // SAFETY: the array ends in nil, and its texts live until they are freed below.
        let arguments = unsafe [strdup(program), strdup(directory), nil]
        var identifier: pid_t = 0
        let refusal = unsafe posix_spawn(&identifier, program, &actions, nil, arguments, nil)
        unsafe arguments.forEach { unsafe free($0) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        close(pipes[1])
        process = identifier
        guard refusal == 0 else { throw Missing(path: program) }
    }

    /// The folder of the running tests.
    private static var folder: String {
        var link = [UInt8](repeating: 0, count: 4096)
        // SAFETY: the buffer is as long as is said.
        let length = unsafe link.withUnsafeMutableBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe readlink("/proc/self/exe", base.assumingMemoryBound(to: CChar.self), 4096)
        }
        let path = String(decoding: link[..<max(length, 0)], as: UTF8.self)
        return "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }

    /// Waits for the end of a round, 20 seconds at the most.
    ///
    /// - Returns: whether one ended.
    func waitForRound() -> Bool {
        var waited = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        // SAFETY: the kernel fills in the one value.
        guard unsafe poll(&waited, 1, 20_000) == 1 else { return false }
        var octets = [UInt8](repeating: 0, count: 4096)
        // SAFETY: at most as many as there is room for.
        return unsafe read(output, &octets, octets.count) > 0
    }

    /// Kills the process and waits until nothing of it is left, its lock on the store included.
    func kill() {
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        _ = unsafe waitpid(process, &status, 0)
    }

    deinit { close(output) }
}
