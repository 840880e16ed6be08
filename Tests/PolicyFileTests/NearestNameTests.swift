import Dice
import Testing

@testable import PolicyFile

@Test(
    arguments: [
        ("stuff", ["staff", "guest"], "staff"), ("brek", ["break", "lunch"], "break"),
        ("brake", ["break"], "break"),
        ("haram", ["harm", "hard"], "harm"), ("Staff", ["staff"], "staff"),
        ("durring", ["during", "for"], "during"), ("tsaff", ["staff"], "staff"),
        ("xyz", ["staff", "guest"], nil), ("", ["a"], "a"), ("a", [], nil),
    ] as [(String, [String], String?)])
func findsTheNearestName(word: String, candidates: [String], nearest: String?) {
    #expect(NearestName.of(word, among: candidates) == nearest)
}

/// The textbook recursion, as the oracle.
private func slowDistance(_ left: ArraySlice<Unicode.Scalar>, _ right: ArraySlice<Unicode.Scalar>)
    -> Int
{
    guard let first = left.first else { return right.count }
    guard let other = right.first else { return left.count }
    var fewest = min(
        slowDistance(left.dropFirst(), right.dropFirst()) + (first == other ? 0 : 1),
        slowDistance(left.dropFirst(), right) + 1, slowDistance(left, right.dropFirst()) + 1)
    if left.count > 1, right.count > 1, first == right.dropFirst().first,
        left.dropFirst().first == other
    {
        fewest = min(fewest, slowDistance(left.dropFirst(2), right.dropFirst(2)) + 1)
    }
    return fewest
}

@Test func editDistanceAgreesWithTheSlowOne() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<300 {
        let words = (0..<2).map { _ in
            (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Unicode.Scalar(UInt8.random(in: 97...99, using: &random))
            }
        }
        #expect(
            NearestName.editDistance(words[0], words[1])
                == slowDistance(words[0][...], words[1][...]))
    }
}

/// Where a catalogue cannot be read, its categories are not called undefined as well.
@Test func aMissingCatalogueIsOneMistake() throws {
    let load = try TemporaryFolder().load(
        header + "lists: { services: { catalogue: none } }\n"
            + "categories: { social-media: [blogs, wikis] }\n"
            + "rules:\n  - { id: a, block: [social-media, dating, socal-media], reason: R }\n")
    let found = load.diagnostics.map { "\($0.line):\($0.column)" }
    #expect(found == ["5:33", "8:44"], "\(load.diagnostics)")
    #expect(load.diagnostics.last?.hint == "did you mean \"social-media\"?")
}

/// Nor are the rules and search engines that only it could bring: a sample that was copied elsewhere
/// has one wrong path. What is wrong whatever the catalogue holds is still said.
@Test func whatOnlyTheCatalogueBringsIsNoMistake() throws {
    let body = """
        groups: { learner: { networks: [10.1.0.0/16] } }
        lists: { services: { catalogue: none } }
        bypass: { block-for: [learner] }
        safe-search: [{ engines: all, youtube: strict }]
        rules: [{ id: harm, block: [social-media], reason: R }]
        tests:
          - { group: learner, at: 2026-11-23 10:00, ask: a.example, expect: allow, by: essentials }
          - { group: learner, at: 2026-11-23 10:00, ask: b.example, expect: block, by: bypass }
          - { group: learner, at: 2026-11-23 10:00, ask: c.example, expect: block, by: bypass-signals }
          - { group: learner, at: 2026-11-23 10:00, ask: d.example, expect: block, by: hram }

        """
    let folder = try TemporaryFolder()
    let load = try folder.load(header + body)
    let found = load.diagnostics.map {
        "\($0.line) \($0.message.replacing(folder.path + "/", with: ""))"
    }
    #expect(
        found == ["6 the catalogue none does not exist", "14 there is no rule \"hram\""],
        "\(load.diagnostics)")
}

/// Another list that cannot be read hides none of that.
@Test func aMissingListBringsNoRules() throws {
    let load = try TemporaryFolder().load(
        header + "groups: { learner: { networks: [10.1.0.0/16] } }\n"
            + "lists: { adult: { file: none.txt, format: domains } }\n"
            + "safe-search: [{ engines: all, youtube: strict }]\n"
            + "tests:\n  - { group: learner, at: 2026-11-23 10:00, ask: a.example, expect: allow, by: essentials }\n"
    )
    #expect(load.diagnostics.map(\.line) == [6, 7, 9], "\(load.diagnostics)")
}
