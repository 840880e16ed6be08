import Foundation

/// A policy file with a catalogue of support services and of ways round the filter.
final class CatalogueFolder {
    private let path = "/tmp/review-catalogue-\(UUID().uuidString)"
    var policyPath: String { "\(path)/policy.yaml" }

    init() throws {
        try write("catalogue/essentials.yaml", Self.essentials)
        try write("catalogue/bypass.yaml", Self.bypass)
        try write("catalogue/bypass-signals.yaml", Self.signals)
        try write("policy.yaml", Self.policy)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private static let essentials = """
        category: essentials
        as-of: 2026-11-01
        services:
          - service: help
            core: [help.example.com]
        """

    private static let bypass = """
        category: bypass
        as-of: 2026-11-01
        services:
          - service: vpn-providers
            core: [vpn.example.net, fast.vpn.example.net]
        """

    private static let signals = """
        category: bypass-signals
        as-of: 2026-11-01
        services:
          - service: firefox-canary
            core: ["=canary.example.net"]
        """

    private static let policy = """
        bellgate: 1
        policy: { name: Test, reference: T-1, approved-by: Principal, approved-on: 2026-09-01,
                  review-by: 2027-08-31, contact: "mailto:dsl@college.example" }
        roles: { dsl: Lead, principal: Principal, it: Manager }
        time-zone: Europe/London
        calendar: { terms: [2026-09-01 to 2026-12-18] }
        periods: { college-hours: { mon-fri: 08:45-16:15 } }
        groups:
          learner: { networks: [10.20.0.0/16] }
          staff: { networks: [10.30.0.0/16] }
        unknown-devices: refuse
        lists: { services: { catalogue: catalogue } }
        rules:
          - { id: bypass, block: [bypass], reason: No ways round. }
        default: allow
        """
}
