import Foundation
import PolicyEngine
import PolicyFile
import Testing

/// Search engines in their safe mode, by the shipped facts, with a real server upstream.
@Suite(.scenario) struct SafeSearchTests {
    private static let groups =
        policyHead + """
            calendar: { terms: [2026-09-01 to 2099-12-18] }
            periods:
              college-hours: { mon-fri: 08:45-16:15 }
              break: { mon-fri: 10:30-10:45 }
            groups:
              learner: { networks: [127.0.20.0/24] }
              phone: { inherits: learner, networks: [127.0.21.0/24] }
              staff: { networks: [127.0.30.0/24] }
              visitor: { networks: [127.0.40.0/24] }
            unknown-devices: refuse
            lists: { services: { catalogue: "\(packageFolder)/blocklists/services" } }
            rules:
              - { id: no-others, block: [search-without-safe-mode], reason: No safe mode. }
              - id: phones
                for: [phone]
                block: everything
                during: [college-hours]
                except-during: [break]
                reason: Phones are for break.

            """
    private static let policy =
        groups + """
            safe-search:
              - { for: [learner], engines: all, youtube: strict }
              - { for: [visitor], engines: [bing], youtube: moderate }

            """

    private static let own = "192.0.2.66"
    private static let safe = "192.0.2.77"
    private static let https: UInt16 = 65

    private static func engines() throws -> [SafeSearchCatalogue.Engine] {
        let folder = try Folder()
        try folder.write(policy, to: "policy.yaml")
        let load = loadPolicy(
            at: "\(folder.path)/policy.yaml", now: Instant(seconds: 1_795_435_200))
        return try #require(load.loaded?.safeSearch, "\(load.diagnostics)").engines
    }

    /// A server that knows every engine and every host: an engine's own addresses and hints are
    /// told from its host's.
    private static func nameServer(_ engines: [SafeSearchCatalogue.Engine]) throws -> NameServer {
        var zones: [String: String] = [:]
        func add(_ name: String, _ records: [String]) {
            let labels = name.split(separator: ".")
            let owner = labels.dropLast().joined(separator: ".")
            for record in records {
                zones[String(labels.last ?? ""), default: ""] += "\(owner) \(record)\n"
            }
        }
        for engine in engines {
            for (name, _) in engine.names {
                add(
                    "\(name)",
                    [
                        "A \(own)", "AAAA 2001:db8::66", "TXT \"own\"", "MX 10 mail.example.",
                        "HTTPS 1 . alpn=h2 ipv4hint=\(own)",
                    ])
            }
            for host in engine.targets.values {
                add("\(host)", ["A \(safe)", "AAAA 2001:db8::77"])
            }
        }
        return try NameServer(zones)
    }

    /// Every engine, every name, every type that leads to an address, and two that do not.
    @Test func everyNameOfEveryEngine() throws {
        let engines = try Self.engines()
        #expect(engines.count == 9)
        let names = try Self.nameServer(engines)
        let server = try TestServer(Self.policy, upstreams: ["127.0.0.1:\(names.port)"])
        let types: [UInt16] = [RR.a, 28, Self.https, 64, 16, 15]
        var count = 0
        for engine in engines {
            let host = try #require(engine.targets[.only] ?? engine.targets[.strict])
            for (name, _) in engine.names {
                for type in types {
                    let answer = try server.ask("\(name)", type, from: "127.0.20.5")
                    #expect(answer.rcode == 0)
                    let first = try #require(answer.answers.first, "\(name) \(type)")
                    #expect(first.type == RR.cname && first.name == "\(name)")
                    #expect(first.names == ["\(host)"])
                    // What stands behind it is the host's, and nothing of the name's own.
                    let rest = answer.answers.dropFirst()
                    #expect(rest.allSatisfy { $0.name == "\(host)" && $0.type == type })
                    #expect(rest.count == (type == RR.a || type == 28 ? 1 : 0), "\(name) \(type)")
                    if type == RR.a { #expect(answer.addresses == [Self.safe]) }
                    if rest.isEmpty { #expect(answer.authorities.map(\.type) == [RR.soa]) }
                    #expect(!answer.octets.contains([192, 0, 2, 66]))
                    count += 1
                }
                // Without safe search it is the name itself, hints and all.
                let own = try server.ask("\(name)", from: "127.0.30.5")
                #expect(own.addresses == [Self.own] && own.answers.count == 1)
                let hints = try server.ask("\(name)", Self.https, from: "127.0.30.5")
                #expect(hints.octets.contains([192, 0, 2, 66]))
            }
        }
        #expect(count > 1400)
    }

    @Test func youtubeByGroup() throws {
        let names = try Self.nameServer(try Self.engines())
        let server = try TestServer(
            Self.policy, upstreams: ["127.0.0.1:\(names.port)"], at: "2026-11-23 10:31:00")
        for (address, host) in [
            ("127.0.20.5", "restrict.youtube.com"), ("127.0.21.5", "restrict.youtube.com"),
            ("127.0.40.5", "restrictmoderate.youtube.com"), ("127.0.30.5", nil),
        ] {
            for name in ["www.youtube.com", "youtubei.googleapis.com"] {
                let answer = try server.ask(name, from: address)
                #expect(answer.answers.first?.names == host.map { [$0] } ?? [])
                #expect(answer.addresses == [host == nil ? Self.own : Self.safe])
            }
        }
        // An engine that is not in the group's list stays as it is.
        #expect(try server.ask("www.google.com", from: "127.0.40.5").addresses == [Self.own])
        #expect(try server.ask("www.bing.com", from: "127.0.40.5").addresses == [Self.safe])
    }

    @Test func theRecordKnowsIt() throws {
        let names = try Self.nameServer(try Self.engines())
        let server = try TestServer(
            Self.policy, upstreams: ["127.0.0.1:\(names.port)"], at: "2026-11-23 09:30:00")
        for address in ["127.0.20.5", "127.0.20.5", "127.0.30.5"] {
            _ = try server.ask("www.google.co.uk", from: address)
        }
        _ = try server.ask("www.startpage.com", from: "127.0.20.5")
        _ = try server.ask("www.google.co.uk", from: "127.0.21.5")
        let rows = try server.rows()
        #expect(
            rows.map { $0["verdict"] as? String }
                == ["rewrite", "rewrite", "allow", "block", "block"])
        #expect(
            rows.map { $0["rule"] as? String }
                == ["safe-search", "safe-search", "default", "no-others", "phones"])
        #expect(
            rows.map { $0["source"] as? String }
                == ["upstream", "cache", "upstream", "policy", "policy"])
        let row = try #require(rows.first)
        #expect(row["category"] as? String == "safe-search/google")
        #expect(row["list"] as? String == "services" && row["rcode"] as? String == "NOERROR")
        #expect(rows[2]["category"] == nil && rows[2]["list"] == nil)
        #expect(try server.rows(["--verdict", "rewrite"]).count == 2)
        let text = try server.run(["log", "query", "--verdict", "rewrite", "--count"])
        #expect(text.output.contains("2"))
        #expect(try server.run(["log", "verify"]).status == 0)
        let status = try server.status()["server"] as? [String: Any]
        #expect((status?["counts"] as? [String: Any])?["rewritten"] as? Int == 2)

