/// Charts as SVG within the page: no script, no outside resource, and a text that says what is seen.
struct CourseChart {
    private let course: ReviewFigures.Course
    private let bells: [ReviewFigures.Bell]
    private let periods: [String]
    private let days: Int
    private let title: String
    private let note: String

    private static let left = 46
    private static let width = 720
    private static let height = 110
    private static let top = 12
    private static let laneHeight = 8

    /// By hour of the week, with the bells of each day.
    static func week(
        _ group: ReviewFigures.GroupFigures, _ bells: [ReviewFigures.Bell]
    ) -> Markup {
        CourseChart(
            course: group.week, bells: bells, days: 7, title: "\(group.group), hour by hour",
            note: "The week hour by hour, Monday to Sunday."
        ).markup
    }

    /// By quarter of an hour of the day, all days together, with the bells that any day has.
    static func day(
        _ group: ReviewFigures.GroupFigures, _ bells: [ReviewFigures.Bell]
    ) -> Markup {
        var seen: Set<ReviewFigures.Bell> = []
        for var bell in bells {
            bell.weekday = 0
            seen.insert(bell)
        }
        let merged = seen.sorted {
            ($0.fromMinute, $0.untilMinute, $0.period) < ($1.fromMinute, $1.untilMinute, $1.period)
        }
        return CourseChart(
            course: group.day, bells: merged, days: 1, title: "\(group.group), over the day",
            note: "All days together, by quarter of an hour."
        ).markup
    }

    private init(
        course: ReviewFigures.Course, bells: [ReviewFigures.Bell], days: Int, title: String,
        note: String
    ) {
        self.course = course
        self.bells = bells
        self.days = days
        self.title = title
        self.note = note
        periods = Set(bells.map(\.period)).sorted()
    }

    // MARK: Geometry

    private var slots: Int { course.allowed.count }

    private var greatest: UInt64 {
        zip(course.allowed, course.blocked).map { $0.drawn + $1.drawn }.max() ?? 0
    }

    /// The top of the scale: 1, 2 or 5 with zeros.
    private var scale: UInt64 {
        var step: UInt64 = 1
        while true {
            for factor: UInt64 in [1, 2, 5] where step * factor >= greatest { return step * factor }
            guard step < .max / 100 else { return max(greatest, 1) }
            step *= 10
        }
    }

    /// A place along the time, in hundredths of a unit.
    private func x(_ part: Int, of whole: Int) -> String {
        Self.decimal(Self.left * 100 + part * Self.width * 100 / whole)
    }

    private static func decimal(_ hundredths: Int) -> String {
        "\(hundredths / 100).\(padded(hundredths % 100, to: 2))"
    }

    /// A height in hundredths of a unit.
    private func units(_ count: UInt64) -> Int {
        Int(Double(count) / Double(scale) * Double(Self.height) * 100)
    }

    private var bottom: Int { Self.top + Self.height }
    private var wholeHeight: Int { bottom + 20 + periods.count * Self.laneHeight }

    // MARK: Parts

    private var markup: Markup {
        let isEmpty = greatest == 0
        let spoken = isEmpty ? "\(note) No counts are shown." : "\(note) \(peak) \(bellText)"
        let bars: Markup = isEmpty ? "" : allowedBars + blockedBars
        return """
            <figure>
            <figcaption>\(title)</figcaption>
            <svg role="img" aria-label="\(title). \(spoken)" viewBox="0 0 \(Self.left + Self.width + 8) \
            \(wholeHeight)" preserveAspectRatio="xMidYMid meet">
            \(shades)\(grid)\(bars)\(axis)\(lanes)</svg>
            </figure>

            """
    }

    private var peak: String {
        let sums = zip(course.allowed, course.blocked).map { $0.drawn + $1.drawn }
        guard let place = sums.indices.max(by: { (sums[$0], $1) < (sums[$1], $0) }) else {
            return ""
        }
        return "Most questions, \(sums[place]), came \(slotName(place))."
    }

    private func slotName(_ place: Int) -> String {
        let minutes = days * 1440 / slots
        let start = place * minutes
        let clock = ReviewFigures.clock(start % 1440)
        return days == 1
            ? "from \(clock)" : "on \(ReviewFigures.weekdays[start / 1440]) from \(clock)"
    }

    private var bellText: String {
        periods.isEmpty
            ? "No bells fall into this time."
            : "Lines below show the bells: \(periods.joined(separator: ", "))."
    }

    /// The periods as pale bands behind the bars.
    private var shades: Markup {
        Markup(
            bells.map { bell in
                let (from, length) = place(bell)
                return """
                    <rect class="s\(colour(bell.period))" x="\(from)" y="\(Self.top)" \
                    width="\(length)" height="\(Self.height)"/>

                    """
            })
    }

