import DNSWire
import Foundation
import PolicyEngine
import PolicyFile
import Testing

/// The sample of a school does what its sentences say, all day long and for everybody.
@Suite struct SchoolSampleTests {
    private let loaded: LoadedPolicy
    private static let everybody = ["years-7-11", "sixth-form", "pupil-phone", "staff", "guest"]

    init() throws {
        let root = try #require(packageFolder)
        let load = loadPolicy(at: root + "/deploy/samples/school/policy.yaml", now: monday)
        loaded = try #require(load.loaded, "\(load.diagnostics)")
    }

    private func rule(
        _ name: String, _ group: String, _ date: String = "2026-11-23", minute: Int
    ) throws -> (verdict: RuleAction, rule: String?) {
        let place = try #require(loaded.policy.groups.firstIndex { $0.name == group })
        let day = try #require(CivilDate(parsing: date))
        let at = loaded.policy.zone.instant(of: CivilTime(date: day, secondOfDay: minute * 60))
        let decision = loaded.decide(
            try #require(domainName(typed: name)), for: .group(place), at: at)
        return (decision.verdict, decision.rule)
    }

    /// "Sites that harm are closed to everyone, at every hour, and nobody can open them."
    @Test(arguments: everybody)
    func whatHarmsIsClosedToEveryoneAtEveryHour(_ group: String) throws {
        for date in ["2026-11-23", "2026-11-28", "2026-12-25"] {
            for minute in stride(from: 0, to: 1440, by: 60) {
                #expect(try rule("malware.example.net", group, date, minute: minute).rule == "harm")
            }
        }
        let harm = try #require(loaded.policy.rules.first { $0.id == "harm" })
        #expect(harm.isLocked && harm.groups == nil && harm.concern == .high)
    }

    /// "Phones are put away from the first bell to the last, break and lunch included."
    @Test func phonesAreAwayEveryMinuteOfTheSchoolDay() throws {
        for minute in 0..<1440 {
            let decided = try rule("www.bbc.co.uk", "pupil-phone", minute: minute)
            let isAway = (8 * 60 + 30..<15 * 60 + 30).contains(minute)
            #expect(decided.verdict == (isAway ? .block : .allow), "minute \(minute)")
            if isAway { #expect(decided.rule == "phones-away") }
        }
    }

    /// "A pupil's health comes first: what a healthcare plan names works at every hour."
    /// "Help is always open: Childline, the NHS and those to whom harm is reported."
    @Test func healthAndHelpAreOpenAtEveryMinute() throws {
        for minute in stride(from: 0, to: 1440, by: 5) {
            for name in [
                "share2.dexcom.com", "www.childline.org.uk", "111.nhs.uk", "www.ceop.police.uk",
                "report.iwf.org.uk",
            ] {
                #expect(try rule(name, "pupil-phone", minute: minute).verdict == .allow, "\(name)")
            }
        }
    }

    /// "Social media is closed to everyone on the school's network: pupils, staff and visitors, at
    /// every hour."
    @Test(arguments: everybody)
    func socialMediaIsClosedToEveryone(_ group: String) throws {
        for date in ["2026-11-23", "2026-11-28", "2026-12-25"] {
            for minute in stride(from: 0, to: 1440, by: 30) {
                for name in [
                    "www.instagram.com", "www.tiktok.com", "discord.com", "www.reddit.com",
                ] {
                    let decided = try rule(name, group, date, minute: minute)
                    #expect(decided.verdict == .block, "\(name), \(date), minute \(minute)")
                }
            }
        }
    }

    /// "Pupils use only services that they are old enough for": a year-by-year band, and the day on
    /// which six services become closed to under-16s.
    @Test func agesFollowTheCatalogueDayByDay() throws {
        for name in [
            "www.facebook.com", "www.instagram.com", "x.com", "www.tiktok.com",
            "www.snapchat.com", "www.youtube.com",
        ] {
            let before = try rule(name, "years-7-11", "2027-03-31", minute: 16 * 60)
            let after = try rule(name, "years-7-11", "2027-04-01", minute: 16 * 60)
            #expect(before.rule == "no-social-media" && after.rule == "old-enough", "\(name)")
            let older = try rule(name, "sixth-form", "2027-04-01", minute: 16 * 60)
            #expect(older.rule == "no-social-media", "\(name)")
        }
        for (group, name, verdict) in [
            ("years-7-11", "character.ai", RuleAction.block),
            ("sixth-form", "character.ai", .allow),
            ("sixth-form", "replika.com", .block), ("staff", "replika.com", .allow),
            ("years-7-11", "chatgpt.com", .allow),
        ] {
            #expect(try rule(name, group, minute: 16 * 60).verdict == verdict, "\(group) \(name)")
        }
    }

    /// "Nobody goes round the filter."
    @Test(arguments: everybody) func nobodyGoesRound(_ group: String) throws {
        for name in ["nordvpn.com", "dns.google", "www.torproject.org"] {
            #expect(try rule(name, group, minute: 18 * 60).rule == "bypass", "\(name)")
        }
    }

    /// Every sentence of the README is quoted by a test or names its keys; every rule of the file
    /// stands in the README.
    @Test func theReadmeNamesEveryRule() throws {
        let root = try #require(packageFolder)
        let readme = try String(
            contentsOfFile: root + "/deploy/samples/school/README.md", encoding: .utf8)
        for rule in loaded.policy.rules where rule.origin == .file && !rule.id.hasPrefix("bypass") {
            #expect(readme.contains("`\(rule.id)`"), "\(rule.id)")
        }
        let policy = try String(
            contentsOfFile: root + "/deploy/samples/school/policy.yaml", encoding: .utf8)
        // As one line, without the signs of comments.
        let words = { (text: String) in
            text.split { $0.isWhitespace || $0 == "#" }.joined(separator: " ")
        }
        let sentences = readme.split(separator: "\n").compactMap { line -> String? in
            let cell = line.dropFirst(2).prefix { $0 != "|" }
            let number = cell.prefix { $0.isNumber }
            guard !number.isEmpty, cell.dropFirst(number.count).hasPrefix(". ") else { return nil }
            return String(cell.dropFirst(number.count + 2)).trimmingCharacters(in: .whitespaces)
        }
        #expect(sentences.count == 12)
        for sentence in sentences.prefix(10) {
            #expect(words(policy).contains(words(sentence)), "\(sentence)")
        }
    }
}
