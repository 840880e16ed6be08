import PolicyEngine
import Testing

@Suite struct ZoneRulesTests {
    @Test(arguments: [
        (Zones.london, "2026-03-29 00:59:59", "2026-03-29T00:59:59+00:00"),
        (Zones.london, "2026-03-29 01:00:00", "2026-03-29T02:00:00+01:00"),
        (Zones.london, "2026-10-25 00:59:59", "2026-10-25T01:59:59+01:00"),
        (Zones.london, "2026-10-25 01:00:00", "2026-10-25T01:00:00+00:00"),
        (Zones.london, "2026-11-23 10:30:00", "2026-11-23T10:30:00+00:00"),
        (Zones.lordHowe, "2026-04-04 14:59:59", "2026-04-05T01:59:59+11:00"),
        (Zones.lordHowe, "2026-04-04 15:00:00", "2026-04-05T01:30:00+10:30"),
        (Zones.lordHowe, "2026-10-03 15:30:00", "2026-10-04T02:30:00+11:00"),
        (Zones.havana, "2026-03-08 04:59:59", "2026-03-07T23:59:59-05:00"),
        (Zones.havana, "2026-03-08 05:00:00", "2026-03-08T01:00:00-04:00"),
        (Zones.havana, "2026-11-01 04:59:59", "2026-11-01T00:59:59-04:00"),
        (Zones.havana, "2026-11-01 05:00:00", "2026-11-01T00:00:00-05:00"),
        (Zones.apia, "2011-12-30 09:59:59", "2011-12-29T23:59:59-10:00"),
        (Zones.apia, "2011-12-30 10:00:00", "2011-12-31T00:00:00+14:00"),
        (ZoneRules.utc, "1969-12-31 23:59:59", "1969-12-31T23:59:59+00:00"),
    ])
    func shows(_ zone: ZoneRules, _ utc: String, _ shown: String) {
        #expect(zone.iso8601(instant(utc)) == shown)
    }

    @Test(arguments: [
        (Zones.london, "2026-06-01 12:00", ["2026-06-01 11:00"]),
        (Zones.london, "2026-03-29 01:30", []),
        (Zones.london, "2026-10-25 01:30", ["2026-10-25 00:30", "2026-10-25 01:30"]),
        (Zones.london, "2026-10-25 02:00", ["2026-10-25 02:00"]),
        (Zones.havana, "2026-11-01 00:00", ["2026-11-01 04:00", "2026-11-01 05:00"]),
        (Zones.apia, "2011-12-30 12:00", []),
    ])
    func findsEveryInstant(_ zone: ZoneRules, _ local: String, _ utc: [String]) throws {
        let time = try #require(CivilTime(parsing: local))
        #expect(zone.instants(of: time) == utc.map { instant($0) })
    }

    @Test(arguments: [
        (Zones.london, "2026-03-29 01:30", "2026-03-29 01:00"),
        (Zones.london, "2026-03-29 00:59", "2026-03-29 00:59"),
        (Zones.london, "2026-10-25 01:30", "2026-10-25 00:30"),
        (Zones.havana, "2026-03-08 00:00", "2026-03-08 05:00"),
        (Zones.apia, "2011-12-30 00:00", "2011-12-30 10:00"),
        (Zones.apia, "2011-12-30 23:59", "2011-12-30 10:00"),
    ])
    func choosesOneInstant(_ zone: ZoneRules, _ local: String, _ utc: String) {
        #expect(instant(local, in: zone) == instant(utc))
    }

    @Test(arguments: Zones.all)
    func showsAndFindsAgree(_ zone: ZoneRules) {
        var at = instant("2026-01-01 00:00")
        let end = instant("2027-01-01 00:00")
        while at < end {
            #expect(zone.instants(of: zone.civilTime(at: at)).contains(at))
            at = at + 3541
        }
    }

    @Test func findsTransitions() {
        let first = instant("2026-03-29 01:00")
        #expect(Zones.london.nextTransition(after: instant("2026-01-01 00:00")) == first)
        #expect(Zones.london.nextTransition(after: first) == instant("2026-10-25 01:00"))
        #expect(Zones.london.nextTransition(after: instant("2030-01-01 00:00")) == nil)
        #expect(ZoneRules.utc.nextTransition(after: first) == nil)
    }

    @Test func dropsTransitionsThatChangeNothing() {
        let zone = ZoneRules(
            name: "x", initialOffsetSeconds: 0,
            transitions: [(instant("2026-01-02 00:00"), 60), (instant("2026-01-01 00:00"), 0)])
        #expect(
            zone.nextTransition(after: Instant(seconds: 0)) == instant("2026-01-02 00:00"))
    }

    @Test func boundsWhatCannotBe() {
        let zone = ZoneRules(name: "x", initialOffsetSeconds: .max)
        #expect(zone.offset(at: Instant(seconds: .min)) == ZoneRules.maximumOffsetSeconds)
        #expect(zone.civilTime(at: Instant(seconds: .max)).date.year > 6000)
        #expect(zone.civilTime(at: Instant(seconds: .min)).date.year < 0)
    }
}
