import Foundation
import PolicyEngine
import Testing

@testable import PolicyFile

private func pair(_ key: String, _ value: String) -> YAMLPair {
    let place = SourcePlace(file: "p", line: 1, column: 1)
    return YAMLPair(
        key: key, keyPlace: place, value: YAMLNode(place: place, content: .scalar(value, .plain)))
}

@Test(
    arguments: [
        ("mon", [0]), ("mon-fri", [0, 1, 2, 3, 4]), ("mon-sun", [0, 1, 2, 3, 4, 5, 6]),
        ("fri-mon", [4, 5, 6, 0]), ("mon,wed", [0, 2]), ("mon-tue, sat", [0, 1, 5]),
        ("Mon", nil), ("", nil), ("mon-", nil), ("-mon", nil), ("mon-tue-wed", nil), ("mon,", nil),
        ("mon-mon", nil), ("everyday", nil),
    ] as [(String, [Int]?)])
func readsDays(key: String, days: [Int]?) {
    #expect(WeekReader(reporter: Reporter()).weekdays(pair(key, "")) == days)
}

@Test(
    arguments: [
        ("08:45-16:15", [[525, 975]]), ("00:00-24:00", [[0, 1440]]),
        ("22:00-06:00", [[1320, 360]]),
        ("22:00-00:00", [[1320, 1440]]), ("08:00-09:00, 10:00-11:00", [[480, 540], [600, 660]]),
        ("08:00 - 09:00", [[480, 540]]), ("00:00-00:01", [[0, 1]]),
        ("24:00-06:00", nil), ("08:00", nil), ("8:00-09:00", nil), ("08:00-9:00", nil),
        ("08:00-09:00-10:00", nil), ("08:00–09:00", nil), ("08.00-09.00", nil), ("", nil),
        ("08:00-09:00,", nil), ("-1:00-02:00", nil), ("08:00:00-09:00:00", nil),
        ("٠٨:٠٠-٠٩:٠٠", nil),
        ("99:99-09:00", nil), ("08:00-24:30", nil),
    ] as [(String, [[Int]]?)])
func readsWindows(text: String, windows: [[Int]]?) {
    let read = WeekReader(reporter: Reporter()).windows(pair("mon", text))
    #expect(read?.map { [$0.startMinute, $0.endMinute] } == windows)
}

/// Commas mean the same within braces as without, where YAML ends a value at each.
@Test(
    arguments: [
        ("{ mon-tue: 08:00-09:00, 10:00-11:00, 12:00-24:00, fri: 10:00-11:00, 12:00-13:00 }", 8),
        ("{ mon, wed: 08:00-09:00 }", 2), ("{ mon, wed, fri-sat: 08:00-09:00, 10:00-11:00 }", 8),
        ("{ mon: \"08:00-09:00, 10:00-11:00\" }", 2), ("{ when: always, mon: 08:00-09:00 }", 1),
        ("{ mon: 08:00-09:00, mon: 10:00-11:00 }", nil), ("{ mon, mon: 10:00-11:00 }", nil),
        ("{ mon }", nil), ("{ 08:00-09:00 }", nil), ("{ 08:00-09:00, mon: 10:00-11:00 }", nil),
        ("{ mon: , 10:00-11:00 }", nil), ("{ mon: 08:00-09:00, 10:0 }", nil),
    ] as [(String, Int?)])
func readsCommasWithinBraces(text: String, windows: Int?) throws {
    let load = try TemporaryFolder().load(header + "periods: { p: \(text) }\n")
    let count = load.loaded?.policy.periods.first?.windows.map(\.count).reduce(0, +)
    #expect(count == windows, "\(load.diagnostics)")
}

/// Other filters' configurations to reject, where they are at hand.
@Test func rejectsWhatOtherFiltersReject() throws {
    guard let root = packageFolder,
        let data = FileManager.default.contents(atPath: root + "/../shared/cases/schedule.json"),
        let cases = try JSONSerialization.jsonObject(with: data) as? [String: Any],
        let rows = cases["reject"] as? [[String: Any]]
    else { return }
    #expect(!rows.isEmpty)
    for row in rows {
        let zone = row["tz"] as? String ?? "UTC"
        let days = row["days"] as? [String] ?? ["mon"]
        let window = "\(row["start"] as? String ?? "08:00")-\(row["end"] as? String ?? "09:00")"
        let period = days.map { "\($0): \(window)" }.joined(separator: ", ")
        let folder = try TemporaryFolder()
        let load = try folder.load(
            header.replacing("Europe/London", with: zone) + "periods: { p: { \(period) } }\n")
        #expect(load.loaded == nil, "\(row)")
        let errors = load.diagnostics.filter { $0.severity == .error }
        #expect(errors.count == 1, "\(row): \(errors)")
    }
}
