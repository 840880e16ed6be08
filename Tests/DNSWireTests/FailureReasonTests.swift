import DNSWire
import Testing

/// Why an upstream would not answer, by its extended errors (RFC 8914).
@Suite struct FailureReasonTests {
    private func outcome(
        flags: UInt16 = 0x8182, _ additionals: [[UInt8]], behind: [UInt8] = []
    ) -> AnswerDistiller.Outcome {
        let packet = Packet(
            flags: flags, questions: [question(wireName("www.example.com"))],
            additionals: additionals)
        return Distilled(packet.octets + behind, "www.example.com").outcome
    }

    private func option(_ code: Int, _ data: [UInt8], length: Int? = nil) -> [UInt8] {
        big16(code) + big16(length ?? data.count) + data
    }

    /// "Signature expired", with a text.
    private var expired: [UInt8] { option(15, [0, 7] + Array("since Monday".utf8)) }

    @Test func itIsFoundAmongOthers() {
        let cookie = option(10, [1, 2, 3, 4, 5, 6, 7, 8])
        let padding = option(12, [0, 0, 0])
        let expected = AnswerDistiller.Outcome.failed(
            .servFail, because: ExtendedErrorCode(rawValue: 7))
        #expect(outcome([opt(options: expired)]) == expected)
        #expect(outcome([opt(options: cookie + expired + padding)]) == expected)
        #expect(outcome([opt(options: option(15, [0, 7]))]) == expected)
        // The first counts; a server may send more than one.
        #expect(outcome([opt(options: expired + option(15, [0, 22]))]) == expected)
        // Among other records, and with a response code that lies in part in the record itself.
        let address = record(wireName("ns.example.com"), .a, [192, 0, 2, 1])
        #expect(outcome([address, opt(options: expired), address]) == expected)
        #expect(
            outcome(flags: 0x8180, [opt(extendedCode: 1, options: expired)])
                == .failed(.badVers, because: ExtendedErrorCode(rawValue: 7)))
        #expect(
            outcome(flags: 0x8185, [opt(options: option(15, [0, 18]))])
                == .failed(.refused, because: .prohibited))
    }

    @Test func whatSaysNothingOrIsBrokenIsAFailureAllTheSame() {
        let plain = AnswerDistiller.Outcome.failed(.servFail)
        #expect(outcome([]) == plain)
        #expect(outcome([opt()]) == plain)
        #expect(outcome([opt(options: option(15, [0, 0]))]) == plain)
        #expect(outcome([opt(options: option(15, [7]))]) == plain)
        #expect(outcome([opt(options: option(15, []))]) == plain)
        #expect(outcome([opt(options: option(15, [0, 7], length: 3))]) == plain)
        #expect(outcome([opt(options: option(10, [1], length: 60000) + expired)]) == plain)
        #expect(outcome([opt(options: expired, dataLength: expired.count + 1)]) == plain)
        #expect(outcome([opt(options: expired)], behind: [0]) == plain)
        for length in 1...expired.count {
            let cut = outcome([opt(options: Array(expired.dropLast(length)))])
            #expect(cut == plain, "\(length) octets less")
        }
    }
}
