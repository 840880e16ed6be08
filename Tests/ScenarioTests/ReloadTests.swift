import Foundation
import Glibc
import Testing

/// The policy changes while the server serves.
@Suite(.scenario) struct ReloadTests {
    private static func blocking(_ name: String) -> String {
        collegePolicy.replacing("[never.example.com,", with: "[never.example.com, \(name),")
    }

    private func rcode(_ server: TestServer, _ name: String) throws -> UInt16 {
        try server.ask(name, from: "127.0.0.1").rcode
    }

    @Test func everyWayOfReloadingWorks() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        func isBlocked(_ name: String) throws -> Bool {
            try eventually(within: 5) { try rcode(server, name) == 3 }
        }
        for number in 0..<4 { #expect(try rcode(server, "n\(number).example.com") == 0) }
        try server.folder.replace(Self.blocking("n0.example.com"), at: "policy.yaml")
        #expect(try isBlocked("n0.example.com"))
        try server.folder.write(Self.blocking("n1.example.com"), to: "policy.yaml")
        #expect(try isBlocked("n1.example.com"))
        #expect(try rcode(server, "n0.example.com") == 0)
        try server.folder.write(Self.blocking("n2.example.com"), to: "policy.yaml")
        let reload = try server.run(["reload"])
        #expect(reload.status == 0 && reload.output.contains("in force"))
        #expect(try rcode(server, "n2.example.com") == 3)
        try server.folder.write(Self.blocking("n3.example.com"), to: "policy.yaml")
        server.process.signal(SIGHUP)
        #expect(try isBlocked("n3.example.com"))
        // The answer that was cached under the old policy never came back.
        #expect(fake.asked.count == 4)
    }

