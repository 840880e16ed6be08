import Dice
import Foundation
import PolicyEngine
import Testing

@testable import PolicyFile

private func load(_ name: String, folder: String = ZoneFile.systemFolder) -> ZoneRules? {
    let place = SourcePlace(file: "p", line: 1, column: 1)
    return ZoneFile.load(Located(name, at: place), folder: folder, reporter: Reporter())
}

private func instant(_ text: String) -> Instant {
    CivilTime(parsing: text).map { ZoneRules.utc.instant(of: $0) } ?? Instant(seconds: 0)
}

/// The second before each change and the change itself, in UTC.
@Test(arguments: [
    (
        "Europe/London", "2026-03-29 00:59:59", "2026-03-29T00:59:59+00:00",
        "2026-03-29T02:00:00+01:00"
    ),
    (
        "Europe/London", "2026-10-25 00:59:59", "2026-10-25T01:59:59+01:00",
        "2026-10-25T01:00:00+00:00"
    ),
    (
        "Europe/London", "2099-03-29 00:59:59", "2099-03-29T00:59:59+00:00",
        "2099-03-29T02:00:00+01:00"
    ),
    (
        "Australia/Lord_Howe", "2026-04-04 14:59:59", "2026-04-05T01:59:59+11:00",
        "2026-04-05T01:30:00+10:30"
    ),
    (
        "Australia/Lord_Howe", "2026-10-03 15:29:59", "2026-10-04T01:59:59+10:30",
        "2026-10-04T02:30:00+11:00"
    ),
    (
        "America/Havana", "2026-03-08 04:59:59", "2026-03-07T23:59:59-05:00",
        "2026-03-08T01:00:00-04:00"
    ),
    (
        "America/Havana", "2026-11-01 04:59:59", "2026-11-01T00:59:59-04:00",
        "2026-11-01T00:00:00-05:00"
    ),
    (
        "Asia/Kolkata", "2026-06-01 00:00:00", "2026-06-01T05:30:00+05:30",
        "2026-06-01T05:30:01+05:30"
    ),
    (
        "Europe/Dublin", "2026-03-29 00:59:59", "2026-03-29T00:59:59+00:00",
        "2026-03-29T02:00:00+01:00"
    ),
    ("UTC", "2026-06-01 00:00:00", "2026-06-01T00:00:00+00:00", "2026-06-01T00:00:01+00:00"),
])
func changesTheClocksAtTheSecond(zone: String, utc: String, before: String, after: String) throws {
    let rules = try #require(load(zone))
    let last = instant(utc)
    #expect(rules.iso8601(last) == before)
    #expect(rules.iso8601(Instant(seconds: last.seconds + 1)) == after)
}

/// Foundation reads the same zones by code of its own.
@Test(arguments: [
    "Europe/London", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata", "Europe/Dublin",
    "America/New_York", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns", "Asia/Gaza",
])
func agreesWithFoundation(name: String) throws {
    let rules = try #require(load(name))
    let zone = try #require(TimeZone(identifier: name))
    var random = SeededGenerator(seed: 9)
    let first = instant("1971-01-01 00:00").seconds
    let last = instant("2037-12-31 00:00").seconds
    for _ in 0..<3000 {
        let seconds = Int64.random(in: first...last, using: &random)
        let expected = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
        #expect(rules.offset(at: Instant(seconds: seconds)) == expected, "at \(seconds)")
    }
}

