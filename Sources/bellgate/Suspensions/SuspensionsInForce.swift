import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile

extension LoadedPolicy {
    /// The same policy with the suspensions that are written down beside the log.
    ///
    /// - Parameters:
    ///   - directory: the log's.
    ///   - seconds: suspensions that were over by then are left out; `nil` for none.
    ///   - tell: is told what cannot be read. What can be read holds.
    func suspending(
        bySuspensionsOf directory: String, openAt seconds: Int64?, tell: (String) -> Void
    ) -> LoadedPolicy {
        let contents: SuspensionContents
        do {
            contents = try SuspensionBook(directory: directory).read()
        } catch {
            // Where there is no log yet, nobody was suspended.
            if (error as? JournalError)?.code != .directoryUnusable { tell("\(error)") }
            return self
        }
        contents.damage.forEach(tell)
        let meant = contents.records.filter { $0.endSeconds > seconds ?? .min }
        if meant.isEmpty, policy.suspensions.isEmpty { return self }
        return suspending(meant.map(suspension))
    }

    /// A record in terms of this policy: of a device that it still names, the device itself with
    /// the addresses that it has now.
    private func suspension(_ record: SuspensionRecord) -> Suspension {
        let start = Instant(seconds: record.fromSeconds)
        let window = start..<max(start, Instant(seconds: record.endSeconds))
        if let place = policy.devices.firstIndex(where: { $0.name == record.device }) {
            return Suspension(device: place, window: window)
        }
        let addresses = record.addresses.compactMap { IPAddress($0) }
        return Suspension(
            networks: addresses.map { IPNetwork(address: $0, prefixLength: 128) }, window: window)
    }
}

/// Makes a running server take up what has been written down.
///
/// - Returns: what that means, to be put behind what was done.
func tellServer(of configuration: ServerConfiguration) -> String {
    switch SuspensionReply.ask(configuration.controlPath) {
    case .takenUp: return "in effect now"
    case .noServer: return "in effect when the server starts; none is running"
    case .unclear:
        say(
            "the running server did not confirm it; see `bellgate status`, and `bellgate reload` "
                + "makes it look again")
        return "written down"
    }
}