    @Test func aBrokenPolicyIsRefusedAndTheOldOneGoesOn() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let old = try #require(
            (try server.status()["server"] as? [String: Any])?["policyHash"] as? String)
        try server.folder.write(
            collegePolicy.replacing("block: [never]", with: "blok: [nevr]"), to: "policy.yaml")
        let reload = try server.run(["reload"])
        #expect(reload.status == 1)
        #expect(reload.errors.contains("policy.yaml:") && reload.errors.contains("\"blok\""))
        #expect(reload.output.contains(old))
        #expect(try rcode(server, "never.example.com") == 3)
        #expect(try rcode(server, "www.example.com") == 0)
        let status = try server.run(["status"])
        #expect(status.status == 1)
        #expect(status.output.contains("REFUSED") && status.output.contains(old))
        #expect(server.news.contains("goes on"))
        // One that fails its own tests is refused as well.
        try server.folder.write(
            collegePolicy
                + "tests: [{ group: staff, ask: never.example.com, expect: allow, at: 2026-11-23 09:00 }]\n",
            to: "policy.yaml")
        #expect(try server.run(["reload"]).status == 1)
        // And gone is no policy either.
        try FileManager.default.removeItem(atPath: server.folder.path + "/policy.yaml")
        #expect(try server.run(["reload"]).status == 1)
        #expect(try rcode(server, "never.example.com") == 3)
        try server.folder.write(Self.blocking("new.example.com"), to: "policy.yaml")
        #expect(try eventually(within: 5) { try rcode(server, "new.example.com") == 3 })
        #expect(try server.run(["status"]).status == 0)
    }

    @Test func aChangedListIsNoticed() throws {
        let fake = try FakeUpstream()
        let policy = collegePolicy.replacing(
            "categories:",
            with: "lists:\n  extra: { file: lists/extra.txt, format: domains }\ncategories:"
        ).replacing("block: [never]", with: "block: [never, extra]")
        let server = try TestServer(
            policy, files: ["lists/extra.txt": "one.example.com\n"],
            upstreams: ["127.0.0.1:\(fake.port)"])
        #expect(try rcode(server, "one.example.com") == 3)
        #expect(try rcode(server, "two.example.com") == 0)
        try server.folder.write("two.example.com\n", to: "lists/extra.txt")
        #expect(try eventually(within: 5) { try rcode(server, "two.example.com") == 3 })
        #expect(try rcode(server, "one.example.com") == 0)
        try server.folder.replace("three.example.com\n", at: "lists/extra.txt")
        #expect(try eventually(within: 5) { try rcode(server, "three.example.com") == 3 })
    }

    /// Lists take a while to be read; an edit that is made meanwhile counts.
    @Test func anEditDuringTheStartIsNoticed() throws {
        let folder = try Folder()
        let policy = collegePolicy.replacing(
            "categories:", with: "lists:\n  many: { file: many.txt, format: domains }\ncategories:"
        ).replacing("block: [never]", with: "block: [never, many]")
        let names = (0..<200_000).map { "n\($0).many.example\n" }.joined()
        try folder.write(names, to: "many.txt")
        try folder.write(policy, to: "policy.yaml")
        let (port, process) = try FreePort.trying { free in
            let port = try free()
            try folder.write(
                """
                policy: policy.yaml
                listen: { dns: ["127.0.0.1:\(port)"] }
                upstreams: [demo]
                log: { directory: log, segment: 1MiB }
                control: run/bellgate.sock

                """, to: "bellgate.yaml")
            let process = try Program(
                Program.bellgate(), ["serve", "--config", "bellgate.yaml"], in: folder.path)
            return (port, process)
        }
        defer { process.stop() }
        // Once the list's octets have been taken, the policy has been read and the names have not.
        let isReading = eventually(within: 30, every: 0.001) {
            let counts = try? String(contentsOfFile: "/proc/\(process.pid)/io", encoding: .utf8)
            let taken = counts?.split(separator: "\n").first?.split(separator: " ").last
            return taken.flatMap { Int($0) } ?? 0 > names.utf8.count
        }
        try #require(isReading, "\(process.errors)")
        try folder.replace(
            policy.replacing("[never.example.com,", with: "[never.example.com, late.example.com,"),
            at: "policy.yaml")
        #expect(eventually(within: 60) { process.errors.contains("serving on") })
        let client = Client(address: "127.0.0.1", port: port, patience: 5)
        #expect(try eventually(within: 90) { try client.ask("late.example.com")?.rcode == 3 })
    }

    @Test func aPolicyBehindALinkIsFollowed() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        func isBlocked(_ name: String) throws -> Bool {
            try eventually(within: 5) { try rcode(server, name) == 3 }
        }
        let files = FileManager.default
        let path = server.folder.path + "/policy.yaml"
        try server.folder.write(Self.blocking("n0.example.com"), to: "one/policy.yaml")
        try server.folder.write(Self.blocking("n1.example.com"), to: "two/policy.yaml")
        try files.removeItem(atPath: path)
        try files.createSymbolicLink(atPath: path, withDestinationPath: "one/policy.yaml")
        #expect(try isBlocked("n0.example.com"))
        try files.createSymbolicLink(atPath: path + ".new", withDestinationPath: "two/policy.yaml")
        #expect(unsafe rename(path + ".new", path) == 0)
        #expect(try isBlocked("n1.example.com"))
        try server.folder.write(Self.blocking("n2.example.com"), to: "two/policy.yaml")
        #expect(try isBlocked("n2.example.com"), "written where the link leads")
        try server.folder.replace(Self.blocking("n3.example.com"), at: "two/policy.yaml")
        #expect(try isBlocked("n3.example.com"), "renamed over where the link leads")
    }

    @Test func noAnswerIsLostWhileThePolicyChanges() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let port = server.port
        let isOver = Shared(false)
        let counts = Shared((asked: 0, lost: 0, wrong: 0))
        let group = DispatchGroup()
        for number in 0..<4 {
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                let client = Client(address: "127.0.0.\(number + 1)", port: port, patience: 5)
                var count = 0
                while !isOver.value, count < 2000 {
                    count += 1
                    let names = [
                        "never.example.com", "www\(count % 50).example.com", "n.turn.example.com",
                    ]
                    let name = names[count % 3]
                    let answer = try? count % 20 == 0 ? client.askByTCP(name) : client.ask(name)
                    // The first is always blocked, the second never, the third now and then.
                    let isRight =
                        switch count % 3 {
                        case 0: answer?.rcode == 3
                        case 1: answer?.rcode == 0
                        default: answer?.rcode == 3 || answer?.rcode == 0
                        }
                    counts.change {
                        $0.asked += 1
                        if answer == nil { $0.lost += 1 } else if !isRight { $0.wrong += 1 }
                    }
                }
            }
        }
        for round in 0..<8 {
            try server.folder.write(
                round % 2 == 0 ? Self.blocking("turn.example.com") : collegePolicy,
                to: "policy.yaml")
            #expect(try server.run(["reload"]).status == 0)
            #expect(try rcode(server, "x.turn.example.com") == (round % 2 == 0 ? 3 : 0))
        }
        isOver.change { $0 = true }
        group.wait()
        let (asked, lost, wrong) = counts.value
        #expect(asked > 500)
        #expect(lost == 0 && wrong == 0, "of \(asked)")
        #expect(try server.rows().count == asked + 8)
    }
}