/// The fat form lists changes up to 2037, the slim form leaves them to the footer.
@Test(arguments: [
    "Europe/London", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata", "America/Santiago",
])
func fatAndSlimFilesAgree(name: String) throws {
    let source = ZoneFile.systemFolder + "/tzdata.zi"
    let compiler = "/usr/sbin/zic"
    guard FileManager.default.isExecutableFile(atPath: compiler),
        FileManager.default.fileExists(atPath: source)
    else { return }
    let folder = try TemporaryFolder()
    var zones: [ZoneRules] = []
    for form in ["fat", "slim"] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: compiler)
        process.arguments = ["-b", form, "-d", "\(folder.path)/\(form)", source]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        zones.append(try #require(load(name, folder: "\(folder.path)/\(form)")))
    }
    let size = { (form: String) in
        FileManager.default.contents(atPath: "\(folder.path)/\(form)/\(name)")?.count ?? 0
    }
    #expect(size("fat") >= size("slim"))
    var at = Instant(seconds: 0)
    var changes = 0
    let end = instant("2100-12-31 00:00")
    while let next = zones[0].nextTransition(after: at), next < end {
        #expect(zones[1].nextTransition(after: at) == next)
        #expect(zones[0].offset(at: next) == zones[1].offset(at: next))
        at = next
        changes += 1
    }
    #expect(zones[1].nextTransition(after: at).map { $0 < end } != true)
    #expect(name == "Asia/Kolkata" || changes > 200)
}

@Test(arguments: [
    "../../etc/passwd", "/etc/passwd", "", ".", "..", "Europe/../Europe/London", "Europe//London",
    "Europe/London/", "Europe/London\0", "Europe\\London", "europe/london", "posixrules/..",
    "tzdata.zi", "zone.tab", "Europe", String(repeating: "a", count: 300),
])
func refusesNamesThatAreNoZones(name: String) {
    #expect(load(name) == nil)
}

@Test func saysHowToGetZonesWhereThereAreNone() throws {
    let folder = try TemporaryFolder()
    let reporter = Reporter()
    let place = SourcePlace(file: "p", line: 4, column: 12)
    let zone = ZoneFile.load(
        Located("Europe/London", at: place), folder: folder.path, reporter: reporter)
    #expect(zone == nil)
    #expect(reporter.diagnostics.first?.hint.contains("tzdata") == true)
}

@Test func noBytesCrashTheZoneReader() throws {
    var random = SeededGenerator(seed: 11)
    for name in ["Europe/London", "America/Havana", "UTC"] {
        let whole = Array(
            try #require(FileManager.default.contents(atPath: "\(ZoneFile.systemFolder)/\(name)")))
        #expect(ZoneFile.rules(whole, name: name) != nil)
        for length in 0..<min(whole.count, 400) {
            #expect(ZoneFile.rules(Array(whole[..<length]), name: name) == nil)
        }
        for _ in 0..<4000 {
            if let rules = ZoneFile.rules(mutate(whole, using: &random), name: name) {
                _ = rules.iso8601(monday)
            }
        }
        // The header's counts are where a trap would lie.
        for place in 20..<44 {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bytes = whole
                bytes[place] = value
                _ = ZoneFile.rules(bytes, name: name)
            }
        }
    }
}

@Test(
    arguments: [
        ("UTC0", [0, 0]), ("EST5EDT,M3.2.0,M11.1.0", [-18000, -14400]),
        ("<+0330>-3:30", [12600, 12600]), ("IST-1GMT0,M10.5.0,M3.5.0/1", [0, 3600]),
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", [7200, 10800]),
        ("XXX3EDT4,0/0,J365/23", [-14400, -14400]),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", [-7200, -3600]),
    ] as [(String, [Int])])
func readsRulesOfLaterTimes(text: String, offsets: [Int]) throws {
    let rule = try #require(POSIXTimeZone(text.utf8))
    let rules = ZoneRules(
        name: text, initialOffsetSeconds: offsets[0],
        transitions: rule.transitions(after: nil, offsetBefore: offsets[0], upTo: 2100))
    #expect(rules.offset(at: instant("2050-01-15 12:00")) == offsets[0])
    #expect(rules.offset(at: instant("2050-07-15 12:00")) == offsets[1])
}

@Test(arguments: [
    "", "E5", "EST", "EST25", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
    "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J1", "EST5EDT,366,1",
    "EST5EDT,M3.2.0/168,M11.1.0", "EST5 ", "<EST5", "EST5EDT,M3.2.0,M11.1.0,", "EST99999999999999",
])
func refusesOtherRules(text: String) {
    #expect(POSIXTimeZone(text.utf8) == nil)
}
