import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile
import Testing

@testable import Review

/// Concerns: what is one attempt, what is left out, what order they come in.
@Suite struct ConcernTests {
    private static let start = College.at("2026-11-17 10:00")

    private func harm(
        _ seconds: Int64, client: String = "10.20.0.1", name: String = "a.example.com",
        rule: String = "harm"
    ) -> Row {
        Row(
            at: Self.start + seconds * 1_000_000, client: client, name: name, verdict: .block,
            rule: rule, category: "harm/adult")
    }

    private func concerns(_ rows: [Row]) throws -> ReviewFigures.Concerns {
        let log = try TestLog()
        log.write(rows)
        return try log.reviewer(group: "learner").figures().concerns
    }

    @Test func hitsWithinTenMinutesAreOneAttempt() throws {
        for (last, attempts) in [(599, 1), (600, 2)] as [(Int64, UInt64)] {
            let found = try concerns([harm(0), harm(300), harm(last)])
            #expect(found.list.map(\.attempts) == [ReviewCount(attempts)])
            #expect(found.list.map(\.hits) == [ReviewCount(3)])
        }
        // Ten minutes count from the first hit of an attempt, not from the last.
        let steady = try concerns((0..<20).map { harm($0 * 100) })
        #expect(steady.list.map(\.attempts) == [ReviewCount(4)])
        #expect(steady.severities[0].attempts == ReviewCount(4))
        #expect(steady.severities[0].hits == ReviewCount(20))
    }

    @Test func boundaryIsExactToTheMicrosecond() throws {
        var last = harm(600)
        last.at -= 1
        #expect(try concerns([harm(0), last]).list[0].attempts == ReviewCount(1))
    }

    @Test func fiftyHitsAreOneAttempt() throws {
        let found = try concerns((0..<50).map { harm($0 * 10) })
        #expect(found.list.count == 1 && found.list[0].attempts == ReviewCount(1))
        #expect(found.list[0].hits == ReviewCount(50))
    }

    @Test func devicesAndRulesAreNotFolded() throws {
        let found = try concerns([
            harm(0), harm(1, client: "10.20.0.2"), harm(2, rule: "dating"),
            harm(3, name: "b.example.com"),
        ])
        #expect(found.list.map(\.severity) == ["high", "high", "low"])
        #expect(
            found.list.map(\.device) == [
                "pseudonym of 10.20.0.1", "pseudonym of 10.20.0.2", "pseudonym of 10.20.0.1",
            ])
        #expect(found.list[0].names == ["a.example.com", "b.example.com"])
        #expect(found.list[0].firstSeen == "2026-11-17T10:00:00+00:00")
        #expect(found.list[0].lastSeen == "2026-11-17T10:00:03+00:00")
        #expect(found.severities.map(\.attempts.value) == [2, 0, 1])
    }

    @Test func manyNamesAreCountedAndFewShown() throws {
        let found = try concerns((0..<300).map { harm($0, name: "n\($0).example.com") })
        #expect(found.list[0].names.count == ReviewLimits.namesShown)
        #expect(found.list[0].moreNames.value == UInt64(ReviewLimits.namesOfConcern - 3))
        #expect(found.list[0].hits == ReviewCount(300))
    }

    @Test func moreThanAreListedAreCounted() throws {
        let found = try concerns(
            (0..<230).map { harm($0, client: "10.20.\($0 / 200 + 1).\($0 % 200 + 1)") })
        #expect(found.list.count == ReviewLimits.concerns && found.unlisted == 30)
        #expect(found.severities[0].attempts == ReviewCount(230))
    }

    /// A support service is in no list, whichever rule decided about it.
    @Test func supportServicesAreLeftOut() throws {
        let log = try TestLog()
        let policy = try Essentials.policy()
        let names = ["help.example.com", "www.help.example.com", "plain.example.com"]
        log.write(
            names.flatMap { name in (0..<9).map { harm($0, name: name) } }
                + (0..<9).map {
                    Row(
                        at: Self.start + $0, name: "speak-up.example.com", rule: "essentials",
                        category: "essentials")
                })
        // Rows of the week before, so that new names are looked for.
        let before = Self.start - 7 * 86_400_000_000
        log.write([Row(at: before), Row(at: before + 1, name: "help.example.com", rule: "harm")])
        for isStored in [false, true] {
            if isStored { try log.follow() }
            let figures = try log.reviewer(group: "learner", policy: policy).exactFigures()
            #expect(figures.concerns.list.flatMap(\.names) == ["plain.example.com"])
            #expect(figures.newNames.list.map(\.name) == ["plain.example.com"])
            // Nor are they in any count.
            #expect(figures.totals.asked == ReviewCount(9))
            #expect(figures.totals.blocked == ReviewCount(9))
            #expect(figures.weeks.suffix(2).map(\.totals.asked.value) == [1, 9])
            #expect(figures.weeks.suffix(2).map(\.concerns.value) == [0, 9])
            let group = try #require(figures.groups.first)
            #expect(group.totals.blocked == ReviewCount(9))
            #expect(group.day.blocked.reduce(0) { $0 + $1.drawn } == 9)
            #expect(group.week.blocked.reduce(0) { $0 + $1.drawn } == 9)
            #expect(figures.categories.map(\.blocked.value) == [9])
            #expect(!(try figures.json()).contains("help.example"))
            #expect(!(try figures.json()).contains("speak-up"))
        }
    }

    /// What asks from two addresses is one device where the policy has a name for it.
    @Test func aNamedDeviceIsOneWhateverItsAddress() throws {
        let log = try TestLog()
        func hit(_ second: Int64, _ client: String, _ device: String?) -> Row {
            var row = harm(second, client: client)
            row.device = device
            return row
        }
        log.write([
            hit(-604_800, "10.20.0.8", "head-laptop"), hit(0, "10.20.0.1", "library-pc-1"),
            hit(300, "10.20.0.2", "library-pc-1"), hit(400, "10.20.0.2", nil),
            hit(500, "10.99.0.1", "library-pc-1"),
        ])
        for isStored in [false, true] {
            if isStored { try log.follow() }
            let figures = try log.reviewer(group: "learner").exactFigures()
            #expect(
                figures.concerns.list.map(\.device) == [
                    "pseudonym of library-pc-1", "pseudonym of 10.20.0.2",
                ])
            #expect(figures.concerns.list.map(\.hits.value) == [3, 1])
            #expect(figures.concerns.list.map(\.attempts.value) == [1, 1])
            #expect(figures.totals.devices == ReviewCount(2))
            #expect(figures.weeks.map(\.totals.devices.value) == [0, 0, 0, 1, 2])
            #expect(figures.groups.first?.totals.devices == ReviewCount(2))
            #expect(figures.newNames.list.allSatisfy { $0.devices.value == 2 })
            let coverage = figures.coverage
            #expect(coverage.devicesSeen == ReviewCount(2))
            #expect(coverage.silent.map(\.device) == ["pseudonym of head-laptop"])
            #expect(coverage.devicesUnknown == ReviewCount(0), "its address is in no network")
            #expect(coverage.firstDecision == "2026-11-17T10:00:00+00:00")
        }
    }
}

/// A policy with a catalogue of its own, as the loader makes it.
enum Essentials {
    static func policy() throws -> ReviewPolicy {
        let folder = try CatalogueFolder()
        let load = loadPolicy(at: folder.policyPath, now: Instant(seconds: 1_790_000_000))
        let loaded = try #require(load.loaded, "\(load.diagnostics)")
        return ReviewPolicy(loaded)
    }
}
