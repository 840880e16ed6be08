import ArgumentParser
import PolicyFile

/// The words of an enumeration, for help and mistakes.
func words<Word: RawRepresentable<String> & CaseIterable>(_: Word.Type) -> String {
    Word.allCases.map(\.rawValue).joined(separator: ", ")
}

/// Reads one word of an enumeration, or its plural; where it is none, the nearest is named.
func word<Word: RawRepresentable<String> & CaseIterable>(
    _ text: String, _ kind: Word.Type = Word.self
) throws -> Word {
    let word = try OptionWord.read(text, among: Word.allCases.map(\.rawValue))
    guard let known = Word(rawValue: word) else { throw ExitCode(ExitStatus.usage) }
    return known
}

/// A word of the few that an option takes.
enum OptionWord {
    /// The word of those known that a text is, or is the plural of.
    static func read(_ text: String, among known: [String]) throws -> String {
        if let word = known.first(where: { isMeant($0, by: text) }) { return word }
        let nearest = NearestName.of(text, among: known).map { "; did you mean \"\($0)\"?" } ?? "."
        throw ValidationError(
            "\"\(text)\" is none of \(known.joined(separator: ", "))\(nearest)")
    }

    /// Whether a text is a word or its plural: rule, rules; category, categories.
    private static func isMeant(_ word: String, by text: String) -> Bool {
        text == word || text == word + "s"
            || (word.hasSuffix("y") && text == word.dropLast() + "ies")
    }
}
