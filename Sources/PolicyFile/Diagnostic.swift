/// A place in a file that a person wrote.
public struct SourcePlace: Hashable, Sendable {
    /// The path of the file, as the person who asked named it.
    public var file: String
    /// The line, counted from 1.
    public var line: Int
    /// The column in characters, counted from 1.
    public var column: Int

    /// Takes a path, a line and a column, both counted from 1.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// Whether it comes earlier in the same file.
    func isBefore(_ other: SourcePlace) -> Bool {
        line != other.line ? line < other.line : column < other.column
    }
}

/// Whether a finding keeps a file from loading.
public enum Severity: String, Sendable {
    /// The file does not load.
    case error
    /// The file loads, and probably does not mean what was meant.
    case warning
}

/// One finding about a file: where it is, what is wrong and what to do.
///
/// Messages are lower case and name the input, so that they read well behind `FILE:LINE:COLUMN:`.
public struct Diagnostic: Hashable, Sendable {
    /// The path of the file.
    public var file: String
    /// The line, counted from 1.
    public var line: Int
    /// The column in characters, counted from 1.
    public var column: Int
    /// Whether the file can be loaded all the same.
    public var severity: Severity
    /// What is wrong.
    public var message: String
    /// What to do about it; empty where the message says it all.
    public var hint: String

    /// Takes a place and what is to be said about it.
    public init(_ severity: Severity, at place: SourcePlace, _ message: String, _ hint: String) {
        file = place.file
        line = place.line
        column = place.column
        self.severity = severity
        self.message = message
        self.hint = hint
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `FILE:LINE:COLUMN: error: what is wrong; what to do`.
    public var description: String {
        let advice = hint.isEmpty ? "" : "; \(hint)"
        return "\(file):\(line):\(column): \(severity.rawValue): \(message)\(advice)"
    }
}

extension [Diagnostic] {
    /// Whether any finding keeps the file from loading.
    public var hasErrors: Bool { contains { $0.severity == .error } }

    /// In the order of a person's reading: the file asked about first, then by file and place.
    func inReadingOrder(startingWith first: String) -> [Diagnostic] {
        sorted { left, right in
            if left.file != right.file {
                if left.file == first { return true }
                if right.file == first { return false }
                return left.file < right.file
            }
            if left.line != right.line { return left.line < right.line }
            if left.column != right.column { return left.column < right.column }
            return left.message < right.message
        }
    }
}

/// Gathers the findings of one load; every reader and checker writes into the same one.
final class Reporter {
    private(set) var diagnostics: [Diagnostic] = []

    /// How many errors were reported; whoever reads a part tells by it whether that part is sound.
    private(set) var errorCount = 0

    /// Whether an error was reported.
    var hasErrors: Bool { errorCount > 0 }

    func error(_ place: SourcePlace, _ message: String, _ hint: String) {
        errorCount += 1
        diagnostics.append(Diagnostic(.error, at: place, message, hint))
    }

    func warning(_ place: SourcePlace, _ message: String, _ hint: String) {
        diagnostics.append(Diagnostic(.warning, at: place, message, hint))
    }
}

/// A value with the place where it was written.
struct Located<Value> {
    var value: Value
    var place: SourcePlace

    init(_ value: Value, at place: SourcePlace) {
        self.value = value
        self.place = place
    }
}

extension Located: Sendable where Value: Sendable {}
