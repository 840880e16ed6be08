import DNSWire
import Forwarding
import Testing

/// The time limit that a failure "at once" must stay well under.
private let patience = Duration.seconds(30)

@Suite struct EncryptedAnswers {
    @Test("answers with the caller's ID, asks with its own", arguments: EncryptedKind.allCases)
    func answer(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .answers)
        let upstream = upstream(kind, port: server.port)
        let answer = try await upstream.ask(testQuery(1)).get()
        #expect(answer.prefix(3) == [0x12, 0x34, 0x81])
        let seen = try #require(server.queries.first)
        #expect(seen.count == 128)
        #expect(answer.dropFirst(3) == seen.dropFirst(3))
        if kind == .https { #expect(seen.prefix(2) == [0, 0]) }
        upstream.close()
        try await server.stop()
    }

    @Test("tells many in flight apart", arguments: EncryptedKind.allCases)
    func outOfOrder(_ kind: EncryptedKind) async throws {
        // HTTP/2 servers allow 100 streams at once, and the rest waits for them.
        let batch = kind == .tls ? 400 : 100
        let server = try await EncryptedTestServer(
            kind, certificate: .good, manner: .answersReversed(batch: batch))
        let upstream = upstream(kind, port: server.port)
        let wrong = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<batch {
                group.addTask {
                    let query = testQuery(number, withOPT: false)
                    guard case .success(let answer) = await upstream.ask(query) else {
                        return false
                    }
                    return answer == EncryptedTestServer.answer(to: query)
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 0 : 1) }
        }
        #expect(wrong == 0)
        #expect(server.connectionCount == 1)
        if kind == .tls { #expect(Set(server.queries.map { $0.prefix(2) }).count == batch) }
        upstream.close()
        try await server.stop()
    }

    @Test("uses one connection again and again", arguments: EncryptedKind.allCases)
    func reuse(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .answers)
        let upstream = upstream(kind, port: server.port)
        // More than the streams that a server allows at once.
        for number in 0..<250 { _ = try await upstream.ask(testQuery(number)).get() }
        #expect(server.connectionCount == 1)
        upstream.close()
        #expect(await eventually { server.endedCount == 1 })
        try await server.stop()
    }

    @Test("takes answers of up to 65,535 octets", arguments: EncryptedKind.allCases)
    func longAnswer(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .answers)
        let upstream = upstream(kind, port: server.port)
        let query = testQuery(1, withOPT: false) + [UInt8](repeating: 7, count: 65_535)
        let whole = [UInt8](query.prefix(65_535))
        #expect(try await upstream.ask(whole).get() == EncryptedTestServer.answer(to: whole))
        #expect(await upstream.ask(query) == .failure(.malformed))
        #expect(await upstream.ask([1, 2, 3]) == .failure(.malformed))
        upstream.close()
        try await server.stop()
    }

    @Test("asks the system for a host without addresses")
    func systemLookup() async throws {
        let server = try await EncryptedTestServer(.https, certificate: .good, manner: .answers)
        let upstream = EncryptedUpstream(
            endpoint: .https(
                host: "localhost", port: server.port, path: "/dns-query", addresses: []),
            trustRoots: .pemFile(TestCertificate.good.authorityPath))
        #expect(try await upstream.ask(testQuery(1)).get().count == 128)
        upstream.close()
        try await server.stop()
    }
}

@Suite struct EncryptedTrust {
    @Test("takes the address for a name where there is none", arguments: EncryptedKind.allCases)
    func address(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .answers)
        let upstream = upstream(kind, port: server.port, name: nil)
        #expect(try await upstream.ask(testQuery(1)).get().count == 128)
        upstream.close()
        try await server.stop()
    }

    struct Refused: Sendable {
        var name: String?
        var certificate = TestCertificate.good
        var trust = TestCertificate.good
    }

    @Test(
        "refuses what it cannot verify",
        arguments: EncryptedKind.allCases,
        [
            // Another name than the certificate's.
            Refused(name: "dns.example.org"),
            // An authority that is not trusted.
            Refused(name: "dns.example.net", trust: .other),
            Refused(name: "other.example.net", certificate: .other),
            // No name, and the address is not in the certificate.
            Refused(name: nil, certificate: .other, trust: .other),
        ])
    func refused(_ kind: EncryptedKind, _ refused: Refused) async throws {
        let server = try await EncryptedTestServer(
            kind, certificate: refused.certificate, manner: .answers)
        let upstream = upstream(kind, port: server.port, name: refused.name, trust: refused.trust)
        let start = ContinuousClock.now
        let outcome = await upstream.ask(testQuery(1))
        guard case .failure(.tls(let reason)) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(!reason.isEmpty)
        #expect(ContinuousClock.now - start < patience)
        #expect(server.queries.isEmpty)
        try await server.stop()
    }

    @Test("refuses a web server that does not speak HTTP/2")
    func noHTTP2() async throws {
        let server = try await EncryptedTestServer(
            .https, certificate: .good, manner: .answers, protocols: [])
        let outcome = await upstream(.https, port: server.port).ask(testQuery(1))
        #expect(outcome == .failure(.tls("the server does not offer HTTP/2")))
        try await server.stop()
    }

    @Test("says that the trust roots cannot be read")
    func noRoots() async {
        let upstream = EncryptedUpstream(
            endpoint: .tls(address: IPAddress(v4: 0x7F00_0001), port: 9, serverName: nil),
            trustRoots: .pemFile("/nonexistent.pem"))
        let failure = ExchangeFailure.tls("cannot read trust roots from /nonexistent.pem")
        #expect(upstream.setupFailure == failure)
        #expect(await upstream.ask(testQuery(1)) == .failure(failure))
    }
}
