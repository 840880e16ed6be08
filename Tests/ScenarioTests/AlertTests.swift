import Foundation
import Glibc
import Testing
import WebServer

/// Somebody is told of a concern, by the running server.
@Suite(.scenario) struct AlertTests {
    private static let college = ConcernCollege(
        blocking: "harm.example.net", supportedBy: "help.harm.example.net")

    private func lines(_ path: String) -> [[String: Any]] {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
            .compactMap {
                try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
    }

    @Test func aConcernIsToldOnceAcrossKills() throws {
        let script = try Folder()
        try script.write("#!/bin/sh\ncat >> \(script.path)/told\n", to: "tell")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700], ofItemAtPath: script.path + "/tell")
        let told = script.path + "/told"
        let server = try TestServer(
            Self.college.policy, files: Self.college.files, upstreams: ["demo"],
            settings: "alerts: { command: [\(script.path)/tell] }\n")
        _ = try server.ask("help.harm.example.net", from: "127.0.0.7")
        _ = try server.ask("www.example.com", from: "127.0.0.7")
        for _ in 0..<5 { _ = try server.ask("www.harm.example.net", from: "127.0.0.7") }
        #expect(eventually(within: 30) { !lines(told).isEmpty })
        let alert = try #require(lines(told).first)
        #expect(alert["count"] as? Int == 5)
        #expect(alert["rule"] as? String == "harm")
        let pseudonym = try #require(alert["device"] as? String)
        #expect(pseudonym.hasPrefix("c-"))
        // The pseudonym leads to the rows.
        let rows = try server.run(["log", "query", "--client", pseudonym])
        #expect(rows.output.contains("www.harm.example.net"))

        // Within ten minutes nothing more is told of it, killed or not; of another device it is.
        for number in 8..<11 {
            try server.restart(by: SIGKILL)
            _ = try server.ask("www.harm.example.net", from: "127.0.0.7")
            _ = try server.ask("www.harm.example.net", from: "127.0.0.\(number)")
        }
        #expect(eventually(within: 40) { lines(told).count >= 4 })
        #expect(lines(told).count == 4)
        #expect(Set(lines(told).compactMap { $0["device"] as? String }).count == 4)
    }

    @Test func theMailGoesEncryptedToAServerThatIsKnown() throws {
        let folder = try Folder()
        SelfSigned.make(in: folder.path)
        let mail = try MailServer(folder.path, certificate: true, login: true)
        let server = try TestServer(
            Self.college.policy, files: Self.college.files.merging(["password": "secret\n"]) { $1 },
            upstreams: ["demo"],
            settings: """
                alerts:
                  email:
                    to: [dsl@college.example]
                    from: bellgate@college.example
                    server: localhost:\(mail.port)
                    user: bellgate
                    password-file: password

                """, environment: ["SSL_CERT_FILE": folder.path + "/cert.pem"])
        _ = try server.ask("harm.example.net", from: "127.0.0.7")
        #expect(eventually(within: 30) { !mail.mails.isEmpty }, "\(server.news)")
        #expect(mail.mails.first?["tls"] as? Bool == true)
        #expect(mail.mails.first?["to"] as? [String] == ["dsl@college.example"])
    }

    /// A mail server that hangs has no effect on answers, and is told.
    @Test func aHangingMailServerHasNoEffect() throws {
        let silent = try WebServer { _ in .init() }
        let server = try TestServer(
            Self.college.policy, files: Self.college.files, upstreams: ["demo"],
            settings: """
                alerts:
                  email: { to: [dsl@college.example], from: b@college.example, server: "127.0.0.1:\(silent.port)", security: none }

                """)
        for number in 0..<200 {
            _ = try server.ask("harm.example.net", from: "127.0.0.\(number % 100 + 1)")
        }
        let begun = ContinuousClock.now
        server.process.signal(SIGTERM)
        #expect(eventually(within: 20) { server.process.status != nil })
        #expect(ContinuousClock.now - begun < .seconds(15))
        try server.restart()
        #expect(try server.ask("harm.example.net", from: "127.0.0.1").rcode == 3)
    }
}
