import ArgumentParser
import DNSServer
import DNSWire
import DecisionLog
import Glibc
import LDNSBridge
import LogStore
import PolicyEngine
import PolicyFile
import Review

/// `bellgate evidence export`
struct EvidenceExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the rows of one device, and a summary, into a folder.",
        discussion: """
            Shows who the device is, so it is a look at an identity like --identify elsewhere. Support \
            services are left out unless --with-support-services says otherwise: who turns to one is \
            nobody's business. --to parents writes the summary alone, without rows.
            """)

    /// For whom it is.
    enum Audience: String, ExpressibleByArgument, CaseIterable {
        /// Those who deal with the case: rows and summary.
        case investigation
        /// Parents or carers: the summary alone.
        case parents
    }

    @Option(help: ArgumentHelp("The server's configuration.", valueName: "file"))
    var config: String

    @Option(
        help: ArgumentHelp(
            "The device: its name, its address, or its pseudonym.", valueName: "device"))
    var device: String

    @Option(help: ArgumentHelp("From this instant on.", valueName: "instant"))
    var since: String

    @Option(help: ArgumentHelp("Before this instant.", valueName: "instant"))
    var until: String

    @Option(help: ArgumentHelp("Why; noted with it.", valueName: "text"))
    var reason: String

    @Option(help: ArgumentHelp("Who decided: dsl or principal.", valueName: "role"))
    var authorisedBy: String

    @Option(help: "investigation (rows and summary) or parents (the summary alone).")
    var to = Audience.investigation

    @Option(help: ArgumentHelp("A folder that is made for it.", valueName: "folder"))
    var out: String

    @Flag(help: "With rows about support services.")
    var withSupportServices = false

    func validate() throws {
        try SuspensionWords.check(authority: authorisedBy, config: config)
        _ = try SuspensionWords.reason(reason)
        let times = try times()
        guard times.lowerBound < times.upperBound else {
            throw ValidationError("--since is not before --until.")
        }
        guard !withSupportServices || to == .investigation else {
            throw ValidationError("Parents get no rows about support services.")
        }
    }

    func run() throws {
        let configuration = try readConfiguration(at: config)
        let load = loadPolicyShowingProgress(
            at: configuration.policyPath, folder: configuration.indexFolder,
            copies: configuration.listCopies, isKept: false)
        report(load.diagnostics)
        guard let loaded = load.loaded else { throw ExitCode(ExitStatus.wrong) }
        let directory = configuration.logDirectory
        try reportingLogErrors {
            try JournalReader.requireLog(directory: directory)
            let filter = try filter(in: directory)
            let trail = try AuditTrail(directory: directory)
            let folder = try EvidenceFolder(making: out)
            do {
                let question = LogLook.question(givenArguments())
                let why = "\(try SuspensionWords.reason(reason)) (authorised by \(authorisedBy))"
                let look = try trail.append(.look, question: question, reason: why)
                let found = try write(filter, look.number, ReviewPolicy(loaded), directory, folder)
                guard found > 0 else {
                    standardError(
                        "nothing was recorded of \(device) in this time; bellgate log query --top "
                            + "client shows whom the log knows")
                    throw ExitCode(ExitStatus.wrong)
                }
                let sums = try folder.seal()
                let entry = try trail.append(
                    to == .parents ? .disclosure : .evidence, question: question, reason: why,
                    rows: found, look: look.number, digest: sums)
                print(
                    "\(out): \(found) row\(found == 1 ? "" : "s"), \(folder.names.count) files, "
                        + "entry \(entry.number) of the audit trail, sha256 \(hexadecimal(sums))")
            } catch {
                folder.remove()
                throw error
            }
        }
    }

    private func times() throws -> Range<Int64> {
        let since = try LogFilterOptions.instant(since, "--since") ?? 0
        let until = try LogFilterOptions.instant(until, "--until") ?? 0
        return since..<max(since, until)
    }

    /// The device's rows; a pseudonym is taken for whom it stands for.
    private func filter(in directory: String) throws -> RowFilter {
        let times = try times()
        var filter = RowFilter()
        filter.sinceMicros = times.lowerBound
        filter.untilMicros = times.upperBound
        if let pseudonym = Pseudonyms.canonical(device, .client) {
            return try PseudonymSearch(directory: directory).narrow(filter, to: pseudonym)
        }
        if let pseudonym = Pseudonyms.canonical(device, .device) {
            return try PseudonymSearch(directory: directory).narrow(filter, toDevice: pseudonym)
        }
        if let address = IPAddress(device) {
            filter.client = IPNetwork(address.description)
        } else {
            filter.device = device
        }
        return filter
    }

    /// Writes the files; gives the number of rows.
    private func write(
        _ filter: RowFilter, _ look: UInt64, _ policy: ReviewPolicy, _ directory: String,
        _ folder: EvidenceFolder
    ) throws -> UInt64 {
        let reader = try StoreReader(directory: directory, filter: filter)
        let times = try times()
        var summary = DeviceSummary(
            .init(
                device: called(filter), sinceMicros: times.lowerBound,
                untilMicros: times.upperBound, madeMicros: WallClock.nowMicros,
                authorisedBy: authorisedBy, reason: try SuspensionWords.reason(reason)),
            policy: policy)
        var writer = RowWriter(.csv, pseudonyms: nil)
        writer.appendHeader()
        var (count, seqs): (UInt64, ClosedRange<UInt64>?) = (0, nil)
        let file = to == .parents ? nil : try folder.begin("rows.csv")
        let rows = try reader.rows(filter)
        while let row = try rows.next() {
            guard !row.isGap, withSupportServices || !summary.isAboutSupport(row) else { continue }
            count += 1
            seqs = (seqs?.lowerBound ?? row.seq)...row.seq
            summary.add(row)
            writer.append(row)
            guard writer.buffer.count >= EvidenceFolder.pieceBytes else { continue }
            try file?.append(writer.buffer)
            writer.buffer.removeAll(keepingCapacity: true)
        }
        bellgate.report(reader)
        try file?.append(writer.buffer)
        try folder.write("summary.html", Array(summary.html().utf8))
        let about = description(count, seqs, look, policy, directory, filter)
        try folder.write("evidence.json", Array("\(about.rendered())\n".utf8))
        return count
    }

    /// What the device is called in the summary.
    private func called(_ filter: RowFilter) -> String {
        let address = filter.client.map { "\($0.address)" }
        return [filter.device, address].compactMap { $0 }.joined(separator: ", ")
    }

    private func description(
        _ count: UInt64, _ seqs: ClosedRange<UInt64>?, _ look: UInt64, _ policy: ReviewPolicy,
        _ directory: String, _ filter: RowFilter
    ) -> JSONText {
        let newest = try? LogVerification(directory: directory)
        return .object(present: [
            "product": .string("bellgate \(ProductVersion.text)"),
            "made": .string(LogTime.utc(WallClock.nowMicros)),
            "for": .string(to.rawValue),
            "reason": .string(reason),
            "authorisedBy": .string(authorisedBy),
            "auditEntry": .number(Int64(clamping: look)),
            "device": filter.device.map { .string($0) },
            "address": filter.client.map { .string("\($0.address)") },
            "since": filter.sinceMicros.map { .string(LogTime.utc($0)) },
            "until": filter.untilMicros.map { .string(LogTime.utc($0)) },
            "rows": .number(Int64(clamping: count)),
            "firstSeq": seqs.map { .number(Int64(clamping: $0.lowerBound)) },
            "lastSeq": seqs.map { .number(Int64(clamping: $0.upperBound)) },
            "supportServices": .string(withSupportServices ? "included" : "left out"),
            "policy": .string("\(policy.policy.name) (\(policy.policy.reference))"),
            "policyHash": .string(policy.hash),
            "logIsSound": newest.map { .bool($0.isSound) },
            "logNewestFile": newest?.newestDigest.map { .string($0.file) },
            "logNewestSHA256": newest?.newestDigest.map { .string(hexadecimal($0.digest)) },
        ])
    }
}
