import DNSWire
import PolicyEngine
import Testing

@testable import PolicyFile

private let head =
    header + """
        calendar: { terms: [2026-09-01 to 2026-12-18] }
        periods: { college-hours: { mon-fri: 08:45-16:15 } }
        groups:
          learner: { networks: [10.20.0.0/16] }
          phone: { inherits: learner, networks: [10.21.0.0/16] }
          staff: { networks: [10.30.0.0/16] }
          guest: { networks: [10.40.0.0/16] }
        devices:
          - { name: media-pc, address: 10.20.9.9, group: learner }

        """

private let shipped =
    "lists: { services: { catalogue: \(packageFolder ?? "")/blocklists/services } }\n"
private let college = head + shipped

private let switched = college + "bypass: { block-for: [learner, guest], strip-ech: true }\n"

private func decide(
    _ load: PolicyLoad, _ client: String, _ name: String, _ at: String = "2026-11-23 10:00"
) throws -> Decision {
    let loaded = try #require(load.loaded, "\(load.diagnostics)")
    let address = try #require(IPAddress(client))
    let asked = try #require(domainName(typed: name))
    let time = try #require(CivilTime(parsing: at))
    return loaded.decide(asked, for: .client(address), at: loaded.policy.zone.instant(of: time))
}

/// One name of each service of the catalogue, and the rule that is to close it.
@Test func everyServiceOfTheCatalogueIsClosedForTheGroupsAlone() throws {
    let load = try TemporaryFolder().load(switched)
    #expect(load.diagnostics.map(\.description) == [])
    let loaded = try #require(load.loaded)
    let services = loaded.catalogue.services.filter { $0.category.hasPrefix("bypass") }
    #expect(services.count >= 12)
    for service in services {
        for name in service.names {
            let asked = name.name.description
            let rule = service.category == "bypass" ? "bypass" : "bypass-signals"
            for client in ["10.20.0.1", "10.21.0.1", "10.40.0.1"] {
                let decision = try decide(load, client, asked)
                #expect(decision.verdict == .block && decision.rule == rule, "\(asked)")
                #expect(decision.category == rule)
            }
            let staff = try decide(load, "10.30.0.1", asked)
            #expect(staff.verdict == .allow && staff.rule == "default", "\(asked)")
        }
    }
}

@Test func attemptsAreConcernsAndSignalsAreNone() throws {
    let loaded = try #require(try TemporaryFolder().load(switched).loaded)
    func concern(_ id: String) -> Concern? {
        loaded.policy.rules.first { $0.id == id }?.concern
    }
    #expect(concern("bypass") == .medium)
    #expect(concern("bypass-signals") == nil)
    let low = try TemporaryFolder().load(
        college + "bypass: { block-for: [learner], concern: low }\n")
    #expect(low.loaded?.policy.rules.first { $0.id == "bypass" }?.concern == .low)
}

/// Locked rules and essentials stand above it, exceptions too; rules of the file below.
@Test func itsPlaceInTheOrder() throws {
    let load = try TemporaryFolder().load(
        switched + """
            rules:
              - { id: harm, block: [protonvpn.com], locked: true, reason: Harmful. }
              - { id: all-open, allow: [bypass, bypass-signals, news.example.com], reason: Open. }
              - id: lessons
                for: [phone]
                block: everything
                during: [college-hours]
                reason: Phones are away.
            exceptions:
              - id: media-lesson
                devices: [media-pc]
                allow: [nordvpn.com]
                until: 2026-12-01
                reason: A lesson on privacy.
                approved-by: dsl
            tests:
              - { group: learner, at: 2026-11-23 10:00, ask: tunnelbear.com, expect: block, by: bypass }
              - { group: phone, at: 2026-11-23 10:00, ask: mask.icloud.com, expect: block, by: bypass-signals }
              - { group: phone, at: 2026-11-23 10:00, ask: www.childline.org.uk, expect: allow, by: essentials }

            """)
    #expect(load.diagnostics.map(\.description) == [])
    #expect(try decide(load, "10.20.0.1", "protonvpn.com").rule == "harm")
    #expect(try decide(load, "10.20.0.1", "nordvpn.com").rule == "bypass")
    #expect(try decide(load, "10.30.0.1", "nordvpn.com").rule == "all-open")
    let open = try decide(load, "10.20.9.9", "www.nordvpn.com")
    #expect(open.verdict == .allow && open.rule == "media-lesson")
    #expect(open.changesAtText == "2026-12-02T00:00:00+00:00")
    #expect(try decide(load, "10.20.9.9", "tunnelbear.com").rule == "bypass")
    let staff = try decide(load, "10.30.0.1", "news.example.com")
    #expect(
        staff.considered.first { $0.id == "bypass" }?.why == "is for learner and guest, not staff")
}

@Test func everyoneIsEveryGroup() throws {
    let load = try TemporaryFolder().load(college + "bypass: { block-for: everyone }\n")
    let loaded = try #require(load.loaded, "\(load.diagnostics)")
    for client in ["10.20.0.1", "10.21.0.1", "10.30.0.1", "10.40.0.1"] {
        #expect(try decide(load, client, "nordvpn.com").rule == "bypass")
    }
    for group in loaded.policy.groups.indices {
        #expect(loaded.policy.stripsECH(forGroup: group))
    }
}

@Test func keysAreStrippedForTheGroupsUnlessThePolicySaysNo() throws {
    let stripped = { (text: String) throws -> [Bool] in
        let loaded = try #require(try TemporaryFolder().load(text).loaded)
        return loaded.policy.groups.indices.map { loaded.policy.stripsECH(forGroup: $0) }
    }
    #expect(try stripped(switched) == [true, true, false, true])
    #expect(
        try stripped(college + "bypass: { block-for: [guest] }\n") == [false, false, false, true])
    #expect(
        try stripped(college + "bypass: { block-for: [learner], strip-ech: false }\n")
            == [false, false, false, false])
    #expect(try stripped(college) == [false, false, false, false])
}

@Test func feedsAndNamesAreAddedToTheWays() throws {
    let folder = try TemporaryFolder()
    try folder.write("resolver.example.net\n", to: "feed.txt")
    let load = try folder.load(
        head + """
            lists:
              services: { catalogue: \(packageFolder ?? "")/blocklists/services }
              doh-feed: { file: feed.txt, format: domains }
            categories: { relays: [relay.example.com] }
            bypass: { block-for: [learner], also: [doh-feed, relays, proxy.example.org] }

            """)
    #expect(load.diagnostics.map(\.description) == [])
    for (name, category) in [
        ("resolver.example.net", "bypass"), ("a.relay.example.com", "bypass/relays"),
        ("proxy.example.org", "bypass"),
    ] {
        let decision = try decide(load, "10.20.0.1", name)
        #expect(decision.rule == "bypass" && decision.category == category, "\(name)")
    }
    #expect(try decide(load, "10.20.0.1", "resolver.example.net").list == "doh-feed")
}

@Test func rulesThatTheSwitchMakesUselessAreWarnedOf() throws {
    let load = try TemporaryFolder().load(
        college + """
            bypass: { block-for: everyone }
            rules:
              - { id: by-hand, block: [bypass], reason: By hand. }
              - { id: opened, allow: [nordvpn.com], reason: By accident. }

            """)
    // What stands in the catalogue under another name too may still be met by a rule on that name.
    #expect(
        load.diagnostics.filter { $0.message.contains("by-hand") }.map(\.hint)
            == ["remove it: \"bypass:\" does the same"])
}
