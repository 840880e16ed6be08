import Foundation
import Glibc
import Testing

/// Every query has its row, whatever happens to the process.
@Suite(.scenario) struct RecordTests {
    private static let columns =
        "seq,time,client,device,group,name,type,verdict,rule,category,list,period,concern,"
        + "policy,rcode,ttl,source,micros"

    @Test func everyQueryHasOneRowThatSaysItAll() throws {
        let fake = try FakeUpstream { .now($0.address(ttl: 77)) }
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], at: "2026-11-23 09:30:00")
        _ = try server.ask("WWW.never.example.com", RR.aaaa, from: "127.0.20.5")
        _ = try server.ask("www.example.com", from: "127.0.30.5")
        _ = try server.ask("www.example.com", from: "127.0.30.6")
        _ = try server.ask("chat.social.example.com", from: "127.0.30.5")
        let csv = try server.run(["log", "export", "--format", "csv"] + TestServer.identify)
        #expect(csv.output.hasPrefix(Self.columns + "\r\n"))
        #expect(csv.lines.count == 5)
        #expect(
            csv.lines.allSatisfy {
                $0.split(separator: ",", omittingEmptySubsequences: false).count == 18
            })
        let rows = try server.rows()
        #expect(rows.map { $0["seq"] as? Int } == [1, 2, 3, 4])
        let hash = try #require(rows[0]["policy"] as? String)
        let first = rows[0]
        #expect(first["time"] as? String ?? "" > "2026-11-23T09:30:00")
        #expect((first["time"] as? String)?.count == 27)
        #expect(first["client"] as? String == "127.0.20.5")
        #expect(first["device"] == nil)
        #expect(first["group"] as? String == "learner")
        #expect(first["name"] as? String == "www.never.example.com")
        #expect(first["type"] as? String == "AAAA")
        #expect(first["verdict"] as? String == "block")
        #expect(first["rule"] as? String == "never")
        #expect(first["category"] as? String == "never")
        #expect(first["concern"] as? String == "high")
        #expect(first["rcode"] as? String == "NXDOMAIN")
        #expect(first["ttl"] as? Int == 60)
        #expect(first["source"] as? String == "policy")
        #expect(first["micros"] as? Int != nil)
        #expect(rows.map { $0["source"] as? String } == ["policy", "upstream", "cache", "policy"])
        #expect(rows[1]["rule"] as? String == "default")
        #expect(rows[1]["ttl"] as? Int == 77)
        #expect(rows[3]["period"] as? String == "college-hours")
        #expect(rows.allSatisfy { $0["policy"] as? String == hash })
        let allowed = Set(Self.columns.split(separator: ",").map(String.init))
        #expect(rows.allSatisfy { Set($0.keys).subtracting(["via"]).isSubset(of: allowed) })

        for (filter, seqs) in [
            (["--group", "staff"], [2, 3, 4]), (["--client", "127.0.30.6"], [3]),
            (["--client", "127.0.30.0/24"], [2, 3, 4]), (["--name", "example.com"], [1, 2, 3, 4]),
            (["--name", "=www.example.com"], [2, 3]), (["--verdict", "block"], [1, 4]),
            (["--rule", "default"], [2, 3]), (["--category", "social"], [4]),
            (["--limit", "2"], [1, 2]), (["--since", "2026-11-24"], []),
            (["--until", "2026-11-23T09:30:00Z"], []),
            (["--since", "2026-11-23", "--until", "2026-11-24", "--group", "learner"], [1]),
        ] {
            #expect(try server.rows(filter).map { $0["seq"] as? Int } == seqs, "\(filter)")
        }
        let query = try server.run(["log", "query", "--limit", "1", "--format", "jsonl"])
        #expect(query.jsonLines.map { $0["seq"] as? Int } == [4])
        let tail = try server.run(["log", "tail", "-n", "2"])
        #expect(tail.lines.count == 3 && tail.output.contains("chat.social.example.com"))
        #expect(try server.run(["log", "verify"]).status == 0)
    }

    @Test func aNameIsFoundInBothForms() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        _ = try server.ask("www.xn--mller-kva.example", from: "127.0.0.1")
        for name in ["müller.example", "=www.müller.example", "xn--mller-kva.example"] {
            #expect(try server.rows(["--name", name]).count == 1, "\(name)")
        }
        #expect(try server.rows(["--name", "=müller.example"]).isEmpty)
    }

    @Test func verifySpeaksToProgramsToo() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        #expect(try server.run(["log", "verify"]).status == 0)
        for number in 0..<3 { _ = try server.ask("n\(number).example.com", from: "127.0.0.1") }
        let sound = try server.run(["log", "verify", "--json"])
        #expect(sound.status == 0)
        #expect(sound.json["ok"] as? Bool == true && sound.json["rows"] as? Int == 3)
        #expect(sound.json["firstSeq"] as? Int == 1 && sound.json["lastSeq"] as? Int == 3)
        // A copy in which one octet of a name is another.
        let copy = try Folder()
        let none = try Run(Program.bellgate(), ["log", "verify", "--directory", copy.path])
        #expect(none.status == 1 && none.errors.contains("there is no log in"))
        let name = "decisions-00000000000000000001.bgl"
        let octets = try Data(
            contentsOf: URL(fileURLWithPath: "\(server.folder.path)/log/\(name)"))
        var changed = octets
        let place = try #require(octets.firstRange(of: Data("\u{2}n1".utf8)))
        changed[place.lowerBound + 2] = UInt8(ascii: "7")
        try changed.write(to: URL(fileURLWithPath: "\(copy.path)/\(name)"))
        let bad = try Run(
            Program.bellgate(), ["log", "verify", "--json", "--directory", copy.path])
        #expect(bad.status == 1)
        #expect(bad.json["ok"] as? Bool == false)
        #expect((bad.json["damage"] as? [String])?.first?.contains(name) == true)
    }

    /// Twenty kills under load: each answer that a client has seen has its row, and just one.
    @Test func whatAClientSawIsInTheLogAfterAKill() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let port = server.port
        let answered = Shared<Set<String>>([])
        for round in 0..<20 {
            let before = answered.value.count
            let isOver = Shared(false)
            let group = DispatchGroup()
            for number in 0..<4 {
                group.enter()
                Thread.detachNewThread {
                    defer { group.leave() }
                    guard let socket = try? Socket("127.0.0.\(number + 1)"),
                        (try? socket.connect(to: "127.0.0.1", port: port)) != nil
                    else { return }
                    socket.setPatience(0.3)
                    var count = 0
                    while !isOver.value {
                        let kind = count % 3 == 0 ? "new" : count % 3 == 1 ? "never" : "open"
                        let name = "r\(round)-\(number)-\(count).\(kind).example.com"
                        count += 1
                        socket.send(Wire.query(name, id: UInt16(truncatingIfNeeded: count)))
                        guard let octets = socket.receive(), let answer = Message(octets),
                            let question = answer.questions.first
                        else { continue }
                        answered.change { _ = $0.insert(question.name) }
                    }
                }
            }
            #expect(eventually(within: 10) { answered.value.count > before + 20 })
            pause(Double(round % 7) * 0.03)
            server.process.signal(SIGKILL)
            #expect(server.process.wait(5) == -SIGKILL)
            isOver.change { $0 = true }
            group.wait()
            try server.restart()
        }
        let rows = try server.rows()
        #expect(rows.map { $0["seq"] as? Int } == (1...rows.count).map { $0 })
        let names = rows.compactMap { $0["name"] as? String }
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        let missing = answered.value.filter { counts[$0] == nil }
        #expect(missing.isEmpty, "\(missing.count) of \(answered.value.count) are missing")
        #expect(counts.values.allSatisfy { $0 == 1 })
        let verified = try server.run(["log", "verify"])
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test func rowsGoOnWhereTheyEndedAfterARestart() throws {
        let fake = try FakeUpstream()
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        for round in 1...3 {
            for number in 0..<5 {
                _ = try server.ask("n\(number).example.com", from: "127.0.0.1")
            }
            #expect(try server.rows().map { $0["seq"] as? Int } == (1...5 * round).map { $0 })
            if round < 3 { try server.restart() }
        }
        #expect(server.process.stop() == 0)
        #expect(server.news.contains("stopped"))
        try server.restart()
    }

    /// What is in flight at SIGTERM is still answered.
    @Test func stoppingAnswersWhatIsInFlight() throws {
        let fake = try FakeUpstream { .after(0.7, $0.address()) }
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let socket = try Socket("127.0.0.1")
        try socket.connect(to: "127.0.0.1", port: server.port)
        socket.send(Wire.query("www.example.com"))
        #expect(eventually(within: 2) { fake.asked.count == 1 })
        server.process.signal(SIGTERM)
        #expect(socket.receive().flatMap { Message($0) }?.addresses.count == 1)
        #expect(server.process.wait(5) == 0)
        #expect(try server.rows(of: "www.example.com").count == 1)
        try server.restart()
    }

    // MARK: - A full disk

    @Test func aFullDiskStopsNoAnswer() throws {
        guard let disk = try SmallDisk(megabytes: 4) else {
            Issue.record("no small disk without root", severity: .warning)
            return
        }
        let fake = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(fake.port)"], log: "\(disk.folder.path)/log")
        let label = String(repeating: "x", count: 60)
        var asked = 0
        func askMany(_ count: Int) throws {
            let stream = try Stream(server.client())
            for _ in 0..<count / 100 {
                for _ in 0..<100 {
                    stream.send(
                        Wire.query("n\(asked).\(label).\(label).\(label).never.example.com"))
                    asked += 1
                }
                for _ in 0..<100 {
                    #expect(
                        try #require(
                            stream.next(), "an answer is lost: errno \(errno), 11 = too late"
                        ).rcode == 3)
                }
            }
        }
        func log() throws -> [String: Any] { try server.status()["log"] as? [String: Any] ?? [:] }
        try askMany(500)
        disk.fill()
        for _ in 0..<40 where try log()["lost"] as? Int ?? 0 == 0 { try askMany(1000) }
        #expect(try log()["lost"] as? Int ?? 0 > 0)
        #expect(try server.ask("still.example.com", from: "127.0.0.1").rcode == 0)
        let status = try server.run(["status"])
        #expect(status.status == 1)
        #expect(status.output.contains("not being recorded"))
        #expect(
            eventually(within: 5) { server.news.contains("DECISIONS ARE NOT BEING RECORDED") })
        disk.clear()
        #expect(
            try eventually(within: 10, every: 0.3) {
                try askMany(100)
                return try server.rows(["--verdict", "gap"]).count >= 1
            })
        #expect(eventually(within: 5) { server.news.contains("recorded again") })
        try askMany(200)
        let rows = try server.rows()
        #expect(rows.map { $0["seq"] as? Int } == (1...rows.count).map { $0 })
        let gaps = rows.filter { $0["verdict"] as? String == "gap" }
        let lost = try #require(try log()["lost"] as? Int)
        // All that was asked is either a row or counted as lost; one name was not of the many.
        #expect(rows.count - gaps.count + lost == asked + 1)
        #expect(
            try server.run(["log", "verify"]).output.contains("\(lost) decisions not recorded"))
    }
}
