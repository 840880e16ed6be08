import DNSWire
import DomainLists
import PolicyEngine
import Testing

@testable import PolicyFile

private func loadSound() throws -> (TemporaryFolder, LoadedPolicy) {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    let load = try folder.load(sound)
    #expect(load.diagnostics.map(\.description) == [])
    return (folder, try #require(load.loaded))
}

@Test func aSoundPolicyLoadsWithAllItSays() throws {
    let (folder, loaded) = try loadSound()
    let policy = loaded.policy
    #expect(policy.name == "Sample policy")
    #expect(policy.roles["dsl"] == "Safeguarding Lead")
    #expect(policy.zone.name == "Europe/London")
    #expect(
        policy.calendar.terms.map { "\($0.lowerBound) \($0.upperBound)" } == [
            "2026-09-01 2026-12-18"
        ])
    #expect(policy.calendar.closed.count == 2)
    #expect(policy.periods.map(\.name) == ["college-hours", "break", "night"])
    #expect(policy.periods[2].when == .always)
    #expect(policy.periods[2].windows[6] == [Window(startMinute: 22 * 60, endMinute: 6 * 60)])
    #expect(policy.periods[0].windows[5].isEmpty)
    #expect(policy.groups.map(\.name) == ["learner", "phone", "staff"])
    #expect(policy.groups[1].parent == 0)
    #expect(policy.groups[0].networks.map(\.description) == ["10.20.0.0/16", "2001:db8:20::/64"])
    #expect(policy.unknownDevices == nil)
    #expect(
        policy.rules.map(\.id) == [
            "essentials", "harm", "wikis-for-teaching", "phones-at-break", "staff-breaks-only",
        ])
    #expect(policy.rules[0].isBuiltIn)
    #expect(policy.rules[1].isLocked)
    #expect(policy.rules[1].concern == .high)
    #expect(policy.rules[3].groups == [1])
    #expect(policy.rules[4].answer == .zero)
    #expect(policy.rules[4].ttlSeconds == 300)
    #expect(policy.rules[4].during == [0])
    #expect(policy.rules[4].exceptDuring == [1])
    #expect(loaded.program.rules.map(\.id).prefix(2) == ["harm", "essentials"])
    #expect(loaded.testResults.count == 5)
    #expect(loaded.testResults.allSatisfy { $0.isTrue })
    #expect(
        loaded.testResults.map(\.by) == [
            "staff-breaks-only", "default", "phones-at-break", "essentials", "",
        ])
    #expect(loaded.hash.count == 16)
    #expect(loaded.policy.hash == loaded.hash)
    #expect(
        loaded.watchedFiles.map { $0.dropFirst(folder.path.count + 1) } == [
            "policy.yaml", "services", "services/blogs.yaml", "services/chatrooms.yaml",
            "services/essentials.yaml", "malware.hosts", "adult.txt",
        ])
    #expect(
        loaded.lists.map { "\($0.name) \($0.category ?? "-") \($0.names)" } == [
            "services blogs 1", "services chatrooms 2", "services essentials 1", "malware - 1",
            "adult - 1",
        ])
}

/// The category recorded is the path from the rule's operand to the innermost category.
@Test(arguments: [
    ("www.chat.example.com", "staff", "social-media/chatrooms", "services", "chat.example.com"),
    ("blog.example.com", "staff", "social-media/blogs", "services", "blog.example.com"),
    ("only.example.net", "staff", "social-media", "-", "only.example.net"),
    ("malware.example.net", "staff", "harm", "malware", "malware.example.net"),
    ("x.adult.example.net", "learner", "harm", "adult", "adult.example.net"),
    ("en.wiki.example.org", "staff", "wikis", "-", "wiki.example.org"),
    ("chat.example.com", "learner", "social-media/chatrooms", "services", "chat.example.com"),
    ("help.example.org", "phone", "essentials", "services", "help.example.org"),
    ("sub.only.example.net", "staff", "-", "-", "-"),
    ("cdn.example.com", "staff", "-", "-", "-"),
])
func recordsTheCategoryPath(
    name: String, group: String, category: String, list: String, matched: String
) throws {
    let (_, loaded) = try loadSound()
    let decision = try decide(loaded, name, group, "2026-11-23 10:00")
    #expect(decision.category ?? "-" == category)
    #expect(decision.list ?? "-" == list)
    #expect(decision.matched?.description ?? "-" == matched)
}

