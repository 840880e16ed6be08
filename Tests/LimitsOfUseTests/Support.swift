import DNSWire
import DecisionLog
import Foundation
import LogFixtures
import PolicyEngine
import PolicyFile

@testable import LimitsOfUse

/// A college with limits of use, its log, and a clock of its own.
final class College {
    let folder = FileManager.default.temporaryDirectory.path + "/use-" + UUID().uuidString
    let log = TemporaryLog()
    var loaded: LoadedPolicy
    let journal: Journal
    private let dictionary: UInt32
    private var batch = RecordBatch(capacityBytes: 1 << 14)

    static let groups = ["learner", "learner-phone", "staff"]
    static let rules: [(id: String, concern: String?)] = [("wikis", nil), ("chats", nil)]
    static let categories = ["social-media/social-networking", "reference", "social-media/forums"]
    static let devices = ["library-pc-1", "own-laptop"]

    init(limits: String = College.usual) throws {
        try FileManager.default.createDirectory(
            atPath: folder + "/services", withIntermediateDirectories: true)
        for (name, text) in [("social-networking", Self.network), ("forums", Self.forums)] {
            try text.write(
                toFile: folder + "/services/\(name).yaml", atomically: true, encoding: .utf8)
        }
        loaded = try Self.load(limits, in: folder)
        journal = try Journal(directory: log.path, segmentBytes: 1 << 20, keepSeconds: nil)
        dictionary = journal.register(
            RecordDictionary(
                policyHash: "hash", groups: Self.groups, rules: Self.rules,
                categories: Self.categories, lists: [], periods: [], devices: Self.devices))
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static func load(_ limits: String, in folder: String) throws -> LoadedPolicy {
        try (policy + limits).write(
            toFile: folder + "/policy.yaml", atomically: true, encoding: .utf8)
        let load = loadPolicy(
            at: folder + "/policy.yaml", now: Instant(seconds: at("2026-11-23 12:00") / 1_000_000))
        guard let loaded = load.loaded else {
            throw CocoaError(
                .fileReadCorruptFile,
                userInfo: [NSLocalizedDescriptionKey: "\(load.diagnostics)"])
        }
        return loaded
    }

    /// Writes one decision.
    func ask(
        _ name: String, _ time: String, client: String = "10.20.0.1", group: String = "learner",
        device: String? = nil, category: String? = "social-media/social-networking",
        rule: String? = nil, verdict: RecordVerdict = .allow
    ) {
        ask(
            name, micros: Self.at(time), client: client, group: group, device: device,
            category: category, rule: rule, verdict: verdict)
    }

    func ask(
        _ name: String, micros: Int64, client: String, group: String, device: String?,
        category: String?, rule: String?, verdict: RecordVerdict
    ) {
        func place(_ text: String?, _ table: [String]) -> UInt16 {
            text.flatMap { table.firstIndex(of: $0) }.map(UInt16.init) ?? .max
        }
        let record = DecisionRecord(
            timeMicros: micros, client: IPAddress(client) ?? IPAddress(v4: 0),
            group: place(group, Self.groups), rule: place(rule, Self.rules.map(\.id)),
            category: place(category, Self.categories), device: place(device, Self.devices),
            verdict: verdict, source: .cache, qtype: 1)
        let wire = (try? DomainName(parsing: name))?.wire ?? [0]
        // SAFETY: the bytes are only read, within the call.
        unsafe wire.withUnsafeBytes { wire in
            unsafe batch.append(
                record, qname: wire, via: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        journal.commit(&batch, dictionary: dictionary)
    }

    /// What the whole log comes to for one day.
    func use(_ day: String = "2026-11-23") throws -> [DayOfUse] {
        var meter = UseMeter(
            UsePolicy(loaded), day: CivilDate(parsing: day) ?? CivilDate(daysSinceEpoch: 0))
        let reader = try JournalReader(directory: log.path)
        while let row = reader.next() { meter.add(row) }
        return meter.use
    }

    /// The minutes of the only device of that day; 0 where there is none.
    func minutes(_ day: String = "2026-11-23") throws -> Int { try use(day).first?.minutes ?? 0 }

    /// Microseconds of a time of London's wall clock.
    static func at(_ text: String) -> Int64 {
        let zone = ZoneRules(
            name: "Europe/London", initialOffsetSeconds: 3600,
            transitions: [(at: Instant(seconds: 1_792_890_000), offsetSeconds: 0)])
        return CivilTime(parsing: text).map { zone.instant(of: $0).seconds * 1_000_000 } ?? 0
    }

    static let usual = """
        limits-of-use:
          - { for: [learner], category: social-media, minutes-a-day: 3, count: college-hours }
        """
    private static let network = """
        category: social-networking
        as-of: 2026-11-01
        services:
          - { service: faces, core: [faces.example.com], embedded: ["=connect.faces.example.com"], shared: [facescdn.example.com], pixel: ["=www.faces.example.com"] }
          - { service: photos, core: [photos.example.com] }
          - { service: clips, core: [clips.example.com] }
        """
    private static let forums = """
        category: forums
        as-of: 2026-11-01
        services:
          - { service: threads, core: [threads.example.com] }
        """
    private static let policy = """
        bellgate: 1
        policy: { name: Test, reference: T-1, contact: "mailto:dsl@college.example" }
        roles: { dsl: Lead, principal: Principal, it: Manager }
        time-zone: Europe/London
        calendar: { terms: [2026-09-01 to 2026-12-18] }
        periods:
          college-hours: { mon-fri: 08:45-16:15 }
          lunch: { mon-fri: 12:15-13:00 }
        groups:
          learner: { networks: [10.20.0.0/16] }
          learner-phone: { networks: [10.21.0.0/16], inherits: learner }
          staff: { networks: [10.30.0.0/16] }
        devices:
          - { name: library-pc-1, address: 10.20.9.1, kind: college, group: learner }
          - { name: own-laptop, address: 10.20.9.2, kind: personal, group: learner }
        unknown-devices: refuse
        lists: { services: { catalogue: services } }
        categories: { social-media: [social-networking, forums], reference: [wiki.example.com] }
        rules:
          - { id: lunch, allow: [reference], during: [lunch, college-hours], reason: Reference. }

        """
}
