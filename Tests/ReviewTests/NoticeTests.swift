import Foundation
import FoundationXML
import PolicyEngine
import PolicyFile
import Review
import Testing

/// What people are told comes from the policy alone.
@Suite struct NoticeTests {
    private static let policy = """
        bellgate: 1
        policy: { name: College <policy>, reference: CP-1, approved-by: Principal, approved-on: 2026-09-01, review-by: 2027-08-31, contact: "mailto:dsl@college.example" }
        roles: { dsl: Safeguarding Lead, principal: The Principal, it: Network Manager }
        time-zone: Europe/London
        calendar: { terms: [2026-09-01 to 2026-12-18] }
        periods:
          college-hours: { mon-fri: 08:45-16:15 }
          lunch: { mon-thu: 12:15-13:00, fri: 12:00-13:00 }
          night: { when: always, mon-sun: 22:00-06:00 }
          weekend: { when: holiday, sat-sun: 00:00-24:00 }
        groups:
          learner: { networks: [10.20.0.0/16] }
          learner-phone: { inherits: learner, networks: [10.21.0.0/16] }
          staff: { networks: [10.30.0.0/16] }
          guest: { inherits: staff, networks: [10.40.0.0/16] }
          printers: { networks: [10.50.0.0/16] }
        unknown-devices: guest
        categories:
          social-media: [forums, chat]
          forums: [forum.example.net]
          chat: [chat.example.net]
        rules:
          - { id: harm, block: [harm.example.net], locked: true, concern: high, reason: It harms. }
          - { id: phones, for: [learner-phone], block: everything, during: [college-hours], except-during: [lunch], reason: Phones rest. }
          - { id: quiet, for: [learner], block: [chat], during: [night, weekend], reason: Sleep. }
          - { id: breaks, for: [staff], block: [social-media], during: [college-hours], except-during: [lunch], reason: Work first. }
          - { id: tools, for: [printers], allow: [print.example.net], reason: Printing. }
        default: allow

        """

    private static func loaded(_ text: String = policy) throws -> LoadedPolicy {
        let folder = FileManager.default.temporaryDirectory.path + "/notice-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try text.write(toFile: folder + "/policy.yaml", atomically: true, encoding: .utf8)
        let load = loadPolicy(at: folder + "/policy.yaml", now: Instant(seconds: 1_795_500_000))
        return try #require(load.loaded, "\(load.diagnostics)")
    }

    private static func notice(
        _ audience: NoticeAudience, _ loaded: LoadedPolicy, keepSeconds: Int64 = 90 * 86_400,
        hasBlockPage: Bool = false
    ) -> Notice {
        Notice(
            audience, groups: Notice.groups(of: audience, in: loaded.policy), policy: loaded,
            keepSeconds: keepSeconds, hasBlockPage: hasBlockPage,
            now: Instant(seconds: 20_781 * 86_400 + 43_200))
    }

    /// Whose use is counted is told that, and how (section 6: all are made aware how they are
    /// monitored).
    @Test func whatIsCountedIsTold() throws {
        let limits = """
            limits-of-use:
              - { for: [learner], category: social-media, minutes-a-day: 60 }
              - { for: [learner-phone], category: chat, minutes-a-day: 20, count: always }

            """
        let loaded = try Self.loaded(Self.policy + limits)
        let learners = Self.notice(.learners, loaded).text()
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(learners.contains("names of social-media during college-hours (Mon"))
        #expect(learners.contains("Past 60 minutes those who review the record are told once"))
        #expect(learners.contains("Counted for each device of learner-phone: the minutes"))
        #expect(learners.contains("names of chat. Past 20 minutes"))
        #expect(!Self.notice(.staff, loaded).text().contains("Counted for"))
    }

