import Foundation
import Glibc
import Testing

/// Datagrams that come faster than 80,000 a second: turns go by the clock then, and sockets are
/// looked at unasked.
@Suite(.scenario) struct FloodTests {
    /// Sends responses that nobody asked for, which cost the server little; `seconds` at most.
    private static func flood(_ port: UInt16, seconds: Double) throws {
        let socket = try Socket("127.0.0.9")
        try socket.connect(to: "127.0.0.1", port: port)
        let response: [UInt8] = [0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let end = ContinuousClock.now + .seconds(seconds)
        for _ in 0..<20_000 where ContinuousClock.now < end {
            for _ in 0..<64 { socket.send(response) }
        }
    }

    /// Seconds of processor time that the server has taken.
    private static func processorSeconds(_ server: TestServer) throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(server.process.pid)/stat", encoding: .utf8)
        // After the name in brackets: the state is the 3rd field, user and system time are the 14th and
        // the 15th.
        let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = try [11, 12].map { try #require(Double(fields[$0])) }
        return (ticks[0] + ticks[1]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    @Test func aServerServesThroughAFloodAndRestsAfterIt() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], settings: "workers: 1\n")
        for round in 0..<4 {
            try Self.flood(server.port, seconds: 0.4)
            // One that the flood has left room for is answered, after all that came before it.
            let asked = try eventually(within: 15) {
                try server.client(patience: 0.5).ask("never.example.com")?.rcode == 3
            }
            #expect(asked)
            let before = try Self.processorSeconds(server)
            pause(0.5)
            let taken = try Self.processorSeconds(server) - before
            #expect(taken <= 0.1, "round \(round): \(taken) s of half a second without a query")
            // Whatever comes later is answered too.
            #expect(try server.ask("n\(round).example.com", from: "127.0.0.1").rcode == 0)
            #expect(try server.client().askByTCP("never.example.com")?.rcode == 3)
        }
    }

    @Test func aServerStopsInAFlood() throws {
        let upstream = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(upstream.port)"], settings: "workers: 1\n")
        let port = server.port
        let flooding = Thread { try? Self.flood(port, seconds: 2) }
        flooding.start()
        pause(0.5)
        // By itself, not by force.
        #expect(server.process.stop() == 0)
        try server.restart()
        #expect(try server.ask("never.example.com", from: "127.0.0.1").rcode == 3)
        #expect(try server.run(["log", "verify"]).status == 0)
    }
}
