import DNSWire
import Forwarding
import NIOCore
import NIOPosix
import Testing

@Suite struct EncryptedFailures {
    @Test(
        "fails at once when the server closes, then connects anew",
        arguments: EncryptedKind.allCases)
    func closedMidway(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .closesAt(3))
        let upstream = upstream(kind, port: server.port)
        let start = ContinuousClock.now
        let outcomes = await withTaskGroup(of: Result<[UInt8], ExchangeFailure>.self) { group in
            for number in 0..<3 {
                group.addTask { await upstream.ask(testQuery(number)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes == [Result](repeating: .failure(.closed), count: 3))
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(try await upstream.ask(testQuery(4)).get().count == 128)
        #expect(server.connectionCount == 2)
        upstream.close()
        try await server.stop()
    }

    @Test("times out on a silent server", arguments: EncryptedKind.allCases)
    func silent(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .silent)
        let upstream = upstream(kind, port: server.port)
        let start = ContinuousClock.now
        #expect(await upstream.ask(testQuery(1), timeoutMilliseconds: 400) == .failure(.timedOut))
        #expect(ContinuousClock.now - start >= .milliseconds(400))
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(await upstream.ask(testQuery(1), timeoutMilliseconds: 0) == .failure(.timedOut))
        upstream.close()
        try await server.stop()
    }

    @Test("a late answer goes to nobody else", arguments: EncryptedKind.allCases)
    func late(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(
            kind, certificate: .good, manner: .answersAfter(milliseconds: 700))
        let upstream = upstream(kind, port: server.port)
        #expect(await upstream.ask(testQuery(1), timeoutMilliseconds: 500) == .failure(.timedOut))
        let query = testQuery(2, withOPT: false)
        #expect(await upstream.ask(query) == .success(query))
        #expect(server.connectionCount == 1)
        upstream.close()
        try await server.stop()
    }

    @Test("says when the port is closed", arguments: EncryptedKind.allCases)
    func refused(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .answers)
        try await server.stop()
        let upstream = upstream(kind, port: server.port)
        let first = await upstream.ask(testQuery(1))
        #expect(first == .failure(.refused))
        // Still so within the pause, without a second attempt.
        let second = await upstream.ask(testQuery(1))
        #expect(second == .failure(.refused))
    }

    @Test("a port that speaks no TLS, and one that says nothing", arguments: [true, false])
    func strangePort(talks: Bool) async throws {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                guard talks else { return channel.eventLoop.makeSucceededVoidFuture() }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Greeter())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        var limits = EncryptedLimits.patient
        if !talks { limits.handshakeMilliseconds = 300 }
        let port = UInt16(listener.localAddress?.port ?? 0)
        let outcome = await upstream(.tls, port: port, limits: limits).ask(testQuery(1))
        switch outcome {
        case .failure(.tls): #expect(talks)
        case .failure(.timedOut): #expect(!talks)
        default: Issue.record("\(outcome)")
        }
        try await listener.close()
    }

    @Test(
        "does not take what is no DNS message",
        arguments: [
            (EncryptedKind.tls, ServerManner.raw([0, 11] + [UInt8](repeating: 0, count: 11))),
            (.https, .raw([UInt8](repeating: 0, count: 11))),
            (.https, .http(status: "200", type: "text/html", octets: 100)),
            (.https, .http(status: "200", type: "application/dns-message", octets: 65_536)),
        ])
    func malformed(_ kind: EncryptedKind, _ manner: ServerManner) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: manner)
        let upstream = upstream(kind, port: server.port)
        #expect(await upstream.ask(testQuery(1)) == .failure(.malformed))
        #expect(await upstream.ask(testQuery(2)) == .failure(.malformed))
        upstream.close()
        try await server.stop()
    }

    @Test("tells the status of a response that is no answer", arguments: [404, 429, 503])
    func status(_ status: Int) async throws {
        let server = try await EncryptedTestServer(
            .https, certificate: .good,
            manner: .http(status: "\(status)", type: "text/plain", octets: 20))
        let upstream = upstream(.https, port: server.port)
        #expect(await upstream.ask(testQuery(1)) == .failure(.http(status: status)))
        #expect(await upstream.ask(testQuery(2)) == .failure(.http(status: status)))
        #expect(server.connectionCount == 1)
        upstream.close()
        try await server.stop()
    }
}

