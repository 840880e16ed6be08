import ArgumentParser
import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile

/// A device as a person names it: by the policy's name for it, or by its address.
struct NamedDevice {
    let name: String?
    let addresses: [IPAddress]

    /// Looks a device up; ends the verb with advice where there is none.
    ///
    /// An address may be that of a device that goes by more than its address: a running server
    /// knows which is there now.
    init(_ text: String, _ configuration: ServerConfiguration) throws {
        let known = KnownDevices(ofPolicyAt: configuration.policyPath)
        if let address = IPAddress(text) {
            let present = Whereabout.ask(configuration.controlPath, address)?.presence
            let name = known.name(of: address) ?? present.flatMap(known.name)
            self.name = name
            addresses = name.flatMap { known.addresses(ofDevice: $0) } ?? [address]
        } else if let addresses = known.addresses(ofDevice: text) {
            name = text
            self.addresses = addresses
        } else {
            standardError("there is no device \"\(text)\"; \(known.advice(for: text))")
            throw ExitCode(ExitStatus.wrong)
        }
    }

    /// Whether a record is about this device.
    func isMeant(by record: SuspensionRecord) -> Bool {
        if let name, record.device == name { return true }
        return record.addresses.contains { text in
            IPAddress(text).map(addresses.contains) ?? false
        }
    }
}

/// By whose decision a suspension begins or ends, and of which server.
struct SuspensionDecision: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Why; kept with it in the audit trail, never sent to a device.", valueName: "text"))
    var reason: String?

    @Option(help: ArgumentHelp("Who decided: dsl or principal.", valueName: "role"))
    var authorisedBy: String?

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    func validate() throws {
        if let authorisedBy { try SuspensionWords.check(authority: authorisedBy, config: config) }
        if let reason { _ = try SuspensionWords.reason(reason) }
    }
}

/// What `suspend` and `lift` say of a person's words before they are written down.
enum SuspensionWords {
    /// Refuses a role that may not decide about suspensions and about what is written out of a
    /// device, and names those who may.
    static func check(authority: String, config: String) throws {
        guard !SuspensionBook.authorities.contains(authority) else { return }
        let path = loadConfiguration(at: config).policyPath
        let holders = path.map { roles(ofPolicyAt: $0) } ?? [:]
        let offices = SuspensionBook.authorities.map { office in
            "--authorised-by \(office)" + (holders[office].map { " (\($0))" } ?? "")
        }
        throw ValidationError(
            "\"\(authority)\" has no right to decide about this: write "
                + "\(offices.joined(separator: " or ")), whoever did decide. Who holds these offices "
                + "stands under roles: in \(path ?? "the policy file").")
    }

    /// A reason in one line; refused where it says nothing or too much.
    static func reason(_ text: String) throws -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        guard !words.isEmpty else {
            throw ValidationError("Say why, with --reason \"...\"; it stays with the record.")
        }
        guard words.utf8.count <= SuspensionBook.maximumReason else {
            throw ValidationError(
                "--reason takes at most \(SuspensionBook.maximumReason) octets.")
        }
        return words
    }

    /// "head-laptop (10.30.4.7)", "10.20.4.9".
    static func who(_ record: SuspensionRecord) -> String {
        let addresses = record.addresses.joined(separator: ", ")
        guard let device = record.device else { return addresses }
        return addresses.isEmpty ? device : "\(device) (\(addresses))"
    }

    /// The zone of the policy, or else the machine's idea of none.
    static func zone(_ configuration: ServerConfiguration) -> ZoneRules {
        timeZone(ofPolicyAt: configuration.policyPath) ?? .utc
    }
}
