import DecisionLog
import Foundation
import Glibc
import Testing

/// Pseudonyms hide who a client is, and a look that somebody says the reason of is on record.
@Suite(.scenario) struct ConfidentialityTests {
    private static func log(_ count: Int = 60) throws -> WrittenLog {
        try WrittenLog(WrittenLog.random(count, from: "2026-11-23T08:00:00Z", hours: 8))
    }

    private func entries(_ log: WrittenLog) throws -> [AuditEntry] {
        try AuditTrail.read(directory: "\(log.folder.path)/log").entries
    }

    @Test(arguments: ["text", "csv", "jsonl"])
    func nothingShowsWhoAsked(_ format: String) throws {
        let log = try Self.log()
        var named: Set<String> = []
        for question in [
            ["query"], ["export"], ["tail"], ["query", "--top", "client"],
            ["query", "--top", "client", "--by", "group"],
        ] {
            let run = try log.run(question + ["--format", format])
            #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
            #expect(!run.output.contains("10.20.0.") && !run.output.contains("library-pc"))
            let names = Set(run.output.matches(of: #/c-[0-9A-HJKMNP-TV-Z]{10}/#).map(\.output))
            #expect(!names.isEmpty)
            named.formUnion(names.map(String.init))
        }
        #expect(named.count == 6, "one name for each of six clients, in every output")
        #expect(try entries(log).isEmpty, "nobody looked at an identity")
    }

    /// The pseudonym leads to the same rows as the address, and to no other.
    @Test func aPseudonymIsAFilter() throws {
        let log = try Self.log()
        let plain = try log.run(["export", "--format", "jsonl"]).jsonLines
        let known = try log.rows()
        let pairs = Set(zip(plain, known).map { "\($0["client"] ?? "") \($1["client"] ?? "")" })
        #expect(pairs.count == 6)
        for pair in pairs {
            let words = pair.split(separator: " ").map(String.init)
            let expected = known.filter { $0["client"] as? String == words[1] }
                .map { $0["seq"] as? Int }
            for name in [words[0], words[0].lowercased()] {
                let found = try log.run(
                    ["export", "--format", "jsonl", "--client", name])
                #expect(found.jsonLines.map { $0["seq"] as? Int } == expected)
                #expect(found.jsonLines.allSatisfy { $0["client"] as? String == words[0] })
            }
            let counted = try log.run(["query", "--count", "--client", words[0]])
            #expect(counted.output == "\(expected.count)\n")
            let who = try log.run(
                ["query", "--client", words[0], "--limit", "1", "--format", "jsonl"]
                    + TestServer.identify)
            #expect(who.jsonLines.map { $0["client"] as? String } == [words[1]])
        }
        let stranger = try log.run(["query", "--client", "c-0000000000"])
        #expect(stranger.status == 1 && stranger.errors.contains("stands for no client"))
    }

    /// A device's pseudonym is asked with like a client's; its name is a look, as an address is.
    @Test func devicesAreAskedForByPseudonymAndByName() throws {
        let log = try Self.log()
        let known = try log.rows()
        let device = try #require(known.compactMap { $0["device"] as? String }.first)
        let expected = known.filter { $0["device"] as? String == device }.map { $0["seq"] as? Int }
        #expect(!expected.isEmpty && expected.count < known.count)
        let looks = try entries(log).count
        let place = try #require(known.firstIndex { $0["device"] as? String == device })
        let plain = try log.run(["export", "--format", "jsonl"]).jsonLines
        let pseudonym = try #require(plain[place]["device"] as? String)
        #expect(pseudonym.hasPrefix("d-"))
        for name in [pseudonym, pseudonym.lowercased()] {
            let found = try log.run(["export", "--format", "jsonl", "--device", name])
            #expect(found.jsonLines.map { $0["seq"] as? Int } == expected, "\(found.errors)")
        }
        #expect(
            try log.run(["query", "--count", "--device", pseudonym]).output
                == "\(expected.count)\n")
        #expect(try entries(log).count == looks, "a pseudonym tells nobody's name")
        let byName = try log.run(["export", "--format", "jsonl", "--device", device])
        #expect(byName.jsonLines.map { $0["seq"] as? Int } == expected)
        #expect(!byName.output.contains(device))
        #expect(
            try entries(log).dropFirst(looks).map(\.reason)
                == ["none given: asked by a device's name", nil])
        let mixed = try log.run(["query", "--client", pseudonym])
        #expect(mixed.status == 2 && mixed.errors.contains("ask with --device \(pseudonym)"))
        let stranger = try log.run(["query", "--device", "d-0000000000"])
        #expect(stranger.status == 1 && stranger.errors.contains("stands for no device"))
        #expect(try log.run(["query", "--device", "no-such"]).lines.count == 1)
    }

