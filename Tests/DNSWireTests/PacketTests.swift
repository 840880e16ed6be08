import DNSWire
import Foundation
import LDNSBridge
import Testing

/// Every packet that is kept as a file: common ones, odd ones, and what fuzzing found.
@Suite struct PacketTests {
    static let testsFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func files(_ folder: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: testsFolder.appendingPathComponent(folder), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    @Test func commonQueries() throws {
        let files = try Self.files("Packets/queries")
        #expect(files.count >= 14)
        for file in files {
            let octets = [UInt8](try Data(contentsOf: file))
            #expect(try ReadQuery(octets).query.status == .fine, "\(file.lastPathComponent)")
            #expect(messageProblem(octets) == nil, "\(file.lastPathComponent)")
        }
    }

    @Test func commonAnswers() throws {
        let files = try Self.files("Packets/answers")
        #expect(files.count >= 14)
        for file in files {
            let octets = [UInt8](try Data(contentsOf: file))
            let replayed = try Replay(octets)
            #expect(replayed.outcome == .answer, "\(file.lastPathComponent)")
            let upstream = try SecondOpinion(octets)
            for written in replayed.written {
                let given = try SecondOpinion(written.octets)
                #expect(
                    Set(given.lines.map(\.rest)).isSubset(of: upstream.lines.map(\.rest)),
                    "\(file.lastPathComponent)")
            }
        }
    }

    @Test func corpus() throws {
        let files = try Self.files("Fuzz/Corpus")
        #expect(files.count >= 100)
        for file in files {
            let octets = [UInt8](try Data(contentsOf: file))
            if try ReadQuery(octets).query.status == .fine {
                #expect(messageProblem(octets) == nil, "\(file.lastPathComponent)")
            }
            _ = try Replay(octets)
        }
    }
}

/// Takes a message for the answer to its own question and writes it in rooms of several sizes.
struct Replay {
    var outcome = AnswerDistiller.Outcome.malformed
    var written: [Written] = []

    init(_ message: [UInt8]) throws {
        var query = message
        guard query.count >= 12 else { return }
        query.replaceSubrange(2..<12, with: [1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        var room = GuardedRoom(DomainName.maximumOctets)
        var end = 0
        for length in 12...query.count where end == 0 {
            let part = Array(query[..<length])
            let read = try unsafe room.use { unsafe Query(part.span, lowercaseName: $0) }
            if read.status == .fine { end = length }
        }
        guard end > 0 else { return }
        let sent = Array(query[12..<end])
        let lowercase = room.prefix(sent.count - 4)
        let qtype = RecordType(UInt16(sent[sent.count - 4]) << 8 | UInt16(sent[sent.count - 3]))
        for dnssecOK in [false, true] {
            var client = Packet(questions: [sent])
            if dnssecOK { client.additionals = [opt(dnssecOK: true)] }
            let distiller = AnswerDistiller()
            let distilled = Distilled(
                message, sent: sent, lowercase: lowercase, qtype, dnssecOK: dnssecOK, by: distiller)
            outcome = distilled.outcome
            guard outcome == .answer else { return }
            for capacity in [12, 40, 512, 1232, 65535] {
                let one = try distilled.write(for: client, capacity: capacity)
                if capacity == 65535 {
                    let again = Distilled(
                        one.octets, sent: sent, lowercase: lowercase, qtype, dnssecOK: dnssecOK,
                        by: distiller)
                    #expect(try again.write(for: client).octets == one.octets)
                }
                if !one.overflowed { written.append(one) }
            }
        }
    }
}
