import CPacketIO
import DNSWire
import Forwarding
import Foundation
import PolicyEngine
import PolicyFile
import Testing

@testable import DNSServer

/// A pipeline with all that a worker gives it, and no socket.
@safe final class Desk {
    /// Monday 2026-11-23 12:00 UTC: in a term, between break and lunch.
    static let noon: Int64 = 1_795_435_200

    static let policy = """
        bellgate: 1
        policy: { name: Example College policy, reference: EX-1, contact: "mailto:it@example.com" }
        roles: { dsl: Safeguarding Lead, principal: Principal, it: Network Manager }
        time-zone: Europe/London
        calendar: { terms: [2026-09-01 to 2026-12-18] }
        periods:
          college-hours: { mon-fri: 08:45-16:15 }
          lunch: { mon-fri: 12:15-13:00 }
        groups:
          learner: { networks: [10.20.0.0/16, "2001:db8:20::/64"] }
          phone: { networks: [10.21.0.0/16] }
          staff: { networks: [10.30.0.0/16] }
          by-name: { networks: [10.31.0.0/16] }
          zeroed: { networks: [10.32.0.0/16] }
        unknown-devices: refuse
        lists: { services: { catalogue: services } }
        bypass: { block-for: [by-name] }
        categories:
          games: [games.example.net, tracker.example.org]
          school: [school.example.com]
        rules:
          - { id: school, allow: [school], reason: Work comes first. }
          - { id: no-games, for: [learner], block: [games], reason: Games wait., ttl: 300 }
          - id: phones-at-lunch
            for: [phone]
            block: everything
            during: [college-hours]
            except-during: [lunch]
            answer: nodata
            reason: Phones are for lunch.
          - { id: nothing, for: [zeroed], block: everything, answer: zero, reason: Nothing. }
        default: allow

        """

    let cache = AnswerCache(sizeBytes: 1 << 20)
    let pipeline: Pipeline
    private let name = UnsafeMutablePointer<UInt8>.allocate(capacity: 255)
    private let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 65535)
    private let distiller = AnswerDistiller()

    /// - Parameter files: what else is in the policy's folder, by path.
    init(
        allowFrom: [String] = ["10.0.0.0/8", "2001:db8::/32"], policy: String = Desk.policy,
        files: [String: String] = [:], network: PresentNetwork = PresentNetwork()
    ) throws {
        let folder = NSTemporaryDirectory() + "desk-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try Self.writePolicy(policy, files: files, to: folder)
        let load = loadPolicy(at: path, now: Instant(seconds: Self.noon))
        let loaded = try #require(load.loaded, "\(load.diagnostics)")
        var seating = Seating()
        seating.network = network
        pipeline = Pipeline(
            cache: cache, allowed: ClientTable([allowFrom.compactMap { IPNetwork($0) }]),
            inForce: seating.seat(in: loaded, under: Gate(loaded, nowSeconds: Self.noon)) { _ in 1 }
        )
        pipeline.turn(to: Self.moment())
    }

    /// Writes a policy, its catalogue and other files; returns the path of the policy.
    static func writePolicy(
        _ policy: String = Desk.policy, files: [String: String] = [:], to folder: String
    ) throws -> String {
        try FileManager.default.createDirectory(
            atPath: folder + "/services", withIntermediateDirectories: true)
        for (category, name) in [("bypass", "vpn"), ("bypass-signals", "canary")] {
            let text =
                "category: \(category)\nservices: [{ service: it, core: [\(name).example.org] }]\n"
            try text.write(
                toFile: folder + "/services/\(category).yaml", atomically: true, encoding: .utf8)
        }
        for (name, text) in files {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        let path = folder + "/policy.yaml"
        try policy.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    deinit {
        unsafe name.deallocate()
        unsafe room.deallocate()
    }

    static func moment(afterSeconds seconds: Int64 = 0) -> Moment {
        Moment(
            wallMicros: (noon + seconds) * 1_000_000,
            monotonicMicros: (50_000 + seconds) * 1_000_000)
    }

    /// A client's message; with an OPT record unless told otherwise.
    static func query(
        _ name: String, _ type: RecordType = .a, qclass: UInt8 = 1, withOPT: Bool = true
    ) throws -> [UInt8] {
        var octets: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, withOPT ? 1 : 0]
        octets += try DomainName(parsing: name).wire
        octets += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, qclass]
        return withOPT ? octets + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] : octets
    }

    /// Takes a query as a worker does.
    func take(
        _ message: [UInt8], from client: IPAddress, isStream: Bool = false, at moment: Moment
    ) -> Pipeline.Outcome {
        // SAFETY: both buffers have the sizes that are promised with them.
        let query = unsafe Query(message.span, lowercaseName: name)
        return unsafe pipeline.take(
            query, name: name, message.span, from: client, isStream: isStream, at: moment,
            into: room, capacity: isStream ? 65535 : 1232
        ) { .stream(worker: 0, connection: 1) }
    }

    /// The answer to a query that is answered at once.
    func answer(
        _ message: [UInt8], from client: String = "10.20.0.1", isStream: Bool = false,
        afterSeconds: Int64 = 0
    ) throws -> Answer {
        let outcome = take(
            message, from: try #require(IPAddress(client)), isStream: isStream,
            at: Self.moment(afterSeconds: afterSeconds))
        guard case .send(let count) = outcome else { throw NotSent(outcome: "\(outcome)") }
        // SAFETY: so many octets were written.
        return Answer(octets: unsafe Array(UnsafeBufferPointer(start: room, count: count)))
    }

    struct NotSent: Error {
        var outcome: String
    }

    /// Gives the answer for a question that somebody must ask; says who waited.
    func finish(
        _ pending: PendingQuestion, _ name: String, _ type: RecordType = .a, records: [[UInt8]],
        afterSeconds: Int64 = 0
    ) throws -> [Waiter] {
        let wire = try DomainName(parsing: name).wire
        let sent = wire + [0, UInt8(type.rawValue), 0, 1]
        let message =
            [0, 0, 0x81, 0x80, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0] + sent + records.joined()
        let outcome = unsafe wire.withUnsafeBytes {
            unsafe distiller.distill(
                message.span, sent: sent.span, lowercaseName: $0, qtype: type, dnssecOK: false)
        }
        #expect(outcome == .answer)
        cache.finish(
            pending, answer: distiller.answer,
            nowMilliseconds: Self.moment(afterSeconds: afterSeconds).monotonicMilliseconds)
        return pending.waiters
    }

    /// Puts an answer into the cache by way of a client that may ask.
    func learn(_ name: String, _ type: RecordType = .a, records: [[UInt8]]) throws {
        let outcome = take(
            try Self.query(name, type), from: try #require(IPAddress("10.30.0.9")),
            at: Self.moment())
        guard case .ask(let pending) = outcome else { throw NotSent(outcome: "\(outcome)") }
        #expect(try finish(pending, name, type, records: records).count == 1)
    }
}

