import Glibc
import PolicyFile

/// Shows on a terminal how far the compiling of lists has come; writes nothing where standard error
/// is no terminal, and nothing for work that is soon done.
final class WaitingLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let begun = ContinuousClock.now
    private var shownAt: ContinuousClock.Instant?
    private var isShown = false

    /// Work that is done before this is not worth a line.
    private static let patience = Duration.milliseconds(500)
    /// How often the line changes.
    private static let step = Duration.milliseconds(100)

    /// Takes what `loadPolicy` tells.
    func show(_ progress: ListProgress) {
        guard isTerminal else { return }
        let now = ContinuousClock.now
        let isLast = progress == .indexing
        guard isLast && isShown || now - begun >= Self.patience,
            isLast || shownAt.map({ now - $0 >= Self.step }) ?? true
        else { return }
        shownAt = now
        isShown = true
        write("\r\u{1B}[K\(Self.text(progress))")
    }

    /// Takes the line away.
    func end() {
        if isShown { write("\r\u{1B}[K") }
        isShown = false
    }

    private static func text(_ progress: ListProgress) -> String {
        switch progress {
        case .reading(let list, let octets, let total):
            "compiling lists: \(total > 0 ? octets * 100 / total : 100) % read (\(list))"
        case .indexing: "compiling lists: all read, making the index"
        }
    }

    private func write(_ text: String) {
        let octets = Array(text.utf8)
        // SAFETY: the buffer is used within the closure alone.
        _ = unsafe octets.withUnsafeBytes {
            unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
        }
    }
}

/// Loads a policy as a verb does that a person waits for.
///
/// - Parameter folder: where its lists are kept compiled, if a server keeps them.
/// - Parameter copies: where copies of its lists from the web lie, if not beside it.
/// - Parameter isKept: whether lists that had to be compiled are kept there. A verb that only looks
///   leaves the server's folder as it is.
func loadPolicyShowingProgress(
    at path: String, folder: String?, copies: ListCopies?, isKept: Bool, hasBlockPage: Bool? = nil
) -> PolicyLoad {
    let line = WaitingLine()
    defer { line.end() }
    return loadPolicy(
        at: path, now: .now,
        compilation: ListCompilation(folder: folder, isKept: isKept, progress: line.show),
        copies: copies, hasBlockPage: hasBlockPage)
}