        let review = try server.run([
            "report", "--week", "2026-W48", "--group", "learner", "--format", "csv",
        ])
        #expect(review.output.contains("groups,learner,,,made-safe,2\r\n"), "\(review.errors)")
        #expect(review.output.contains("groups,learner,,,allowed,2\r\n"))
        #expect(review.output.contains("concern-totals,,high,,attempts,0\r\n"))

        // Without safe search, and with another mode.
        for (name, rest, count) in [
            ("none.yaml", "", 2),
            (
                "same.yaml",
                "safe-search: [{ for: [learner], engines: [google], youtube: moderate }]\n", 0
            ),
            ("more.yaml", "safe-search: [{ engines: all }]\n", 1),
        ] {
            try server.folder.write(Self.groups + rest, to: name)
            let run = try server.run(
                ["replay", "--with", name, "--since", "2026-11-23T00:00:00Z", "--json"])
            #expect(run.status == 0, "\(run.errors)")
            let changes = run.json["changes"] as? [String: Int]
            #expect(
                changes?["safeSearch"] == count && run.json["differ"] as? Int == count, "\(name)")
        }
    }

    /// The bell ends alias and address alike.
    @Test func noAnswerOutlivesItsVerdict() throws {
        let names = try Self.nameServer(try Self.engines())
        let server = try TestServer(
            Self.policy, upstreams: ["127.0.0.1:\(names.port)"], at: "2026-11-23 10:44:30")
        for type in [RR.a, Self.https, 255] {
            let answer = try server.ask("www.google.co.uk", type, from: "127.0.21.5")
            let left = server.mostSecondsLeft(until: "2026-11-23 10:45:00")
            #expect(try #require(answer.greatestTTL) <= left + 1)
            #expect(answer.greatestTTL ?? 0 > 0 && answer.answers.first?.type == RR.cname)
        }
        let learner = try server.ask("www.google.co.uk", from: "127.0.20.5")
        #expect(learner.answers.first?.ttl == 300)
        server.wait(until: "2026-11-23 10:45:00")
        #expect(try server.ask("www.google.co.uk", from: "127.0.21.5").rcode == 3)
    }

    /// A host that cannot be had is a failure that says so; the name's own answer never stands in.
    @Test(arguments: [true, false])
    func aHostThatCannotBeResolved(isSilent: Bool) throws {
        let upstream = try FakeUpstream { asked in
            asked.lowercaseName.hasPrefix("forcesafesearch")
                ? isSilent ? .silence : .now(asked.reply(rcode: 2)) : .now(asked.address())
        }
        let server = try TestServer(Self.policy, upstreams: ["127.0.0.1:\(upstream.port)"])
        // It is known to others.
        #expect(try server.ask("www.google.com", from: "127.0.30.5").addresses == ["192.0.2.1"])
        for _ in 0..<2 {
            let answer = try server.ask("www.google.com", from: "127.0.20.5")
            #expect(answer.rcode == 2 && answer.answers.isEmpty)
            #expect(answer.extendedError?.code == (isSilent ? 22 : 0))
            #expect(answer.extendedError?.text.contains("Safe search") == true)
        }
        let rows = try server.rows(["--client", "127.0.20.5"])
        #expect(rows.map { $0["verdict"] as? String } == ["rewrite", "rewrite"])
        #expect(rows.allSatisfy { $0["source"] as? String == "error" })
        #expect(rows.allSatisfy { $0["rcode"] as? String == "SERVFAIL" })
        #expect(upstream.asked("www.google.com").count == 1)
    }

    /// Nobody vouches for an alias of ours; and a long answer goes by TCP.
    @Test func signaturesAndLongAnswers() throws {
        let upstream = try FakeUpstream { asked in
            let addresses = (1...90).map { Wire.a(asked.name, "192.0.2.\($0)") }
            let some = asked.isStream ? addresses : Array(addresses.prefix(50))
            return .now(asked.reply(answers: some, flags: 0x81A0))
        }
        let server = try TestServer(Self.policy, upstreams: ["127.0.0.1:\(upstream.port)"])
        let plain = try #require(
            try server.client("127.0.30.5").ask("www.bing.com", ednsSize: 1232, wantsDNSSEC: true))
        #expect(plain.flags & 0x20 != 0)
        let signed = try #require(
            try server.client("127.0.20.5").ask("www.bing.com", ednsSize: 1232, wantsDNSSEC: true))
        #expect(signed.flags & 0x20 == 0 && signed.answers.count == 51)
        let cut = try #require(
            try server.client("127.0.20.5").ask("www.bing.com", ednsSize: 512, wantsDNSSEC: true))
        #expect(cut.isTruncated && cut.answers.isEmpty)
        let whole = try #require(try server.client("127.0.20.5").askByTCP("www.bing.com"))
        #expect(!whole.isTruncated && whole.answers.count == 51)
    }

    /// The proof of a running server knows of it, and of the host.
    @Test func theProbeAgrees() throws {
        let facts = [
            "facts/own/other.yaml":
                "category: search-without-safe-mode\nservices: [{ service: a, core: [other.example] }]",
            "facts/safe-search.yaml":
                "engines: [{ engine: a, target: safe.a.example, names: [search.a.example] }]",
        ]
        let policy = Self.policy.replacing(
            "\(packageFolder)/blocklists/services", with: "facts/own"
        )
        .replacing("[bing]", with: "[a]")
        let server = try TestServer(
            policy, files: facts, upstreams: ["127.0.0.1:9"], at: "2026-11-24 10:00:00")
        let proof = try server.run(["probe", "--json"])
        #expect(proof.status == 0, "\(proof.errors) \(proof.output.suffix(2000))")
        #expect(proof.json["differing"] as? Int == 0 && proof.json["cells"] as? Int ?? 0 > 50)
        #expect(try server.rows().isEmpty, "a probe leaves no record")
    }

    /// A policy that changes while a host is asked for: what comes is no answer to what the new one
    /// would ask, and is given to nobody.
    @Test(arguments: [true, false])
    func aPolicyThatChangesMeanwhile(isOnFirst: Bool) throws {
        let upstream = try FakeUpstream { .after(2.5, $0.address()) }
        // A catalogue that is read in no time.
        let without = Self.groups.replacing(
            "\(packageFolder)/blocklists/services", with: "facts/own")
        let with = without + "safe-search: [{ for: [learner], engines: all }]\n"
        let (first, second) = isOnFirst ? (with, without) : (without, with)
        let server = try TestServer(
            first,
            files: [
                "facts/own/other.yaml":
                    "category: search-without-safe-mode\nservices: [{ service: a, core: [other.example] }]",
                "facts/safe-search.yaml":
                    "engines: [{ engine: a, target: safe.a.example, names: [search.a.example] }]",
            ], upstreams: ["127.0.0.1:\(upstream.port)"])
        let port = server.port
        let answers = Shared<[String: Message]>([:])
        let group = DispatchGroup()
        for address in ["127.0.20.5", "127.0.30.5"] {
            group.enter()
            Thread.detachNewThread {
                let given = try? Client(address: address, port: port).ask("search.a.example")
                answers.change { $0[address] = given }
                group.leave()
            }
        }
        #expect(eventually(within: 2) { upstream.asked.count >= 1 })
        try server.folder.write(second, to: "policy.yaml")
        #expect(try server.run(["reload"]).status == 0)
        group.wait()
        let learner = try #require(answers.value["127.0.20.5"])
        #expect(learner.rcode == 2 && learner.answers.isEmpty)
        #expect(learner.extendedError?.text.contains("ask again") == true)
        #expect(try #require(answers.value["127.0.30.5"]).addresses == ["192.0.2.1"])
        let again = try server.ask("search.a.example", from: "127.0.20.5")
        #expect(again.rcode == 0 && again.answers.count == (isOnFirst ? 1 : 2))
    }
}