    // MARK: - The trail

    @Test func theTrailIsReadByPeopleAndPrograms() throws {
        let log = try Self.log()
        #expect(try log.run(["audit"]).output == "nothing of this is on record\n")
        _ = try log.run(
            ["query", "--limit", "3", "--identify", "--reason", "Concern 7\u{1B}[2J"])
        _ = try log.run(["query", "--client", "10.20.0.1", "--limit", "1"])
        let audit = try log.run(["audit"])
        #expect(audit.status == 0 && audit.lines.count == 5, "\(audit.output)\(audit.errors)")
        #expect(audit.lines[0].contains("KIND") && audit.lines[1].contains("Concern 7?[2J"))
        #expect(audit.lines[1].contains("log query --limit 3 --identify"))
        #expect(audit.lines[2].contains("look 1, 3 rows"))
        #expect(audit.lines[3].contains("none given: asked by address"))
        let looks = try log.run(["audit", "--kind", "look", "--json"])
        let parsed = try JSONSerialization.jsonObject(with: Data(looks.output.utf8))
        let found = try #require(parsed as? [[String: Any]])
        #expect(found.map { $0["number"] as? Int } == [1, 3])
        #expect(found[0]["reason"] as? String == "Concern 7\u{1B}[2J")
        #expect(try log.run(["audit", "--limit", "1"]).lines.count == 2)
        #expect(try log.run(["audit", "--since", "2099-01-01"]).lines.count == 1)
        let wrong = try log.run(["audit", "--kind", "lok"])
        #expect(wrong.status == 2 && wrong.errors.contains("\"lok\" is none of look, shown"))
        // What was changed is told, and the rest is shown.
        let text = log.folder.read("log/audit.jsonl")
        try log.folder.write(
            text.replacing("Concern 7", with: "Concern 8"), to: "log/audit.jsonl")
        let changed = try log.run(["audit"])
        #expect(changed.status == 1 && changed.errors.contains("audit.jsonl"))
    }

    // MARK: - Who shares

