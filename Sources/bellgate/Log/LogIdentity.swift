import ArgumentParser
import CPacketIO
import DecisionLog
import Glibc

/// Whether it is shown who a client is; everywhere with the same two options.
struct IdentityOptions: ParsableArguments {
    @Flag(help: "Show pseudonyms in place of addresses and devices.")
    var pseudonyms = false

    @Flag(help: "Note in the audit trail that addresses and devices were looked at, and why.")
    var identify = false

    @Option(help: ArgumentHelp("Why they are shown; noted with it.", valueName: "text"))
    var reason: String?

    /// The longest reason, in octets: a sentence or a few.
    static let maximumReason = 1000

    func validate() throws {
        guard !identify || !pseudonyms else {
            throw ValidationError("--identify shows what --pseudonyms hides: give one of them.")
        }
        guard identify || reason != nil else { return }
        guard identify else { throw ValidationError("--reason goes with --identify.") }
        guard let reason, reason.contains(where: { !$0.isWhitespace }) else {
            throw ValidationError(
                "--identify shows who asked what: say why, with --reason \"...\"; it is noted.")
        }
        guard reason.utf8.count <= Self.maximumReason else {
            throw ValidationError("--reason takes at most \(Self.maximumReason) octets.")
        }
    }

    /// What is to be called before anything of a log is shown.
    ///
    /// - Returns: the look, which is on record if it is one at identities.
    /// - Throws: `JournalError` where it cannot be recorded, or where pseudonyms cannot be made.
    func begin(directory: String) throws -> LogLook {
        if identify { return try LogLook(identitiesOf: directory, reason: reason ?? "") }
        return try pseudonyms ? LogLook(pseudonymsOf: directory) : LogLook(at: directory)
    }
}

/// Somebody looks at a log: by pseudonyms, or at identities, which the audit trail tells of.
///
/// A look at identities holds back the signals that end a program, so that how many rows were shown
/// is noted in any case; see `endIfAsked`.
final class LogLook {
    /// What stands for clients and devices; `nil` = who they are is shown.
    let pseudonyms: Pseudonyms?
    private let trail: AuditTrail?
    private let question: String
    private let number: UInt64
    private var isOver = false

    fileprivate init(at directory: String) throws {
        try JournalReader.requireLog(directory: directory)
        pseudonyms = nil
        trail = nil
        question = ""
        number = 0
    }

    fileprivate init(pseudonymsOf directory: String) throws {
        pseudonyms = try Pseudonyms(directory: directory)
        trail = nil
        question = ""
        number = 0
    }

    fileprivate init(identitiesOf directory: String, reason: String) throws {
        try JournalReader.requireLog(directory: directory)
        let trail = try AuditTrail(directory: directory)
        question = Self.question(givenArguments())
        var signals = Self.ending
        // SAFETY: the set is a local value that outlives the call.
        unsafe sigprocmask(SIG_BLOCK, &signals, nil)
        // A reader that is gone is told by the write.
        signal(SIGPIPE, SIG_IGN)
        number = try trail.append(.look, question: question, reason: reason).number
        self.trail = trail
        pseudonyms = nil
    }

    /// Notes how many rows were shown; the second time does nothing.
    func end(rows: Int) throws {
        guard let trail, !isOver else { return }
        isOver = true
        try trail.append(.shown, question: question, rows: UInt64(rows), look: number)
    }

    /// Ends the program where a signal asks for that, after noting how many rows were shown.
    func endIfAsked(rows: Int) {
        guard trail != nil else { return }
        var signals = Self.ending
        var none = timespec()
        // SAFETY: both are local values that outlive the calls.
        let signal = unsafe sigtimedwait(&signals, nil, &none)
        guard signal > 0 else { return }
        try? end(rows: rows)
        unsafe sigprocmask(SIG_UNBLOCK, &signals, nil)
        // What the signal does to a program that does not mind it.
        kill(getpid(), signal)
    }

    private static var ending: sigset_t {
        var signals = sigset_t()
        // SAFETY: the set is a local value.
        unsafe sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, signal) }
        return signals
    }

    /// The longest question that is noted, in characters.
    private static let maximumQuestion = 4000

    /// The command line as it would be typed, without the reason, which is noted beside it.
    private static func question(_ arguments: [String]) -> String {
        var words: [String] = []
        var isReason = false
        for word in arguments {
            if !isReason, word != "--reason", !word.hasPrefix("--reason=") {
                let isPlain = word.allSatisfy {
                    $0.isLetter || $0.isNumber || "-_./:=,@".contains($0)
                }
                words.append(isPlain && !word.isEmpty ? word : "\"\(word)\"")
            }
            isReason = !isReason && word == "--reason"
        }
        let text = words.joined(separator: " ")
        return text.count > maximumQuestion ? text.prefix(maximumQuestion) + "..." : text
    }
}
