import ArgumentParser
import Glibc
import PolicyEngine
import PolicyFile
import Review

/// `bellgate notice`: what people are told about the filter.
struct NoticeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notice",
        abstract: "Write what people are to be told about the filter.",
        discussion: """
            From the policy and the configuration in force: what is filtered when, what is recorded, \
            who sees it, for how long, and whom to ask. Its version is the policy's hash, so a changed \
            policy is a changed notice.

            The groups of an audience are those called by its name (learner, student, pupil; staff, \
            teacher; guest, visitor) and those that inherit from them; --group names others.

            EXAMPLES
              bellgate notice --audience staff --config /etc/bellgate/bellgate.yaml
              bellgate notice --audience parents --format html --config bellgate.yaml > parents.html
            """)

    @Option(
        help: "learners, staff, guests or parents.",
        transform: { word in
            guard let audience = NoticeAudience(rawValue: word) else {
                let known = NoticeAudience.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("There is no audience \"\(word)\"; there are: \(known).")
            }
            return audience
        })
    var audience: NoticeAudience

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Option(
        name: .customLong("group"),
        help: ArgumentHelp("A group that the notice is about; may be repeated.", valueName: "name"))
    var groups: [String] = []

    @Option(help: "text or html.")
    var format = Format.text

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, html }

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        report(load.diagnostics)
        guard let loaded = load.loaded else { throw ExitCode.failure }
        let notice = Notice(
            audience, groups: try chosenGroups(loaded.policy), policy: loaded,
            keepSeconds: configuration.logKeepSeconds,
            hasBlockPage: configuration.blockPage != nil, now: .now)
        print(format == .text ? notice.text() : notice.html(), terminator: "")
    }

    private func chosenGroups(_ policy: Policy) throws -> [Int] {
        let known = policy.groups.map(\.name)
        if let wrong = groups.first(where: { !known.contains($0) }) {
            say("there is no group \"\(wrong)\"; the groups are: \(known.joined(separator: ", "))")
            throw ExitCode.failure
        }
        let chosen =
            groups.isEmpty
            ? Notice.groups(of: audience, in: policy)
            : policy.groups.indices.filter { groups.contains(known[$0]) }
        guard !chosen.isEmpty else {
            say(
                "no group is called after \(audience.rawValue); say which it is with --group: "
                    + known.joined(separator: ", "))
            throw ExitCode.failure
        }
        return chosen
    }
}
