import AccessPoint
import DNSWire
import Foundation
import Glibc
import Testing

/// Devices by hardware address, names from leases, and people by their logins.
@Suite(.scenario) struct IdentityTests {
    private static let policy = """
        bellgate: 1
        policy: { name: P, reference: P-1, contact: "mailto:it@example.com" }
        roles: { dsl: D, principal: P, it: I }
        time-zone: Etc/UTC
        groups:
          learner: { networks: [10.55.0.0/24, "fd55::/64", 127.0.20.0/24], identities: ["*@kite.example"] }
          staff: { networks: [127.0.30.0/24], identities: ["*@staff.kite.example"] }
        devices:
          - { name: library-pc-1, mac: "02:00:5e:10:00:01", kind: college, group: staff }
        unknown-devices: refuse
        rules:
          - { id: staff, for: [staff], block: [staff.example.com], reason: R }
          - { id: learner, for: [learner], block: [learner.example.com], reason: R }

        """

    /// The very first query is decided by the card, and the device is followed as it moves.
    @Test func aDeviceIsKnownByItsCardWhereverItIs() throws {
        guard let network = try TestNetwork() else { return }
        let server = try TestServer(
            Self.policy, upstreams: ["demo"], listen: TestNetwork.addresses,
            within: network.atHome)
        let pc = "02:00:5e:10:00:01"
        try network.become(pc, at: "10.55.0.5/24", "fd55::5/64")
        func ask(_ name: String, _ address: String) throws -> String {
            try network.ask("\(name).example.com", port: server.port, from: address)
        }
        #expect(try ask("staff", "10.55.0.5") == "NXDOMAIN", "the first query of all")
        #expect(try ask("staff", "fd55::5") == "NXDOMAIN", "and the first by IPv6")
        #expect(try ask("learner", "10.55.0.5") == "NOERROR")
        // Another address: its first query is right, too.
        try network.become(pc, at: "10.55.0.77/24")
        #expect(try ask("staff", "10.55.0.77") == "NXDOMAIN")
        // Another card at that address: within a second it is somebody else's.
        try network.become("02:00:5e:10:00:99", at: "10.55.0.77/24")
        #expect(try ask("other", "10.55.0.77") == "NOERROR")
        usleep(1_000_000)
        #expect(try ask("staff", "10.55.0.77") == "NOERROR")
        #expect(try ask("learner", "10.55.0.77") == "NXDOMAIN")
        // A suspension follows the device.
        try network.become(pc, at: "10.55.0.5/24")
        let suspend = try server.run([
            "suspend", "--device", "library-pc-1", "--until", "2099-01-01", "--reason", "R",
            "--authorised-by", "dsl",
        ])
        #expect(suspend.output.hasPrefix("suspension 1: library-pc-1 until"), "\(suspend.errors)")
        #expect(try ask("news", "10.55.0.5") == "NXDOMAIN")
        try network.become(pc, at: "10.55.0.8/24")
        #expect(try ask("news", "10.55.0.8") == "NXDOMAIN")
        let explained = try server.run(["explain", "news.example.com", "--client", "10.55.0.8"])
        #expect(explained.output.contains("device library-pc-1"), "\(explained.output)")
        #expect(explained.output.contains("02:00:5e:10:00:01"))
        #expect(try server.run(["lift", "--device", "10.55.0.8"]).status == 0)
        #expect(try ask("news", "10.55.0.8") == "NOERROR")
        // What the kernel takes away ends at once.
        try network.home("neigh", "flush", "dev", "home")
        let hasEnded = eventually(within: 2) {
            let run = try? server.run(["explain", "news.example.com", "--client", "10.55.0.8"])
            return run?.output.contains("library-pc-1") == false
        }
        #expect(hasEnded)
        let rows = try server.rows(["--name", "staff.example.com"])
        #expect(
            rows.map { $0["device"] as? String } == [
                "library-pc-1", "library-pc-1", "library-pc-1", nil,
            ])
    }

    /// More changes at once than the kernel keeps for a server that does not come to read them.
    @Test func whatTheKernelHadToLeaveOutIsAskedForAgain() throws {
        guard let network = try TestNetwork() else { return }
        let server = try TestServer(
            Self.policy, upstreams: ["demo"], listen: TestNetwork.addresses,
            within: network.atHome)
        func neighbour(_ address: Int, _ hardware: String) -> String {
            "neigh replace 10.55.0.\(address) lladdr \(hardware) dev home nud permanent\n"
        }
        func place(_ address: String) throws -> Bool {
            try server.run(["explain", "news.example.com", "--client", address])
                .output.contains("device library-pc-1")
        }
        let pc = "02:00:5e:10:00:01"
        try server.folder.write(neighbour(5, pc) + neighbour(240, "02:00:5e:30:00:01"), to: "first")
        try network.home("-batch", "\(server.folder.path)/first")
        #expect(eventually(within: 2) { (try? place("10.55.0.5")) == true })
        // The cards go round and round, and stop where the last change puts them.
        var changes = ""
        for round in 0..<150 {
            for address in 5..<235 {
                let octets = String(format: "%02x:%02x", round, address)
                changes += neighbour(address, "02:00:5e:40:\(octets)")
            }
        }
        changes += neighbour(77, pc) + "neigh del 10.55.0.240 dev home\n"
        try server.folder.write(changes, to: "changes")
        kill(server.process.pid, SIGSTOP)
        defer { kill(server.process.pid, SIGCONT) }
        try network.home("-batch", "\(server.folder.path)/changes")
        kill(server.process.pid, SIGCONT)
        #expect(eventually(within: 5) { (try? place("10.55.0.77")) == true })
        #expect(try !place("10.55.0.5"))
        let isWhole = eventually(within: 5) {
            guard let run = try? server.run(["status", "--json"]),
                let status = try? JSONSerialization.jsonObject(with: Data(run.output.utf8)),
                let identity = (status as? [String: Any])?["identity"] as? [String: Any],
                let neighbours = identity["neighbours"] as? [String: Any]
            else { return false }
            return neighbours["known"] as? Int == 230 && neighbours["overflows"] as? Int ?? 0 > 0
        }
        let status = try server.run(["status", "--json"]).output
        #expect(isWhole, "\(status)")
    }

    private static let end = Int(Date().timeIntervalSince1970) + 3600

    /// Behind a router the kernel sees the router alone: leases tell which card has an address.
    @Test func leasesTellCardsAndNames() throws {
        let lease = { (card: String, address: String, name: String, end: Int) in
            "\(end) \(card) \(address) \(name) *\n"
        }
        let first =
            lease("02:00:5e:10:00:01", "127.0.20.5", "whatever", Self.end)
            + lease("02:00:5e:10:00:02", "127.0.20.6", "iPhone-von-Max", Self.end)
            + lease("02:00:5e:10:00:03", "127.0.20.7", "library-pc-1", Self.end)
        let server = try TestServer(
            Self.policy, files: ["dnsmasq.leases": first], upstreams: ["demo"],
            settings: "identity: { leases: [ { file: dnsmasq.leases } ] }\n")
        #expect(try server.ask("staff.example.com", from: "127.0.20.5").rcode == 3)
        #expect(try server.ask("learner.example.com", from: "127.0.20.6").rcode == 3)
        #expect(try server.ask("learner.example.com", from: "127.0.20.7").rcode == 3)
        let rows = try server.rows([])
        #expect(
            rows.map { $0["device"] as? String } == [
                "library-pc-1", "iPhone-von-Max", "library-pc-1~100003",
            ])
        // The card has moved.
        let end = Int(Date().timeIntervalSince1970) + 3
        try server.folder.write(
            lease("02:00:5e:10:00:01", "127.0.20.9", "whatever", end)
                + lease("02:00:5e:10:00:02", "127.0.20.6", "iPhone-von-Max", Self.end)
                + lease("02:00:5e:10:00:04", "127.0.20.5", "*", Self.end), to: "dnsmasq.leases")
        let hasMoved = eventually(within: 1.5) {
            (try? server.ask("staff.example.com", from: "127.0.20.9").rcode) == 3
        }
        #expect(hasMoved)
        #expect(try server.ask("staff.example.com", from: "127.0.20.5").rcode == 0)
        // Half a file changes no answer, and is told.
        try server.folder.write("1795550400 02:00:5e:1", to: "dnsmasq.leases")
        usleep(600_000)
        #expect(try server.ask("staff.example.com", from: "127.0.20.9").rcode == 3)
        let status = try server.run(["status"])
        #expect(status.status == 1)
        #expect(status.output.contains("its last line is cut short"), "\(status.output)")
        #expect(status.output.contains("NOT WHOLE"))
        // And the lease ends at its second all the same.
        while Date().timeIntervalSince1970 < Double(end) + 1.2 { usleep(100_000) }
        #expect(try server.ask("staff.example.com", from: "127.0.20.9").rcode == 0)
    }

    private func radius(_ more: String = "") throws -> (TestServer, UInt16) {
        try FreePort.trying { free in
            let port = try free()
            let server = try TestServer(
                Self.policy, files: ["radius-secret": "a-long-shared-secret\n"],
                upstreams: ["demo"],
                settings: "identity: { radius: { listen: \"127.0.0.1:\(port)\", clients: "
                    + "[ { address: 127.0.0.1, secret-file: radius-secret\(more) } ] } }\n")
            return (server, port)
        }
    }

    private func send(_ packet: [UInt8], _ port: UInt16) throws -> [UInt8]? {
        let socket = try Socket("127.0.0.1")
        socket.setPatience(1)
        try socket.connect(to: "127.0.0.1", port: port)
        socket.send(packet)
        return socket.receive()
    }

    /// A device that is not on the network now, and a person who has not logged in, by the file alone.
    @Test(arguments: [
        (["--device", "library-pc-1"], "staff", "block"),
        (["--identity", "Bob@staff.kite.example"], "staff", "block"),
        (["--identity", "ann@kite.example"], "learner", "allow"),
    ])
    func whoIsNotHereIsExplainedByName(who: [String], group: String, verdict: String) throws {
        let folder = try Folder()
        let path = try folder.write(Self.policy, to: "policy.yaml")
        let ask = ["explain", "staff.example.com", "--policy", path]
        let run = try Run(Program.bellgate(), ask + who + ["--json"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.json["group"] as? String == group)
        #expect(run.json["verdict"] as? String == verdict)
        #expect(run.json["device"] as? String == who[1].lowercased())
    }

    @Test func whoIsNobodyIsSaidSo() throws {
        let folder = try Folder()
        let path = try folder.write(Self.policy, to: "policy.yaml")
        let ask = ["explain", "staff.example.com", "--policy", path]
        let device = try Run(Program.bellgate(), ask + ["--device", "library-pc-2"])
        #expect(device.status == 1)
        #expect(device.errors.contains("there is no device \"library-pc-2\""), "\(device.errors)")
        let stranger = try Run(Program.bellgate(), ask + ["--identity", "eve@elsewhere.example"])
        #expect(stranger.output.contains("unknown devices are refused"), "\(stranger.output)")
    }

    /// Who has logged in decides, from the report on; the record tells who it was at each instant.
    @Test func peopleAreFollowedByTheirLogins() throws {
        let (server, port) = try radius()
        let point = AccessPoint()
        let client = "127.0.20.5"
        #expect(try server.ask("learner.example.com", from: client).rcode == 3)
        let bob = point.report(
            1, session: "b", user: "Bob@staff.kite.example", address: client)
        #expect(try send(bob, port) != nil)
        #expect(try server.ask("staff.example.com", from: client).rcode == 3)
        let explained = try server.run([
            "explain", "staff.example.com", "--client", client, "--json",
        ]).json
        #expect(explained["identity"] as? String == "bob@staff.kite.example")
        #expect(explained["group"] as? String == "staff")
        #expect(try send(point.report(2, session: "b"), port) != nil)
        let ann = point.report(1, session: "a", user: "ann@kite.example", address: client)
        #expect(try send(ann, port) != nil)
        #expect(try server.ask("learner.example.com", from: client).rcode == 3)
        // She walks to another room, and keeps her name through a restart of the server.
        let moved = point.report(3, session: "a", user: "ann@kite.example", address: "127.0.30.5")
        #expect(try send(moved, port) != nil)
        try server.restart(by: SIGKILL)
        #expect(try server.ask("learner.example.com", from: "127.0.30.5").rcode == 3)
        #expect(try server.ask("learner.example.com", from: client).rcode == 3)
        // Whoever replays what was, or does not know the secret, changes nothing.
        #expect(try send(bob, port) != nil, "a late report is answered, so that it stops")
        let forged = AccessPoint(secret: "guessed")
        #expect(
            try send(forged.report(1, user: "eve@staff.kite.example", address: client), port)
                == nil)
        var unsigned = AccessPoint()
        unsigned.hasMessageAuthenticator = false
        #expect(try send(unsigned.report(1, user: "eve", address: client), port) == nil)
        #expect(try server.ask("learner.example.com", from: client).rcode == 3)
        let rows = try server.rows([])
        #expect(
            rows.map { $0["device"] as? String } == [
                nil, "bob@staff.kite.example", "ann@kite.example", "ann@kite.example", nil, nil,
            ])
        #expect(
            rows.map { $0["group"] as? String } == [
                "learner", "staff", "learner", "learner", "learner", "learner",
            ])
        // Names stay within: by default everybody has a pseudonym.
        let plain = try server.run(["log", "query", "--format", "csv"]).output
        #expect(!plain.contains("kite.example") && plain.contains(",d-"))
        let status = try server.run(["status"])
        #expect(status.output.contains("1 logins"), "\(status.output)")
        #expect(status.output.contains("1 with another secret"))
        #expect(status.output.contains("1 without a Message-Authenticator"))
        #expect(
            status.status == 1 && status.output.contains("require-message-authenticator: false"))
        #expect(try server.run(["log", "verify"]).status == 0)
    }

    /// Who was known by a login is judged anew as that person, not as whoever is at the address.
    @Test func aNewPolicyIsTriedOnWhoItWas() throws {
        let (server, port) = try radius()
        let client = "127.0.20.5"
        #expect(try server.ask("news.example.com", from: client).rcode == 0)
        let bob = AccessPoint().report(
            1, session: "b", user: "Bob@staff.kite.example", address: client)
        #expect(try send(bob, port) != nil)
        #expect(try server.ask("staff.example.com", from: client).rcode == 3)
        #expect(try server.ask("news.example.com", from: client).rcode == 0)
        try server.folder.write(
            Self.policy.replacingOccurrences(
                of: "block: [staff.example.com]", with: "block: [news.example.com]"),
            to: "new.yaml")
        let run = try server.run(["replay", "--since", "1d", "--with", "new.yaml", "--json"])
        #expect(run.status == 0, "\(run.errors)")
        let groups = try #require(run.json["byGroup"] as? [[String: Any]])
        #expect(groups.map { $0["group"] as? String } == ["learner", "staff"])
        #expect(groups.map { $0["queries"] as? Int } == [1, 2])
        let changes = try #require(run.json["changes"] as? [String: Int])
        #expect(changes["allowToBlock"] == 1 && changes["blockToAllow"] == 1)
        let record = try #require(run.json["record"] as? [String: Any])
        #expect(record["differFromCurrent"] as? Int == 0)
    }

    /// A client of another maker agrees about every digest.
    @Test func radclientIsUnderstood() throws {
        guard FileManager.default.fileExists(atPath: "/usr/bin/radclient") else {
            print("there is no radclient here, so it is not tried")
            return
        }
        let (server, port) = try radius()
        let request =
            "User-Name = \"bob@staff.kite.example\", Acct-Status-Type = Start, "
            + "Acct-Session-Id = \"1\", Framed-IP-Address = 127.0.20.5, "
            + "Message-Authenticator = 0x00"
        try server.folder.write(request, to: "request")
        let run = try Run(
            "radclient",
            [
                "-x", "-r", "1", "-t", "3", "-f", "\(server.folder.path)/request",
                "127.0.0.1:\(port)", "acct", "a-long-shared-secret",
            ])
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("Received Accounting-Response"))
        #expect(!(run.output + run.errors).contains("verification failed"))
        #expect(try server.ask("staff.example.com", from: "127.0.20.5").rcode == 3)
    }
}
