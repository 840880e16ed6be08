import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Foundation
import PolicyEngine
import PolicyFile
import Testing

@testable import DNSServer

@Suite struct QueryBatchTests {
    /// Every message of a batch has its turn once, in its place, with its own query, name and
    /// look-up, however many come together.
    @Test(arguments: [0, 1, 2, 5, 6, 7, 12, 13, 17, 18, 19, 63, 64, 127, 128])
    func eachHasItsTurn(_ count: Int) throws {
        let desk = try Desk(
            policy: Desk.policy.replacingOccurrences(
                of: "games.example.net", with: "n107.example.org"))
        let batch = QueryBatch(desk.pipeline)
        // All of one length, one behind the other; every fifth is one that is not to be read.
        let names = (0..<count).map { "n\(100 + $0).example.org" }
        let messages = try names.flatMap { try Desk.query($0) }
        let each = messages.count / max(count, 1)
        var turns: [Int] = []
        unsafe messages.withUnsafeBufferPointer { octets in
            unsafe batch.forEach(
                count,
                message: { slot in
                    let range = slot * each..<(slot + 1) * each
                    return slot % 5 == 4
                        ? nil : unsafe UnsafeBufferPointer(rebasing: octets[range])
                },
                { slot, query, ahead, name, message in
                    turns.append(slot)
                    #expect(unsafe (message == nil) == (slot % 5 == 4))
                    guard let message = unsafe message else { return }
                    #expect(unsafe message.elementsEqual(octets[slot * each..<(slot + 1) * each]))
                    let wire = unsafe Array(
                        UnsafeBufferPointer(start: name, count: query.nameLength))
                    #expect(wire == (try? DomainName(parsing: names[slot]))?.wire)
                    let match = unsafe desk.pipeline.view.index.match(
                        name, count: query.nameLength, ahead.lookUp)
                    #expect((match.set != 0) == (slot == 7))
                })
        }
        #expect(turns == Array(0..<count))
    }

    /// What is measured without sockets is what a server does: the answer of a block, and its
    /// record; and it says so where a query could not be answered at once.
    @Test func rehearsal() throws {
        let folder = NSTemporaryDirectory() + "rehearsal-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let load = loadPolicy(
            at: try Desk.writePolicy(to: folder), now: Instant(seconds: Desk.noon))
        let journal = try Journal(
            directory: folder + "/log", segmentBytes: 1 << 20, keepSeconds: nil)
        let rehearsal = Rehearsal(
            try #require(load.loaded, "\(load.diagnostics)"),
            allowFrom: [IPNetwork("10.0.0.0/8")].compactMap { $0 },
            cache: AnswerCache(sizeBytes: 1 << 20), journal: journal)
        let client = try #require(IPAddress("10.20.0.1"))
        func take(_ names: [String]) throws -> Int? {
            let messages = try names.map { try Desk.query($0) }.joined()
            let each = messages.count / names.count
            return unsafe Array(messages).withUnsafeBufferPointer { octets in
                unsafe rehearsal.take(names.count, from: client) {
                    unsafe UnsafeBufferPointer(rebasing: octets[$0 * each..<($0 + 1) * each])
                }
            }
        }
        let one = try #require(try take(["games.example.net"]))
        #expect(try take(Array(repeating: "games.example.net", count: 64)) == 64 * one)
        #expect(journal.status.lostCount == 0)
        #expect(try take(["games.example.net", "other.example.net"]) == nil)
        journal.close()
        let reader = try JournalReader(directory: folder + "/log")
        while let row = reader.next() { #expect(row.verdict == .block) }
        #expect(reader.rowCount == 66)
    }
}