/// An address record of the qname, or an alias of it.
func address(_ owner: [UInt8] = [0xC0, 12], ttlSeconds: UInt8 = 60, last: UInt8 = 1) -> [UInt8] {
    owner + [0, 1, 0, 1, 0, 0, 0, ttlSeconds, 0, 4, 192, 0, 2, last]
}

func alias(_ target: String, ttlSeconds: UInt8 = 60) throws -> [UInt8] {
    let wire = try DomainName(parsing: target).wire
    return [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, ttlSeconds, 0, UInt8(wire.count)] + wire
}

/// What a client got.
struct Answer {
    var octets: [UInt8]

    var rcode: Int { Int(octets[3] & 15) }
    var answerCount: Int { Int(octets[6]) << 8 | Int(octets[7]) }
    var authorityCount: Int { Int(octets[8]) << 8 | Int(octets[9]) }
    var hasOPT: Bool { octets[11] == 1 }
    var isTruncated: Bool { octets[2] & 2 != 0 }
    /// The upper bits of the response code, where OPT has no options.
    var extendedRcode: Int { Int(octets[octets.count - 6]) }
    /// The extended error, read from the end of the message where OPT is.
    var extendedError: (code: Int, text: String)? {
        let head: [UInt8] = [0, 0, 41, 4, 208]
        guard hasOPT,
            let start = octets.indices.last(where: { octets[$0...].starts(with: head) }),
            start + 17 <= octets.count, octets[start + 12] == 15
        else { return nil }
        return (
            Int(octets[start + 15]) << 8 | Int(octets[start + 16]),
            String(decoding: octets[(start + 17)...], as: UTF8.self)
        )
    }

    /// The TTL of the first record, whose owner must be a pointer.
    var ttlSeconds: Int {
        var index = 12
        while octets[index] != 0 { index += Int(octets[index]) + 1 }
        let ttl = index + 5 + 6
        return octets[ttl..<ttl + 4].reduce(0) { $0 << 8 | Int($1) }
    }
}
