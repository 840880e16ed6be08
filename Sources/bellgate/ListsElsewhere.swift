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
    static func compile(policy: String, folder: String, copies: String) {
        let arguments = [
            "bellgate", CompileLists.name, "--policy", policy, "--folder", folder, "--copies",
            copies,
        ]
        guard let pid = OwnProgram.start(arguments) else { return }
        var status: Int32 = 0
        // SAFETY: the kernel fills in the one value.
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
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
    @Option var copies: String

    func run() {
        _ = nice(ListsElsewhere.niceness)
        _ = loadPolicy(
            at: policy, now: .now, compilation: ListCompilation(folder: folder),
            copies: ListCopies(folder: copies))
    }
}
