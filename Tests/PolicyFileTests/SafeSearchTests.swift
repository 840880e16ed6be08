import DNSWire
import PolicyEngine
import Testing

@testable import PolicyFile

private let groups = """
    periods: { lessons: { when: always, mon-fri: 09:00-10:00 } }
    groups:
      learner: { networks: [10.1.0.0/16] }
      phone: { inherits: learner, networks: [10.2.0.0/16] }
      staff: { networks: [10.3.0.0/16] }
    lists: { services: { catalogue: data/services } }

    """

/// The shipped facts, beside a catalogue of one engine that has no safe mode.
private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let root = try #require(packageFolder)
    let facts = try FileBytes.read("\(root)/blocklists/safe-search.yaml", limit: 1 << 20).bytes
    try folder.write(facts, to: "data/safe-search.yaml")
    try folder.write(
        """
        category: search-without-safe-mode
        services: [{ service: other, core: [other.example.com, third.example.com] }]
        """, to: "data/services/search-without-safe-mode.yaml")
    return folder
}

private func load(_ rest: String, named: String = groups) throws -> (TemporaryFolder, PolicyLoad) {
    let folder = try folder()
    return (folder, try folder.load(header + named + rest))
}

/// What a group's question leads to: the host, "allow" or "block".
private func outcome(_ loaded: LoadedPolicy, _ name: String, _ group: String) throws -> String {
    let place = try #require(loaded.policy.groups.firstIndex { $0.name == group })
    let decision = loaded.decide(
        try #require(domainName(typed: name)), for: .group(place), at: monday)
    guard decision.verdict == .rewrite else { return "\(decision.verdict)" }
    #expect(decision.rule == "safe-search")
    return try #require(decision.target).description
}

/// The facts are those of the engines: every name leads to its host, and nothing beside them.
@Suite struct SafeSearchFactTests {
    private let loaded: LoadedPolicy
    private let engines: [SafeSearchCatalogue.Engine]

    init() throws {
        let (_, load) = try load("safe-search: [{ engines: all, youtube: strict }]\n")
        loaded = try #require(load.loaded, "\(load.diagnostics)")
        engines = try #require(loaded.safeSearch).engines
    }

    @Test func everyNameLeadsToItsHost() throws {
        #expect(
            engines.map(\.name) == [
                "google", "youtube", "bing", "duckduckgo", "brave", "ecosia", "pixabay", "yandex",
                "qwant",
            ])
        for engine in engines {
            let host = try #require(engine.targets[.only] ?? engine.targets[.strict])
            for (name, _) in engine.names {
                #expect(try outcome(loaded, "\(name)", "phone") == host.description)
                // Exact: nothing under it, unless that is named itself.
                if !engine.names.contains(where: { "\($0.name)" == "www.\(name)" }) {
                    #expect(try outcome(loaded, "www.\(name)", "phone") == "allow")
                }
            }
            #expect(try outcome(loaded, "\(host)", "phone") == "allow")
        }
    }

    /// 192 countries, and the one name of none.
    @Test func googleOfAllCountries() throws {
        let names = try #require(engines.first).names.map { "\($0.name)" }
        #expect(names.count == 193 && Set(names).count == 193)
        for name in [
            "www.google.com", "www.google.de", "www.google.no", "www.google.cat",
            "www.google.co.uk", "www.google.co.za", "www.google.co.zm", "www.google.co.zw",
            "www.google.com.au", "www.google.com.vn",
        ] {
            #expect(names.contains(name), "\(name)")
        }
        for name in [
            "google.com", "accounts.google.com", "mail.google.com", "docs.google.com",
            "classroom.google.com", "www.google.example",
        ] {
            #expect(try outcome(loaded, name, "learner") == "allow", "\(name)")
        }
    }
}

@Suite struct SafeSearchTests {
    private static let strict = "restrict.youtube.com"
    private static let moderate = "restrictmoderate.youtube.com"
    private static let google = "forcesafesearch.google.com"
    private static let bing = "strict.bing.com"

