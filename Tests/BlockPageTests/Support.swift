import DNSWire
import DecisionLog
import Foundation
import PolicyEngine
import PolicyFile
import Synchronization
import Testing

@testable import BlockPage

/// A page without a socket, with a clock of its own.
final class College: Sendable {
    let folder = NSTemporaryDirectory() + "page-" + UUID().uuidString
    let site: PageSite
    private let ticking: Clock
    let news: Said

    static let learner = "127.0.20.5"
    static let staff = "127.0.30.5"

    /// - Parameter presence: what the network tells of every client.
    init(
        _ policy: String = College.policy, tellsAtOnce: Bool = false,
        presence: Presence = Presence()
    ) throws {
        try FileManager.default.createDirectory(
            atPath: folder + "/services", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            atPath: folder + "/log", withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try Self.essentials.write(
            toFile: folder + "/services/essentials.yaml", atomically: true, encoding: .utf8)
        try policy.write(toFile: folder + "/policy.yaml", atomically: true, encoding: .utf8)
        let load = loadPolicy(
            at: folder + "/policy.yaml", now: Instant(seconds: 1_795_426_200))
        let loaded = try #require(load.loaded, "\(load.diagnostics)")
        let (clock, said) = (Clock(), Said())
        ticking = clock
        news = said
        site = PageSite(
            logDirectory: folder + "/log", tellsAtOnce: tellsAtOnce, policy: { loaded },
            presence: { _ in presence }, nowSeconds: { clock.now }, news: { said.add($0) })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Begins on Monday 2026-11-23 at 09:30:00 UTC.
    final class Clock: Sendable {
        private let seconds = Mutex<Int64>(1_795_426_200)
        var now: Int64 { seconds.withLock { $0 } }
        func pass(_ more: Int64) { seconds.withLock { $0 += more } }
    }

    final class Said: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    func pass(_ seconds: Int64) { ticking.pass(seconds) }

    func get(
        _ host: String?, from client: String = College.learner, path: String = "/any/path",
        method: PageRequest.Method = .get
    ) throws -> PageResponse {
        var request = PageRequest(client: try #require(IPAddress(client)))
        request.method = method
        request.path = path
        request.host = host
        return site.answer(request)
    }

    /// Opens the page, fills in one of its forms and sends it.
    func send(
        _ kind: String, _ host: String?, _ fields: [String: String] = [:],
        from client: String = College.learner, form: PageResponse? = nil,
        sender: String? = nil, toHost: String? = nil, origin: String? = nil,
        fetchSite: String? = nil
    ) throws -> PageResponse {
        let page = try form ?? get(host, from: client)
        var values = ["kind": kind, "token": try Self.token(kind, in: page.body)]
        values["rule"] = try Self.value("rule", after: "value=\"\(kind)\"", in: page.body)
        values.merge(fields) { $1 }
        var request = PageRequest(client: try #require(IPAddress(sender ?? client)))
        request.method = .post
        request.path = "/.bellgate/report"
        request.host = toHost ?? host
        request.origin = origin
        request.fetchSite = fetchSite
        request.body = Array(
            values.map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }
                .joined(separator: "&").utf8)
        return site.answer(request)
    }

    static func token(_ kind: String, in page: String) throws -> String {
        try value("token", after: "value=\"\(kind)\"", in: page)
    }

    private static func value(_ name: String, after: String, in page: String) throws -> String {
        let start = try #require(page.range(of: after))
        let field = try #require(
            page.range(of: "name=\"\(name)\" value=\"", range: start.upperBound..<page.endIndex))
        return String(page[field.upperBound...].prefix { $0 != "\"" })
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    var reports: [ReceivedReport] {
        get throws { try ReportBook(directory: folder + "/log").read().reports }
    }

    private static let essentials = """
        category: essentials
        services:
          - service: connectivity-checks
            core: [captive.example.org]
          - service: help-for-young-people
            core: [help.example.org]
          - service: staff-speak-up
            core: [union.example.org]

        """

    static let policy = """
        bellgate: 1
        policy: { name: Policy <of> 2026, reference: P-1, contact: "mailto:dsl@college.example" }
        roles: { dsl: Safeguarding Lead, principal: Principal, it: Network Manager }
        time-zone: Europe/London
        calendar: { terms: [2026-09-01 to 2026-12-18] }
        periods:
          college-hours: { mon-fri: 08:45-16:15 }
          break: { mon-fri: 10:30-10:45 }
        groups:
          learner: { networks: [127.0.20.0/24] }
          staff: { networks: [127.0.30.0/24] }
        devices: [{ name: head-laptop, address: 127.0.30.9, group: staff }]
        unknown-devices: refuse
        lists: { services: { catalogue: services } }
        rules:
          - { id: harm, block: [harm.example.net, captive.example.org], locked: true, reason: It harms. }
          - { id: short, for: [learner], block: [break.example.net], during: [break], reason: Talk. }
          - id: lessons
            block: [social.example.net]
            during: [college-hours]
            except-during: [break]
            answer: page
            reason: Lessons <first>.
        default: allow

        """
}
