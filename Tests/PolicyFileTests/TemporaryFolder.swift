import Foundation
import PolicyEngine
import PolicyFile
import Testing

/// A folder of files that goes away with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "policyfile-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, with the folders above it; returns its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = "\(path)/\(name)"
        let folder = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Loads a policy text as `policy.yaml` of this folder, on Monday 2026-11-23 at noon.
    func load(_ text: String) throws -> PolicyLoad {
        loadPolicy(at: try write(text, to: "policy.yaml"), now: monday)
    }
}

/// Monday 2026-11-23 12:00 UTC, a day in the middle of term.
let monday = Instant(seconds: 1_795_435_200)

/// What every policy needs; four lines.
let header = """
    bellgate: 1
    policy: { name: Sample policy }
    roles: { dsl: Safeguarding Lead, principal: Principal, it: Network Manager }
    time-zone: Europe/London

    """

/// A policy with something of everything, and nothing wrong.
let sound =
    header + """
        calendar:
          terms: [2026-09-01 to 2026-12-18]
          closed: [2026-10-26 to 2026-10-30, 2026-11-27]
        periods:
          college-hours: { mon-fri: 08:45-16:15 }
          break: { mon-fri: 10:30-10:45 }
          night: { when: always, mon-sun: 22:00-06:00 }
        groups:
          learner: { networks: [10.20.0.0/16, "2001:db8:20::/64"] }
          phone: { inherits: learner, networks: [10.21.0.0/16] }
          staff: { networks: [10.30.0.0/16] }
        unknown-devices: refuse
        lists:
          services: { catalogue: services }
          malware: { file: malware.hosts, format: hosts }
          adult: { file: adult.txt, format: domains }
        categories:
          harm: [adult, malware]
          social-media: [chatrooms, blogs, "=only.example.net"]
          wikis: [wiki.example.org]
        rules:
          - id: harm
            block: [harm]
            locked: true
            concern: high
            reason: Harmful at every hour.
          - id: wikis-for-teaching
            allow: [wikis]
            reason: Reference works are part of teaching.
          - id: phones-at-break
            for: [phone]
            block: everything
            during: [college-hours]
            except-during: [break]
            reason: Phones are for the break.
          - id: staff-breaks-only
            for: [staff]
            block: [social-media]
            during: [college-hours]
            except-during: [break]
            answer: zero
            ttl: 5m
            reason: Personal use is for breaks.
        default: allow
        tests:
          - { group: staff, at: 2026-11-23 10:29:59, ask: www.chat.example.com, expect: block, by: staff-breaks-only }
          - { group: staff, at: 2026-11-23 10:30:00, ask: www.chat.example.com, expect: allow, by: default }
          - { client: 10.21.4.7, at: 2026-11-23 09:30, ask: news.example.org, expect: block, by: phones-at-break }
          - { client: 10.21.4.7, at: 2026-11-23 09:30, ask: help.example.org, expect: allow, by: essentials }
          - { client: 192.0.2.1, at: 2026-11-23 09:30, ask: news.example.org, expect: block }

        """

/// The lists and the catalogue that `sound` names.
func writeLists(to folder: TemporaryFolder) throws {
    try folder.write("# bad\n0.0.0.0 malware.example.net\n", to: "malware.hosts")
    try folder.write("adult.example.net\n", to: "adult.txt")
    try folder.write(
        """
        category: chatrooms
        as-of: 2026-11-01
        services:
          - service: chatter
            minimum-age:
              - { age: 13, from: 2012-01-01 }
              - { age: 16, from: 2027-04-01, status: announced }
            core: [chat.example.com,
                   "=exact.example.com"]
            shared: [cdn.example.com]
            embedded: ["=graph.chat.example.com"]
            note: An example.
        """, to: "services/chatrooms.yaml")
    try folder.write(
        """
        category: blogs
        services:
          - { service: blogger, core: [blog.example.com] }
        """, to: "services/blogs.yaml")
    try folder.write(
        """
        category: essentials
        services:
          - { service: help, core: [help.example.org] }
        """, to: "services/essentials.yaml")
}
