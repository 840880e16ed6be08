import ArgumentParser
import CPacketIO
import DecisionLog
import Glibc

/// Whether it is shown who a client is; everywhere with the same two options.
struct IdentityOptions: ParsableArguments {
    @Flag(
        help: "Show addresses and devices in place of pseudonyms; noted in the audit trail.")
    var identify = false

    @Option(help: ArgumentHelp("Why they are shown; noted with it.", valueName: "text"))
    var reason: String?

    /// The longest reason, in octets: a sentence or a few.
    static let maximumReason = 1000

    func validate() throws {
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
    /// - Parameters:
    ///   - asked: whether it is asked what one address or device did: whoever asks so learns whose
    ///     the rows are, and which pseudonym it has, without any address being shown.
    ///   - showsClients: whether rows or clients are shown at all; counts alone need no pseudonyms.
    /// - Returns: the look, which is on record if it is one at identities.
    /// - Throws: `JournalError` where it cannot be recorded, or where pseudonyms cannot be made.
    func begin(
        directory: String, asked: LookByIdentity? = nil, showsClients: Bool = true
    ) throws -> LogLook {
        try JournalReader.requireLog(directory: directory)
        let pseudonyms =
            showsClients && !identify ? try Pseudonyms(directory: directory) : nil
        let reason = identify ? reason : asked?.rawValue
        return try LogLook(at: directory, pseudonyms, reason: reason)
    }
}

/// How it is asked what somebody did who is known; the reason that is noted where none was given.
enum LookByIdentity: String {
    case address = "none given: asked by address"
    case device = "none given: asked by a device's name"
}

/// Somebody looks at a log: by pseudonyms, or at identities, which the audit trail tells of.
///
/// A look at identities holds back the signals that end a program, so that how many rows were shown
/// is noted in any case; see `endIfAsked`.
final class LogLook {
    /// What stands for clients and devices; `nil` = who they are is shown, if anybody is.
    let pseudonyms: Pseudonyms?
    /// Where a look at identities is noted.
    private var trail: AuditTrail?
    private var question = ""
    private var number: UInt64 = 0
    private var isOver = false

    /// - Parameter reason: of a look at identities, which is noted now.
    fileprivate init(at directory: String, _ pseudonyms: Pseudonyms?, reason: String?) throws {
        self.pseudonyms = pseudonyms
        guard let reason else { return }
        let trail = try AuditTrail(directory: directory)
        question = Self.question(givenArguments())
        var signals = Self.ending
        // SAFETY: the set is a local value that outlives the call.
        unsafe sigprocmask(SIG_BLOCK, &signals, nil)
        // A reader that is gone is told by the write.
        signal(SIGPIPE, SIG_IGN)
        number = try trail.append(.look, question: question, reason: reason).number
        self.trail = trail
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
    static func question(_ arguments: [String]) -> String {
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
