import Glibc

/// Prints the demonstration: at most 100 columns, colour on a terminal alone.
struct DemoPage {
    /// The columns of a line.
    static let width = 100

    /// Whether somebody is watching.
    let isTerminal = isatty(STDOUT_FILENO) == 1

    /// The columns of a question's row, with the gaps behind them.
    private enum Column {
        static let indentation = 3
        static let who = 9
        static let name = 23
        static let verdict = 9
        static let time = 11
        static let beforeWhy = indentation + who + name + verdict + time
    }

    /// How a text is marked on a terminal.
    enum Mark: Int {
        case heading = 1
        case blocked = 31
        case allowed = 32
        case bell = 33
    }

    /// Prints a text, broken between words, each line indented.
    func say(_ text: String, indentedBy columns: Int = 0) {
        let indentation = String(repeating: " ", count: columns)
        for line in Self.wrapped(text, Self.width - columns) { put(indentation + line) }
    }

    /// Prints lines that are not to be broken; what does not fit is cut, and the cut is shown.
    func show(_ lines: some Sequence<some StringProtocol>, indentedBy columns: Int = 3) {
        let indentation = String(repeating: " ", count: columns)
        let room = Self.width - columns
        for line in lines {
            var line = line.count <= room ? String(line) : line.prefix(room - 3) + "..."
            while line.last == " " { line.removeLast() }
            put(indentation + line)
        }
    }

    /// Prints rows; one that is too long for the page goes on in a second line from a column on.
    func show(_ rows: [Substring], foldedAt column: Int) {
        show(
            rows.flatMap { row in
                row.count + 3 <= Self.width
                    ? [row]
                    : [
                        row.prefix(column),
                        String(repeating: " ", count: 20) + row.dropFirst(column),
                    ]
            })
    }

    /// Prints a heading across the page.
    func head(_ title: String) {
        let rest = max(2, Self.width - title.count - 4)
        put("")
        put(marked("-- \(title) " + String(repeating: "-", count: rest), .heading))
    }

    /// Prints that a bell rings.
    func ring(_ text: String) {
        put("   " + marked("*** \(text) ***", .bell))
    }

    /// Prints who asked for what and what came of it.
    func row(who: String, name: String, verdict: String, mark: Mark, time: String, why: String) {
        let whyLines = Self.wrapped(why, Self.width - Column.beforeWhy)
        let verdictGap = String(repeating: " ", count: max(1, Column.verdict - verdict.count))
        put(
            String(repeating: " ", count: Column.indentation)
                + Self.padded(who, Column.who) + Self.padded(name, Column.name)
                + marked(verdict, mark) + verdictGap + Self.padded(time, Column.time)
                + (whyLines.first ?? ""))
        for line in whyLines.dropFirst() {
            put(String(repeating: " ", count: Column.beforeWhy) + line)
        }
    }

    /// Prints a table: the first columns to the left, those of numbers to the right.
    func table(_ rows: [[String]], numbers: ClosedRange<Int>) {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        show(
            rows.map { row in
                row.indices.map { column in
                    numbers.contains(column)
                        ? String(repeating: " ", count: widths[column] - row[column].count)
                            + row[column]
                        : column == count - 1
                            ? row[column] : Self.padded(row[column], widths[column])
                }.joined(separator: "   ")
            })
    }

    /// Prints one line, now: a pipe's reader sees the day as it is played.
    func put(_ line: String) {
        print(line)
        fflush(nil)
    }

    private func marked(_ text: String, _ mark: Mark) -> String {
        isTerminal ? "\u{1B}[\(mark.rawValue)m\(text)\u{1B}[0m" : text
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func wrapped(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
