import ArgumentParser
import DNSServer
import Foundation
import Glibc
import ListFetch
import PolicyFile

/// `bellgate lists`: the lists that come from the web.
struct Lists: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch the lists that come from the web, and say how fresh they are.",
        discussion: """
            Lists with a url: are fetched by the running server as often as their every: says. The \
            last good copy stays in force until a better one has been looked through: what has lost \
            more than half of its names, is a web page, or cannot be read is held back and told.
            """,
        subcommands: [ListsUpdate.self, ListsStatus.self])
}

/// `bellgate lists update`.
struct ListsUpdate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Fetch lists now, check them, and have a running server take them up.",
        discussion: """
            Without names, all lists from the web are fetched. Exit status 1 if one could not be \
            fetched or was held back; the copies before stay in force then.

            EXAMPLES
              bellgate lists update --config /etc/bellgate/bellgate.yaml
              bellgate lists update malware --config /etc/bellgate/bellgate.yaml
              bellgate lists update --accept malware --config /etc/bellgate/bellgate.yaml
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Flag(help: "Take the contents of these lists that were held back, without fetching.")
    var accept = false

    @Flag(help: .hidden)
    var due = false

    @Argument(help: "Lists, by their names in the policy.")
    var names: [String] = []

    func validate() throws {
        if accept, names.isEmpty { throw ValidationError("Name the lists to accept.") }
    }

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let copies = configuration.listCopies
        var lists = try chosenLists(configuration)
        guard !lists.isEmpty else { return }
        if due { _ = nice(ListsElsewhere.niceness) }
        guard let lock = UpdateLock(copies) else {
            say("\(copies.folder) cannot be used; let this user write there")
            throw ExitCode.failure
        }
        let updater = ListUpdater(copies: copies)
        if due {
            let now = Int64(time(nil))
            lists.removeAll { ListUpdater.due($0, copies.state(of: $0.url)) > now }
        }
        var hasTrouble = false
        var hasChanged = false
        withExtendedLifetime(lock) {
            for list in lists {
                let result = accept ? updater.accept(list) : updater.update(list)
                switch result {
                case .changed: hasChanged = true
                case .unchanged: break
                case .held, .failed: hasTrouble = true
                }
                tell(list, result, copies)
            }
        }
        // A server that started this notices the new files by itself.
        if hasChanged, !due { try reload(configuration) }
        if hasTrouble { throw ExitCode.failure }
    }

    private func chosenLists(_ configuration: ServerConfiguration) throws -> [WebList] {
        let (lists, errorCount) = webLists(ofPolicyAt: configuration.policyPath)
        if errorCount > 0, !due {
            say(
                "\(configuration.policyPath) has mistakes, so lists may be missing here; see "
                    + "bellgate check --config \(config)")
        }
        for name in names where !lists.contains(where: { $0.name == name }) {
            let known = lists.map(\.name).sorted().joined(separator: ", ")
            say(
                "no list from the web is called \"\(name)\"; "
                    + (known.isEmpty ? "the policy names none" : "there are: \(known)"))
            throw ExitCode.failure
        }
        if lists.isEmpty, !due {
            print("\(configuration.policyPath) names no list from the web (url:); nothing to fetch")
        }
        return names.isEmpty ? lists : lists.filter { names.contains($0.name) }
    }

    private func tell(_ list: WebList, _ update: ListUpdate, _ copies: ListCopies) {
        let text: String
        switch update {
        case .changed(let names, let before):
            let change = names - before
            text =
                "\(names) names, in force"
                + (before == 0
                    ? "" : " (\(change < 0 ? "\(-change) fewer" : "\(change) more") than before)")
        case .unchanged: text = "unchanged"
        case .held(let reason):
            text =
                "HELD BACK: \(reason); the copy before stays in force. Look at "
                + "\(copies.heldPath(of: list.url)); if it is right: bellgate lists update "
                + "--accept \(list.name) --config \(config)"
        case .failed(let reason):
            let state = copies.state(of: list.url)
            let meanwhile =
                state.currentAt.map { "the copy of \(ListStatus.time($0)) stays in force" }
                ?? "there is no copy, so it has no names yet"
            text = "FAILED: \(reason) (\(list.url)); \(meanwhile)"
        }
        guard due else {
            print("\(list.name): \(text)")
            finishOutput()
            return
        }
        if case .unchanged = update { return }
        say("list \(list.name): \(text)")
    }

    /// Has a running server take the copies up, and waits until it has.
    private func reload(_ configuration: ServerConfiguration) throws {
        guard let reply = ControlSocket.ask(configuration.controlPath, "reload"),
            let result = try? JSONDecoder().decode(
                Service.ReloadResult.self, from: Data(reply.utf8))
        else {
            print("no server is running here; the next start takes them up")
            return
        }
        guard result.ok else {
            for line in result.errors { say(line) }
            say("the running server refused its policy with these lists; the one before goes on")
            throw ExitCode.failure
        }
        print("the running server has taken them up")
    }
}

/// `bellgate lists status`.
struct ListsStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say how fresh the lists from the web are.",
        discussion: """
            Exit status 1 if one was never fetched, is held back, or failed when last tried.

            EXAMPLES
              bellgate lists status --config /etc/bellgate/bellgate.yaml
            """)

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let (lists, errorCount) = webLists(ofPolicyAt: configuration.policyPath)
        let rows = lists.map { ListStatus($0, configuration.listCopies) }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(["lists": rows]), as: UTF8.self))
        } else {
            if errorCount > 0 {
                say(
                    "\(configuration.policyPath) has mistakes, so lists may be missing here; see "
                        + "bellgate check --config \(config)")
            }
            print(Self.text(rows, configuration.policyPath))
        }
        if rows.contains(where: \.needsLook) { throw ExitCode.failure }
    }

    private static func text(_ rows: [ListStatus], _ policy: String) -> String {
        guard !rows.isEmpty else { return "\(policy) names no list from the web (url:)" }
        let header = ["list", "names", "age", "last changed", "next try", "state"]
        let lines = TextTable.lines(
            [header]
                + rows.map { row in
                    [
                        row.name, "\(row.names)", row.ageSeconds.map(ListStatus.age) ?? "-",
                        row.changed ?? "never", row.next ?? "at once", row.stateText,
                    ]
                }, numbers: 1...1)
        return lines.joined(separator: "\n")
    }
}

/// What is known of a list from the web, for people and for programs.
struct ListStatus: Codable {
    var name: String
    var url: String
    /// Names in force.
    var names: Int
    /// When its contents last changed here.
    var changed: String?
    /// When the copy was last known to be what the web has.
    var current: String?
    /// How long ago that was, in seconds.
    var ageSeconds: Int64?
    /// How often it is to be fetched, in seconds.
    var everySeconds: Int64
    /// When it is tried next.
    var next: String?
    /// Why the last attempt failed.
    var problem: String?
    /// Why its latest contents are not used.
    var held: String?

    init(_ list: WebList, _ copies: ListCopies) {
        let state = copies.state(of: list.url)
        name = list.name
        url = list.url
        names = state.names
        changed = state.changedAt.map(Self.time)
        current = state.currentAt.map(Self.time)
        ageSeconds = state.currentAt.map { max(0, Int64(Glibc.time(nil)) - $0) }
        everySeconds = list.everySeconds
        next = state.triedAt == nil ? nil : Self.time(ListUpdater.due(list, state))
        problem = state.problem
        held = state.held?.reason
    }

    /// Whether a person should look at it.
    var needsLook: Bool { current == nil || problem != nil || held != nil }

    var stateText: String {
        if let held { return "HELD BACK: \(held)" }
        if let problem { return "FAILED: \(problem)" }
        return current == nil ? "never fetched" : "fine"
    }

    /// An instant as RFC 3339, UTC.
    static func time(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    /// A length of time for people.
    static func age(_ seconds: Int64) -> String {
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7200 { return "\(seconds / 60) min" }
        return seconds < 172_800 ? "\(seconds / 3600) h" : "\(seconds / 86_400) d"
    }
}
