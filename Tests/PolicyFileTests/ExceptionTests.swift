import DNSWire
import PolicyEngine
import Testing

@testable import PolicyFile

private let college =
    header + """
        groups:
          staff: { networks: [10.30.0.0/16] }
          office: { inherits: staff, networks: [10.31.0.0/16] }
          learner: { networks: [10.20.0.0/16] }
        devices:
          - { name: head-laptop, address: 10.30.4.7, group: staff }
        rules:
          - { id: harm, block: [bad.example.com], locked: true, reason: Harmful. }
          - { id: social, block: [social.example.com], reason: Personal use is for breaks. }

        """

private func exception(_ keys: String) -> String {
    college + "exceptions:\n  - { id: x, \(keys) }\n"
}

private let approved = "reason: Campaign., approved-by: dsl"

private func verdict(
    _ load: PolicyLoad, _ client: String, _ name: String, _ at: String
) throws -> Decision {
    let loaded = try #require(load.loaded, "\(load.diagnostics)")
    let address = try #require(IPAddress(client))
    let asked = try #require(domainName(typed: name))
    let time = try #require(CivilTime(parsing: at))
    return loaded.decide(
        asked, for: .client(address), at: loaded.policy.zone.instant(of: time))
}

/// §4.2¶4: "discussed with the DSL/Principal. Decisions made and advice provided … formally
/// recorded".
@Test func anExceptionCarriesWhoDecidedWhyAndWhatWasAdvised() throws {
    let load = try TemporaryFolder().load(
        college + """
            exceptions:
              - id: open-evening
                devices: [head-laptop]
                allow: [social.example.com]
                from: 2026-11-01
                until: 2026-12-18 17:00
                reason: Open evening campaign.
                advice: Post from the college account only.
                approved-by: dsl
                approved-on: 2026-10-30
            tests:
              - { client: 10.30.4.7, at: 2026-12-18 16:59:59, ask: social.example.com, expect: allow, by: open-evening }
              - { client: 10.30.4.7, at: 2026-12-18 17:00, ask: social.example.com, expect: block, by: social }
              - { client: 10.30.4.8, at: 2026-12-01 17:00, ask: social.example.com, expect: block }
            """)
    #expect(load.diagnostics.map(\.description) == [])
    let before = try verdict(load, "10.30.4.7", "social.example.com", "2026-10-31 23:59:59")
    #expect(before.rule == "social")
    #expect(before.changesAtText == "2026-11-01T00:00:00+00:00")
    #expect(before.ttlLimitSeconds == 1)
    #expect(
        before.considered.first { $0.id == "open-evening" }?.why
            == "begins at 2026-11-01T00:00:00+00:00")
    let during = try verdict(load, "10.30.4.7", "www.social.example.com", "2026-12-18 16:59:58")
    #expect(during.verdict == .allow)
    #expect(during.rule == "open-evening")
    #expect(during.reason == "Open evening campaign.")
    #expect(during.ttlLimitSeconds == 2)
    #expect(during.exception?.advice == "Post from the college account only.")
    #expect(during.exception?.approvedBy == "dsl")
    #expect(during.exception?.approvedOn?.description == "2026-10-30")
    let after = try verdict(load, "10.30.4.7", "social.example.com", "2026-12-18 17:00")
    #expect(after.rule == "social")
    #expect(
        after.considered.first { $0.id == "open-evening" }?.why
            == "ended at 2026-12-18T17:00:00+00:00")
    let other = try verdict(load, "10.20.0.1", "social.example.com", "2026-12-01 10:00")
    #expect(
        other.considered.first { $0.id == "open-evening" }?.why
            == "is for head-laptop, not learner")
}

/// As a range of dates in the calendar, a date that ends an exception is still in it.
@Test func aDateAloneEndsWithThatDay() throws {
    let load = try TemporaryFolder().load(
        exception("for: [staff], allow: [social.example.com], until: 2026-12-18, \(approved)"))
    let last = try verdict(load, "10.30.0.1", "social.example.com", "2026-12-18 23:59:59")
    #expect(last.rule == "x")
    #expect(last.changesAtText == "2026-12-19T00:00:00+00:00")
    let next = try verdict(load, "10.30.0.1", "social.example.com", "2026-12-19 00:00")
    #expect(next.rule == "social")
}