@Test func aRuleOnAListOrANameHasNoCategory() throws {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    let load = try folder.load(
        header + """
            groups: { g: {} }
            lists: { adult: { file: adult.txt }, services: { catalogue: services } }
            rules:
              - { id: a, block: [adult, name.example.com, chatrooms], reason: R }
              - { id: b, block: [services], reason: R }
            """)
    let loaded = try #require(load.loaded, "\(load.diagnostics)")
    let listed = try decide(loaded, "adult.example.net", "g", "2026-11-23 10:00")
    #expect(listed.category == nil)
    #expect(listed.list == "adult")
    let literal = try decide(loaded, "www.name.example.com", "g", "2026-11-23 10:00")
    #expect(literal.category == nil)
    #expect(literal.list == nil)
    #expect(literal.policyLine == 8)
    let category = try decide(loaded, "chat.example.com", "g", "2026-11-23 10:00")
    #expect(category.category == "chatrooms")
    // The catalogue as a whole is everything in it but the essentials.
    let whole = try decide(loaded, "blog.example.com", "g", "2026-11-23 10:00")
    #expect(whole.rule == "b")
    #expect(whole.category == "blogs")
    #expect(try decide(loaded, "help.example.org", "g", "2026-11-23 10:00").rule == "essentials")
}

@Test func aDecisionSaysWhereAndUntilWhen() throws {
    let (folder, loaded) = try loadSound()
    let decision = try decide(loaded, "exact.example.com", "staff", "2026-11-23 10:29:59")
    #expect(decision.verdict == .block)
    #expect(decision.reason == "Personal use is for breaks.")
    #expect(decision.listFile == folder.path + "/services/chatrooms.yaml")
    #expect(decision.listLine == 9)
    #expect(decision.service == "chatter")
    #expect(decision.period == "college-hours")
    #expect(decision.changesAtText == "2026-11-23T10:30:00+00:00")
    #expect(decision.ttlLimitSeconds == 1)
    #expect(decision.considered.map(\.id) == ["harm", "wikis-for-teaching", "phones-at-break"])
    let line = try decide(loaded, "malware.example.net", "staff", "2026-11-23 10:00")
    #expect(line.listLine == 2)
    #expect(line.ttlLimitSeconds == nil)
    let open = try decide(loaded, "news.example.org", "staff", "2026-07-01 10:00")
    #expect(open.rule == "default")
    #expect(open.reason == "No rule matched; the policy's default is allow.")
    #expect(open.atText == "2026-07-01T10:00:00+01:00")
}

@Test func anUnknownDeviceIsRefused() throws {
    let (_, loaded) = try loadSound()
    let name = try #require(domainName(typed: "news.example.org"))
    let address = try #require(IPAddress("192.0.2.1"))
    let decision = loaded.decide(name, for: .client(address), at: monday)
    #expect(decision.verdict == .block)
    #expect(decision.reason == "unknown device")
    #expect(decision.group == nil)
    #expect(decision.rule == nil)
}

private func decide(
    _ loaded: LoadedPolicy, _ name: String, _ group: String, _ at: String
) throws -> Decision {
    let asked = try #require(domainName(typed: name))
    let place = try #require(loaded.policy.groups.firstIndex { $0.name == group })
    let time = try #require(CivilTime(parsing: at))
    return loaded.decide(asked, for: .group(place), at: loaded.policy.zone.instant(of: time))
}

@Test(arguments: [("kite", 100), ("school", 60)])
func theSamplesLoadWithoutAWarning(_ row: (name: String, tests: Int)) throws {
    let root = try #require(packageFolder)
    let folder = root + "/deploy/samples/\(row.name)"
    let load = loadPolicy(at: folder + "/policy.yaml", now: monday)
    #expect(load.diagnostics.map(\.description) == [])
    #expect(load.testResults.count > row.tests)
    let configuration = loadConfiguration(at: folder + "/bellgate.yaml")
    #expect(configuration.diagnostics.map(\.description) == [])
    #expect(configuration.policyPath == folder + "/policy.yaml")
    let together = loadPolicy(
        at: folder + "/policy.yaml", now: monday,
        hasBlockPage: configuration.configuration?.blockPage != nil)
    #expect(together.loaded != nil)
}

@Test func theCatalogueKnowsServicesByNameAndByDomain() throws {
    let (_, loaded) = try loadSound()
    let chatter = try #require(loaded.catalogue.service(named: "chatter"))
    #expect(chatter.category == "chatrooms")
    #expect(chatter.minimumAges.map(\.age) == [13, 16])
    #expect(chatter.minimumAges.map(\.isAnnounced) == [false, true])
    #expect(chatter.minimumAges[1].from == CivilDate(parsing: "2027-04-01"))
    func kind(_ text: String) -> Catalogue.NameKind? {
        domainName(typed: text).flatMap { loaded.catalogue.service(covering: $0) }?.through.kind
    }
    #expect(kind("a.chat.example.com") == .core)
    #expect(kind("graph.chat.example.com") == .embedded)
    #expect(kind("x.graph.chat.example.com") == .core)
    #expect(kind("a.cdn.example.com") == .shared)
    #expect(kind("x.exact.example.com") == nil)
}

