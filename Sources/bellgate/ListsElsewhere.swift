import ArgumentParser
import Glibc
import PolicyEngine
import PolicyFile

/// Has lists compiled by a child process, so that a server that takes up changed lists keeps its
/// memory small and its processors free: the child steps behind whoever else has work to do.
enum ListsElsewhere {
    /// How far the child steps back: the kernel then gives it what others leave.
    static let niceness: Int32 = 10

    /// Returns when the child has ended, whatever became of it; what it made lies in the folder.
    static func compile(policy: String, folder: String) {
        let arguments = ["bellgate", CompileLists.name, "--policy", policy, "--folder", folder]
        var pid: pid_t = 0
        guard start(arguments, &pid) == 0 else { return }
        var status: Int32 = 0
        // SAFETY: the kernel fills in the one value.
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    }

    /// Starts this very program, even where its file has been replaced since. The signals that are
    /// kept from this process's threads are not kept from it; files and sockets close by themselves.
    private static func start(_ arguments: [String], _ pid: inout pid_t) -> Int32 {
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        // SAFETY: the attributes are initialized before and destroyed after their use; the arguments
        // are copies that live until the call has returned, with a NULL behind the last.
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let copies = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe posix_spawn(&pid, "/proc/self/exe", nil, &attributes, copies, environ)
    }
}

/// `bellgate compile-lists`: what `ListsElsewhere` starts. Says nothing; the server finds the same
/// mistakes itself.
struct CompileLists: ParsableCommand {
    static let name = "compile-lists"

    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Compile a policy's lists into a folder.",
        shouldDisplay: false)

    @Option var policy: String
    @Option var folder: String

    func run() {
        _ = nice(ListsElsewhere.niceness)
        _ = loadPolicy(
            at: policy, now: .now, compilation: ListCompilation(folder: folder))
    }
}
