import PolicyFile
import Testing

/// A key that is misspelt by one letter is one mistake: one error, at the key, with the right one.
@Suite struct MisspeltKeyTests {
    private static let policy = """
        bellgate: 1
        policy: { name: Test, reference: T-1, approved-by: Principal, approved-on: 2026-09-01,
                  review-by: 2027-08-31, contact: "mailto:dsl@college.example" }
        roles: { dsl: Lead, principal: Principal, it: Manager }
        time-zone: Europe/London
        calendar:
          terms: [2026-09-01 to 2026-12-18]
          closed: [2026-10-26 to 2026-10-30]
        periods:
          lesson: { when: always, mon-fri: 09:00-16:00 }
          lunch: { mon-fri: 12:00-13:00 }
        groups:
          learner: { networks: [10.20.0.0/16], age: 16-17 }
          phone: { inherits: learner, networks: [10.21.0.0/16] }
        devices:
          - { name: library-pc, mac: "02:00:5e:10:00:01", kind: college, group: learner }
          - { name: office-pc, address: 10.20.0.7, group: learner }
        unknown-devices: refuse
        rules:
          - { id: first, for: [learner], block: [chat.example.com], during: [lesson],
              except-during: [lunch], locked: true, concern: high, answer: nodata, ttl: 30s,
              reason: Not now., requested-by-group: true }
          - { id: second, allow: [work.example.com], reason: Work. }
        exceptions:
          - { id: open-evening, devices: [office-pc], for: [learner], allow: [chat.example.com],
              from: 2026-11-01, until: 2099-12-18, reason: Open evening., advice: Be kind.,
              approved-by: dsl, approved-on: 2026-10-30 }
        default: allow
        tests:
          - { client: 10.20.1.1, at: 2026-11-23 09:30, ask: chat.example.com, type: A,
              expect: block, by: first }
          - { group: phone, at: 2026-11-23 12:30, ask: chat.example.com, expect: allow }

        """

    @Test func thePolicyItselfIsFine() throws {
        let load = try TemporaryFolder().load(Self.policy)
        #expect(load.diagnostics.filter { $0.severity == .error }.map(\.description) == [])
    }

    /// A key of the policy above, and where it stands.
    struct Key: CustomTestStringConvertible, Sendable {
        var word: String
        var line: Int
        /// In letters, from 0.
        var column: Int
        var testDescription: String { "\(word), line \(line)" }
    }

    /// All keys but names that people make up, days and values.
    static let keys: [Key] = policy.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated().flatMap { number, line in
            line.matches(of: /([a-z][a-z-]*):(?= |$)/).map {
                Key(
                    word: String($0.output.1), line: number + 1,
                    column: line.distance(from: line.startIndex, to: $0.range.lowerBound))
            }
        }.filter { !["lesson", "lunch", "learner", "phone", "mon-fri"].contains($0.word) }

    /// Each key without a letter, with one twice, another in its place, and neighbours swapped.
    @Test(arguments: keys)
    func isOneError(_ key: Key) throws {
        let letters = Array(key.word)
        var words: [String] = []
        // Too short a word has no letter to spare: what is left may be meant for any key.
        for place in letters.indices where letters.count > 2 {
            var (less, more, other) = (letters, letters, letters)
            less.remove(at: place)
            more.insert(letters[place], at: place)
            other[place] = "x"
            words += [less, more, other].map { String($0) }
            guard place + 1 < letters.count else { continue }
            var swapped = letters
            swapped.swapAt(place, place + 1)
            words.append(String(swapped))
        }
        if letters.count == 2 { words = [key.word + "x", String(letters.reversed())] }
        for word in Set(words) where !Self.keys.contains(where: { $0.word == word }) {
            var lines = Self.policy.split(separator: "\n", omittingEmptySubsequences: false)
                .map(Array.init)
            lines[key.line - 1].replaceSubrange(
                key.column..<key.column + letters.count, with: Array(word))
            let load = try TemporaryFolder().load(
                lines.map { String($0) }.joined(separator: "\n"))
            let errors = load.diagnostics.filter { $0.severity == .error }
            #expect(errors.count == 1, "\(word): \(errors.map(\.description))")
            let error = try #require(errors.first)
            #expect(
                error.line == key.line && error.column == key.column + 1, "\(word): \(error)")
            #expect(error.hint == "did you mean \"\(key.word)\"?", "\(word): \(error)")
        }
    }
}