@Test(arguments: [
    ("for: [staff]", "10.30.0.1", true), ("for: [staff]", "10.31.0.1", true),
    ("for: [office]", "10.30.0.1", false), ("for: [staff]", "10.20.0.1", false),
    ("networks: [10.20.3.0/24]", "10.20.3.9", true),
    ("networks: [10.20.3.0/24]", "10.20.4.9", false),
    ("networks: [10.20.3.0/24], for: [office]", "10.31.0.1", true),
    ("networks: [10.20.3.0/24], devices: [head-laptop]", "10.30.4.7", true),
    ("devices: [head-laptop]", "10.30.4.8", false),
])
func reachesWhomItNames(who: String, client: String, isReached: Bool) throws {
    let load = try TemporaryFolder().load(
        exception("\(who), allow: [social.example.com], until: 2026-12-18, \(approved)"))
    let decision = try verdict(load, client, "social.example.com", "2026-11-23 10:00")
    #expect((decision.rule == "x") == isReached)
}

/// §5¶2: "embedded and progressive" education: a lesson opens a site for an hour and one room.
@Test func aLessonOpensASiteForAnHour() throws {
    let load = try TemporaryFolder().load(
        exception(
            "networks: [10.20.3.0/24], allow: [social.example.com], from: 2026-11-23 14:00, "
                + "until: 2026-11-23 15:00, \(approved)"))
    for (at, isOpen) in [
        ("13:59:59", false), ("14:00:00", true), ("14:59:59", true), ("15:00:00", false),
    ] {
        let room = try verdict(load, "10.20.3.5", "social.example.com", "2026-11-23 \(at)")
        #expect((room.verdict == .allow) == isOpen, "\(at)")
        let next = try verdict(load, "10.20.4.5", "social.example.com", "2026-11-23 \(at)")
        #expect(next.verdict == .block, "\(at)")
    }
}

@Test func anExceptionMayBlockAndIsNeverAboveALockedRule() throws {
    let load = try TemporaryFolder().load(
        exception(
            "for: [learner], block: [news.example.com, bad.example.com], until: 2026-12-18, "
                + approved))
    #expect(load.diagnostics.map(\.description) == [])
    let news = try verdict(load, "10.20.0.1", "news.example.com", "2026-11-23 10:00")
    #expect(news.verdict == .block && news.rule == "x")
    let bad = try verdict(load, "10.20.0.1", "bad.example.com", "2026-11-23 10:00")
    #expect(bad.rule == "harm")
}

@Test(arguments: [
    Mistake(
        "no reason",
        exceptionWith: "for: [staff], allow: [a.example], until: 2026-12-18, approved-by: dsl",
        "the exception has no \"reason\""),
    Mistake(
        "no end", exceptionWith: "for: [staff], allow: [a.example], reason: R, approved-by: dsl",
        "the exception has no \"until\"", "an exception ends"),
    Mistake(
        "no approver",
        exceptionWith: "for: [staff], allow: [a.example], until: 2026-12-18, reason: R",
        "the exception has no \"approved-by\"", "dsl or principal"),
    Mistake(
        "nobody",
        exceptionWith: "allow: [a.example], until: 2026-12-18, reason: R, approved-by: dsl",
        "the exception does not say for whom it is"),
])
func refusesAnIncompleteException(_ mistake: Mistake) throws { try findsMistake(mistake) }

