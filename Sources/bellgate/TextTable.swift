/// Rows of cells as text in columns.
enum TextTable {
    /// Lines indented by two; columns that hold numbers are set to the right.
    static func lines(_ rows: [[String]], numbers: some RangeExpression<Int>) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = " "
            for (column, cell) in row.enumerated() where widths[column] > 0 {
                let room = String(repeating: " ", count: widths[column] - cell.count)
                line += numbers.contains(column) ? " \(room)\(cell) " : " \(cell)\(room) "
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Text without what could steer the terminal.
    static func plain(_ text: String) -> String {
        String(text.map { $0.isASCII && $0 < " " || $0 == "\u{7F}" ? "?" : $0 })
    }
}
