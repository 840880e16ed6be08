import Foundation
import Testing

/// The verbs, as a person or a program calls them on the sample that is shipped.
@Suite(.scenario) struct CommandLineTests {
    private static let sample = "\(packageFolder)/deploy/samples/kite/policy.yaml"

    private func run(_ arguments: [String], in folder: String? = nil) throws -> Run {
        try Run(Program.bellgate(), arguments, in: folder)
    }

    @Test(
        arguments: [
            (["check", "--policy", sample], 0), (["--help"], 0), (["--version"], 0),
            (["log", "--help"], 0),
            (["check", "--policy", "/nowhere.yaml"], 1),
            (["status", "--config", "/nowhere.yaml"], 1),
            (["serve", "--config", "/nowhere.yaml"], 1),
            (["explain", "example.com", "--group", "nobody", "--policy", sample], 1),
            (["explain", "example.com", "--policy", sample], 2), (["serve"], 2), (["open"], 2),
            (["explain", "a..b", "--group", "staff", "--policy", sample], 2),
            (["log", "export", "--verdict", "maybe", "--directory", "/tmp"], 2), (["log"], 2),
            (["log", "query", "--limit=-1", "--directory", "/tmp"], 2),
            (["log", "query", "--name", "a\u{2026}b.example", "--directory", "/tmp"], 2),
            (["log", "export", "--directory", "/nowhere"], 1),
            (["notice", "--audience", "everybody", "--config", sample], 2),
            (["notice", "--audience", "staff", "--config", "/nowhere.yaml"], 1),
            (["log", "export", "--directory", "/proc"], 1),
        ] as [([String], Int32)])
    func exitCodesSayWhatIsWrong(arguments: [String], status: Int32) throws {
        let run = try run(arguments)
        #expect(run.status == status, "\(run.errors)")
        #expect(run.errors.isEmpty == (status == 0))
        #expect(run.output.isEmpty == (status != 0) || arguments.first == "check")
    }

    @Test func checkSaysHowToNameItsFile() throws {
        let run = try run(["check", Self.sample])
        #expect(run.status == 2)
        #expect(run.errors.contains("--policy \(Self.sample) if it is a policy"))
        let help = try self.run(["check", "--help"]).output
        #expect(!help.contains("bare"))
    }

