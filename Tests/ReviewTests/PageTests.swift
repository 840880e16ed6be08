import DecisionLog
import Foundation
import FoundationXML
import PolicyEngine
import Testing

@testable import Review

/// The page and the table: the same figures as the JSON, and nothing that a name could put into them.
@Suite struct PageTests {
    private static let evil = "<script>alert(1)</script>&\"'"

    /// A week with a bit of everything, and names that are meant to break a page.
    private func figures(group: String? = "learner") throws -> ReviewFigures {
        let log = try TestLog()
        let start = College.at("2026-11-17 09:00")
        log.write([Row(at: start - 7 * 86_400_000_000, client: "10.20.0.200")])
        for (name, rule) in [
            ("<script>alert.example.com", "harm"), ("=cmd.example.com", "dating"),
            ("plain.example.com", "breaks"), ("open.example.com", nil),
        ] as [(String, String?)] {
            let rows = (0..<1200).map { number -> Row in
                Row(
                    at: start + Int64(number) * 1_000_000, client: "10.20.0.\(number % 9 + 1)",
                    name: name, verdict: rule == nil ? .allow : .block, rule: rule,
                    category: rule == nil ? "bypass" : "harm/adult", period: "college-hours")
            }
            log.write(rows)
        }
        log.overflow(at: start)
        var policy = College.review
        policy.policy.name = "Policy \(Self.evil)"
        policy.lists.append(ReviewPolicy.List(name: Self.evil, names: 1, modifiedSeconds: 0))
        var figures = try log.reviewer(group: group, policy: policy).figures()
        figures.scope.identifiedBecause = "Case \(Self.evil)"
        return figures
    }

