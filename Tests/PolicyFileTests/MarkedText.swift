/// A text with the sign `‸` where a finding should point.
struct MarkedText {
    let text: String
    let line: Int
    let column: Int

    init(_ marked: String) {
        var line = 1
        var column = 1
        var found: (line: Int, column: Int)?
        var text = ""
        for character in marked {
            if character == "‸" {
                found = found ?? (line, column)
                continue
            }
            text.append(character)
            if character == "\n" {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        self.text = text
        self.line = found?.line ?? 0
        self.column = found?.column ?? 0
    }
}