    @Test(arguments: ["learners", "staff", "guests", "parents"])
    func everybodyIsToldWhatHolds(audience: String) throws {
        let run = try run([
            "notice", "--audience", audience, "--config",
            "\(packageFolder)/deploy/samples/kite/bellgate.yaml",
        ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("Rule: harm"))
        #expect(run.output.contains("kept for 90 days"))
    }

    @Test func explainHasEveryKeyOfTheContract() throws {
        let explained = try run([
            "explain", "www.instagram.com", "--client", "127.0.30.9", "--type", "AAAA", "--at",
            "2026-11-23 10:29:59", "--policy", Self.sample, "--json",
        ]).json
        for key in [
            "verdict", "group", "client", "name", "type", "at", "rule", "reason", "category",
            "list",
            "listFile", "listLine", "matched", "period", "changesAt", "ttlLimit", "policy",
            "considered",
        ] {
            #expect(explained[key] != nil, "\(key)")
        }
        #expect(explained["verdict"] as? String == "block")
        #expect(explained["group"] as? String == "staff")
        #expect(explained["rule"] as? String == "staff-breaks-only")
        #expect(explained["matched"] as? String == "instagram.com")
        #expect(explained["period"] as? String == "college-hours")
        #expect(explained["changesAt"] as? String == "2026-11-23T10:30:00+00:00")
        #expect(explained["ttlLimit"] as? Int == 1)
        let file = try #require(explained["listFile"] as? String)
        let line = try #require(explained["listLine"] as? Int)
        let text = try String(contentsOfFile: file, encoding: .utf8).components(separatedBy: "\n")
        #expect(text[line - 1].contains("instagram.com"))
        let after = try run([
            "explain", "www.instagram.com", "--group", "staff", "--at", "2026-11-23 10:30:00",
            "--policy", Self.sample, "--json",
        ]).json
        #expect(after["verdict"] as? String == "allow")
        #expect(after["changesAt"] as? String == "2026-11-23T10:45:00+00:00")
    }

    @Test func checkCountsAndProvesTheSample() throws {
        let json = try run(["check", "--policy", Self.sample, "--json"]).json
        #expect(json["ok"] as? Bool == true)
        let tests = try #require(json["tests"] as? [[String: Any]])
        #expect(tests.count > 10)
        #expect(tests.allSatisfy { $0["ok"] as? Bool == true })
        let counts = try #require(json["counts"] as? [String: Int])
        #expect(counts["rules"] ?? 0 > 5 && counts["names"] ?? 0 > 100)
        #expect((json["errors"] as? [Any])?.isEmpty == true)
    }

    @Test func theSampleServesAsExplainSays() throws {
        let fake = try FakeUpstream()
        let text = try String(contentsOfFile: Self.sample, encoding: .utf8)
            .replacing("../../../blocklists", with: "\(packageFolder)/blocklists")
        let server = try TestServer(
            text, upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-23 09:30:00")
        let names = [
            "www.instagram.com", "www.childline.org.uk", "en.wikipedia.org", "www.example.com",
            "discord.com", "connectivitycheck.gstatic.com", "mask.icloud.com", "x.com",
        ]
        for client in ["127.0.20.1", "127.0.21.1", "127.0.30.1", "127.0.40.1", "127.0.99.1"] {
            for name in names {
                let explained = try server.run([
                    "explain", name, "--client", client, "--at", "2026-11-23 09:30:10", "--json",
                ]).json
                let answer = try server.ask(name, from: client)
                let isBlocked = answer.extendedError?.code == 15 || answer.extendedError?.code == 17
                #expect(
                    (explained["verdict"] as? String == "block") == isBlocked, "\(name), \(client)")
                let row = try #require(
                    try server.rows(["--client", client, "--name", "=" + name]).last)
                #expect(row["rule"] as? String == explained["rule"] as? String)
                #expect(row["group"] as? String == explained["group"] as? String)
                #expect(row["category"] as? String == explained["category"] as? String)
                #expect(row["list"] as? String == explained["list"] as? String)
                #expect(row["period"] as? String == explained["period"] as? String)
                #expect(row["policy"] as? String == explained["policy"] as? String)
            }
        }
    }

