import ArgumentParser
import Glibc

/// The one binary: `bellgate VERB`.
@main struct Bellgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bellgate",
        abstract: "The DNS filter of a school: at each bell, the gate changes.",
        discussion: """
            Results go to standard output, errors to standard error.
            Exit status: 0 fine, 1 what was asked about is wrong, 2 wrong usage.

            EXAMPLES
              Watch what it does, without a network and in seconds:
                bellgate demo
              Serve:
                bellgate serve --config bellgate.yaml
              Look for mistakes in a policy before it serves:
                bellgate check --policy policy.yaml
              Ask why something is blocked:
                bellgate explain www.instagram.com --group staff --policy policy.yaml
            """,
        version: "bellgate \(ProductVersion.text)",
        subcommands: verbs)

    /// One file a verb; in the order in which `--help` lists them.
    private static let verbs: [any ParsableCommand.Type] = [
        Serve.self,
        Check.self,
        Explain.self,
        Log.self,
        Report.self,
        UseVerb.self,
        ProbeVerb.self,
        ReviewVerb.self,
        ReplayVerb.self,
        EvidenceVerb.self,
        NoticeVerb.self,
        ReportsVerb.self,
        Lists.self,
        SuspendVerb.self,
        LiftVerb.self,
        SuspensionsVerb.self,
        StatusVerb.self,
        Reload.self,
        Demo.self,
        CompileLists.self,
    ]

    /// Runs the verb that the arguments name. Wrong usage ends with 2, where the argument parser's
    /// own way out would be 64.
    static func main() async {
        let arguments = givenArguments()
        if arguments.isEmpty {
            standardError(helpMessage())
            Glibc.exit(ExitStatus.usage)
        }
        do {
            var command = try parseAsRoot(arguments)
            if var longRunning = command as? any AsyncParsableCommand {
                try await longRunning.run()
            } else {
                try command.run()
            }
            finishOutput()
        } catch {
            finishOutput()
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code.isSuccess {
                if !message.isEmpty { print(message) }
                Glibc.exit(ExitStatus.fine)
            }
            if !message.isEmpty { standardError(message) }
            let isUsage = code == .validationFailure || code.rawValue == ExitStatus.usage
            Glibc.exit(isUsage ? ExitStatus.usage : ExitStatus.wrong)
        }
    }
}

/// Which Bellgate this is.
enum ProductVersion {
    /// Semantic versioning; raised with each change of the policy language or of a file's format.
    static let text = "0.5.0"
}

/// What the process ends with.
enum ExitStatus {
    /// All is well.
    static let fine: Int32 = 0
    /// What was asked about is wrong.
    static let wrong: Int32 = 1
    /// The command line is wrong.
    static let usage: Int32 = 2
}

/// The arguments behind the program's name.
///
/// The runtime looks for them on the stack, beside the environment, and finds none where a library
/// that was loaded before it has put the environment elsewhere (libfaketime does). The kernel still
/// knows them (proc(5), `cmdline`: each ends with a zero octet).
func givenArguments() -> [String] {
    let known = CommandLine.arguments
    // SAFETY: the stream is read and closed here, and nowhere else.
    guard known.isEmpty, let file = unsafe fopen("/proc/self/cmdline", "r")
    else { return Array(known.dropFirst()) }
    defer { unsafe fclose(file) }
    var octets: [UInt8] = []
    while case let octet = unsafe fgetc(file), octet != EOF {
        octets.append(UInt8(truncatingIfNeeded: octet))
    }
    return octets.split(separator: 0, omittingEmptySubsequences: false).dropFirst().dropLast()
        .map { String(decoding: $0, as: UTF8.self) }
}

/// Writes out what was printed; a result that did not arrive is no success.
func finishOutput() {
    // No stream is named, so all that are open are written out.
    if fflush(nil) != 0 { failToWrite(errno) }
}

/// Ends the process because standard output takes no more: in silence where nobody reads it.
func failToWrite(_ reason: Int32) -> Never {
    if reason != EPIPE {
        // SAFETY: the C library's text is copied at once.
        let text = unsafe String(cString: strerror(reason))
        standardError("bellgate: the output could not be written: \(text)")
    }
    Glibc.exit(ExitStatus.wrong)
}

/// Writes a line to standard error.
func standardError(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    var start = 0
    while start < bytes.count {
        // SAFETY: `start` is below the count, so the rest of the buffer is what is written, and
        // the buffer is used within the closure alone.
        let written = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(
                STDERR_FILENO, buffer.baseAddress?.advanced(by: start), bytes.count - start)
        }
        guard written > 0 else { return }
        start += written
    }
}
