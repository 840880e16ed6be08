import PolicyEngine
import Testing

/// Windows and calendars at single instants, each case written down by hand.
@Suite struct ScheduleTests {
    /// Cases that other filters test as well; 0 is Monday.
    @Test(arguments: [
        ([4], "12:00-14:00", "2021-01-01 13:00", true),
        ([4], "12:00-14:00", "2021-01-02 13:00", false),
        // 14:00 at three hours east of UTC.
        ([4], "12:00-14:00", "2021-01-01 11:00", false),
        ([4], "00:00-24:00", "2021-01-01 23:59:59", true),
        ([4], "00:00-24:00", "2021-01-02 00:00", false),
        ([4], "00:00-00:01", "2021-01-01 00:00", true),
        ([4], "00:00-00:01", "2021-01-01 00:01", false),
        ([0, 1, 2], "09:00-17:00", "2026-04-06 08:00", false),
        ([0, 1, 2], "09:00-17:00", "2026-04-09 12:00", false),
        ([0, 1, 2], "09:00-17:00", "2026-04-06 16:59:59", true),
        ([0, 1, 2], "09:00-17:00", "2026-04-06 17:00", false),
        ([0, 4], "22:00-07:00", "2026-04-07 03:00", true),
        ([0, 4], "22:00-07:00", "2026-04-06 03:00", false),
        ([0, 4], "22:00-07:00", "2026-04-08 23:00", false),
        ([0, 4], "22:00-07:00", "2026-04-06 22:00", true),
        ([0, 4], "22:00-07:00", "2026-04-11 06:59:59", true),
        ([0, 4], "22:00-07:00", "2026-04-11 07:00", false),
        ([6], "22:00-07:00", "2026-04-13 03:00", true),
        // All around the clock, from one morning to the next.
        ([2], "09:00-09:00", "2026-04-09 08:59:59", true),
        ([2], "09:00-09:00", "2026-04-08 08:59:59", false),
    ])
    func isActive(_ days: [Int], _ hours: String, _ at: String, _ expected: Bool) {
        let windows = (0..<7).map { days.contains($0) ? [window(hours)] : [] }
        let period = Period(name: "p", when: .always, windows: windows)
        let bell = Bell(period)
        #expect(bell.isOn(at: instant(at)) == expected)
    }

    /// `night` on the days on which the clocks change: 01:15 to 02:15 on the wall.
    @Test(arguments: [
        // Spring in London: 01:15 does not exist, so that it begins at 02:00.
        (Zones.london, "2026-03-29 00:59:59", false, "2026-03-29 01:00"),
        (Zones.london, "2026-03-29 01:00:00", true, "2026-03-29 01:15"),
        (Zones.london, "2026-03-29 01:15:00", false, "2026-03-30 00:15"),
        // Autumn: 01:15 to 02:00 counts twice; in between the clock shows 01:00 to 01:15.
        (Zones.london, "2026-10-25 00:14:59", false, "2026-10-25 00:15"),
        (Zones.london, "2026-10-25 00:15:00", true, "2026-10-25 01:00"),
        (Zones.london, "2026-10-25 01:00:00", false, "2026-10-25 01:15"),
        (Zones.london, "2026-10-25 01:15:00", true, "2026-10-25 02:15"),
        // Lord Howe goes back from 02:00 to 01:30, which is inside the window already.
        (Zones.lordHowe, "2026-04-04 14:15:00", true, "2026-04-04 15:45"),
        (Zones.lordHowe, "2026-04-04 15:00:00", true, "2026-04-04 15:45"),
        // And forward from 02:00 to 02:30, past the end.
        (Zones.lordHowe, "2026-10-03 15:29:59", true, "2026-10-03 15:30"),
        (Zones.lordHowe, "2026-10-03 15:30:00", false, "2026-10-04 14:15"),
    ])
    func followsTheWallClock(_ zone: ZoneRules, _ utc: String, _ isOn: Bool, _ next: String) {
        let bell = Bell(period("p", 0...6, "01:15-02:15"), zone: zone)
        #expect(bell.isOn(at: instant(utc)) == isOn)
        #expect(bell.next(after: instant(utc)) == instant(next))
    }

