import Foundation
import Glibc
import Testing

/// Lists that are kept compiled, through the real program: used by every verb, made anew when
/// changed, whole after a crash, and compiled without weighing on a server.
@Suite(.scenario) struct CompiledListTests {
    private static let policy =
        policyHead + """
            groups:
              everyone: { networks: [127.0.0.0/8] }
            unknown-devices: everyone
            lists:
              feed: { file: feed.txt, format: domains }
            rules:
              - { id: listed, block: [feed], reason: It is on a list. }
            default: allow

            """

    /// A list of so many names that end in a word.
    private static func list(_ count: Int, _ word: String) -> String {
        (0..<count).map { "n\($0).\(word).example" }.joined(separator: "\n") + "\n"
    }

    private func kept(in folder: Folder) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/index"))
        return (names ?? []).sorted()
    }

    /// The list changes behind the back of its identity; whoever reads it would tell.
    @Test func checkAndExplainUseWhatTheServerKeeps() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(
            Self.policy, files: ["feed.txt": "one.example.net\n"],
            upstreams: ["127.0.0.1:\(fake.port)"])
        let list = server.folder.path + "/feed.txt"
        var status = stat()
        // SAFETY: the kernel fills in the one value.
        try #require(unsafe stat(list, &status) == 0)
        let file = try #require(FileHandle(forWritingAtPath: list))
        try file.write(contentsOf: Data("two.example.net\n".utf8))
        try file.close()
        let times = [status.st_atim, status.st_mtim]
        // SAFETY: two times, as the call expects.
        try #require(unsafe utimensat(AT_FDCWD, list, times, 0) == 0)

        let explained = try server.run([
            "explain", "one.example.net", "--group", "everyone", "--json",
        ])
        #expect(explained.json["verdict"] as? String == "block")
        #expect(try server.run(["check"]).output.contains("1 name, domains"))
        // Alone, without a server's folder, the list itself is read.
        let alone = try Run(
            Program.bellgate(),
            [
                "explain", "one.example.net", "--group", "everyone", "--policy", "policy.yaml",
                "--json",
            ],
            in: server.folder.path)
        #expect(alone.json["verdict"] as? String == "allow")
    }

    @Test func checkLeavesTheServersFolderAlone() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(
            Self.policy, files: ["feed.txt": "one.example.net\n"],
            upstreams: ["127.0.0.1:\(fake.port)"])
        let before = kept(in: server.folder)
        #expect(before.count == 2)
        try server.folder.write(
            Self.policy.replacing("[feed]", with: "[feed, other.example.net]"), to: "draft.yaml")
        try server.folder.write(
            server.folder.read("bellgate.yaml").replacing("policy.yaml", with: "draft.yaml"),
            to: "draft-server.yaml")
        let check = try Run(
            Program.bellgate(), ["check", "--config", "draft-server.yaml"], in: server.folder.path)
        #expect(check.status == 0 && check.output.contains("2 from 1 list"))
        #expect(kept(in: server.folder) == before)
    }

    @Test func aDamagedIndexIsToldOfAndMadeAnew() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(
            Self.policy, files: ["feed.txt": Self.list(100, "one")],
            upstreams: ["127.0.0.1:\(fake.port)"])
        let name = try #require(kept(in: server.folder).first { $0.hasSuffix(".bgi") })
        let path = "\(server.folder.path)/index/\(name)"
        let sound = try Data(contentsOf: URL(fileURLWithPath: path))
        var flipped = sound
        flipped[sound.count / 2] ^= 4
        let damages: [(Data, String)] = [
            (flipped, "its checksum is wrong"), (sound.prefix(1000), "it should have"),
            (Data("a text".utf8), "it is no index"),
        ]
        for (damaged, reason) in damages {
            // A new file: the server's own is mapped, and must not change under it.
            try FileManager.default.removeItem(atPath: path)
            try damaged.write(to: URL(fileURLWithPath: path))
            let reload = try server.run(["reload"])
            #expect(reload.status == 0)
            #expect(server.news.contains(reason))
            #expect(server.news.contains("\(name):1:1: warning: "))
            #expect(try server.ask("a.n7.one.example", from: "127.0.0.1").rcode == 3)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == sound.count)
        }
    }

    /// A process that compiles is killed at any moment: what is kept is the old or the new.
    @Test func aKillWhileCompilingLeavesOldOrNew() throws {
        let folder = try Folder()
        try folder.write(Self.policy, to: "policy.yaml")
        let arguments = [
            "compile-lists", "--policy", "policy.yaml", "--folder", "index", "--copies", "copies",
        ]
        func compile() throws -> Program {
            try Program(Program.bellgate(), arguments, in: folder.path)
        }
        var milliseconds = 1.0
        var killed = 0
        for round in 0..<25 {
            try folder.write(Self.list(20_000, "r\(round)"), to: "feed.txt")
            let process = try compile()
            pause(milliseconds / 1000)
            if process.stop(SIGKILL) == -SIGKILL { killed += 1 }
            milliseconds = round % 12 == 11 ? 1 : milliseconds * 1.6
            for name in kept(in: folder) where name.hasSuffix(".bgi") {
                // Sound as it is: `check` would tell of one that is not.
                try folder.write("policy: policy.yaml\n", to: "bellgate.yaml")
                let check = try Run(
                    Program.bellgate(), ["check", "--config", "bellgate.yaml"], in: folder.path)
                #expect(check.status == 0 && !check.errors.contains("index"), "\(name)")
                #expect(check.output.contains("20000 names"))
            }
        }
        #expect(killed > 0)
        // What the killed ones left is swept away by the next that gets through.
        try folder.write(Self.list(1000, "last"), to: "feed.txt")
        #expect(try compile().wait(60) == 0)
        #expect(kept(in: folder).count == 2)
    }

    /// Compiling takes some hundred octets a name; the server that takes the names up must not.
    @Test func aChangedListDoesNotSwellTheServer() throws {
        let names = 100_000
        let fake = try FakeUpstream()
        let server = try TestServer(
            Self.policy, files: ["feed.txt": Self.list(names, "one")],
            upstreams: ["127.0.0.1:\(fake.port)"])
        #expect(try server.ask("n7.one.example", from: "127.0.0.1").rcode == 3)
        let process = server.process
        let before = process.ownMemoryBytes
        let peak = Shared(before)
        let isOver = Shared(false)
        let watch = Thread {
            while !isOver.value {
                let now = process.ownMemoryBytes
                peak.change { $0 = max($0, now) }
                usleep(1000)
            }
        }
        watch.start()
        for round in 0..<3 {
            try server.folder.replace(Self.list(names, "two\(round)"), at: "feed.txt")
            #expect(try server.run(["reload"]).status == 0)
            #expect(try server.ask("n7.two\(round).example", from: "127.0.0.1").rcode == 3)
        }
        isOver.change { $0 = true }
        #expect(before > 0)
        #expect(peak.value - before < names * 16, "\(peak.value) after \(before) octets")
    }

    /// `script` gives the program a terminal.
    @Test func longWorkShowsProgressOnATerminalAlone() throws {
        let folder = try Folder()
        try folder.write(Self.policy, to: "policy.yaml")
        try folder.write(Self.list(700_000, "one"), to: "feed.txt")
        let command = "'\(try Program.bellgate())' check --policy policy.yaml"
        let shown = try Run(
            "script", ["-qec", command, "/dev/null"], in: folder.path, patience: 120)
        #expect(shown.output.contains("compiling lists:"))
        #expect(shown.output.contains("% read (feed)"))
        // The line is taken away before the report begins.
        let report = try #require(shown.output.range(of: "policy   "))
        #expect(shown.output[..<report.lowerBound].hasSuffix("\r\u{1B}[K"))
        let piped = try Run(
            Program.bellgate(), ["check", "--policy", "policy.yaml"], in: folder.path)
        #expect(piped.status == 0 && piped.errors.isEmpty && !piped.output.contains("compiling"))
        // What is soon done is not spoken of.
        try folder.write(Self.list(10, "one"), to: "feed.txt")
        let quick = try Run("script", ["-qec", command, "/dev/null"], in: folder.path)
        #expect(quick.output.contains("10 names") && !quick.output.contains("compiling"))
    }
}

extension Program {
    /// Memory that is the process's own alone (`RssAnon`), in octets; 0 once it has ended.
    var ownMemoryBytes: Int {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) * 1024
    }
}
