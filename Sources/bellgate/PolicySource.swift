import ArgumentParser
import Glibc
import PolicyEngine
import PolicyFile

/// Where a verb takes its policy from: `--policy FILE`, or the one that `--config FILE` names.
struct PolicySource: ParsableArguments {
    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The policy alone, without a server.", valueName: "file"))
    var policy: String?

    func validate() throws {
        if config != nil, policy != nil {
            throw ValidationError("Give --config or --policy, not both.")
        }
    }

    /// What was read: the policy, and what there is to say about both files.
    struct Loaded {
        var path: String
        var diagnostics: [Diagnostic]
        var policy: PolicyLoad?
        /// Where the log lies, if a configuration says so.
        var logDirectory: String?
        /// Where a server with that configuration can be asked.
        var controlPath: String?
    }

    /// Loads the policy; `fallback` is the configuration to take where neither was given.
    func load(fallback: String? = nil) throws -> Loaded {
        if let policy {
            let load = loadPolicyShowingProgress(
                at: policy, folder: nil, copies: nil, isKept: false)
            return Loaded(path: policy, diagnostics: load.diagnostics, policy: load)
        }
        guard let config = config ?? fallback else {
            throw ValidationError("Give --config FILE or --policy FILE.")
        }
        let configuration = loadConfiguration(at: config)
        guard let policy = configuration.policyPath else {
            return Loaded(path: config, diagnostics: configuration.diagnostics, policy: nil)
        }
        let load = loadPolicyShowingProgress(
            at: policy, folder: configuration.configuration?.indexFolder,
            copies: configuration.configuration?.listCopies, isKept: false,
            hasBlockPage: configuration.configuration.map { $0.blockPage != nil })
        return Loaded(
            path: policy, diagnostics: configuration.diagnostics + load.diagnostics, policy: load,
            logDirectory: configuration.configuration?.logDirectory,
            controlPath: configuration.configuration?.controlPath)
    }
}
