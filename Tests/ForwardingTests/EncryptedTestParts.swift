import DNSWire
import Forwarding
import Foundation
import WebServer

/// A certificate made for a test, with the authority that signed it.
struct TestCertificate: Sendable {
    let authorityPath: String
    let chainPath: String
    let keyPath: String

    /// Names dns.example.net and localhost, and the address 127.0.0.1.
    static let good = make("good", names: "DNS:dns.example.net,DNS:localhost,IP:127.0.0.1")
    /// Names another server, signed by an authority of its own.
    static let other = make("other", names: "DNS:other.example.net")

    /// Asks the `openssl` command for an authority and a certificate of it.
    private static func make(_ label: String, names: String) -> TestCertificate {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("encrypted-\(UUID().uuidString)-\(label)").path
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let certificate = TestCertificate(
            authorityPath: "\(folder)/ca.pem", chainPath: "\(folder)/server.pem",
            keyPath: "\(folder)/server.key")
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=authority \(label)"] + key + [
                "-keyout", "\(folder)/ca.key", "-out", certificate.authorityPath,
            ])
        openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=server \(label)"] + key + [
                "-CA", certificate.authorityPath, "-CAkey", "\(folder)/ca.key",
                "-addext", "subjectAltName=\(names)", "-addext", "basicConstraints=CA:FALSE",
                "-keyout", certificate.keyPath, "-out", certificate.chainPath,
            ])
        return certificate
    }

    private static func openssl(_ arguments: [String]) {
        ChildProcess("/usr/bin/openssl", arguments)?.wait()
    }
}

/// An upstream that asks the server on this port as dns.example.net.
func upstream(
    _ kind: EncryptedKind, port: UInt16, name: String? = "dns.example.net",
    trust: TestCertificate = .good, limits: EncryptedLimits = .patient
) -> EncryptedUpstream {
    let loopback = IPAddress(v4: 0x7F00_0001)
    let endpoint: EncryptedEndpoint =
        switch kind {
        case .tls: .tls(address: loopback, port: port, serverName: name)
        case .https:
            .https(
                host: name ?? "127.0.0.1", port: port, path: "/dns-query",
                addresses: [loopback])
        }
    return EncryptedUpstream(
        endpoint: endpoint, trustRoots: .pemFile(trust.authorityPath), limits: limits)
}

extension EncryptedLimits {
    /// Limits that a busy machine does not reach by being slow.
    static var patient: EncryptedLimits {
        var limits = EncryptedLimits()
        limits.connectMilliseconds = 60_000
        limits.handshakeMilliseconds = 60_000
        limits.silenceMilliseconds = 60_000
        return limits
    }
}

extension EncryptedUpstream {
    /// Asks and waits; a completion that ran twice would end the process here.
    func ask(
        _ query: [UInt8], timeoutMilliseconds: Int64 = 60_000
    ) async -> Result<[UInt8], ExchangeFailure> {
        await withCheckedContinuation { continuation in
            exchange(query, timeoutMilliseconds: timeoutMilliseconds) {
                continuation.resume(returning: $0)
            }
        }
    }
}

/// A query for the address of `host<number>.example.com`, with an OPT record at its end.
func testQuery(_ number: Int, id: UInt16 = 0x1234, withOPT: Bool = true) -> [UInt8] {
    var query: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    for label in ["host\(number)", "example", "com"] {
        query.append(UInt8(label.utf8.count))
        query += label.utf8
    }
    query += [0, 0, 1, 0, 1]
    if withOPT {
        query[11] = 1
        query += [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
    }
    return query
}

/// Waits until something holds, for at most half a minute; says whether it came to hold.
func eventually(_ holds: @Sendable () -> Bool) async -> Bool {
    for _ in 0..<3_000 {
        if holds() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