    @Test func aSecondServerOnTheSamePlaceSaysSo() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let second = try server.run(["serve"])
        #expect(second.status == 1)
        #expect(second.errors.contains("in use by process \(server.process.pid)"))
        // The first is not disturbed.
        #expect(try server.ask("never.example.com", from: "127.0.0.1").rcode == 3)
        #expect(try server.run(["reload"]).status == 0)
        #expect(try server.rows().count == 1)
    }

    /// The same exit status whether a person or a program asks.
    @Test func statusHasOneExitStatusInBothForms() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for arguments in [["status"], ["status", "--json"]] {
            #expect(try server.run(arguments).status == 0)
        }
        try server.folder.write("bellgate: 1\n", to: "policy.yaml")
        #expect(try server.run(["reload"]).status == 1)
        for arguments in [["status"], ["status", "--json"]] {
            #expect(try server.run(arguments).status == 1)
        }
        #expect(try (server.status()["warnings"] as? [String])?.count == 1)
    }

    @Test func anotherUserIsToldWhyTheServerDoesNotAnswer() throws {
        guard geteuid() == 0 else {
            Issue.record("no other user without root", severity: .warning)
            return
        }
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", try Program.bellgate()]
        let status = try Run(
            "setpriv", nobody + ["status", "--config", "bellgate.yaml"], in: server.folder.path)
        #expect(status.status == 1)
        #expect(status.errors.contains("this user may not use"), "\(status.errors)")
        #expect(!status.errors.contains("no server"))
    }

    @Test func whatCannotBeWrittenIsNoSuccess() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        _ = try server.ask("www.example.com", from: "127.0.0.1")
        for verb in ["log export", "log query", "log verify", "status", "check"] {
            let run = try Run(
                "sh",
                [
                    "-c", "exec \"$0\" \(verb) --config bellgate.yaml >/dev/full",
                    Program.bellgate(),
                ], in: server.folder.path)
            #expect(run.status == 1, "\(verb)")
            #expect(run.errors.contains("No space left on device"), "\(verb): \(run.errors)")
        }
    }

    /// Mistakes are told before anything is installed or built.
    @Test(arguments: [
        ["--port", "0"], ["--port", "65536"], ["--port", "5300x"], ["--port", ""], ["--port"],
        ["--sample"], ["/nowhere.yaml"],
    ])
    func theFirstCommandRefusesWhatItCannotUse(arguments: [String]) throws {
        let run = try Run("\(packageFolder)/deploy/run", arguments)
        #expect(run.status == 2)
        #expect(run.output.isEmpty && !run.errors.isEmpty)
        #expect(!run.errors.contains("Building"))
    }

    /// `log tail -f` notices that nobody reads, though nothing is decided any more.
    @Test func followingEndsWithItsReader() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        _ = try server.ask("www.example.com", from: "127.0.0.1")
        let run = try Run(
            "sh",
            ["-c", "\"$0\" log tail -f --config bellgate.yaml | head -n 1", Program.bellgate()],
            in: server.folder.path, patience: 20)
        #expect(run.output.contains("VERDICT"))
    }

    /// Many containers have no `::1`; the sample, which listens there too, serves all the same.
    @Test func aMachineWithoutIPv6IsServed() throws {
        let folder = try Folder()
        try folder.write(collegePolicy, to: "policy.yaml")
        try folder.write(
            """
            policy: policy.yaml
            listen: { dns: ["127.0.0.1:5300", "[::1]:5300"] }
            upstreams: [demo]
            log: { directory: log, segment: 1MiB }
            control: run/bellgate.sock

            """, to: "bellgate.yaml")
        let script = """
            ip link set lo up && ip -6 address delete ::1/128 dev lo || { echo no network; exit; }
            "$0" serve --config bellgate.yaml & server=$!
            until dig -p 5300 @127.0.0.1 +time=1 +tries=1 never.example.com; do
                kill -0 $server || break
                sleep 0.1
            done
            kill $server; wait $server
            """
        let run = try Run(
            "unshare", ["-n", "sh", "-c", script, Program.bellgate()], in: folder.path)
        guard !run.output.contains("no network"), !run.errors.contains("unshare: ") else {
            Issue.record("no network of its own without root", severity: .warning)
            return
        }
        #expect(run.status == 0)
        #expect(run.output.contains("status: NXDOMAIN"), "\(run.errors)")
        #expect(run.errors.contains("no IPv6, so [::1]:5300 is not served"))
    }

    /// A library that is loaded first may move the environment, beside which the runtime looks for
    /// the arguments.
    @Test func theArgumentsAreFoundBehindAnotherLibrary() throws {
        let run = try Run(
            Program.bellgate(), ["check", "--policy", Self.sample, "--json"],
            environment: ["LD_PRELOAD": Program.timeMachine(), "FAKETIME": "+1s"])
        #expect(run.status == 0)
        #expect(run.json["ok"] as? Bool == true, "\(run.errors)")
        let bare = try Run(
            Program.bellgate(), [],
            environment: ["LD_PRELOAD": Program.timeMachine(), "FAKETIME": "+1s"])
        #expect(bare.status == 2)
    }

    /// A wrong path in the settings costs nobody a file.
    @Test func theControlSocketTakesNobodysPlace() throws {
        let folder = try Folder()
        try folder.write(collegePolicy, to: "policy.yaml")
        try folder.write("precious\n", to: "notes.txt")
        try folder.write(
            """
            policy: policy.yaml
            listen: { dns: ["127.0.0.1:5300"] }
            upstreams: [demo]
            log: { directory: log, segment: 1MiB }
            control: notes.txt

            """, to: "bellgate.yaml")
        let run = try Run(
            Program.bellgate(), ["serve", "--port", "61234", "--config", "bellgate.yaml"],
            in: folder.path)
        #expect(run.status == 1)
        #expect(run.errors.contains("notes.txt is there already and is no socket"))
        #expect(
            try String(contentsOfFile: folder.path + "/notes.txt", encoding: .utf8) == "precious\n")
    }
}
