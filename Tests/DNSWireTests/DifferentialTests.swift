import DNSWire
import Dice
import LDNSBridge
import Testing

/// Whatever is written means to ldns what ldns saw in the upstream's message.
@Suite struct DifferentialTests {
    private let distiller = AnswerDistiller()

    /// Distills, writes and compares. Says whether the message was taken.
    private func check(
        _ message: [UInt8], _ qname: String, _ qtype: RecordType, dnssecOK: Bool
    ) throws -> Bool {
        let distilled = Distilled(message, qname, qtype, dnssecOK: dnssecOK, by: distiller)
        guard distilled.outcome == .answer else { return false }
        let client = Packet.query(qname, qtype, opt: opt(dnssecOK: dnssecOK), flags: 0x0120)
        let written = try distilled.write(for: client)
        try #require(!written.overflowed && !written.isTruncated)

        // What was written is read as the same once more.
        let again = Distilled(written.octets, qname, qtype, dnssecOK: dnssecOK, by: distiller)
        #expect(try again.write(for: client).octets == written.octets, "\(message)")

        // ldns may refuse data that is only passed on here, but then does so before and after.
        guard let upstream = try? SecondOpinion(message) else { return true }
        guard let given = try? SecondOpinion(written.octets) else {
            Issue.record("ldns refuses what was made of \(message)")
            return true
        }
        let slow = try #require(
            try SlowDistiller(upstream, qname: qname, qtype: qtype, dnssecOK: dnssecOK),
            "\(message)")
        #expect(try SlowDistiller.texts(given.answers) == slow.answers, "\(message)")
        #expect(try SlowDistiller.texts(given.authorities) == slow.authorities, "\(message)")
        return true
    }

    @Test func randomAnswers() throws {
        var answers = RandomAnswers(11)
        var taken = 0
        for number in 0..<3000 {
            let (octets, qtype) = answers.next()
            try #require(messageProblem(octets) == nil)
            let dnssecOK = number.isMultiple(of: 2)
            if try check(octets, "www.example.com", qtype, dnssecOK: dnssecOK) {
                taken += 1
            } else {
                // Only a chain without end is refused.
                let slow = try SlowDistiller(
                    SecondOpinion(octets), qname: "www.example.com", qtype: qtype,
                    dnssecOK: dnssecOK)
                #expect(slow == nil, "\(octets)")
            }
        }
        #expect(taken > 2000)
    }

    @Test func mutatedAnswers() throws {
        var answers = RandomAnswers(12)
        var random = SeededGenerator(seed: 13)
        var taken = 0
        for number in 0..<12_000 {
            var (octets, qtype) = answers.next()
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&octets, using: &random) }
            let dnssecOK = number.isMultiple(of: 2)
            if try check(octets, "www.example.com", qtype, dnssecOK: dnssecOK) { taken += 1 }
        }
        #expect(taken > 500)
    }
}