    /// Havana skips the first hour of a Sunday and repeats the first hour of another one.
    @Test(arguments: [
        // Until Saturday's last second Saturday's window is on; Sunday starts at 01:00.
        ("2026-03-08 04:59:59", 5...5, "00:00-24:00", true, "2026-03-08 05:00"),
        ("2026-03-08 05:00:00", 6...6, "00:00-24:00", true, "2026-03-09 04:00"),
        ("2026-03-08 05:00:00", 6...6, "00:00-01:00", false, "2026-03-15 04:00"),
        // Sunday 00:00 to 01:00 counts twice.
        ("2026-11-01 04:30:00", 6...6, "00:00-01:00", true, "2026-11-01 06:00"),
        ("2026-11-01 05:30:00", 6...6, "00:00-01:00", true, "2026-11-01 06:00"),
        // So does what is left of Saturday's night.
        ("2026-11-01 04:30:00", 5...5, "23:00-00:30", false, "2026-11-01 05:00"),
        ("2026-11-01 05:00:00", 5...5, "23:00-00:30", true, "2026-11-01 05:30"),
    ])
    func followsAClockThatChangesAtMidnight(
        _ utc: String, _ days: ClosedRange<Int>, _ hours: String, _ isOn: Bool, _ next: String
    ) {
        let bell = Bell(period("p", days, hours), zone: Zones.havana)
        #expect(bell.isOn(at: instant(utc)) == isOn)
        #expect(bell.next(after: instant(utc)) == instant(next))
    }

    @Test func aDayThatIsLeftOutHasNoWindows() {
        // 30 December 2011 was a Friday that Samoa did not have.
        let friday = Bell(period("p", 4...4, "00:00-24:00"), zone: Zones.apia)
        #expect(friday.next(after: instant("2011-12-28 00:00")) == instant("2012-01-05 10:00"))
        let saturday = Bell(period("p", 5...5, "00:00-24:00"), zone: Zones.apia)
        #expect(saturday.next(after: instant("2011-12-28 00:00")) == instant("2011-12-30 10:00"))
    }

    private static let calendar = AcademicCalendar(
        terms: [date("2026-09-01")...date("2026-12-18"), date("2027-01-04")...date("2027-03-26")],
        closed: [date("2026-10-26")...date("2026-10-30"), date("2026-11-27")...date("2026-11-27")])

    @Test(arguments: [
        (DayKind.term, "2026-09-01 09:00", true), (.term, "2026-08-31 09:00", false),
        (.term, "2026-12-18 09:00", true), (.term, "2026-12-21 09:00", false),
        (.term, "2026-10-23 09:00", true), (.term, "2026-10-26 09:00", false),
        (.term, "2026-10-30 09:00", false), (.term, "2026-11-02 09:00", true),
        (.term, "2026-11-27 09:00", false), (.term, "2027-03-29 09:00", false),
        (.holiday, "2026-10-26 09:00", true), (.holiday, "2026-10-23 09:00", false),
        (.holiday, "2026-12-21 09:00", true), (.holiday, "2030-01-07 09:00", true),
        (.holiday, "2020-01-06 09:00", true), (.always, "2026-10-26 09:00", true),
        (.always, "2026-10-23 09:00", true),
    ])
    func goesByTheCalendar(_ when: DayKind, _ at: String, _ isOn: Bool) {
        let bell = Bell(
            period("p", 0...4, "08:45-16:15", when: when), zone: Zones.london,
            calendar: Self.calendar)
        #expect(bell.isOn(at: instant(at, in: Zones.london)) == isOn)
    }

