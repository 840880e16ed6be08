import DNSWire
import PolicyEngine
import Testing

@testable import PolicyFile

private let bands = """
    groups:
      year-eleven: { networks: [10.1.0.0/16], age: under 16 }
      sixth-form: { networks: [10.2.0.0/16], age: 16-17 }
      adults: { networks: [10.3.0.0/16], age: 18+ }
      staff: { networks: [10.4.0.0/16] }
      phone: { inherits: sixth-form, networks: [10.5.0.0/16] }
    lists: { services: { catalogue: services } }

    """

private let rule = "rules: [{ id: ages, block: [under-age], reason: Below the minimum age. }]\n"

private func loadAges(_ rest: String = rule) throws -> (TemporaryFolder, LoadedPolicy) {
    let folder = try TemporaryFolder()
    try folder.write(
        """
        category: chatrooms
        services:
          - service: from-thirteen
            minimum-age: [{ age: 13, from: 2026-11-01 }]
            core: [thirteen.example.com]
          - service: raised
            minimum-age:
              - { age: 13, from: 2026-11-01 }
              - { age: 16, from: 2027-04-01, status: announced }
            core: [raised.example.com]
          - service: grown-up
            minimum-age: [{ age: 18, from: 2026-11-01 }]
            core: [grown-up.example.com]
          - service: anybody
            core: [anybody.example.com]
        """, to: "services/chatrooms.yaml")
    let load = try folder.load(header + bands + rest)
    return (folder, try #require(load.loaded, "\(load.diagnostics)"))
}

private func decide(
    _ loaded: LoadedPolicy, _ name: String, _ group: String, _ at: String
) throws -> Decision {
    let asked = try #require(domainName(typed: name))
    let place = try #require(loaded.policy.groups.firstIndex { $0.name == group })
    let time = try #require(CivilTime(parsing: at))
    return loaded.decide(asked, for: .group(place), at: loaded.policy.zone.instant(of: time))
}

/// §5¶2, §5¶3: "age-appropriate sites"; sites "appropriate for their age and abilities".
@Test(arguments: [
    ("year-eleven", "thirteen", "2026-12-01 10:00", false),
    ("year-eleven", "raised", "2027-03-31 23:59:59", false),
    ("year-eleven", "raised", "2027-04-01 00:00:00", true),
    ("year-eleven", "grown-up", "2026-12-01 10:00", true),
    ("year-eleven", "anybody", "2026-12-01 10:00", false),
    ("sixth-form", "raised", "2027-04-01 00:00:00", false),
    ("sixth-form", "grown-up", "2026-12-01 10:00", true),
    ("sixth-form", "thirteen", "2026-12-01 10:00", false),
    ("phone", "grown-up", "2026-12-01 10:00", true),
    ("adults", "grown-up", "2026-12-01 10:00", false),
    ("staff", "grown-up", "2026-12-01 10:00", false),
    // Before its day an age is not known to hold.
    ("year-eleven", "grown-up", "2026-10-31 23:59:59", false),
])
func underAgeGoesByBandAndDate(
    group: String, service: String, at: String, isBlocked: Bool
) throws {
    let (_, loaded) = try loadAges()
    let decision = try decide(loaded, "www.\(service).example.com", group, at)
    #expect((decision.verdict == .block) == isBlocked)
    guard isBlocked else { return }
    #expect(decision.rule == "ages")
    #expect(decision.why.hasSuffix("is below the minimum age"))
    #expect(decision.category == "under-age")
    #expect(decision.list == "services")
    #expect(decision.service == (service == "grown-up" ? "grown-up" : "raised"))
    #expect(decision.matched?.description == "\(service).example.com")
    #expect(decision.listLine != nil)
}

/// The clocks go forward on 28 March 2027, so that the day begins an hour before that of UTC.
@Test func anAnnouncedAgeComesIntoForceByItself() throws {
    let (_, loaded) = try loadAges()
    let before = try decide(loaded, "raised.example.com", "year-eleven", "2027-03-31 23:59:30")
    #expect(before.verdict == .allow)
    #expect(before.changesAtText == "2027-04-01T00:00:00+01:00")
    #expect(before.ttlLimitSeconds == 30)
    #expect(
        before.considered.map(\.why) == [
            "year-eleven (under 16) is not under age before 2027-04-01"
        ])
    let after = try decide(loaded, "raised.example.com", "year-eleven", "2027-04-01 00:00")
    #expect(after.changesAt == nil)
    let other = try decide(loaded, "grown-up.example.com", "year-eleven", "2027-03-31 23:59:30")
    #expect(other.rule == "ages")
    #expect(other.changesAt == nil, "nothing changes for this name")
    let staff = try decide(loaded, "raised.example.com", "staff", "2027-03-31 23:59:30")
    #expect(staff.considered.map(\.why) == ["staff has no age band"])
    #expect(staff.changesAt == nil)
}

@Test func underAgeGoesIntoCategoriesAndBesideOtherNames() throws {
    let (_, loaded) = try loadAges(
        "categories: { too-young: [under-age] }\nrules:\n"
            + "  - { id: first, for: [year-eleven], allow: [grown-up.example.com], reason: R }\n"
            + "  - { id: ages, block: [too-young, news.example.org], reason: R }\n")
    let news = try decide(loaded, "news.example.org", "staff", "2026-12-01 10:00")
    #expect(news.rule == "ages")
    #expect(try decide(loaded, "news.example.org", "sixth-form", "2026-12-01 10:00").rule == "ages")
    let grown = try decide(loaded, "grown-up.example.com", "sixth-form", "2026-12-01 10:00")
    #expect(grown.category == "too-young/under-age")
    #expect(
        try decide(loaded, "grown-up.example.com", "year-eleven", "2026-12-01 10:00").rule
            == "first")
}

@Test(arguments: [
    Mistake(
        "wrong band", "groups: { a: { age: ‸15-16 } }\n", "\"15-16\" is no value of \"age\"",
        "did you mean \"16-17\"?"),
    Mistake(
        "no band", "groups: { a: { age: ‸young } }\n", "\"young\" is no value of \"age\"", "18+"),
    Mistake(
        "no catalogue", "rules: [{ id: a, block: [‸under-age], reason: R }]\n",
        "\"under-age\" is empty: no service with a minimum age is known", "catalogue"),
    Mistake(
        "a list of that name", "lists: { ‸under-age: { file: a } }\n", "has a meaning of its own"),
])
func findsMistakesOfAges(_ mistake: Mistake) throws { try findsMistake(mistake) }

@Test func warnsWhereNobodyIsUnderAge() throws {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    let load = try folder.load(
        header + "groups: { g: {}, h: { age: 18+ } }\nlists: { s: { catalogue: services } }\n"
            + rule)
    #expect(
        load.diagnostics.map(\.message) == [
            "rule \"ages\" can never match: no group that it is for has an age band below a "
                + "minimum age"
        ])
}
