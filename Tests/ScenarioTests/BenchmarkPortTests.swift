import Foundation
import Testing

/// The ports of the servers that `Tests/Benchmarks` measures.
@Suite struct BenchmarkPortTests {
    /// Two servers with one port, or a port that an asking program may take while its server is
    /// started anew, and a measurement ends with "Address already in use".
    @Test func everyServerHasAPortOfItsOwn() throws {
        let askers = try String(
            contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let firstOfAskers = try #require(askers.split(whereSeparator: \.isWhitespace).first)
        let script = """
            import sys
            sys.path.insert(0, "\(packageFolder)/Tests/Benchmarks")
            from side_by_side import servers
            print(*(servers.free_port() for _ in range(500)))
            """
        let run = try Run("/usr/bin/python3", ["-B", "-c", script])
        #expect(run.status == 0, "\(run.errors)")
        let ports = run.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        #expect(ports.count == 500)
        #expect(Set(ports).count == 500)
        #expect(ports.allSatisfy { $0 < Int(firstOfAskers) ?? 0 })
    }
}
