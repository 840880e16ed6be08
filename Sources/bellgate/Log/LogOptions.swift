import ArgumentParser
import CPacketIO
import DNSServer
import DNSWire
import DecisionLog
import Glibc
import LDNSBridge
import PolicyEngine
import PolicyFile

/// Which log is read.
struct LogLocation: ParsableArguments {
    @Option(
        help: ArgumentHelp("The server's configuration, which names the log.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("The log's directory itself, in place of --config.", valueName: "dir"))
    var directory: String?

    private static let defaultConfig = "bellgate.yaml"

    func validate() throws {
        if config != nil, directory != nil {
            throw ValidationError("Give --config or --directory, not both.")
        }
        // SAFETY: the name is passed as a C string for the length of the call.
        guard unsafe config != nil || directory != nil || access(Self.defaultConfig, F_OK) == 0
        else {
            throw ValidationError(
                "Give --config FILE or --directory DIR; there is no bellgate.yaml in this folder.")
        }
    }

    /// The time zone of the policy; UTC, and a note, where that cannot be told.
    func timeZone() -> ZoneRules {
        let path =
            directory == nil ? loadConfiguration(at: config ?? Self.defaultConfig).policyPath : nil
        if let zone = path.flatMap({ PolicyFile.timeZone(ofPolicyAt: $0) }) { return zone }
        standardError(
            path.map { "note: hours and days are those of UTC, since \($0) tells no time zone" }
                ?? "note: hours and days are those of UTC; --config would tell the policy's time zone"
        )
        return .utc
    }

    /// The directory; a configuration that cannot be read is reported and ends the verb.
    func directoryPath() throws -> String {
        if let directory { return directory }
        let load = loadConfiguration(at: config ?? Self.defaultConfig)
        guard let configuration = load.configuration else {
            load.diagnostics.forEach { standardError($0.description) }
            throw ExitCode(ExitStatus.wrong)
        }
        return configuration.logDirectory
    }
}

/// Which rows are shown.
struct LogFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Not before this instant.", valueName: "instant"))
    var since: String?

    @Option(help: ArgumentHelp("Before this instant.", valueName: "instant"))
    var until: String?

    @Option(help: ArgumentHelp("The group as it was recorded.", valueName: "name"))
    var group: String?

    @Option(
        help: ArgumentHelp(
            "A client's address, a network, or a client's pseudonym.",
            valueName: "client"))
    var client: String?

    @Option(
        help: ArgumentHelp(
            "A device by the name that it had in the policy, or by its pseudonym.",
            valueName: "device"))
    var device: String?

    @Option(help: ArgumentHelp("This name and all under it; =NAME: it alone.", valueName: "name"))
    var name: String?

    @Option(help: "allow, block, rewrite or gap.")
    var verdict: String?

    @Option(help: ArgumentHelp("The deciding rule, or default.", valueName: "id"))
    var rule: String?

    @Option(help: ArgumentHelp("A category, or a part of its path.", valueName: "category"))
    var category: String?

    @Option(help: ArgumentHelp("Only rows behind this one.", valueName: "seq"))
    var afterSeq: UInt64?

    func validate() throws { _ = try filter() }

    /// The filter, or what is wrong with the first option that cannot be read.
    func filter() throws -> RowFilter {
        var filter = RowFilter()
        filter.sinceMicros = try Self.instant(since, "--since")
        filter.untilMicros = try Self.instant(until, "--until")
        filter.group = group
        filter.rule = rule
        filter.category = category
        filter.afterSeq = afterSeq
        if let client, pseudonym == nil {
            guard let network = IPNetwork(client, hostBitsAllowed: true) else {
                throw ValidationError(
                    Pseudonyms.canonical(client, .device) == nil
                        ? "\"\(client)\" is no pseudonym, no address and no network."
                        : "\"\(client)\" stands for a device: ask with --device \(client).")
            }
            filter.client = network
        }
        if let device {
            guard Pseudonyms.canonical(device, .client) == nil else {
                throw ValidationError(
                    "\"\(device)\" stands for a client: ask with --client \(device).")
            }
            filter.device = devicePseudonym == nil ? device : nil
        }
        if let name { filter.name = try Self.nameFilter(name) }
        if let verdict {
            let word = try OptionWord.read(
                verdict, among: RecordVerdict.allCases.map { "\($0)" })
            filter.verdict = RecordVerdict.allCases.first { "\($0)" == word }
        }
        return filter
    }

    /// The pseudonym that was given for a client.
    private var pseudonym: String? { client.flatMap { Pseudonyms.canonical($0, .client) } }
    /// The pseudonym that was given for a device.
    private var devicePseudonym: String? {
        device.flatMap { Pseudonyms.canonical($0, .device) }
    }

    /// How it is asked for somebody who is known, which is a look at who did what.
    var identity: LookByIdentity? {
        if client != nil, pseudonym == nil { return .address }
        return device != nil && devicePseudonym == nil ? .device : nil
    }

    /// The filter for a log: pseudonyms are taken for whom they stand for there.
    func filter(in directory: String) throws -> RowFilter {
        var filter = try filter()
        if let pseudonym {
            filter = try PseudonymSearch(directory: directory).narrow(filter, to: pseudonym)
        }
        if let devicePseudonym {
            filter = try PseudonymSearch(directory: directory)
                .narrow(filter, toDevice: devicePseudonym)
        }
        return filter
    }

    /// A name may be typed as people write it; the log holds the form that the DNS carries.
    private static func nameFilter(_ text: String) throws -> NameFilter {
        let isExact = text.hasPrefix("=")
        guard let ascii = idnToASCII(isExact ? String(text.dropFirst()) : text) else {
            throw ValidationError("\"\(text)\" is no name: it has no ASCII form.")
        }
        do {
            return try NameFilter(parsing: isExact ? "=\(ascii)" : ascii)
        } catch {
            throw ValidationError("\"\(text)\" is no name: \(error).")
        }
    }

    static func instant(_ text: String?, _ option: String) throws -> Int64? {
        guard let text else { return nil }
        guard let instant = LogTime.parse(text, nowMicros: WallClock.nowMicros) else {
            throw ValidationError(
                "\(option): \"\(text)\" is no instant; write 2026-11-23T10:30:00Z, "
                    + "\"2026-11-23 10:30\", 2026-11-23 or 2h.")
        }
        return instant
    }
}

func requireCount(_ limit: Int?) throws {
    if let limit, limit < 0 { throw ValidationError("--limit takes a number from 0 on.") }
}