    private func place(_ bell: ReviewFigures.Bell) -> (from: String, length: String) {
        let start = bell.weekday * 1440 + bell.fromMinute
        let length = (bell.untilMinute - bell.fromMinute) * Self.width * 100 / (days * 1440)
        return (x(start, of: days * 1440), Self.decimal(length))
    }

    private func colour(_ period: String) -> Int { (periods.firstIndex(of: period) ?? 0) % 6 }

    private var grid: Markup {
        Markup(
            [0, 1, 2].map { part in
                let y = bottom - part * Self.height / 2
                // A scale that ends at 1 has no middle.
                let value =
                    part == 1 && scale < 2 ? "" : ReviewPage.grouped(scale * UInt64(part) / 2)
                return """
                    <line class="g" x1="\(Self.left)" y1="\(y)" x2="\(Self.left + Self.width)" \
                    y2="\(y)"/><text class="l" x="\(Self.left - 5)" y="\(y + 3)" \
                    text-anchor="end">\(value)</text>

                    """
            })
    }

    private var allowedBars: Markup {
        bars("a") { place in (course.allowed[place].drawn, course.blocked[place].drawn) }
    }

    private var blockedBars: Markup {
        bars("b") { place in (course.blocked[place].drawn, 0) }
    }

    /// One path for all bars: each as high as its count, standing on what is below it.
    private func bars(_ kind: String, _ counts: (Int) -> (count: UInt64, below: UInt64)) -> Markup {
        let room = Self.width * 100 / slots
        var path = ""
        for place in 0..<slots {
            let (count, below) = counts(place)
            guard count > 0 else { continue }
            let base = bottom * 100 - units(below)
            let start = Self.left * 100 + place * Self.width * 100 / slots
            let (wide, high) = (Self.decimal(room * 85 / 100), Self.decimal(max(units(count), 40)))
            path += "M\(Self.decimal(start)) \(Self.decimal(base))v-\(high)h\(wide)v\(high)z"
        }
        return path.isEmpty ? "" : "<path class=\"\(kind)\" d=\"\(path)\"/>\n"
    }

    private var axis: Markup {
        let marks =
            days == 1
            ? stride(from: 0, through: 24, by: 2).map {
                (
                    place: $0, of: 24, text: padded($0, to: 2) + ":00",
                    anchor: $0 == 24 ? "end" : "middle"
                )
            }
            : (0..<7).map {
                (place: $0 * 2 + 1, of: 14, text: ReviewFigures.weekdays[$0], anchor: "middle")
            }
        let texts = Markup(
            marks.map { mark in
                """
                <text class="l" x="\(x(mark.place, of: mark.of))" y="\(bottom + 13)" \
                text-anchor="\(mark.anchor)">\(mark.text)</text>

                """
            })
        let ticks = Markup(
            (0...(days == 1 ? 24 : 7)).map { place in
                let at = x(place, of: days == 1 ? 24 : 7)
                return
                    "<line class=\"t\" x1=\"\(at)\" y1=\"\(bottom)\" x2=\"\(at)\" y2=\"\(bottom + 4)\"/>"
            })
        return texts + ticks + "\n"
    }

    /// A line for each period, so that those that overlap are all seen.
    private var lanes: Markup {
        Markup(
            bells.map { bell in
                let (from, length) = place(bell)
                let lane = periods.firstIndex(of: bell.period) ?? 0
                return """
                    <rect class="c\(colour(bell.period))" x="\(from)" \
                    y="\(bottom + 18 + lane * Self.laneHeight)" width="\(length)" height="5">\
                    <title>\(bell.period) \(ReviewFigures.clock(bell.fromMinute)) to \
                    \(ReviewFigures.clock(bell.untilMinute))</title></rect>

                    """
            })
    }

    /// What the colours mean.
    static func key(_ bells: [ReviewFigures.Bell]) -> Markup {
        let periods = Set(bells.map(\.period)).sorted()
        let bellKeys = Markup(
            periods.enumerated().map { place, period in
                "<span><i class=\"k\(place % 6)\"></i>\(period)</span> "
            })
        return """
            <p class="key"><span><i class="ka"></i>allowed</span> \
            <span><i class="kb"></i>blocked</span> \(bellKeys)</p>

            """
    }
}

/// A bar beside a number in a table.
enum BarCell {
    static func markup(_ count: ReviewCount, of greatest: UInt64) -> Markup {
        let part = greatest == 0 ? 0 : Int(Double(count.drawn) / Double(greatest) * 120)
        return """
            <svg class="bar" viewBox="0 0 120 10" aria-hidden="true">\
            <rect class="b" x="0" y="1" width="\(part)" height="8"/></svg>
            """
    }
}
