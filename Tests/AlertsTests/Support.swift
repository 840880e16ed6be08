import Alerts
import DNSWire
import DecisionLog
import Foundation
import PolicyEngine
import PolicyFile
import Synchronization
import WebServer

/// A log, a policy and a receiver of alerts.
final class School {
    let folder = FileManager.default.temporaryDirectory.path + "/alerts-" + UUID().uuidString
    let policy: LoadedPolicy
    let journal: Journal
    var settings = AlertConfiguration()
    var tellsOfReports = false
    var alerter: Alerter!
    var reader: JournalReader?
    /// Monday 2026-11-23 10:00:00 UTC.
    var now: Int64 = 1_795_428_000
    private var batch = RecordBatch(capacityBytes: 1 << 14)
    private let dictionary: UInt32

    static let rules: [(id: String, concern: String?)] = [
        ("harm", "high"), ("drugs", "high"), ("dating", "low"), ("breaks", nil),
        ("essentials", nil),
    ]

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder + "/services", withIntermediateDirectories: true)
        try Self.essentials.write(
            toFile: folder + "/services/essentials.yaml", atomically: true, encoding: .utf8)
        try Self.network.write(
            toFile: folder + "/services/social-networking.yaml", atomically: true, encoding: .utf8)
        try Self.policy.write(
            toFile: folder + "/policy.yaml", atomically: true, encoding: .utf8)
        let load = loadPolicy(at: folder + "/policy.yaml", now: Instant(seconds: now))
        guard let loaded = load.loaded else {
            throw CocoaError(
                .fileReadCorruptFile,
                userInfo: [NSLocalizedDescriptionKey: "\(load.diagnostics)"])
        }
        policy = loaded
        journal = try Journal(
            directory: folder + "/log", segmentBytes: 1 << 20, keepSeconds: nil)
        dictionary = journal.register(
            RecordDictionary(
                policyHash: "hash", groups: ["learner", "staff"], rules: Self.rules,
                categories: ["harm", "essentials"], lists: [], periods: [],
                devices: ["library-pc-1"]))
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Starts to alert, or starts anew in the same folder.
    @discardableResult
    func start() -> AlertProblem? {
        var problem: AlertProblem?
        alerter = Alerter(
            logDirectory: folder + "/log", settings: settings, policy: policy,
            lastSeq: journal.status.nextSeq - 1, tellsOfReports: tellsOfReports,
            deliverySeconds: 3, problem: &problem)
        reader = nil
        return problem
    }

    func ask(
        _ name: String, rule: String = "harm", client: String = "10.20.0.1",
        device: Bool = false, verdict: RecordVerdict = .block
    ) {
        let record = DecisionRecord(
            timeMicros: now * 1_000_000, client: IPAddress(client) ?? IPAddress(v4: 0), group: 0,
            rule: UInt16(Self.rules.firstIndex { $0.id == rule } ?? 0), category: 0,
            device: device ? 0 : .max, verdict: verdict, source: .policy, qtype: 1)
        let wire = (try? DomainName(parsing: name))?.wire ?? [0]
        // SAFETY: the bytes are only read, within the call.
        unsafe wire.withUnsafeBytes { wire in
            unsafe batch.append(
                record, qname: wire, via: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        journal.commit(&batch, dictionary: dictionary)
    }

    /// Lets time pass, second by second, as the server's threads do.
    func pass(_ seconds: Int64, step: Int64 = 1) throws {
        var left = seconds
        while left > 0 {
            now += min(step, left)
            left -= step
            try work()
        }
    }

    /// Reads what is new and delivers what is due.
    func work() throws {
        while try alerter.look(&reader, nowMicros: now * 1_000_000) {}
        try alerter.lookAtReports(nowMicros: now * 1_000_000)
        for way in alerter.ways {
            while try alerter.deliver(by: way, nowSeconds: { now }).hasMore {}
        }
    }

    private static let essentials = """
        category: essentials
        as-of: 2026-11-01
        services:
          - service: help
            core: [help.example.com]
        """
    private static let network = """
        category: social-networking
        as-of: 2026-11-01
        services:
          - service: faces
            core: [faces.example.net]
            embedded: [button.example.net]
        """
    private static let policy = """
        bellgate: 1
        policy: { name: Test, reference: T-1, approved-by: Principal, approved-on: 2026-09-01, contact: "mailto:dsl@college.example" }
        roles: { dsl: Lead, principal: Principal, it: Manager }
        time-zone: Europe/London
        groups: { learner: { networks: [10.20.0.0/16] }, staff: { networks: [10.30.0.0/16] } }
        unknown-devices: refuse
        lists: { services: { catalogue: services } }
        rules:
          - { id: harm, block: [harm.example.net], concern: high, reason: It harms. }
          - { id: drugs, block: [drugs.example.net], concern: high, reason: It harms too. }
          - { id: dating, block: [social-networking], concern: low, reason: Later. }
        default: allow
        """
}

/// A web server that keeps the alerts it gets.
final class Receiver: Sendable {
    let server: WebServer
    private let status = Status()

    init() throws {
        server = try WebServer { [status] _ in .init(status: status.value) }
    }

    private final class Status: Sendable {
        private let stored = Mutex(200)
        var value: Int { stored.withLock { $0 } }
        func set(_ value: Int) { stored.withLock { $0 = value } }
    }

    /// What it answers from now on.
    func answers(_ status: Int) { self.status.set(status) }

    /// The alerts that came, each as often as it did.
    var alerts: [[String: Any]] {
        server.seen.compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.body.utf8)) as? [String: Any]
        }
    }
    var kinds: [String] { alerts.compactMap { $0["kind"] as? String } }
    var counts: [Int] { alerts.compactMap { $0["count"] as? Int } }
}