    /// Ways round the filter are told of in words that people know, to those for whom they are closed.
    @Test func closedWaysRoundAreTold() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let closed = """
            lists: { services: { catalogue: \(package.path)/blocklists/services } }
            bypass: { block-for: [learner], also: [way.example.net] }

            """
        // The catalogue has forums of its own.
        let loaded = try Self.loaded(Self.policy.replacing("forums", with: "talk") + closed)
        let learners = Self.notice(.learners, loaded)
        #expect(Self.rules(learners).contains("bypass-signals"))
        let item = try #require(learners.sections[0].items.first { $0.rule == "bypass" })
        #expect(item.text.hasPrefix("Blocked: ways round the filter (VPNs, web proxies,"))
        #expect(item.text.contains("way.example.net"))
        #expect(item.text.contains("brought to the attention"))
        #expect(!Self.rules(Self.notice(.staff, loaded)).contains("bypass"))
    }

    private static func rules(_ notice: Notice) -> [String] {
        notice.sections[0].items.map(\.rule)
    }

    @Test func eachAudienceHasItsGroups() throws {
        let policy = try Self.loaded().policy
        func names(_ audience: NoticeAudience) -> [String] {
            Notice.groups(of: audience, in: policy).map { policy.groups[$0].name }
        }
        #expect(names(.learners) == ["learner", "learner-phone"])
        #expect(names(.parents) == ["learner", "learner-phone"])
        #expect(names(.staff) == ["staff"])
        // Guests inherit the rules of staff and are guests all the same.
        #expect(names(.guests) == ["guest"])
    }

    /// Section 6: "made aware how monitored": each rule that reaches somebody is in their notice.
    @Test func eachRuleThatReachesTheAudienceIsThere() throws {
        let loaded = try Self.loaded()
        #expect(Self.rules(Self.notice(.learners, loaded)) == ["harm", "phones", "quiet"])
        #expect(Self.rules(Self.notice(.parents, loaded)) == ["harm", "phones", "quiet"])
        #expect(Self.rules(Self.notice(.staff, loaded)) == ["harm", "breaks"])
        #expect(Self.rules(Self.notice(.guests, loaded)) == ["harm", "breaks"])
    }

    @Test func saysWhenAndWhy() throws {
        let learners = Self.notice(.learners, try Self.loaded()).sections[0].items
        #expect(
            learners.map(\.text) == [
                "Blocked: harm.example.net, at all times. A look-up is brought to the attention of "
                    + "those who review the record.",
                "Blocked: everything, for learner-phone, during college-hours (Monday to Friday "
                    + "08:45-16:15, in term), except during lunch (Monday to Thursday 12:15-13:00, "
                    + "Friday 12:00-13:00, in term).",
                "Blocked: chat, during night (every day 22:00-06:00, all year) or weekend (Saturday "
                    + "and Sunday 00:00-24:00, in the holidays).",
            ])
        #expect(learners.map(\.reason) == ["It harms.", "Phones rest.", "Sleep."])
        let staff = Self.notice(.staff, try Self.loaded()).sections[0].items
        #expect(staff[1].text.hasPrefix("Blocked: social-media (chat and forums), during"))
    }

    @Test func saysWhoSeesItForHowLongAndWhomToAsk() throws {
        let text = Self.notice(.staff, try Self.loaded()).text().replacing("\n", with: " ")
        for word in [
            "kept for 90 days", "Safeguarding Lead: reviews", "The Principal: has",
            "Network Manager: keeps", "(dsl@college.example)", "CP-1", "1 September 2026",
            "protect-advice.org.uk",
        ] { #expect(text.contains(word), "\(word)") }
        #expect(
            Self.notice(.staff, try Self.loaded(), keepSeconds: 36 * 3600).text()
                .contains("kept for 36 hours"))
        #expect(
            Self.notice(.learners, try Self.loaded()).text().contains("Childline (0800 1111"))
    }

    @Test func anotherPolicyIsAnotherVersion() throws {
        let first = Self.notice(.staff, try Self.loaded())
        #expect(first.text() == Self.notice(.staff, try Self.loaded()).text())
        let changed = Self.notice(
            .staff, try Self.loaded(Self.policy.replacing("16:15", with: "16:00")))
        #expect(changed.version != first.version)
        #expect(changed.text().contains("Version \(changed.version)"))
        #expect(changed.text().contains("08:45-16:00"))
    }

    /// A notice for everybody names nobody's device, and no text of the policy is taken for HTML.
    @Test func thePageIsWholeAndNamesNoDevice() throws {
        let html = Self.notice(.staff, try Self.loaded()).html()
        #expect(html.hasPrefix("<!DOCTYPE html>"))
        #expect(html.contains("College &lt;policy&gt;"))
        #expect(!html.contains("<policy>"))
        for word in ["10.30.", "<script", "src=", "http:", "href"] {
            #expect(!html.contains(word), "\(word)")
        }
        let parser = XMLParser(data: Data(html.utf8))
        #expect(parser.parse())
    }

    private static let withExceptions = policy.replacing(
        "categories:",
        with: """
            devices: [{ name: head-laptop, address: 10.30.4.7, group: staff }]
            exceptions:
              - { id: open-evening, devices: [head-laptop], allow: [chat.example.net], from: 2026-11-01, until: 2026-12-18 17:00, reason: Open evening., approved-by: dsl, approved-on: 2026-10-30 }
              - { id: project, for: [learner], networks: [10.20.3.0/24], allow: [forum.example.net], until: 2026-12-01, reason: A project., approved-by: principal, approved-on: 2026-11-01 }
              - { id: over, for: [staff], allow: [chat.example.net], until: 2026-11-01, reason: It is over., approved-by: dsl, approved-on: 2026-10-01 }
            categories:
            """)

    /// §4.2¶4: what is decided for a time is told to whom it concerns, and names nobody.
    @Test func exceptionsAreToldWithoutNamingAnybody() throws {
        let loaded = try Self.loaded(Self.withExceptions)
        let staff = try #require(
            Self.notice(.staff, loaded).sections.first { $0.title == "Exceptions" })
        #expect(staff.items.map(\.rule) == ["open-evening"])
        #expect(
            staff.items.first?.text
                == "Open: chat.example.net, for one device, until 18 December 2026 at 17:00.")
        #expect(staff.items.first?.reason == "Open evening.")
        let learners = try #require(
            Self.notice(.learners, loaded).sections.first { $0.title == "Exceptions" })
        #expect(learners.items.map(\.rule) == ["project"])
        #expect(learners.items.first?.text.contains("learner and some rooms") == true)
        #expect(!Self.notice(.guests, loaded).sections.contains { $0.title == "Exceptions" })
        for audience in NoticeAudience.allCases {
            let text = Self.notice(audience, loaded).text() + Self.notice(audience, loaded).html()
            for word in ["head-laptop", "10.30.4", "10.20.3", "It is over"] {
                #expect(!text.contains(word), "\(audience): \(word)")
            }
        }
    }

    /// §6¶3: "made aware how monitored ... and how to report".
    @Test(arguments: NoticeAudience.allCases)
    func reportingIsToldWhereThereIsAPage(_ audience: NoticeAudience) throws {
        let loaded = try Self.loaded()
        let with = Self.notice(audience, loaded, hasBlockPage: true).text().replacing(
            "\n", with: " ")
        #expect(with.contains("something worries you") && with.contains("deletes none of it"))
        let without = Self.notice(audience, loaded).text()
        #expect(!without.contains("deletes none of it"))
    }

    /// Each rule's reason and each retention value appears, whoever it is for.
    @Test func everyReasonAndEveryRetentionIsSomewhere() throws {
        let loaded = try Self.loaded(Self.withExceptions)
        let groups = Array(loaded.policy.groups.indices)
        let notice = Notice(
            .staff, groups: groups, policy: loaded, keepSeconds: 7 * 86_400,
            now: Instant(seconds: 20_781 * 86_400))
        let text = notice.text().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for rule in loaded.policy.rules where rule.origin != .product && rule.id != "over" {
            #expect(text.contains(rule.reason) && text.contains("Rule: \(rule.id)"), "\(rule.id)")
        }
        #expect(text.contains("kept for 7 days"))
    }

    @Test func linesFitANoticeBoard() throws {
        let lines = Self.notice(.learners, try Self.loaded()).text().split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 })
    }
}