@Test(arguments: [
    ("category: ‸a b\nservices: [{ service: x, core: [a.example] }]\n", "cannot be the name"),
    ("‸services: [{ service: x, core: [a.example] }]\n", "has no \"category\""),
    (
        "category: a\nservices:\n  - service: x\n    ‸cor: [a.example]\n",
        "\"cor\" is no key of a service"
    ),
    ("category: a\nservices:\n  - service: x\n    core: [‸a..example]\n", "is no domain name"),
    ("category: a\nservices:\n  - { service: x, minimum-age: [{ age: ‸old }] }\n", "is no age"),
    (
        "category: ‸a\nservices:\n  - { service: x, shared: [a.example] }\n",
        "category \"a\" is empty"
    ),
])
func findsMistakesOfACatalogue(marked: String, message: String) throws {
    let folder = try TemporaryFolder()
    let text = MarkedText(marked)
    let file = try folder.write(text.text, to: "c/a.yaml")
    let load = try folder.load(header + "lists: { c: { catalogue: c } }\n")
    let found = load.diagnostics.first { $0.message.contains(message) }
    #expect(found?.file == file, "\(load.diagnostics)")
    #expect(found.map { "\($0.line):\($0.column)" } == "\(text.line):\(text.column)")
    #expect(load.loaded == nil)
}

@Test func aNameMayBeWrittenInUnicode() throws {
    let folder = try TemporaryFolder()
    let load = try folder.load(
        header + "groups: { g: {} }\nrules: [{ id: a, block: [bücher.example], reason: R }]\n"
            + "tests: [{ group: g, at: 2026-11-23 10:00, ask: www.BÜCHER.example., expect: block }]\n"
    )
    #expect(load.diagnostics.isEmpty, "\(load.diagnostics)")
}

@Test func aMissingPolicyFileIsOneFinding() {
    let load = loadPolicy(at: "/nonexistent/policy.yaml", now: monday)
    #expect(
        load.diagnostics.map(\.description) == [
            "/nonexistent/policy.yaml:1:1: error: the policy file does not exist; "
                + "check the path and who may read it"
        ])
}

@Test func deepChainsOfGroupsAndCategoriesDoNotExhaustTheStack() throws {
    let folder = try TemporaryFolder()
    let groups = (0..<900).map { "  g\($0): { inherits: g\(($0 + 1) % 900) }" }
    let categories = (0..<20_000).map { "  c\($0): [c\($0 + 1)]" }
    let load = try folder.load(
        header + "groups:\n" + groups.joined(separator: "\n") + "\ncategories:\n"
            + categories.joined(separator: "\n") + "\n  c20000: [a.example]\n")
    #expect(load.loaded == nil)
    #expect(load.diagnostics.contains { $0.message.contains("inherits from itself") })
    #expect(load.diagnostics.contains { $0.message.contains("nested more than 16 deep") })
}

/// What editors on other systems make of the same text.
@Test func lineEndsAndEncodingsDoNotMatter() throws {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    let lines = sound.split(separator: "\n", omittingEmptySubsequences: false)
    let firstTest = try #require(lines.firstIndex { $0.contains("10:29:59") }) + 1
    let unix = sound.unicodeScalars.map { UInt16($0.value) }
    let texts: [(String, [UInt8])] = [
        ("CRLF", Array(sound.replacing("\n", with: "\r\n").utf8)),
        ("byte order mark", [0xEF, 0xBB, 0xBF] + Array(sound.utf8)),
        ("UTF-16", [0xFF, 0xFE] + unix.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
    ]
    for (name, bytes) in texts {
        let path = try folder.write(bytes, to: "policy.yaml")
        let load = loadPolicy(at: path, now: monday)
        #expect(load.diagnostics.isEmpty, "\(name): \(load.diagnostics)")
        #expect(load.testResults.first?.line == firstTest, "\(name)")
    }
}

@Test func theHashIsThatOfTheFile() throws {
    let folder = try TemporaryFolder()
    // printf 'bellgate: 1\n' | sha256sum
    #expect(try folder.load("bellgate: 1\n").hash == "55a138c925478b64")
}