    /// Under this key the two addresses share a pseudonym by chance: nothing takes one for the other.
    @Test func twoThatShareAPseudonymAreNeverMixed() throws {
        let clients = ["10.122.36.196", "10.250.81.166", "10.122.36.196", "10.20.0.1"]
        let log = try WrittenLog(
            clients.enumerated().map { place, client in
                WrittenLog.Row(
                    time: "2026-11-2\(place + 1)T10:00:00Z", client: client, group: "staff",
                    name: "www.example.com", verdict: .allow)
            })
        try log.folder.write(
            """
            bellgate pseudonyms 1
            2026-11-01 1010101010101010101010101010101010101010101010101010101010101010
            sha256 94423d3f7064836ff32f5075c7e9b9fb8b99e4bfd585180544a18892b5ea66d7

            """, to: "log/pseudonyms.key")
        let shared = "c-6HK8FN4JEK"
        let rows = try log.run(["export", "--format", "jsonl"]).jsonLines
        #expect(rows.map { $0["client"] as? String == shared } == [true, true, true, false])
        // Also where only one of them asked in that time: whoever asks may mean the other.
        for question in [["query"], ["export"], ["tail"], ["query", "--count"]] {
            for time in [[], ["--until", "2026-11-22T00:00:00Z"]] {
                let run = try log.run(question + ["--client", shared] + time)
                #expect(run.status == 1 && run.output.isEmpty)
                #expect(
                    run.errors.contains("stands for 2 clients by chance; ask for one of them: "))
                #expect(run.errors.contains("\(shared)1, \(shared)2"))
            }
        }
        for (name, seqs) in [
            ("\(shared)1", [2]), ("\(shared)2", [1, 3]), ("c-6hk8fn4jek2d", [1, 3]),
        ] {
            let found = try log.run(["export", "--format", "jsonl", "--client", name]).jsonLines
            #expect(found.map { $0["seq"] as? Int } == seqs, "\(name)")
        }
        let top = try log.run(["query", "--top", "client", "--format", "csv"]).lines
        #expect(top.prefix(2) == ["client,count", "\(shared)2,2"])
        #expect(top.contains("\(shared)1,1") && top.count == 4)
        #expect(try entries(log).isEmpty, "no address was shown or asked for")
    }

    // MARK: - Looks

    @Test func aLookIsOnRecordWithItsQuestionAndReason() throws {
        let log = try Self.log()
        let run = try log.run([
            "query", "--client", "10.20.0.0/16", "--limit", "7", "--identify", "--reason",
            "Concern 12: \"who?\"",
        ])
        #expect(run.status == 0 && run.output.contains(" 10.20.0."))
        let found = try entries(log)
        #expect(found.map(\.kind) == [.look, .shown])
        #expect(found[0].reason == "Concern 12: \"who?\"")
        #expect(
            found[0].question
                == "log query --client 10.20.0.0/16 --limit 7 --identify --directory "
                + "\(log.folder.path)/log")
        #expect(found[1].rows == 7 && found[1].look == 1 && found[1].question == found[0].question)
        let top = try log.run(["query", "--top", "client"] + TestServer.identify)
        #expect(top.output.contains("10.20.0."))
        #expect(try entries(log).last?.rows == 6)
        let verified = try log.run(["verify"])
        #expect(
            verified.status == 0 && verified.output.contains("4 entries, 2 looks at identities"))
        // The trail is covered: what is changed in it shows.
        let text = log.folder.read("log/audit.jsonl")
        try log.folder.write(
            text.replacing("Concern 12", with: "Concern 13"), to: "log/audit.jsonl")
        #expect(try log.run(["verify"]).status == 1)
    }

    @Test func withoutARecordNothingIsShown() throws {
        let log = try Self.log()
        let trail = "\(log.folder.path)/log/audit.jsonl"
        // A link that leads to itself can be written by nobody.
        _ = unsafe symlink("audit.jsonl", trail)
        for question in [["query"], ["tail"], ["export"], ["query", "--top", "client"]] {
            let run = try log.run(question + TestServer.identify)
            #expect(run.status == 1 && run.output.isEmpty)
            #expect(run.errors.contains("nothing can be noted in the audit trail"))
            let byAddress = try log.run(question + ["--client", "10.20.0.1"])
            #expect(byAddress.status == 1 && byAddress.output.isEmpty)
            #expect(byAddress.errors.contains("nothing can be noted in the audit trail"))
            #expect(try log.run(question).status == 0)
        }
    }

    /// Whoever asks by an address learns whose rows these are: that is on record, though nothing but
    /// pseudonyms is shown.
    @Test(arguments: ["10.20.0.1", "10.20.0.0/29"], ["query", "tail", "export"])
    func aQuestionByAddressIsALook(_ client: String, _ verb: String) throws {
        let log = try Self.log()
        let expected = try log.rows().filter {
            client.hasSuffix("/29") || $0["client"] as? String == client
        }
        let before = try entries(log).count
        let limit = verb == "export" ? [] : ["--limit", "100"]
        let run = try log.run([verb, "--client", client, "--format", "jsonl"] + limit)
        #expect(run.status == 0 && !run.output.contains("10.20.0."), "\(run.errors)")
        #expect(
            run.jsonLines.map { $0["seq"] as? Int } == expected.map { $0["seq"] as? Int })
        #expect(run.jsonLines.allSatisfy { ($0["client"] as? String)?.hasPrefix("c-") == true })
        let found = try entries(log).dropFirst(before)
        #expect(found.map(\.kind) == [.look, .shown])
        #expect(found.first?.reason == "none given: asked by address")
        #expect(found.first?.question.contains("log \(verb) --client \(client) ") == true)
        #expect(found.last?.rows == UInt64(expected.count))
        #expect(try log.run(["verify"]).status == 0)
    }

    /// How much one address asked, and for what, is about whoever has it.
    @Test func countsByAddressAreLooks() throws {
        let log = try Self.log()
        let rows = try log.rows().count { $0["client"] as? String == "10.20.0.1" }
        for (question, looks) in [
            (["--count"], 2), (["--by", "group"], 3), (["--top", "name"], 4),
            (["--top", "client"], 5),
        ] {
            let run = try log.run(["query", "--client", "10.20.0.1"] + question)
            #expect(run.status == 0 && !run.output.contains("10.20.0."), "\(run.errors)")
            if question == ["--count"] { #expect(run.output == "\(rows)\n") }
            #expect(try entries(log).count { $0.kind == .look } == looks)
        }
        let missing = try log.run(["query", "--client", "10.99.0.1"])
        #expect(missing.status == 0 && missing.lines.count == 1)
        #expect(try entries(log).count { $0.kind == .look } == 6, "also where it did nothing")
    }

    /// A look that nobody watches any more, or that somebody ends, still tells what it showed.
    @Test(arguments: [SIGTERM, SIGINT])
    func aLookThatIsEndedTellsWhatItShowed(_ signal: Int32) throws {
        let log = try Self.log(30)
        let tail = try Program(
            Program.bellgate(),
            ["log", "tail", "-f", "-n", "5", "--directory", "\(log.folder.path)/log"]
                + TestServer.identify)
        #expect(eventually(within: 10) { tail.output.split(separator: "\n").count == 6 })
        #expect(try entries(log).map(\.kind) == [.look], "before the first row")
        try log.write(WrittenLog.random(3, from: "2026-11-24T08:00:00Z", hours: 1))
        #expect(eventually(within: 10) { tail.output.split(separator: "\n").count == 9 })
        tail.signal(signal)
        #expect(tail.wait(5) == -signal)
        #expect(try entries(log).map(\.kind) == [.look, .shown])
        #expect(try entries(log).last?.rows == 8)
        let cut = try Run(
            "sh",
            [
                "-c",
                "'\(Program.bellgate())' log tail -f --identify --reason test --directory "
                    + "'\(log.folder.path)/log' | head -n 2",
            ])
        #expect(cut.status == 0 && cut.lines.count == 2)
        #expect(try entries(log).map(\.kind) == [.look, .shown, .look, .shown])
    }

    // MARK: - Keys

    @Test func whoMayNotReadTheKeyIsToldWhy() throws {
        let log = try Self.log()
        _ = try log.run(["query"])
        let key = "\(log.folder.path)/log/pseudonyms.key"
        unsafe unlink(key)
        _ = unsafe symlink("pseudonyms.key", key)
        let refused = try log.run(["query"])
        #expect(refused.status == 1 && refused.output.isEmpty)
        #expect(refused.errors.contains("pseudonyms.key") && refused.errors.contains("belongs"))
        unsafe unlink(key)
        try log.folder.write("something else\n", to: "log/pseudonyms.key")
        let damaged = try log.run(["query"])
        #expect(damaged.status == 1 && damaged.errors.contains("are damaged"))
        // What shows no client needs no key.
        #expect(try log.run(["query", "--count"]).status == 0)
        #expect(try log.run(["query", "--top", "name"]).status == 0)
    }

    /// A renewed key gives another name from a day on; the older rows keep theirs, and both lead
    /// to their own rows alone.
    @Test func aRenewedKeyLeavesOlderRowsTheirNames() throws {
        let rows = (22...24).map { day in
            WrittenLog.Row(
                time: "2026-11-\(day)T10:00:00Z", client: "10.20.0.1", group: "staff",
                name: "www.example.com", verdict: .allow)
        }
        let log = try WrittenLog(rows, keepSeconds: 2 * 86_400)
        for day in [22, 23] {
            let now = LogTime.parse("2026-11-\(day)T12:00:00Z", nowMicros: 0) ?? 0
            log.journal.maintain(nowMicros: now)
        }
        let names = try log.run(["export", "--format", "jsonl"]).jsonLines
            .compactMap { $0["client"] as? String }
        #expect(names.count == 3 && names[0] == names[1] && names[1] != names[2])
        for (name, seqs) in [(names[0], [1, 2]), (names[2], [3])] {
            let found = try log.run(["export", "--format", "jsonl", "--client", name]).jsonLines
            #expect(found.map { $0["seq"] as? Int } == seqs)
        }
        let top = try log.run(["query", "--top", "client", "--format", "csv"]).lines
        #expect(top == ["client,count", "\(names[0]),2", "\(names[2]),1"])
        #expect(try entries(log).contains { $0.kind == .rekey })
        #expect(try log.run(["verify"]).status == 0)
    }

    /// Who watches for days sees the same names as who asks later.
    @Test func whoFollowsSeesTheNamesOfTheDay() throws {
        func row(_ time: String) -> WrittenLog.Row {
            WrittenLog.Row(
                time: time, client: "10.20.0.1", group: "staff", name: "www.example.com",
                verdict: .allow)
        }
        let log = try WrittenLog([row("2026-11-22T10:00:00Z")], keepSeconds: 2 * 86_400)
        func maintain(_ time: String) {
            log.journal.maintain(nowMicros: LogTime.parse(time, nowMicros: 0) ?? 0)
        }
        maintain("2026-11-22T12:00:00Z")
        let tail = try Program(
            Program.bellgate(),
            ["log", "tail", "-f", "--format", "jsonl", "--directory", "\(log.folder.path)/log"])
        defer { tail.stop() }
        func lines(_ count: Int) -> Bool {
            eventually(within: 10) { tail.output.split(separator: "\n").count == count }
        }
        #expect(lines(1))
        try log.write([row("2026-11-22T13:00:00Z"), row("2026-11-23T10:00:00Z")])
        #expect(lines(3))
        maintain("2026-11-23T12:00:00Z")
        try log.write([row("2026-11-24T10:00:00Z"), row("2026-11-24T10:00:01Z")])
        #expect(lines(5))
        let export = try log.run(["export", "--format", "jsonl"])
        #expect(tail.output == export.output)
        #expect(Set(export.jsonLines.map { $0["client"] as? String }).count == 2)
    }

    /// Whatever the umask: all that lies under the log is its owner's alone.
    @Test func allFilesAreTheOwnersAlone() throws {
        let fake = try FakeUpstream()
        let old = umask(0)
        defer { umask(old) }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], settings: "")
        for number in 0..<20 { _ = try server.ask("n\(number).example.com", from: "127.0.0.1") }
        _ = try server.rows()
        _ = try server.run(["log", "query"])
        try server.restart()
        let log = "\(server.folder.path)/log"
        #expect(
            eventually(within: 15) {
                FileManager.default.fileExists(atPath: "\(log)/store")
            })
        let all = try FileManager.default.subpathsOfDirectory(atPath: log)
        #expect(all.contains("audit.jsonl") && all.contains("pseudonyms.key"))
        #expect(all.contains { $0.hasSuffix(".sqlite") }, "\(all)")
        for path in [""] + all {
            var information = stat()
            _ = unsafe lstat("\(log)/\(path)", &information)
            let expected: mode_t = information.st_mode & S_IFMT == S_IFDIR ? 0o700 : 0o600
            #expect(information.st_mode & 0o777 == expected, "\(path)")
        }
    }
}
