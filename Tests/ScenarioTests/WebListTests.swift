import Foundation
import Glibc
import Testing
import WebServer

/// Lists from the web, through the real program.
@Suite(.scenario) struct WebListTests {
    private static func policy(_ url: String, every: String) -> String {
        policyHead + """
            groups:
              everyone: { networks: [127.0.0.0/8] }
            unknown-devices: everyone
            lists:
              feed: { url: "\(url)", every: \(every), format: domains }
            rules:
              - { id: listed, block: [feed], reason: It is on a list. }
            default: allow

            """
    }

    private static func names(_ numbers: Range<Int>) -> String {
        numbers.map { "name\($0).example.net\n" }.joined()
    }

    private static func isBlocked(_ name: String, _ server: TestServer) throws -> Bool {
        try server.ask(name, from: "127.0.0.1").rcode == 3
    }

    @Test func aServerFetchesItsListsAndLosesNoQuery() throws {
        let web = try WebServer { _ in .init(Self.names(0..<10)) }
        let server = try TestServer(
            Self.policy(web.url("/feed"), every: "1s"), upstreams: ["demo"])
        #expect(
            eventually(within: 30) { (try? Self.isBlocked("name3.example.net", server)) == true })
        // `ask` fails the test for each question without an answer.
        web.answers { _ in .init(Self.names(0..<14)) }
        #expect(
            eventually(within: 30) { (try? Self.isBlocked("name12.example.net", server)) == true })
        #expect(try Self.isBlocked("name3.example.net", server))
        #expect(!(try Self.isBlocked("name15.example.net", server)))
        // The web goes away; what there is stays, and is told.
        web.answers { _ in .init(status: 503) }
        let isTold = eventually(within: 30) {
            server.news.contains("list feed: FAILED: the server is in trouble (503)")
        }
        #expect(isTold)
        #expect(try Self.isBlocked("name12.example.net", server))
        let status = try server.run(["status", "--json"])
        #expect(status.status == 1)
        let list = try #require((status.json["lists"] as? [[String: Any]])?.first)
        #expect(list["names"] as? Int == 14)
        #expect((list["problem"] as? String)?.contains("503") == true)
        // A start without the web has the last good copy.
        web.stop()
        try server.restart(by: SIGKILL)
        #expect(try Self.isBlocked("name12.example.net", server))
    }

    @Test func aHangingServerHoldsUpNothing() throws {
        let web = try WebServer { _ in
            var answer = WebServer.Answer(Self.names(0..<10))
            (answer.brokenOffAt, answer.hangs) = (30, true)
            return answer
        }
        let server = try TestServer(
            Self.policy(web.url("/feed"), every: "1s"), upstreams: ["demo"])
        #expect(eventually(within: 30) { !web.seen.isEmpty })
        #expect(!(try Self.isBlocked("name3.example.net", server)))
        #expect(try server.run(["reload"]).status == 0)
        // It ends at once, fetching or not.
        let begun = ContinuousClock.now
        server.process.signal(SIGTERM)
        #expect(eventually(within: 10) { server.process.status != nil })
        #expect(ContinuousClock.now - begun < .seconds(10))
        try server.restart()
    }

    @Test func updateHasTheServerTakeListsUp() throws {
        let web = try WebServer { _ in .init(Self.names(0..<10)) }
        let server = try TestServer(
            Self.policy(web.url("/feed"), every: "24h"), upstreams: ["demo"])
        #expect(
            eventually(within: 30) { (try? Self.isBlocked("name3.example.net", server)) == true })
        web.answers { _ in .init(Self.names(0..<20)) }
        let update = try server.run(["lists", "update"])
        #expect(update.status == 0)
        #expect(update.output.contains("feed: 20 names, in force (10 more than before)"))
        #expect(update.output.contains("the running server has taken them up"))
        #expect(try Self.isBlocked("name15.example.net", server))
        #expect(try server.run(["lists", "update", "feed"]).output == "feed: unchanged\n")

        web.answers { _ in .init(Self.names(0..<3)) }
        let held = try server.run(["lists", "update"])
        #expect(held.status == 1)
        #expect(held.output.contains("HELD BACK: they have 3 names, where there were 20"))
        #expect(try Self.isBlocked("name15.example.net", server))
        let status = try server.run(["lists", "status", "--json"])
        #expect(status.status == 1)
        let list = try #require((status.json["lists"] as? [[String: Any]])?.first)
        #expect(list["held"] as? String == "they have 3 names, where there were 20")
        #expect(try server.run(["check"]).errors.contains("were held back"))
        let accepted = try server.run(["lists", "update", "--accept", "feed"])
        #expect(accepted.status == 0)
        #expect(!(try Self.isBlocked("name15.example.net", server)))
        #expect(try server.run(["lists", "status"]).status == 0)

        let unknown = try server.run(["lists", "update", "fed"])
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("no list from the web is called \"fed\"; there are: feed"))
    }

    @Test func certificatesAreVerified() throws {
        let folder = try Folder()
        try folder.write(Self.names(0..<10), to: "feed.txt")
        SelfSigned.make(in: folder.path)
        let (port, server) = try FreePort.trying { free in
            let port = try free()
            let server = try Program(
                "openssl",
                [
                    "s_server", "-WWW", "-accept", "127.0.0.1:\(port)", "-cert", "cert.pem", "-key",
                    "key.pem",
                ], in: folder.path)
            guard eventually(within: 10, { server.output.contains("ACCEPT") }) else {
                throw ScenarioFailure("openssl: \(server.errors)")
            }
            return (port, server)
        }
        defer { server.stop(SIGKILL) }
        let policy = Self.policy("https://localhost:\(port)/feed.txt", every: "24h")
        try folder.write(policy, to: "policy.yaml")
        try folder.write("policy: policy.yaml\n", to: "bellgate.yaml")
        let update = ["lists", "update", "--config", "bellgate.yaml"]
        let refused = try Run(Program.bellgate(), update, in: folder.path)
        #expect(refused.status == 1)
        #expect(refused.output.contains("certificate is not to be trusted"), "\(refused.output)")
        let trusted = try Run(
            Program.bellgate(), update, environment: ["SSL_CERT_FILE": "cert.pem"],
            in: folder.path)
        #expect(trusted.output.contains("feed: 10 names, in force"), "\(trusted.output)")
        // For another name the same certificate does not count.
        try folder.write(policy.replacing("localhost", with: "127.0.0.1"), to: "policy.yaml")
        let other = try Run(
            Program.bellgate(), update, environment: ["SSL_CERT_FILE": "cert.pem"],
            in: folder.path)
        #expect(other.output.contains("certificate is not to be trusted"), "\(other.output)")
    }

    @Test func aFullDiskLeavesTheCopy() throws {
        let web = try WebServer { _ in .init(Self.names(0..<10)) }
        guard let disk = try SmallDisk(megabytes: 1) else { return }
        let folder = try Folder()
        try folder.write(Self.policy(web.url("/feed"), every: "24h"), to: "policy.yaml")
        try folder.write(
            "policy: policy.yaml\nlists: \(disk.folder.path)/lists\n", to: "bellgate.yaml")
        let update = ["lists", "update", "--config", "bellgate.yaml"]
        #expect(try Run(Program.bellgate(), update, in: folder.path).status == 0)
        web.answers { _ in .init(Self.names(0..<100_000)) }
        let full = try Run(Program.bellgate(), update, in: folder.path)
        #expect(full.status == 1)
        #expect(full.output.contains("No space left"), "\(full.output)")
        web.answers { _ in .init(status: 304) }
        let check = try Run(
            Program.bellgate(), ["check", "--config", "bellgate.yaml"], in: folder.path)
        #expect(check.output.contains("feed: 10 names"), "\(check.output) \(check.errors)")
    }
}