@Suite struct EncryptedConnections {
    @Test("closes an idle connection and makes another later", arguments: EncryptedKind.allCases)
    func idle(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .answers)
        var limits = EncryptedLimits.patient
        limits.idleMilliseconds = 200
        let upstream = upstream(kind, port: server.port, limits: limits)
        _ = try await upstream.ask(testQuery(1)).get()
        #expect(await eventually { server.endedCount == 1 })
        _ = try await upstream.ask(testQuery(2)).get()
        #expect(server.connectionCount == 2)
        try await server.stop()
    }

    @Test("takes as many queries at once as the limit says", arguments: EncryptedKind.allCases)
    func inFlight(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(
            kind, certificate: .good, manner: .answersReversed(batch: 4))
        var limits = EncryptedLimits.patient
        limits.queriesInFlight = 3
        let upstream = upstream(kind, port: server.port, limits: limits)
        async let first = upstream.ask(testQuery(1))
        async let second = upstream.ask(testQuery(2))
        async let third = upstream.ask(testQuery(3))
        #expect(await eventually { server.queries.count == 3 })
        #expect(await upstream.ask(testQuery(4)) == .failure(.busy))
        upstream.close()
        let others = await [first, second, third]
        #expect(others == [Result](repeating: .failure(.closed), count: 3))
        try await server.stop()
    }

    @Test("gives up a connection that fell silent", arguments: EncryptedKind.allCases)
    func silence(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .silent)
        var limits = EncryptedLimits.patient
        limits.silenceMilliseconds = 200
        let upstream = upstream(kind, port: server.port, limits: limits)
        async let patient = upstream.ask(testQuery(1), timeoutMilliseconds: 60_000)
        #expect(await eventually { server.queries.count == 1 })
        // On a machine that is itself slow, the server's last word may come late: ask again.
        for number in 2..<8 where server.endedCount == 0 {
            let hasty = await upstream.ask(testQuery(number), timeoutMilliseconds: 500)
            #expect(hasty == .failure(.timedOut))
        }
        #expect(await patient == .failure(.closed))
        _ = await upstream.ask(testQuery(9), timeoutMilliseconds: 100)
        #expect(await eventually { server.connectionCount >= 2 })
        upstream.close()
        try await server.stop()
    }

    @Test("leaves a connection on which too many queries were abandoned")
    func abandoned() async throws {
        let server = try await EncryptedTestServer(.tls, certificate: .good, manner: .silent)
        var limits = EncryptedLimits.patient
        limits.queriesAbandoned = 2
        let upstream = upstream(.tls, port: server.port, limits: limits)
        async let slow = upstream.ask(testQuery(0))
        #expect(await eventually { server.queries.count == 1 })
        for number in 1...3 {
            _ = await upstream.ask(testQuery(number), timeoutMilliseconds: 50)
        }
        #expect(server.connectionCount == 1)
        _ = await upstream.ask(testQuery(4), timeoutMilliseconds: 300)
        #expect(await eventually { server.connectionCount == 2 })
        // The first connection is kept for what it carries, until all is closed.
        #expect(server.endedCount == 0)
        upstream.close()
        #expect(await slow == .failure(.closed))
        #expect(await eventually { server.endedCount == 2 })
        try await server.stop()
    }

    @Test("leaves an HTTP/2 connection that goes away")
    func goAway() async throws {
        let server = try await EncryptedTestServer(.https, certificate: .good, manner: .goesAway)
        let upstream = upstream(.https, port: server.port)
        for number in 1...3 { _ = try await upstream.ask(testQuery(number)).get() }
        #expect(server.connectionCount == 3)
        #expect(await eventually { server.endedCount == 3 })
        try await server.stop()
    }

    @Test("closing fails what is in flight and what comes later", arguments: EncryptedKind.allCases)
    func close(_ kind: EncryptedKind) async throws {
        let server = try await EncryptedTestServer(kind, certificate: .good, manner: .silent)
        let upstream = upstream(kind, port: server.port)
        async let waiting = upstream.ask(testQuery(1))
        #expect(await eventually { server.queries.count == 1 })
        upstream.close()
        #expect(await waiting == .failure(.closed))
        #expect(await upstream.ask(testQuery(2)) == .failure(.closed))
        #expect(await eventually { server.endedCount == 1 })
        try await server.stop()
    }
}

/// Says something that is not TLS as soon as it is connected.
private final class Greeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(ByteBuffer(string: "220 mail.example.net\r\n")), promise: nil)
    }
}