    /// A night belongs to the day on which it starts, that day's calendar included.
    @Test(arguments: [
        ("2026-12-18 22:00", true), ("2026-12-19 05:59:59", true), ("2026-12-19 06:00", false),
        ("2026-12-19 22:00", false), ("2026-11-26 23:00", true), ("2026-11-27 05:00", true),
        ("2026-11-27 23:00", false), ("2026-11-28 05:00", false), ("2026-11-28 23:00", true),
        ("2026-09-01 05:00", false), ("2027-01-04 05:00", false), ("2027-01-05 05:00", true),
    ])
    func aNightBelongsToItsEvening(_ at: String, _ isOn: Bool) {
        let bell = Bell(
            period("p", 0...6, "22:00-06:00", when: .term), zone: Zones.london,
            calendar: Self.calendar)
        #expect(bell.isOn(at: instant(at, in: Zones.london)) == isOn)
    }

    @Test(arguments: [
        // From the last lesson of a year to the first of the next; and then never more.
        ("2026-12-18 16:15", "2027-01-04 08:45"), ("2026-12-18 16:14:59", "2026-12-18 16:15"),
        ("2027-03-26 16:15", nil), ("2040-01-01 00:00", nil),
        ("1000-01-01 00:00", "2026-09-01 08:45"),
    ])
    func looksAcrossHolidays(_ at: String, _ next: String?) {
        let bell = Bell(
            period("p", 0...4, "08:45-16:15", when: .term), zone: Zones.london,
            calendar: Self.calendar)
        #expect(
            bell.next(after: instant(at, in: Zones.london))
                == next.map { instant($0, in: Zones.london) })
    }

    @Test(arguments: [
        "00:00-24:00", "00:00-12:00 12:00-24:00", "12:00-12:00",
    ])
    func windowsThatMeetHaveNoBellBetween(_ hours: String) {
        let windows = hours.split(separator: " ").map { window(String($0)) }
        let period = Period(
            name: "p", when: .always, windows: Array(repeating: windows, count: 7))
        let bell = Bell(period, zone: Zones.london, calendar: Self.calendar)
        let at = instant("2026-10-24 09:00")
        #expect(bell.isOn(at: at))
        #expect(bell.next(after: at) == nil)
    }

    /// Only the hour that the clocks skip: weekly, but not in the week of the change.
    @Test func aWindowInTheSkippedHourComesBackAWeekLater() {
        let bell = Bell(period("p", 6...6, "01:15-01:45"), zone: Zones.london)
        let next = bell.next(after: instant("2026-03-22 02:00"))
        #expect(next == instant("2026-04-05 01:15", in: Zones.london))
    }

    @Test(arguments: [Int64.min, .min / 2, -1, .max / 2, .max])
    func takesAnyInstant(_ seconds: Int64) {
        let plane = Bell(period("p", 0...6, "09:00-17:00"), zone: Zones.london)
            .program.plane(at: Instant(seconds: seconds))
        #expect(plane.until > plane.from)
        #expect(plane.verdict(audience: 0, set: 0).until == plane.until)
    }
}

/// One rule that blocks everything during one period.
private struct Bell {
    let program: PolicyProgram

    init(_ period: Period, zone: ZoneRules = .utc, calendar: AcademicCalendar = .init()) {
        let rule = Rule(id: "r", action: .block, target: .everything, during: [0])
        let policy = Policy(
            zone: zone, calendar: calendar, periods: [period], groups: [Group(name: "g")],
            rules: [rule])
        program = PolicyProgram(policy: policy, sets: [])
    }

    func isOn(at instant: Instant) -> Bool {
        program.plane(at: instant).verdict(audience: 0, set: 0).action == .block
    }

    func next(after instant: Instant) -> Instant? {
        let until = program.plane(at: instant).verdict(audience: 0, set: 0).until
        return until == .max ? nil : Instant(seconds: until)
    }
}
