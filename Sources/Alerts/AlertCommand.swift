import CPacketIO
import Glibc

/// Hands a message to a program, on its standard input.
struct AlertCommand {
    let arguments: [String]
    /// How long it may take, in seconds.
    let seconds: Int

    /// Runs it.
    ///
    /// - Returns: why that did not work; `nil` when the program has ended with 0.
    func run(_ message: AlertMessage) -> String? {
        guard let program = arguments.first else { return "no program is named" }
        // A file without a name: the program may read it when it likes, or not at all.
        guard let file = unsafe tmpfile() else { return "no file can be made for it" }
        defer { unsafe _ = fclose(file) }
        let octets = Array((message.json + "\n").utf8)
        // SAFETY: the buffer is used within the closure alone; the file is open until the return.
        let isWritten = unsafe octets.withUnsafeBytes {
            unsafe fwrite($0.baseAddress, 1, $0.count, file) == $0.count && fflush(file) == 0
        }
        guard isWritten else { return "its input cannot be written" }
        let descriptor = unsafe fileno(file)
        lseek(descriptor, 0, SEEK_SET)
        guard let pid = start(descriptor) else { return "\(program) cannot be started" }
        return wait(for: pid)
    }

    private func start(_ input: Int32) -> pid_t? {
        var attributes = posix_spawnattr_t()
        var actions = unsafe posix_spawn_file_actions_t()
        var none = sigset_t()
        var pid: pid_t = 0
        // SAFETY: attributes and actions are initialized before and destroyed after their use; the
        // arguments are copies that live until the call has returned, with a NULL behind the last.
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let copies = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        let code = unsafe posix_spawn(&pid, arguments[0], &actions, &attributes, copies, environ)
        return code == 0 ? pid : nil
    }

    private func wait(for pid: pid_t) -> String? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var status: Int32 = 0
        while true {
            // SAFETY: the kernel fills in the one value.
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            if ended == pid { break }
            if ended < 0, errno != EINTR { return "it was lost from sight" }
            if ContinuousClock.now > deadline {
                kill(pid, SIGKILL)
                _ = unsafe waitpid(pid, &status, 0)
                return "it took more than \(seconds) seconds"
            }
            usleep(20_000)
        }
        let signal = status & 0x7F
        if signal != 0 { return "it was ended by signal \(signal)" }
        let code = status >> 8 & 0xFF
        return code == 0 ? nil : "it ended with \(code)"
    }
}