@Test(arguments: [
    (
        "for: [staff], allow: [a.example], until: 2026-12-18, reason: R, approved-by: ‸it",
        "\"it\" has no right to approve an exception", "dsl or principal"
    ),
    (
        "for: [staff], allow: [a.example], until: 2026-12-18, reason: R, approved-by: ‸principle",
        "has no right", "did you mean \"principal\"?"
    ),
    ("for: [staff], allow: [a.example], until: ‸2026-02-30, \(approved)", "is no date", "of a day"),
    (
        "for: [staff], allow: [a.example], until: ‸soon, \(approved)", "is no date",
        "2026-12-18 17:00"
    ),
    (
        "for: [staff], allow: [a.example], from: 2026-12-19, until: ‸2026-12-18, \(approved)",
        "ends before it begins", "behind"
    ),
    (
        "for: [‸stuff], allow: [a.example], until: 2026-12-18, \(approved)",
        "there is no group \"stuff\"", "did you mean \"staff\"?"
    ),
    (
        "devices: [‸head-lptop], allow: [a.example], until: 2026-12-18, \(approved)",
        "there is no device \"head-lptop\"", "did you mean \"head-laptop\"?"
    ),
    (
        "for: [staff], allow: [‸socal], until: 2026-12-18, \(approved)",
        "is no category, no list and no domain name", "define it"
    ),
    (
        "for: [staff], allow: [a.example], ‸block: [b.example], until: 2026-12-18, \(approved)",
        "the exception has both \"allow\" and \"block\"", "two"
    ),
    (
        "for: [staff], until: 2026-12-18, ‸locked: true, allow: [a.example], \(approved)",
        "\"locked\" is no key of the exception", ""
    ),
    (
        "networks: [‸10.20.3.4/24], allow: [a.example], until: 2026-12-18, \(approved)",
        "has host bits set", "10.20.3.0/24"
    ),
])
func findsMistakesOfExceptions(keys: String, message: String, hint: String) throws {
    try findsMistake(Mistake(message, whole: exception(keys), message, hint))
}

@Test(arguments: [
    Mistake(
        "clash",
        whole: college + "exceptions:\n  - { id: ‸social, for: [staff], allow: [a.example], "
            + "until: 2026-12-18, \(approved) }\n",
        "exception \"social\" is there already as a rule, on line 13"),
    Mistake(
        "reserved",
        whole: college + "exceptions:\n  - { id: ‸suspended, for: [staff], allow: [a.example], "
            + "until: 2026-12-18, \(approved) }\n",
        "\"suspended\" has a meaning of its own"),
])
func idsAreSharedWithRules(_ mistake: Mistake) throws { try findsMistake(mistake) }

@Test(arguments: [
    ("for: [staff], allow: [bad.example.com], until: 2026-12-18", true),
    ("for: [staff], allow: [www.bad.example.com], until: 2026-12-18", true),
    ("devices: [head-laptop], allow: [bad.example.com], until: 2026-12-18", true),
    ("for: [staff], allow: [example.com], until: 2026-12-18", false),
    ("for: [staff], block: [bad.example.com], until: 2026-12-18", false),
    ("for: [staff], allow: [social.example.com], until: 2026-12-18", false),
])
func warnsOfWhatALockedRuleDecides(keys: String, isWarned: Bool) throws {
    let load = try TemporaryFolder().load(exception("\(keys), \(approved)"))
    let warning = load.diagnostics.first { $0.message.contains("contradicts") }
    #expect((warning != nil) == isWarned, "\(load.diagnostics)")
    guard isWarned else { return }
    #expect(load.loaded != nil)
    #expect(warning?.line == 15)
    #expect(
        warning?.message.hasPrefix("exception \"x\" contradicts the locked rule \"harm\" (line 12)")
            == true)
}

@Test(arguments: [
    ("2026-11-23 11:59", "ended", 0), ("2026-11-20", "ended", -2),
    ("2026-11-23 12:01", "ends-soon", 0),
    ("2026-12-07 12:00", "ends-soon", 14), ("2026-12-07 12:01", "open", 14),
])
func listsHowExceptionsStand(until: String, state: String, days: Int) throws {
    let load = try TemporaryFolder().load(
        exception("for: [staff], allow: [a.example], until: \(until), \(approved)"))
    #expect(load.loaded != nil)
    let status = try #require(load.exceptions.first)
    #expect(status.state.rawValue == state)
    #expect(status.daysLeft == days)
    #expect(load.counts.exceptions == 1)
    let warned = load.diagnostics.contains { $0.message.contains("exception \"x\" ended at") }
    #expect(warned == (state == "ended"))
}

extension Mistake {
    /// A mistake about an exception as a whole.
    fileprivate init(
        _ name: String, exceptionWith keys: String, _ message: String, _ hint: String = ""
    ) {
        self.init(
            name, whole: college + "exceptions:\n  - ‸{ id: x, \(keys) }\n", message, hint)
    }
}
