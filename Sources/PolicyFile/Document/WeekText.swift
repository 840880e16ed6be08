import DNSWire
import PolicyEngine

/// Reads what a period says: on which days, from when to when.
struct WeekReader {
    let reporter: Reporter

    static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    static let kinds: KeyValuePairs = [
        "term": DayKind.term, "holiday": .holiday, "always": .always,
    ]

    /// Whether a key says on which kind of day a period holds. One that is misspelt is told from a
    /// day's by what it says, and reported.
    func isWhen(_ pair: YAMLPair, of period: String) -> Bool {
        if pair.key == "when" { return true }
        guard case .scalar(let text, _) = pair.value.content,
            Self.kinds.contains(where: { $0.key == text }),
            NearestName.of(pair.key, among: ["when"]) != nil
        else { return false }
        reporter.error(
            pair.keyPlace, "\"\(pair.key)\" is no key of period \"\(period)\"",
            "did you mean \"when\"?")
        return true
    }

    /// The keys of a period with what stands between commas put together.
    ///
    /// Within braces YAML ends a value at a comma: `{ mon: 08:00-09:00, 10:00-11:00 }` is a day and
    /// a word by itself, `{ mon, wed: 08:00-09:00 }` a word and a day. Both are read as they look.
    static func joined(_ pairs: [YAMLPair]) -> [YAMLPair] {
        var joined: [YAMLPair] = []
        var days: YAMLPair?
        for pair in pairs {
            let isWord = pair.value.isNothing
            if isWord, pair.key.contains(":"), days == nil, let last = joined.last,
                case .scalar(let text, .plain) = last.value.content, !last.value.isNothing
            {
                joined[joined.count - 1].value.content = .scalar("\(text), \(pair.key)", .plain)
                continue
            }
            var whole = pair
            if let before = days {
                whole.key = "\(before.key),\(pair.key)"
                whole.keyPlace = before.keyPlace
            }
            days = isWord && !pair.key.contains(":") && pair.key != "when" ? whole : nil
            if days == nil { joined.append(whole) }
        }
        if let days { joined.append(days) }
        return joined
    }

    /// The weekdays (0 is Monday) that a key such as `mon-thu` or `mon,wed` names, in its order.
    ///
    /// A range may pass the end of the week: `fri-mon` is Friday to Monday.
    func weekdays(_ pair: YAMLPair) -> [Int]? {
        var weekdays: [Int] = []
        var isRight = true
        for part in pair.key.split(separator: ",", omittingEmptySubsequences: false) {
            let word = part.trimmed
            let ends = word.split(separator: "-", omittingEmptySubsequences: false).map(\.trimmed)
            let places = ends.map { Self.days.firstIndex(of: $0) }
            switch (places.count, places.first ?? nil, places.last ?? nil) {
            case (1, let day?, _):
                weekdays.append(day)
            case (2, let first?, let last?) where first != last:
                let length = (last - first + 7) % 7
                weekdays += (0...length).map { (first + $0) % 7 }
            default:
                report(word, ends, pair)
                isRight = false
            }
        }
        return isRight ? weekdays : nil
    }

    private func report(_ word: String, _ ends: [String], _ pair: YAMLPair) {
        if ends.count == 2, ends[0] == ends[1], Self.days.contains(ends[0]) {
            reporter.error(
                pair.keyPlace, "\"\(word)\" is a range of one day", "write \(ends[0])")
            return
        }
        if word.contains(":") {
            reporter.error(
                pair.keyPlace, "\"\(word)\" stands where a day should be",
                "within braces, several windows need quotes: \"08:45-12:00, 13:00-16:15\"")
            return
        }
        let wrong = ends.first { !Self.days.contains($0) } ?? word
        let meant = Self.days.first { wrong.lowercased().hasPrefix($0) }
            .map { "did you mean \"\($0)\"?" }
        reporter.error(
            pair.keyPlace, "\"\(wrong)\" is no day",
            meant
                ?? NearestName.advice(
                    for: wrong, among: Self.days, otherwise: "write a day's three letters"))
    }

    /// The windows of a text such as `08:45-12:00, 13:00-16:15`.
    func windows(_ pair: YAMLPair) -> [Window]? {
        guard case .scalar(let text, let style) = pair.value.content, !pair.value.isNothing else {
            reporter.error(
                pair.value.isNothing ? pair.keyPlace : pair.value.place,
                "\"\(pair.key)\" needs a window, and here is \(pair.value.kind)",
                "write from-to, such as 08:45-16:15; several by comma")
            return nil
        }
        var windows: [Window] = []
        var isRight = true
        var offset = style == .quoted ? 1 : 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var place = pair.value.place
            place.column += offset + part.prefix { $0 == " " }.count
            offset += part.count + 1
            if let window = window(part.trimmed, at: place) {
                windows.append(window)
            } else {
                isRight = false
            }
        }
        return isRight ? windows : nil
    }

    private func window(_ text: String, at place: SourcePlace) -> Window? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(\.trimmed)
        guard ends.count == 2 else {
            reporter.error(
                place, "\"\(text)\" is no window", "write from-to, such as 08:45-16:15")
            return nil
        }
        let from = minute(ends[0], at: place)
        let to = minute(ends[1], at: place)
        guard let start = from, var end = to else { return nil }
        if start == Self.minutesPerDay {
            reporter.error(
                place, "\"\(text)\" starts at 24:00", "start it at 00:00 of the next day")
            return nil
        }
        if start == end {
            reporter.error(
                place, "\"\(text)\" starts and ends at the same time",
                "the end is no longer part of a window; a whole day is 00:00-24:00")
            return nil
        }
        // Midnight at the end of the day that it starts on, however it was written.
        if end == 0 { end = Self.minutesPerDay }
        return Window(startMinute: start, endMinute: end)
    }

    private static let minutesPerDay = 1440

    /// Minutes since midnight of a strict `HH:MM`, 24:00 included.
    private func minute(_ text: String, at place: SourcePlace) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            (1...2).contains(part.utf8.count) && part.utf8.allSatisfy { $0.decimalDigit != nil }
                ? Int(part) : nil
        }
        guard parts.count == 2, numbers.count == 2 else {
            reporter.error(place, "\"\(text)\" is no time of day", "write HH:MM, such as 08:45")
            return nil
        }
        let minute = numbers[0] * 60 + numbers[1]
        guard numbers[1] < 60, minute <= Self.minutesPerDay else {
            reporter.error(
                place, "\"\(text)\" is no time of day", "a day goes from 00:00 to 24:00")
            return nil
        }
        guard text.utf8.count == 5 else {
            let digits = numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }
            reporter.error(
                place, "\"\(text)\" lacks a zero", "write \(digits.joined(separator: ":"))")
            return nil
        }
        return minute
    }
}

extension StringProtocol {
    /// The text without spaces at its ends.
    var trimmed: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }
}