    /// The nearest entry that says something of an engine counts, for each engine by itself.
    @Test(
        arguments: [
            ("[{ engines: all }]", [google, bing, "allow"], [google, bing, "allow"]),
            ("[{ for: [learner], engines: all, youtube: strict }]", [google, bing, strict], nil),
            (
                "[{ for: [learner], engines: all, youtube: strict }, { for: [phone], youtube: off }]",
                [google, bing, "allow"], nil
            ),
            (
                "[{ for: [learner], engines: [google], youtube: strict }, "
                    + "{ for: [phone], engines: [bing], youtube: moderate }]",
                [google, bing, moderate], nil
            ),
            (
                "[{ for: [learner], engines: all }, { for: [phone], engines: off }]",
                ["allow", "allow", "allow"], nil
            ),
            (
                "[{ engines: all, youtube: strict }, { for: [staff], engines: off, youtube: off }]",
                [google, bing, strict], ["allow", "allow", "allow"]
            ),
            (
                "[{ for: [phone], engines: [bing] }, { engines: [google], youtube: moderate }]",
                [google, bing, moderate], [google, "allow", moderate]
            ),
        ] as [(String, [String], [String]?)])
    func whoseEntryCounts(entries: String, phone: [String], staff: [String]?) throws {
        let (_, load) = try load("safe-search: \(entries)\n")
        let loaded = try #require(load.loaded, "\(load.diagnostics)")
        let names = ["www.google.co.uk", "www.bing.com", "m.youtube.com"]
        #expect(try names.map { try outcome(loaded, $0, "phone") } == phone)
        let others = staff ?? ["allow", "allow", "allow"]
        #expect(try names.map { try outcome(loaded, $0, "staff") } == others)
    }

