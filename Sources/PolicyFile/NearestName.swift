/// Finds the name that a misspelt one was most likely meant to be.
package enum NearestName {
    /// The candidate with the fewest edits, if it is near enough to be worth naming.
    ///
    /// An edit is a letter put in, left out, changed, or swapped with its neighbour. About a
    /// third of the letters may differ, at most three. Of two equally near, the first in `candidates` is taken.
    package static func of(_ word: String, among candidates: some Sequence<String>) -> String? {
        let letters = Array(word.lowercased().unicodeScalars.prefix(maximumLetters))
        let limit = min(3, max(1, (letters.count + 1) / 3))
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.lowercased().unicodeScalars.prefix(maximumLetters))
            guard abs(other.count - letters.count) <= limit else { continue }
            let distance = editDistance(letters, other)
            if distance <= limit, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    /// Advice for an undefined name: the nearest one, or all of them where they are few.
    static func advice(
        for word: String, among candidates: [String], otherwise: String
    ) -> String {
        if let nearest = of(word, among: candidates) { return "did you mean \"\(nearest)\"?" }
        guard !candidates.isEmpty, candidates.count <= 16 else { return otherwise }
        return "\(otherwise) (there is \(candidates.joined(separator: ", ")))"
    }

    /// Names are short; what is longer than this is compared by its start.
    private static let maximumLetters = 64

    /// Edits between two words, neighbours' swaps included (optimal string alignment).
    static func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let change = last[column] + (left[row] == right[column] ? 0 : 1)
                var fewest = min(change, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1],
                    left[row - 1] == right[column]
                {
                    fewest = min(fewest, beforeLast[column - 1] + 1)
                }
                current.append(fewest)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
