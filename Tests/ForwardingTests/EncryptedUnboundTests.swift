import DNSWire
import Foundation
import NIOCore
import NIOPosix
import Testing
import WebServer

@testable import Forwarding

private let unboundPath = "/usr/sbin/unbound"

/// Against a server that others wrote: Debian's `unbound`, where it is installed.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: unboundPath)))
struct EncryptedUnbound {
    @Test("asks unbound", arguments: EncryptedKind.allCases)
    func asks(_ kind: EncryptedKind) async throws {
        let port = try await freePort()
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("encrypted-\(UUID().uuidString)-unbound").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let path = "\(folder)/unbound.conf"
        try configuration(kind, port).write(toFile: path, atomically: true, encoding: .utf8)
        let process = try #require(ChildProcess(unboundPath, ["-d", "-c", path]))
        defer { process.stop() }

        let upstream = upstream(kind, port: port)
        var first = await upstream.ask(testQuery(0))
        for _ in 0..<100 where (try? first.get()) == nil {
            try await Task.sleep(for: .milliseconds(100))
            first = await upstream.ask(testQuery(0))
        }
        #expect(answerAddress(try first.get()) == [192, 0, 2, 0])
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let answer = await upstream.ask(testQuery(number, id: UInt16(number)))
                    let octets = (try? answer.get()) ?? []
                    #expect(octets.prefix(2) == [0, UInt8(number)])
                    #expect(answerAddress(octets) == [192, 0, 2, UInt8(number)])
                }
            }
        }
        upstream.close()
    }

    /// The first answer's address: its owner is a pointer to the question, its type A.
    private func answerAddress(_ message: [UInt8]) -> [UInt8] {
        guard let name = message.firstRange(of: [3, 99, 111, 109, 0]) else { return [] }
        return [UInt8](message.dropFirst(name.upperBound + 4 + 12).prefix(4))
    }

    private func configuration(_ kind: EncryptedKind, _ port: UInt16) -> String {
        let records = (0..<200).map {
            "  local-data: \"host\($0).example.com. 300 IN A 192.0.2.\($0)\""
        }
        return """
            server:
              interface: 127.0.0.1@\(port)
              \(kind == .tls ? "tls-port" : "https-port"): \(port)
              tls-service-key: "\(TestCertificate.good.keyPath)"
              tls-service-pem: "\(TestCertificate.good.chainPath)"
              username: ""
              chroot: ""
              pidfile: ""
              do-daemonize: no
              use-syslog: no
              logfile: ""
              verbosity: 0
              module-config: "iterator"
              incoming-num-tcp: 50
              local-zone: "." static

            """ + records.joined(separator: "\n") + "\nremote-control:\n  control-enable: no\n"
    }

    /// A port of loopback that was free a moment ago.
    private func freePort() async throws -> UInt16 {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(truncatingIfNeeded: listener.localAddress?.port ?? 0)
        try await listener.close()
        return port
    }
}