    /// It applies to what is allowed: locked rules, exceptions and rules come first.
    @Test func whatIsBlockedStaysBlocked() throws {
        let (_, load) = try load(
            """
            exceptions:
              - { id: visit, for: [phone], allow: [www.bing.com], from: 2026-11-01, until: 2026-12-01,
                  reason: A visit., approved-by: dsl, approved-on: 2026-10-30 }
            rules:
              - { id: closed, block: [google.com, bing.com, "=strict.bing.com"], reason: Closed. }
              - { id: films, for: [staff], allow: [youtube.com], reason: Films. }
              - { id: hosts, block: ["=restrict.youtube.com"], reason: Not this one. }
              - { id: above, locked: true, block: ["=safe.duckduckgo.com"], reason: Never. }
            safe-search: [{ engines: all, youtube: strict }]
            tests:
              - { group: phone, at: 2026-11-23 10:00, ask: www.bing.com, expect: rewrite, by: safe-search }
              - { group: staff, at: 2026-11-23 10:00, ask: www.bing.com, expect: block, by: closed }
              - { group: staff, at: 2026-11-23 10:00, ask: www.google.com, expect: block, by: closed }
              - { group: staff, at: 2026-11-23 10:00, ask: www.google.de, expect: block, by: closed }
              - { group: staff, at: 2026-11-23 10:00, ask: www.youtube.com, expect: rewrite }
              - { group: learner, at: 2026-11-23 10:00, ask: www.youtube.com, expect: block, by: hosts }
              - { group: learner, at: 2026-11-23 10:00, ask: duckduckgo.com, expect: block, by: above }
            """)
        let loaded = try #require(load.loaded, "\(load.diagnostics)")
        #expect(loaded.testResults.count == 7)
        // Where the host is what is blocked, it is named.
        let decision = loaded.decide(
            try #require(domainName(typed: "www.youtube.com")), for: .group(0), at: monday)
        #expect(decision.target?.description == Self.strict && decision.rule == "hosts")
        #expect(decision.why.contains(Self.strict))
        #expect(decision.considered.map(\.id) == ["above", "visit", "closed", "films"])
    }

    @Test func whatIsRewrittenIsExplained() throws {
        let (_, load) = try load(
            """
            rules: [{ id: search, allow: [google.co.uk], reason: Search. }]
            default: block
            safe-search: [{ engines: all }]

            """)
        let loaded = try #require(load.loaded, "\(load.diagnostics)")
        let decision = loaded.decide(
            try #require(domainName(typed: "www.google.co.uk")), for: .group(0), at: monday)
        #expect(decision.verdict == .rewrite && decision.category == "safe-search/google")
        #expect(decision.matched?.description == "www.google.co.uk")
        #expect(decision.list == "services")
        #expect(decision.listFile?.hasSuffix("data/safe-search.yaml") == true)
        #expect(decision.why == "in the place of what search allows")
        #expect(decision.targetAddresses.map(\.description).first == "216.239.38.120")
        // Names that are not rewritten for anybody who asks have no category by that.
        #expect(try outcome(loaded, "www.bing.com", "phone") == "block")
        let other = loaded.decide(
            try #require(domainName(typed: "www.bing.com")), for: .group(0), at: monday)
        #expect(other.category == nil && other.list == nil && other.matched == nil)
    }

    @Test(arguments: [
        (
            "[{ for: [learner], engines: all }, { for: [phone, ‸learner], youtube: off }]",
            "group \"learner\" has safe search already, on line 11"
        ),
        ("[{ engines: all }, ‸{ youtube: off }]", "an entry for all groups already, on line 11"),
        ("[{ engines: [‸gogle] }]", "did you mean \"google\"?"),
        ("[{ engines: [bing, ‸startpage] }]", "block others by [search-without-safe-mode]"),
        ("[{ engines: [‸youtube] }]", "write youtube: strict or youtube: moderate"),
        ("[{ engines: ‸al }]", "did you mean \"all\"?"),
        ("[{ engines: all, youtube: ‸strickt }]", "did you mean \"strict\"?"),
        ("[{ for: [‸learners], engines: all }]", "did you mean \"learner\"?"),
        ("[‸{ for: [learner] }]", "switches nothing"),
        ("[{ ‸engine: all }]", "did you mean \"engines\"?"),
        ("‸all", "needs a list"),
    ])
    func mistakes(entries: String, message: String) throws {
        let marked = MarkedText(header + groups + "safe-search: \(entries)\n")
        let load = try folder().load(marked.text)
        #expect(load.loaded == nil)
        let found = load.diagnostics.filter { $0.description.contains(message) }
        #expect(found.count == 1, "\(load.diagnostics)")
        #expect(found.first?.line == marked.line && found.first?.column == marked.column)
    }

    /// Without the facts nothing is pretended.
    @Test func factsThatAreNotThere() throws {
        let without = groups.replacing(
            "lists: { services: { catalogue: data/services } }\n", with: "")
        let (_, none) = try load("safe-search: [{ engines: all }]\n", named: without)
        #expect(none.loaded == nil && none.diagnostics.count == 1)
        #expect(none.diagnostics.first?.description.contains("no catalogue is named") == true)

        let (folder, _) = try load("")
        try folder.write(
            "category: chatrooms\nservices: [{ service: a, core: [a.example] }]", to: "b/c.yaml")
        let elsewhere = groups.replacing("data/services", with: "b")
        let other = try folder.load(header + elsewhere + "safe-search: [{ engines: all }]\n")
        #expect(other.loaded == nil && other.diagnostics.count == 1)
        #expect(other.diagnostics.first?.message.contains("no safe-search.yaml beside") == true)
        #expect(other.diagnostics.first?.line == 11)
    }

    @Test(arguments: [
        ("engines: [{ engine: a, names: [www.a.example] }]", "has no \"target\""),
        ("engines: [{ engine: a, target: safe.a.example }]", "has no names"),
        ("engines: [{ engine: a, target: \"-\", names: [\"a b\"] }]", "is no host's name"),
        (
            "engines: [{ engine: a, target: b.example, names: [a.example] }, "
                + "{ engine: c, target: d.example, names: [a.example] }]",
            "is named for \"a\" and for \"c\""
        ),
        ("engines: [{ engine: youtube, target: b.example, names: [a.example] }]", "\"targets\""),
        ("engine: []", "did you mean \"engines\"?"),
    ])
    func mistakesInTheFacts(facts: String, message: String) throws {
        let (folder, _) = try load("")
        try folder.write(facts, to: "data/safe-search.yaml")
        let load = try folder.load(header + groups + "safe-search: [{ engines: all }]\n")
        #expect(load.loaded == nil)
        let found = load.diagnostics.first { $0.description.contains(message) }
        #expect(found?.file.hasSuffix("data/safe-search.yaml") == true, "\(load.diagnostics)")
        #expect(load.watchedFiles.contains { $0.hasSuffix("data/safe-search.yaml") })
    }

    private static let all = "safe-search: [{ engines: all }]\n"

    /// Engines without a safe mode that are open to whoever has safe search are told of, once.
    @Test(arguments: [
        (all, true), ("safe-search: [{ engines: [google] }]\n", false), ("", false),
        (all + "default: block\n", false),
        (all + "rules: [{ id: a, block: [search-without-safe-mode], reason: A. }]\n", false),
        (
            all
                + "rules: [{ id: a, for: [learner], block: [search-without-safe-mode], reason: A. }]\n",
            true
        ),
        (
            "safe-search: [{ for: [learner], engines: all }]\n"
                + "rules: [{ id: a, for: [learner], block: [search-without-safe-mode], reason: A. }]\n",
            false
        ),
        (
            all
                + "rules: [{ id: a, block: [search-without-safe-mode], during: [lessons], reason: A. }]\n",
            true
        ),
        (all + "rules: [{ id: a, block: [example.com], reason: A. }]\n", false),
        (
            all + "rules: [{ id: a, allow: [third.example.com], reason: A. }, "
                + "{ id: b, block: [search-without-safe-mode], reason: B. }]\n", true
        ),
    ])
    func enginesWithoutASafeMode(rest: String, isWarned: Bool) throws {
        let (_, load) = try load(rest)
        #expect(load.loaded != nil, "\(load.diagnostics)")
        let warnings = load.diagnostics.filter { $0.message.contains("engines that have none") }
        #expect(warnings.count == (isWarned ? 1 : 0), "\(load.diagnostics)")
        #expect(load.diagnostics.count == warnings.count)
    }
}