    @Test func thePageIsWellFormedAndFetchesNothing() throws {
        for group in ["learner", nil] {
            let html = try figures(group: group).html()
            let page = PageReader()
            let parser = XMLParser(data: Data(html.utf8))
            parser.delegate = page
            #expect(
                parser.parse(), "\(String(describing: parser.parserError)) \(parser.lineNumber)")
            #expect(page.elements.isSuperset(of: ["table", "svg", "style", "section", "dl"]))
            #expect(
                page.elements.isDisjoint(with: ["script", "link", "img", "iframe", "a", "base"]))
            #expect(page.attributes.isDisjoint(with: ["href", "src", "srcset", "style", "onload"]))
            for word in ["http", "url(", "@import", "javascript"] {
                #expect(!html.lowercased().contains(word), "\(word)")
            }
            #expect(page.pictures.allSatisfy { $0.count > 20 } && page.pictures.count >= 2)
            #expect(page.text.contains(Self.evil) && page.text.contains("Policy \(Self.evil)"))
            #expect(
                !html.contains("<script") && html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
        }
    }

    @Test func anEmptyWeekIsAPageToo() throws {
        let log = try TestLog()
        log.write([Row(at: College.at("2026-11-24 09:00"))])
        let html = try log.reviewer().figures().html()
        let parser = XMLParser(data: Data(html.utf8))
        #expect(parser.parse() && html.contains("Nothing was recorded in this week"))
        #expect(!html.contains("<figure>"))
    }

    @Test func thePageShowsTheFigures() throws {
        let figures = try figures()
        let html = figures.html()
        let page = PageReader()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = page
        #expect(parser.parse())
        let text = page.text.replacing("\u{202F}", with: "")
        for concern in figures.concerns.list {
            #expect(text.contains("\(concern.group), \(concern.device)"))
            #expect(text.contains(concern.attempts.description))
        }
        for count in [figures.totals.asked, figures.totals.blocked, figures.totals.devices] {
            #expect(text.contains(count.description))
        }
        for category in figures.categories { #expect(text.contains(category.category)) }
        for limit in figures.limits { #expect(text.contains(limit)) }
        #expect(text.contains("Review overdue by 2 days"))
        #expect(text.contains("This copy shows the addresses of devices."))
    }

    /// Who has a minute finds the week, what needs a look and whether the record can be relied on.
    @Test func theTopSaysWhatMatters() throws {
        var figures = try figures()
        let html = figures.html()
        for part in [
            "Monday 16 to Sunday 22 November 2026", "by 20 November 2026",
            "dsl@college.example (Designated", "safeguarding concerns to look at</strong>",
            "Attempts: 18 of high severity, 18 of low severity.",
            "<strong>The record is not complete:</strong> 6 days without "
                + "any decision and 1 gap.",
            "Devices of the weeks before that did not ask in this one: 1.",
            "<strong>Not all of these questions were blocked.</strong>",
        ] {
            #expect(html.replacing("\u{202F}", with: "").contains(part), "\(part)")
        }
        #expect(!html.contains("mailto:"))
        // What needs a look comes before all charts.
        let concerns = try #require(html.range(of: "<h2>Safeguarding concerns"))
        let charts = try #require(html.range(of: "<figure>"))
        #expect(concerns.lowerBound < charts.lowerBound)
        figures.concerns = ReviewFigures.Concerns(severities: [], list: [], unlisted: 0)
        figures.bypass.list = []
        figures.coverage.gaps = []
        figures.coverage.daysWithoutRecord = []
        let quiet = figures.html()
        for part in [
            "No safeguarding concern in this week.",
            "Nobody asked for a VPN, a proxy or another known way",
            "The record is complete.", "The policy was the same all week.",
        ] {
            #expect(quiet.contains(part), "\(part)")
        }
    }

    /// A week of holidays tells nothing about a week of lessons.
    @Test func theTrendComparesWeeksOfLessons() throws {
        var figures = try figures()
        #expect(figures.weeks.map(\.collegeDays) == [5, 5, 5, 5, 5])
        func compare(_ blocked: [UInt64], days: [Int]) -> String {
            for (place, count) in blocked.enumerated() {
                figures.weeks[place].totals.blocked = ReviewCount(count)
                figures.weeks[place].isRecorded = true
                figures.weeks[place].collegeDays = days[place]
            }
            figures.totals.blocked = ReviewCount(blocked[4])
            return ReviewPage(figures: figures).change.replacing("\u{A0}", with: " ")
        }
        #expect(
            compare([100, 100, 100, 0, 150], days: [5, 4, 5, 0, 5])
                == "50 % more questions were blocked than in the mean of the 3 weeks before with "
                + "college days.")
        #expect(
            compare([9, 9, 9, 40, 10], days: [0, 0, 0, 5, 5])
                == "75 % fewer questions were blocked than in the one week before with college days."
        )
        #expect(
            compare([10, 10, 10, 10, 10], days: [5, 5, 0, 0, 0])
                == "As many questions were blocked as in the mean of the 4 weeks before.")
        #expect(
            compare([9, 9, 9, 9, 10], days: [0, 0, 0, 0, 5])
                == "There is nothing to compare this week's blocks with.")
    }

    /// What was allowed and blocked is told apart in grey, too, on every bell's band: 3 to 1, as WCAG
    /// 1.4.11 asks of charts.
    @Test func chartsAreReadInGrey() throws {
        let css = PageStyle.css.html
        func luminance(_ kind: String) throws -> Double {
            let rule = try #require(
                css.firstMatch(of: try Regex("\\.\(kind)\\{fill:#([0-9a-f]{6})")))
            let number = try #require(UInt32(rule.output[1].substring ?? "", radix: 16))
            func part(_ shift: UInt32) -> Double {
                let share = Double(number >> shift & 0xFF) / 255
                return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
            }
            let (red, green, blue) = (part(16), part(8), part(0))
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue
        }
        func contrast(_ one: Double, _ other: Double) -> Double {
            (max(one, other) + 0.05) / (min(one, other) + 0.05)
        }
        let (allowed, blocked) = (try luminance("a"), try luminance("b"))
        #expect(contrast(allowed, blocked) >= 3)
        var bands = [1.0]
        for place in 0..<6 { bands.append(try luminance("s\(place)")) }
        for band in bands {
            #expect(contrast(allowed, band) >= 3 && contrast(blocked, band) >= 3)
        }
    }

    @Test func datesAreThoseOfPlainEnglish() {
        #expect(PageDates.moment("2026-11-17T10:31:05+00:00") == "Tue 17 Nov, 10:31")
        #expect(PageDates.moment(nil) == "unknown")
        #expect(PageDates.date("2024-02-29") == "29 February 2024")
        #expect(
            PageDates.span("2026-11-16", "2026-11-22") == "Monday 16 to Sunday 22 November 2026")
        #expect(
            PageDates.span("2026-12-28", "2027-01-03")
                == "Monday 28 December 2026 to Sunday 3 January 2027")
        #expect(
            PageDates.span("2026-08-31", "2026-09-06")
                == "Monday 31 August to Sunday 6 September 2026")
        #expect(PageDates.week("2026-W47") == "16 Nov" && PageDates.week("2027-W01") == "4 Jan")
        #expect(PageDates.list(["a", "b", "c"]) == "a, b and c" && PageDates.list(["a"]) == "a")
        #expect(PageDates.date("no date") == "no date")
    }

    @Test func theTableSaysWhatTheJSONSays() throws {
        for group in ["learner", nil] {
            let figures = try figures(group: group)
            let rows = CSVReader.rows(figures.csv())
            #expect(rows[0] == ["section", "group", "item", "detail", "measure", "value"])
            #expect(rows.allSatisfy { $0.count == 6 })
            func value(_ section: String, _ group: String, _ item: String, _ measure: String)
                -> String?
            {
                rows.first {
                    $0[0] == section && $0[1] == group && $0[2] == item && $0[4] == measure
                }?[5]
            }
            #expect(value("totals", "", "", "asked") == figures.totals.asked.description)
            #expect(value("policy", "", "", "name") == figures.policy.name)
            for week in figures.weeks {
                #expect(value("trend", "", week.week, "blocked") == week.totals.blocked.description)
                #expect(value("trend", "", week.week, "college-days") == "\(week.collegeDays)")
            }
            for one in figures.groups {
                #expect(value("groups", one.group, "", "blocked") == one.totals.blocked.description)
                #expect(
                    value("by-hour-of-week", one.group, "Tue 09:00", "blocked") ?? "0"
                        == one.week.blocked[33].description)
                #expect(
                    value("by-quarter-of-day", one.group, "09:15", "allowed") ?? "0"
                        == one.day.allowed[37].description)
            }
            for (place, concern) in figures.concerns.list.enumerated() {
                let found = value("concerns", concern.group, "\(place + 1)", "attempts")
                #expect(found == concern.attempts.description)
            }
            #expect(value("lists", "", Self.evil, "names") == "1")
            // A spreadsheet must not take a name for a formula.
            #expect(!rows.joined().contains { $0.hasPrefix("=") })
            #expect(rows.contains { $0[4] == "names" && $0[5] == "'=cmd.example.com" })
        }
    }

    @Test func allFormatsAreTheSameTwice() throws {
        let figures = try figures(group: nil)
        let copy = try ReviewFigures(json: figures.json())
        #expect(copy.html() == figures.html() && copy.csv() == figures.csv())
    }
}

/// Gathers what a page consists of.
private final class PageReader: NSObject, XMLParserDelegate {
    var elements: Set<String> = []
    var attributes: Set<String> = []
    var pictures: [String] = []
    var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
        qualifiedName: String?, attributes given: [String: String]
    ) {
        elements.insert(name)
        attributes.formUnion(given.keys)
        if name == "svg", given["role"] == "img" { pictures.append(given["aria-label"] ?? "") }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

/// Reads comma-separated values (RFC 4180).
private enum CSVReader {
    static func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field = ""
        var isQuoted = false
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            if isQuoted {
                guard scalar == "\"" else {
                    field.unicodeScalars.append(scalar)
                    continue
                }
                if scalars.first == "\"" {
                    field.unicodeScalars.append("\"")
                    scalars.removeFirst()
                } else {
                    isQuoted = false
                }
            } else if scalar == "\"" {
                isQuoted = true
            } else if scalar == "," || scalar == "\r" {
                row.append(field)
                field = ""
            } else if scalar == "\n" {
                rows.append(row)
                row = []
            } else {
                field.unicodeScalars.append(scalar)
            }
        }
        return rows
    }
}
