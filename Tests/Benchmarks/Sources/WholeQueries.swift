import ArgumentParser
import DNSServer
import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Glibc
import PolicyEngine
import PolicyFile

/// The whole way of a query but for its sockets: from its octets to those of its answer, in batches
/// as a worker takes them, with its decision in a journal on disk.
final class WholeQueries: Work {
    private let rehearsal: Rehearsal
    private let journal: Journal
    private let messages: WireNames
    private var next = 0
    /// Batches in which a query was not answered at once; the figure is worth nothing if there are
    /// any.
    private(set) var unanswered = 0

    private static let client = IPAddress(v4: 0x7F00_0001)

    /// Queries for listed names, which are blocked.
    init(blocked names: WireNames, list: [String], folder: String) throws {
        (rehearsal, journal) = try Self.make(list, folder: folder + "/blocked", AnswerCache())
        let rehearsal = rehearsal
        // A list may hold names that no list can block: the essential services'.
        messages = WireNames(
            octets: Self.wires(names).map { Messages.query($0, withOPT: true) }.filter { query in
                unsafe query.withUnsafeBufferPointer { octets in
                    unsafe rehearsal.take(1, from: Self.client) { _ in unsafe octets } != nil
                }
            })
    }

    /// Queries for names that no list covers, whose answers are in the cache.
    init(cached names: WireNames, list: [String], folder: String) throws {
        let cache = AnswerCache()
        (rehearsal, journal) = try Self.make(list, folder: folder + "/cached", cache)
        let key = cache.makeKey()
        var octets: [[UInt8]] = []
        for wire in Self.wires(names).prefix(1000) {
            octets.append(Messages.query(wire, withOPT: true))
            Self.keep(cache, key, octets[octets.count - 1], wire)
        }
        // In random order, as they are asked.
        var dice = SeededGenerator(state: 11)
        messages = WireNames(
            octets: (0..<(1 << 16)).map { _ in octets.randomElement(using: &dice) ?? [] })
    }

    deinit { journal.close() }

    func run(_ operations: Int) {
        var left = operations
        var sum = 0
        while left > 0 {
            let count = min(left, Rehearsal.batch)
            if next + count > messages.count { next = 0 }
            let first = next
            // SAFETY: the messages are kept.
            let octets = unsafe rehearsal.take(count, from: Self.client) {
                unsafe messages.buffer(first + $0)
            }
            if let octets { sum &+= octets } else { unanswered += 1 }
            next = first + count
            left -= count
        }
        Results.keep(sum)
    }

    /// The next segment is made here, as the server's caretaker does.
    func rest() { journal.maintain(nowMicros: Clock.realMicros) }

    /// Decisions that found no segment; the figure is worth nothing if there are any.
    var lost: UInt64 { journal.status.lostCount }

    private static func wires(_ names: WireNames) -> [[UInt8]] {
        (0..<names.count).map { unsafe Array(names.buffer($0)) }
    }

    private static func keep(
        _ cache: AnswerCache, _ key: QuestionKey, _ message: [UInt8], _ wire: [UInt8]
    ) {
        // SAFETY: the buffer holds the longest name, and the key copies it.
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 255) { name in
            guard let start = name.baseAddress else { return }
            let query = unsafe Query(message.span, lowercaseName: start)
            unsafe key.set(
                lowercaseName: UnsafeRawBufferPointer(start: start, count: query.nameLength),
                qtype: query.qtype, qclass: query.qclass, dnssecOK: query.dnssecOK,
                checkingDisabled: query.checkingDisabled)
            learn(
                cache, key, query, message, wire: wire,
                nowMilliseconds: Clock.wall / 1_000_000)
        }
    }

    private static func make(
        _ list: [String], folder: String, _ cache: AnswerCache
    ) throws -> (Rehearsal, Journal) {
        _ = unsafe mkdir(folder, 0o700)
        try write(Names.text(list, .domains), to: folder + "/listed.txt")
        try write(Array(policy.utf8), to: folder + "/policy.yaml")
        _ = unsafe mkdir(folder + "/index", 0o700)
        let load = loadPolicy(
            at: folder + "/policy.yaml", now: Instant(seconds: Clock.realMicros / 1_000_000),
            compilation: ListCompilation(folder: folder + "/index"))
        guard let loaded = load.loaded, loaded.index.isMapped else {
            throw ValidationError(load.diagnostics.map(\.description).joined(separator: "\n"))
        }
        let journal = try Journal(
            directory: folder + "/log", segmentBytes: 64 << 20, keepSeconds: nil)
        let rehearsal = Rehearsal(
            loaded, allowFrom: [IPNetwork("127.0.0.0/8")].compactMap { $0 }, cache: cache,
            journal: journal)
        return (rehearsal, journal)
    }

    private static func write(_ octets: [UInt8], to path: String) throws {
        guard let file = unsafe fopen(path, "w") else {
            throw ValidationError("cannot write \(path)")
        }
        defer { unsafe fclose(file) }
        // SAFETY: as many octets as the array has.
        guard unsafe fwrite(octets, 1, octets.count, file) == octets.count else {
            throw ValidationError("cannot write \(path)")
        }
    }

    private static let policy = """
        bellgate: 1
        policy: { name: Whole queries, reference: BENCH-1, contact: "mailto:nobody@example.com" }
        roles: { dsl: Nobody, principal: Nobody, it: Nobody }
        time-zone: Europe/London
        calendar: { terms: [2026-01-01 to 2026-12-31] }
        groups:
          everybody: { networks: [127.0.0.0/8] }
        unknown-devices: everybody
        lists:
          listed: { file: listed.txt, format: domains }
        rules:
          - { id: listed, block: [listed], reason: The name is on the list. }
        default: allow

        """
}
